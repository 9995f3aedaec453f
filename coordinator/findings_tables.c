/* What was found, as the tables of results.h5; on any thread, from a view. */
#include "coordinator/findings_parts.h"

#include "common/adapter_layout.h"
#include "jobs/settings_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From the task's metrics to columns of all metrics. */
static void spread(double out[METRIC_COUNT], const struct task *task,
                   const double *metrics)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        out[i] = NAN;
    for (int i = 0; metrics && i < task->metric_count; i++)
        out[task->metrics[i]] = metrics[i];
}

/* The selection score from metrics; NaN where one of them was not computed. */
static double selection_score(const struct task *task,
                              const double metrics[METRIC_COUNT])
{
    double sum = 0;
    for (int i = 0; i < task->selection_count; i++)
        sum += metrics[task->selection[i]];
    return sum / task->selection_count;
}

static int add_trial(const struct findings_view *view, int64_t trial,
                     struct results *out)
{
    const struct findings *findings = &view->then;
    const struct entry *entry = findings_entry(findings, trial);
    struct trial_parts parts = trial_list_parts(findings->job.list, trial);
    const struct task *task = &findings->job.spec->tasks[parts.task];
    const struct epoch *best = findings_best_epoch(findings, trial);
    const struct epoch *last = epochs_last(&entry->epochs, task->metric_count);
    char digest[DIGEST_HEX];
    digest_hex(digest, trial_list_identity(findings->job.list, trial));
    struct results_trial row = {
        .trial = trial,
        .digest = digest,
        .config = parts.config,
        .task = parts.task + 1,
        .seed = parts.seed,
        .status = trial_state_name((enum trial_state)view->states[trial - 1]),
        .epochs = last ? last->epoch : 0,
        .best_epoch = best ? best->epoch : 0,
        .score = best ? best->score : NAN,
        .seconds = entry->seconds,
        .tokens = entry->tokens,
        .attempts = view->attempts[trial - 1],
        .host = entry->host,
        .numerics = entry->numerics,
        .error = entry->error,
        .bracket = entry->bracket,
        .rung = entry->rung,
    };
    spread(row.report, task, best ? best->metrics : NULL);
    spread(row.test, task, entry->test);
    row.report_score = selection_score(task, row.report);
    return results_add_trial(out, &row);
}

static int add_epochs(const struct findings *findings, int64_t trial,
                      struct results *out)
{
    const struct entry *entry = findings_entry(findings, trial);
    const struct task *task =
        &findings->job.spec->tasks[findings_task_of(findings, trial)];
    int rc = 0;
    for (int i = 0; !rc && i < entry->epochs.count; i++) {
        const struct epoch *report = epochs_at(&entry->epochs, task->metric_count, i);
        struct results_epoch row = {
            .trial = trial,
            .epoch = report->epoch,
            .step = report->step,
            .train_loss = report->train_loss,
            .dev_loss = report->dev_loss,
            .score = report->score,
            .learning_rate = report->learning_rate,
            .tokens = report->tokens,
            .seconds = report->seconds,
        };
        spread(row.metrics, task, report->metrics);
        rc = results_add_epoch(out, &row);
    }
    return rc;
}

/* The table's form of one setting's value. */
static struct results_setting setting_column(const struct setting *setting,
                                             const struct settings *settings)
{
    struct setting_value value = setting_get(setting, settings);
    struct results_setting column = {.name = setting->name, .type = RESULTS_INT};
    switch (setting->type) {
    case SETTING_REAL:
        column.type = RESULTS_REAL;
        column.real = value.number;
        break;
    case SETTING_WORD:
        column.type = RESULTS_TEXT;
        column.text = setting->words[(int)value.number];
        break;
    case SETTING_PATH:
        column.type = RESULTS_TEXT;
        column.text = value.text;
        break;
    default:
        column.integer = (int64_t)value.number;
    }
    return column;
}

static int add_config(const struct findings *findings, int config, struct results *out,
                      struct error *err)
{
    struct results_setting columns[64];
    struct settings settings;
    int count = 0;
    trial_list_config_settings(findings->job.list, config, &settings);
    for (int i = 0; i < settings_table_count() && count < 64; i++) {
        const struct setting *setting = settings_table_at(i);
        bool of_trial =
            setting->group == GROUP_ADAPTER || setting->group == GROUP_TRAINING;
        if (of_trial && strcmp(setting->name, "seed") != 0)
            columns[count++] = setting_column(setting, &settings);
    }
    return results_add_config(out, config, columns, count, err);
}

static int layout_of(const struct findings *findings, int64_t trial,
                     struct adapter_layout *layout, struct error *err)
{
    struct settings settings;
    trial_list_settings(findings->job.list, trial, &settings);
    struct adapter_shape shape = {
        .layers = findings->job.encoder->layers,
        .hidden = findings->job.encoder->hidden,
        .ffn = findings->job.encoder->ffn,
        .labels = findings->job.tasks[findings_task_of(findings, trial)].labels,
        .share_alpha = settings.share_alpha,
        .share_v = settings.share_v,
        .first_layer = settings.first_layer,
        .train_layernorm = settings.train_layernorm,
    };
    return adapter_layout_init(layout, &shape, err);
}

