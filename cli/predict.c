/* `shiftwork predict`: outputs of a trained trial for a split or a file. */
#include "cli/commands.h"
#include "cli/prediction_text.h"
#include "cli/trial_source.h"
#include "common/log.h"
#include "storage/file_replace.h"
#include "text/dataset_build.h"
#include "worker/evaluate.h"
#include "worker/numerics.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPTION_DATA,
    OPTION_SPLIT,
    OPTION_TASK,
    OPTION_ENCODER,
    OPTION_THREADS,
    OPTION_OUT,
    OPTION_GLUE,
    OPTION_LOGITS
};

static const struct option_spec options_table[] = {
    [OPTION_DATA] = {"data", "PATH",
                     "a file, or a folder of the task's files; default: "
                     "the run's own data"},
    [OPTION_SPLIT] = {"split", "S",
                      "train, dev, dev_mismatched, test, test_mismatched; "
                      "default dev, with --data test"},
    [OPTION_TASK] = {"task", "NAME", "read PATH as that GLUE task's files (ax)"},
    [OPTION_ENCODER] = {"encoder", "DIR", "the encoder, where it is not where it was"},
    [OPTION_THREADS] = {"threads", "N", "compute threads; default: one a core"},
    [OPTION_OUT] = {"o", "FILE.tsv", "index, prediction, probabilities"},
    [OPTION_GLUE] = {"glue", "DIR", "GLUE's own submission files, of the test splits"},
    [OPTION_LOGITS] = {"logits", NULL, "adds the logits to FILE.tsv"},
    {NULL, NULL, NULL},
};

enum { OUTPUT_PATH = 4096 };

struct predict_options {
    const char *trial, *data, *task, *encoder, *out, *glue;
    int split; /* -1: not given */
    int threads;
    bool logits;
};

static void help(void)
{
    printf(
        "TRIAL is a number, d and at least 8 digits of a digest, best (default) or "
        "TASK/best.\nOn the run's own splits the logits are those of results.h5, bit "
        "for bit, with the\nsame instruction set.\n--data FILE is read with the "
        "columns of the split that --split "
        "names.\n");
}

static int split_by_name(const char *name)
{
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (!strcmp(split_names[s], name))
            return s;
    return -1;
}

static int take_split(struct predict_options *o, const char *name, struct error *err)
{
    o->split = split_by_name(name);
    return o->split < 0 ? command_misused(err,
                                          "--split %s: train, dev, dev_mismatched, "
                                          "test or test_mismatched",
                                          name)
                        : 0;
}

static int check_options(const struct predict_options *o, struct error *err)
{
    if (!o->trial)
        return command_misused(err, "a run directory is wanted");
    if (!o->out == !o->glue)
        return command_misused(err, "one of -o FILE.tsv and --glue DIR is wanted");
    if (o->task && !o->data)
        return command_misused(err, "--task says how to read --data, which is wanted");
    if (o->glue && o->logits)
        return command_misused(err, "GLUE's files hold no logits");
    return 0;
}

/* The task whose files are read and whose labels are written. */
static int reading_task(struct task *out, const struct predict_options *o,
                        const struct trial_source *source, struct error *err)
{
    int rc =
        o->task ? task_builtin(out, o->task, err) : task_copy(out, source->task, err);

    if (rc)
        return rc;
    out->max_length = (int)source->task_row->max_length;
    if (out->labels == source->task->labels &&
        out->regression == source->task->regression)
        return 0;
    rc = error_set(err, ERR_INPUT, "--task %s: has %d outputs, trial %lld of %s has %d",
                   o->task, out->labels, (long long)source->trial->trial,
                   source->task->name, source->task->labels);
    task_clear(out);
    return rc;
}

static int set_folder(struct task *task, const char *data, struct error *err)
{
    free(task->data);
    task->data = strdup(data);
    return task->data ? 0 : error_set(err, ERR_MEMORY, "out of memory");
}

static int read_path(struct dataset_split *out, struct task *task, enum split split,
                     const char *data, const struct tokenizer *tokenizer,
                     struct error *err)
{
    char path[4096];
    struct stat st;

    if (stat(data, &st))
        return error_set(err, ERR_INPUT, "%s: %s", data, strerror(errno));
    snprintf(path, sizeof path, "%s", data);
    if (S_ISDIR(st.st_mode)) {
        if (!task->files[split])
            return error_set(err, ERR_INPUT, "%s: task %s has no %s file", data,
                             task->name, split_names[split]);
        snprintf(path, sizeof path, "%s/%s", data, task->files[split]);
        if (set_folder(task, data, err))
            return ERR_MEMORY;
    }
    return dataset_build_split(out, task, split, path, false, tokenizer, err);
}

