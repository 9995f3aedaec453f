/* `shiftwork export`: a trained adapter for others. */
#include "storage/export.h"
#include "cli/commands.h"
#include "cli/trial_source.h"
#include "jobs/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FORMAT, OPTION_OUT, OPTION_ENCODER, OPTION_BASE };

static const struct option_spec options_table[] = {
    [OPTION_FORMAT] = {"format", "FORM", "adapter, merged or peft"},
    [OPTION_OUT] = {"o", "DIR", "folder to make"},
    [OPTION_ENCODER] = {"encoder", "DIR", "the encoder, where it is not where it was"},
    [OPTION_BASE] = {"base-model", "NAME", "what to call the encoder in the card"},
    {NULL, NULL, NULL},
};

struct export_options {
    const char *trial, *format, *out, *encoder, *base;
};

static void help(void)
{
    printf("TRIAL is a number, d and at least 8 digits of a digest, best (default) or "
           "TASK/best.\n\n"
           "  adapter  adapterbias.safetensors with all that was trained\n"
           "  merged   a Hugging Face checkpoint with the adapter merged into it\n"
           "  peft     a PEFT LoRA adapter of rank 1\n\n"
           "merged and peft want pooling = pooler, peft at least one adapted layer.\n");
}

static const char *last_component(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static void write_metrics(char *out, size_t size, const struct trial_source *s)
{
    size_t used = 0;

    out[0] = 0;
    for (int m = 0; m < s->task_row->metric_count && used < size; m++)
        used += (size_t)snprintf(out + used, size - used, "%s%s %.4f", m ? ", " : "",
                                 metric_name(s->task_row->metrics[m]),
                                 s->trial->report[s->task_row->metrics[m]]);
}

static void write_score_name(char *out, size_t size, const struct results_task *task)
{
    size_t used = 0;

    used +=
        (size_t)snprintf(out, size, "%s", task->selection_count > 1 ? "mean of " : "");
    for (int m = 0; m < task->selection_count && used < size; m++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", m ? " and " : "",
                                 metric_name(task->selection[m]));
}

static int64_t count_of(const struct trial_source *s, int64_t *seeds)
{
    int64_t configurations = 0;

    for (int i = 0; i < s->ranking.count; i++) {
        const struct ranked *row = &s->ranking.rows[i];

        configurations += row->task == s->trial->task;
        if (row->task == s->trial->task && row->config == s->trial->config)
            *seeds = row->trials;
    }
    return configurations;
}

static const char *selection_text(enum selection_rows rows)
{
    switch (rows) {
    case SELECT_SPLIT_DEV:
        return "the epoch by a stratified half of dev, the other half reports; "
               "configurations by their mean over seeds";
    case SELECT_SPLIT_TRAIN:
        return "the epoch by 1,000 held-back training rows, dev reports; "
               "configurations by their mean over seeds";
    default:
        return "the epoch by dev, which also reports; configurations by their mean "
               "over seeds";
    }
}

static int write_export(const struct export_options *o, const struct trial_source *s,
                        enum export_form form, struct error *err)
{
    const struct setting *pooling = settings_table_find_trial("pooling");
    char metrics[256], score_name[128], pooling_name[16];
    char *settings = settings_canonical(&s->settings);
    struct export_info info = {
        .task = s->task_row->name,
        .regression = s->task_row->regression,
        .label_names = s->task_row->label_names,
        .pooling = pooling_name,
        .base_model = o->base ? o->base : last_component(s->encoder_dir),
        .settings = settings,
        .trial = s->trial->trial,
        .seed = s->trial->seed,
        .epoch = s->trial->best_epoch,
        .score = s->trial->score,
        .score_name = score_name,
        .metrics = metrics,
        .selection = selection_text(s->task_row->selection_rows),
        .max_length = (int)s->task_row->max_length,
        .trial_digest = s->trial->digest,
        .dataset_digest = s->task_row->dataset_digest,
        .tokenizer_digest = s->task_row->tokenizer_digest,
        .numerics = s->trial->numerics,
    };
    int rc;

    if (!settings)
        return error_set(err, ERR_MEMORY, "out of memory");
    setting_format(pooling_name, sizeof pooling_name, pooling,
                   setting_get(pooling, &s->settings));
    write_metrics(metrics, sizeof metrics, s);
    write_score_name(score_name, sizeof score_name, s->task_row);
    info.configurations = count_of(s, &info.seeds);
    rc = export_write(form, o->out, s->encoder_dir, &s->encoder, &s->layout, s->values,
                      &info, err);
    if (!rc)
        printf("%s: %s, trial %lld of %s, epoch %lld\n", o->out, o->format,
               (long long)s->trial->trial, s->task_row->name,
               (long long)s->trial->best_epoch);
    free(settings);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    struct export_options o = {0};
    const struct option_place places[] = {
        [OPTION_FORMAT] = {.text = &o.format},
        [OPTION_OUT] = {.text = &o.out},
        [OPTION_ENCODER] = {.text = &o.encoder},
        [OPTION_BASE] = {.text = &o.base},
    };
    struct trial_source source;
    int form, rc;

    rc = arguments_read(&command_export, count, args, places, &o.trial, "trial", err);
    if (rc)
        return rc;
    if (!o.trial || !o.format || !o.out)
        return command_misused(err, "RUN_DIR, --format and -o are wanted");
    if ((form = export_form_by_name(o.format)) < 0)
        return command_misused(err, "--format %s: adapter, merged or peft", o.format);
    if ((rc = trial_source_open(&source, o.trial, o.encoder, err)))
        return rc;
    rc = write_export(&o, &source, (enum export_form)form, err);
    trial_source_clear(&source);
    return rc;
}

const struct command command_export = {
    .name = "export",
    .synopsis = "RUN_DIR[:TRIAL] --format adapter|merged|peft -o DIR [--encoder DIR] "
                "[--base-model NAME]",
    .summary = "Writes a trained adapter in a form that other programs read",
    .options = options_table,
    .help = help,
    .run = run,
};