static int add_outputs(const struct findings *findings, int64_t trial,
                       const struct kept *kept, struct results *out, struct error *err)
{
    int task = findings_task_of(findings, trial);
    const char *name = findings->job.spec->tasks[task].name;
    struct adapter_layout layout;
    int rc = layout_of(findings, trial, &layout, err);
    if (rc)
        return rc;
    if (layout.values != kept->count)
        rc = error_set(err, ERR_PROTOCOL, "trial %lld: %lld numbers instead of %lld",
                       (long long)trial, (long long)kept->count,
                       (long long)layout.values);
    if (!rc)
        rc = results_add_adapter(out, name, trial, &layout, kept->values, err);
    for (int i = 0; !rc && i < kept->splits; i++) {
        const struct kept_split *split = &kept->split[i];
        const struct findings_task *data = &findings->job.tasks[task];
        rc = results_add_predictions(out, name, split->split, trial, split->logits,
                                     split->rows, split->labels,
                                     data->gold[split->split], err);
    }
    adapter_layout_clear(&layout);
    return rc;
}

/* From where they are held besides. */
static int add_stored(const struct findings *findings, int64_t trial,
                      struct results *out, struct error *err)
{
    struct bytes scratch = {0};
    struct result result = {.trial = (uint64_t)trial};
    struct kept *kept = NULL;
    int rc = findings->store.read(findings->store.arg, trial, &scratch, &result, err);
    if (!rc && !(kept = findings_copy_outputs(&result)))
        rc = error_set(err, ERR_MEMORY, "out of memory for a result");
    if (!rc)
        rc = add_outputs(findings, trial, kept, out, err);
    free(kept);
    bytes_clear(&scratch);
    return rc == 1 ? 0 : rc;
}

static int add_kept(const struct findings *findings, int64_t trial, struct results *out,
                    struct error *err)
{
    const struct kept *kept = findings_entry(findings, trial)->kept;
    if (kept)
        return add_outputs(findings, trial, kept, out, err);
    return findings->store.read ? add_stored(findings, trial, out, err) : 0;
}

struct config_sum {
    double score;
    int64_t done;
};

/* Sums over the finished trials of a task, by configuration; NULL: no memory. */
static struct config_sum *sum_configs(const struct findings_view *view, int task)
{
    const struct trial_list *list = view->then.job.list;
    struct config_sum *sums = calloc((size_t)list->config_count + 1, sizeof *sums);
    for (int64_t i = 1; sums && i <= list->trial_count; i++) {
        struct trial_parts parts = trial_list_parts(list, i);
        if (parts.task != task || view->states[i - 1] != TRIAL_DONE)
            continue;
        sums[parts.config].score += findings_score(&view->then, i);
        sums[parts.config].done++;
    }
    return sums;
}

/* The best trial of the configuration with the best mean; 0: none is done. */
static int64_t best_by_mean(const struct findings_view *view, int task)
{
    const struct findings *findings = &view->then;
    struct config_sum *sums = sum_configs(view, task);
    int64_t best = 0;
    double best_mean = NAN;
    for (int c = 1; sums && c <= findings->job.list->config_count; c++) {
        int64_t leader = findings->leaders[task].of_config[c];
        double mean = sums[c].done > 0 ? sums[c].score / (double)sums[c].done : NAN;
        if (leader && (best == 0 || findings_better(mean, best_mean))) {
            best = leader;
            best_mean = mean;
        }
    }
    free(sums);
    return best;
}

/* output.keep trials: the task's best by mean first, then the highest scores. */
static int add_leaders(const struct findings_view *view, int task, struct results *out,
                       struct error *err)
{
    const struct findings *findings = &view->then;
    const struct leaders *leaders = &findings->leaders[task];
    int64_t best = best_by_mean(view, task);
    int left = findings->job.spec->output.keep, rc = 0;
    if (best && left > 0) {
        rc = add_kept(findings, best, out, err);
        left--;
    }
    for (int i = 0; !rc && i < leaders->top_count && left > 0; i++)
        if (leaders->top[i] != best) {
            rc = add_kept(findings, leaders->top[i], out, err);
            left--;
        }
    return rc;
}

static int add_tables(const struct findings_view *view, struct results *out,
                      struct error *err)
{
    const struct findings *findings = &view->then;
    const struct findings_job *job = &findings->job;
    char job_digest[DIGEST_HEX], encoder_digest[DIGEST_HEX];
    digest_hex(job_digest, job->job_digest);
    digest_hex(encoder_digest, job->encoder_digest);
    int rc =
        results_set_attributes(out, job->spec->resolved, job_digest, encoder_digest);
    for (int i = 0; !rc && i < findings->tasks; i++) {
        const struct findings_task *data = &job->tasks[i];
        rc = results_add_task(out, i + 1, &job->spec->tasks[i], data->rows,
                              data->majority, data->dataset, data->tokenizer, err);
    }
    for (int i = 1; !rc && i <= job->list->config_count; i++)
        rc = add_config(findings, i, out, err);
    for (int64_t i = 1; !rc && i <= job->list->trial_count; i++) {
        if (view->states[i - 1] == TRIAL_UNWANTED)
            continue;
        rc = add_trial(view, i, out);
        if (!rc)
            rc = add_epochs(findings, i, out);
    }
    if (!rc)
        rc = findings_add_leases(findings, out);
    for (int i = 0; !rc && i < findings->tasks; i++)
        rc = add_leaders(view, i, out, err);
    return rc;
}

int findings_view_tables(const struct findings_view *view, struct results *out,
                         struct error *err)
{
    if (err)
        err->text[0] = '\0';
    memset(out, 0, sizeof *out);
    int rc = add_tables(view, out, err);
    if (rc)
        results_clear(out);
    if (rc && err && !err->text[0])
        error_set(err, rc, "out of memory for the results");
    return rc;
}