static int check_tokenizer(const struct tokenizer *tokenizer,
                           const struct trial_source *source, struct error *err)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, tokenizer_digest(tokenizer));
    if (!strcmp(hex, source->task_row->tokenizer_digest))
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: not the tokenizer that trial %lld was trained with",
                     source->encoder_dir, (long long)source->trial->trial);
}

/* From --data. */
static int read_given(struct dataset_split *out, const struct predict_options *o,
                      const struct trial_source *source, struct task *task,
                      enum split split, struct error *err)
{
    struct tokenizer *tokenizer;
    int rc = tokenizer_open(&tokenizer, source->encoder_dir, err);

    if (rc)
        return rc;
    if (!(rc = check_tokenizer(tokenizer, source, err)))
        rc = read_path(out, task, split, o->data, tokenizer, err);
    tokenizer_free(tokenizer);
    return rc;
}

static int usable_cores(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* The logits are then those of results.h5 but for their last digits. */
static void warn_of_numerics(const struct trial_source *source)
{
    const char *then = source->trial->numerics;
    char now[64];

    numerics_text(now, sizeof now);
    if (then && then[0] && strcmp(then, now) != 0)
        log_line("computed as \"%s\", the trial as \"%s\": last digits may differ; "
                 "SHIFTWORK_ISA chooses the instruction set",
                 now, then);
}

static int compute(float **logits, const struct predict_options *o,
                   const struct trial_source *source, const struct dataset_split *split,
                   const char *name, struct error *err)
{
    struct model model = {
        .encoder = &source->encoder,
        .layout = &source->layout,
        .pooling = source->settings.pooling,
        .regression = source->task->regression,
    };
    size_t count = (size_t)split->rows * (size_t)source->task->labels;
    enum precision precision = source->settings.precision;
    struct panels *panels = NULL;
    int rc = 0;

    /* float32 has the same bits without: one pass would not earn what they cost. */
    if (precision != PRECISION_FLOAT32 &&
        (rc = panels_open(&panels, &source->encoder, precision, err)))
        return rc;
    model.panels = panels;
    *logits = malloc(count * sizeof **logits + 1);
    rc = *logits ? evaluate_split(*logits, &model, source->values, split, name,
                                  source->settings.microshard_tokens,
                                  o->threads ? o->threads : usable_cores(), err)
                 : error_set(err, ERR_MEMORY, "out of memory");
    if (rc)
        free(*logits);
    panels_close(panels);
    return rc;
}

static void print_metrics(const struct task *task, const struct dataset_split *split,
                          const char *path, const float *logits)
{
    printf("%s: %lld rows", path, (long long)split->rows);
    if (split->rows_skipped)
        printf(", %lld skipped", (long long)split->rows_skipped);
    for (int m = 0; m < task->metric_count && split->labelled; m++)
        if (task->metrics[m] != METRIC_ACCURACY_MISMATCHED)
            printf(", %s %.4f", metric_name(task->metrics[m]),
                   metric_compute(task->metrics[m], logits, split->labels, split->rows,
                                  task->labels));
    printf("\n");
}

static int write_file(const struct predict_options *o, const struct task *task,
                      const char *path, const float *logits, int64_t rows,
                      struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (o->glue)
        prediction_text_write_glue(out, task, logits, rows);
    else
        prediction_text_write(out, task, logits, rows, o->logits);
    return file_replace_stream(path, out, &text, &size, err);
}

static int predict_split(const struct predict_options *o,
                         const struct trial_source *source, const struct task *task,
                         const struct dataset_split *split, const char *name,
                         const char *path, struct error *err)
{
    float *logits;
    int rc = compute(&logits, o, source, split, name, err);

    if (rc)
        return rc;
    if (!(rc = write_file(o, task, path, logits, split->rows, err)))
        print_metrics(task, split, path, logits);
    free(logits);
    return rc;
}

/* -o's file, or in --glue's folder the file that GLUE wants. */
static int output_path(char out[OUTPUT_PATH], const struct predict_options *o,
                       const struct task *task, enum split split, struct error *err)
{
    const char *file = prediction_text_glue_name(task->name, split);

    if (!o->glue)
        snprintf(out, OUTPUT_PATH, "%s", o->out);
    else if (!task->glue || !file)
        return error_set(err, ERR_INPUT, "%s, %s: GLUE has no such file", task->name,
                         split_names[split]);
    else
        snprintf(out, OUTPUT_PATH, "%s/%s", o->glue, file);
    return 0;
}

/* What could not be written in the end is said before anything is computed. */
static int check_output(const struct predict_options *o, const struct task *task,
                        enum split split, struct error *err)
{
    char path[OUTPUT_PATH];
    int rc = output_path(path, o, task, split, err);
    bool made = !rc && o->glue && !mkdir(o->glue, 0777);

    if (!rc)
        rc = file_replace_check(path, err);
    if (made)
        rmdir(o->glue);
    return rc;
}

/* One split to the file that the options name. */
static int predict_into(const struct predict_options *o,
                        const struct trial_source *source, const struct task *task,
                        const struct dataset_split *data, enum split split,
                        struct error *err)
{
    char path[OUTPUT_PATH];
    int rc = output_path(path, o, task, split, err);

    if (rc)
        return rc;
    /* All rows behind a skipped one would get another's number. */
    if (o->glue && data->rows_skipped)
        return error_set(err, ERR_INPUT,
                         "%s, %s: %lld of %lld rows lack columns and were skipped; "
                         "GLUE wants a line for each",
                         task->name, split_names[split], (long long)data->rows_skipped,
                         (long long)data->rows_read);
    if (o->glue && mkdir(o->glue, 0777) && errno != EEXIST)
        return error_set(err, ERR_IO, "%s: %s", o->glue, strerror(errno));
    return predict_split(o, source, task, data, split_names[split], path, err);
}

static int predict_given(const struct predict_options *o,
                         const struct trial_source *source, struct task *task,
                         struct error *err)
{
    enum split split = o->split < 0 ? SPLIT_TEST : (enum split)o->split;
    struct dataset_split data = {0};
    int rc = check_output(o, task, split, err);

    if (!rc)
        rc = read_given(&data, o, source, task, split, err);
    if (!rc)
        rc = predict_into(o, source, task, &data, split, err);
    dataset_build_split_clear(&data);
    return rc;
}

static int predict_own(const struct predict_options *o,
                       const struct trial_source *source, const struct task *task,
                       struct error *err)
{
    enum split splits[2] = {o->split >= 0 ? (enum split)o->split
                            : o->glue     ? SPLIT_TEST
                                          : SPLIT_DEV,
                            SPLIT_TEST_MISMATCHED};
    struct dataset dataset = {0};
    int count = 1, rc = check_output(o, task, splits[0], err);

    if (!rc)
        rc = trial_source_dataset(&dataset, source, err);
    if (!rc && !dataset.splits[splits[0]].present)
        rc = error_set(err, ERR_INPUT, "%s: task %s has no %s split", source->run_dir,
                       task->name, split_names[splits[0]]);
    if (o->glue && o->split < 0 && dataset.splits[splits[1]].present)
        count = 2;
    if (!rc && count == 2)
        rc = check_output(o, task, splits[1], err);
    for (int i = 0; i < count && !rc; i++)
        rc = predict_into(o, source, task, &dataset.splits[splits[i]], splits[i], err);
    dataset_clear(&dataset);
    return rc;
}

static int predict(const struct predict_options *o, struct error *err)
{
    struct trial_source source;
    struct task task;
    int rc = trial_source_open(&source, o->trial, o->encoder, err);

    if (rc)
        return rc;
    warn_of_numerics(&source);
    if (!(rc = reading_task(&task, o, &source, err))) {
        rc = o->data ? predict_given(o, &source, &task, err)
                     : predict_own(o, &source, &task, err);
        task_clear(&task);
    }
    trial_source_clear(&source);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    struct predict_options o = {.split = -1};
    const char *split = NULL;
    const struct option_place places[] = {
        [OPTION_DATA] = {.text = &o.data},
        [OPTION_SPLIT] = {.text = &split},
        [OPTION_TASK] = {.text = &o.task},
        [OPTION_ENCODER] = {.text = &o.encoder},
        [OPTION_THREADS] = {.number = &o.threads, .min = 1, .max = 1024},
        [OPTION_OUT] = {.text = &o.out},
        [OPTION_GLUE] = {.text = &o.glue},
        [OPTION_LOGITS] = {.given = &o.logits},
    };
    int rc =
        arguments_read(&command_predict, count, args, places, &o.trial, "trial", err);

    if (rc || (split && (rc = take_split(&o, split, err))) ||
        (rc = check_options(&o, err)))
        return rc;
    return predict(&o, err);
}

const struct command command_predict = {
    .name = "predict",
    .synopsis =
        "RUN_DIR[:TRIAL] [--data PATH] [--split S] [--task NAME] [--encoder DIR]\n"
        "                (-o FILE.tsv [--logits] | --glue DIR)",
    .summary = "Writes what a trained trial predicts",
    .options = options_table,
    .help = help,
    .computes = true,
    .run = run,
};
