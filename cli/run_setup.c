#include "cli/run_setup.h"

#include "cli/commands.h"
#include "cli/majority.h"
#include "cli/run_check.h"
#include "common/log.h"
#include "jobs/identity.h"
#include "report/summary.h"
#include "storage/dataset_file.h"
#include "storage/file_replace.h"
#include "storage/results_file.h"
#include "text/dataset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The job without what may differ between two runs of the same: where it goes and on
 * what it runs. NULL when it cannot be read. */
static char *comparable(const char *resolved)
{
    static const char *const same[] = {
        "output.dir=/run",
        "cluster.threads=1",
        "cluster.workers_per_trial=0",
        "cluster.heartbeat_s=1",
        "cluster.lost_after_s=60",
        "cluster.attempts=1",
    };
    struct job_spec spec;
    if (job_spec_parse(&spec, "job.cfg", "/", resolved, same,
                       sizeof same / sizeof *same, NULL))
        return NULL;
    char *text = strdup(spec.resolved);
    job_spec_clear(&spec);
    return text;
}

static bool same_job(const char *a, const char *b)
{
    char *first = comparable(a), *second = comparable(b);
    bool same = first && second && !strcmp(first, second);
    free(first);
    free(second);
    return same;
}

int run_setup_look(struct run_setup *setup, struct error *err)
{
    char *job;
    int rc = run_dir_inspect(setup->dir, &setup->state, &job, err);
    if (rc)
        return rc;
    if (setup->state == RUN_DIR_FINISHED &&
        (!job || !same_job(job, setup->spec.resolved)))
        setup->state = RUN_DIR_UNFINISHED; /* the job has grown, or is another */
    if (setup->state == RUN_DIR_NEW && job && !same_job(job, setup->spec.resolved))
        rc = error_set(err, ERR_INPUT,
                       "%s: its job.cfg is of no run; choose another directory with -o",
                       setup->dir);
    free(job);
    return rc;
}

int run_setup_read(struct run_setup *out, const struct run_options *options,
                   struct error *err)
{
    memset(out, 0, sizeof *out);
    int rc =
        job_spec_read(&out->spec, options->job, options->set, options->set_count, err);
    if (rc)
        return rc;
    memcpy(out->dir, out->spec.output.dir, sizeof out->dir);
    if (!out->dir[0])
        rc = error_set(err, ERR_INPUT,
                       "%s: output.dir: is missing: the run directory, or -o RUN_DIR",
                       options->job);
    else
        rc = run_setup_look(out, err);
    if (rc)
        run_setup_clear(out);
    return rc;
}

/* A prepared file must be what the job would have made. */
static int check_prepared(const struct dataset *dataset, const struct task *task,
                          const struct tokenizer *tokenizer, struct error *err)
{
    if (strcmp(dataset->task, task->name) != 0)
        return error_set(err, ERR_INPUT, "%s: holds task %s, not %s", task->data,
                         dataset->task, task->name);
    if (!digest_equal(dataset->tokenizer, tokenizer_digest(tokenizer)))
        return error_set(err, ERR_INPUT, "%s: made with another encoder's tokenizer",
                         task->data);
    if (dataset->max_length != task->max_length)
        return error_set(err, ERR_INPUT, "%s: max_length is %d, the job's %d",
                         task->data, dataset->max_length, task->max_length);
    if (dataset->regression != task->regression || dataset->labels != task->labels)
        return error_set(err, ERR_INPUT, "%s: has other labels than the task",
                         task->data);
    for (int i = 0; !task->regression && i < task->labels; i++)
        if (strcmp(dataset->label_names[i], task->label_names[i]) != 0)
            return error_set(err, ERR_INPUT, "%s: label %d is %s, the task's is %s",
                             task->data, i, dataset->label_names[i],
                             task->label_names[i]);
    return 0;
}

static int get_dataset(struct dataset *out, const struct task *task,
                       const struct tokenizer *tokenizer, struct error *err)
{
    if (!task_is_prepared(task))
        return dataset_build(out, task, tokenizer, err);
    int rc = dataset_file_read(out, task->data, err);
    if (!rc && (rc = check_prepared(out, task, tokenizer, err)))
        dataset_clear(out);
    return rc;
}

/* The name is the content's digest, so a file that is there is the right one. */
static int keep_dataset(struct run_setup *setup, int index, struct error *err)
{
    char hex[DIGEST_HEX];
    digest_hex(hex, setup->tasks[index].dataset);
    if (asprintf(&setup->dataset_paths[index], "%s/datasets/%s.h5", setup->dir, hex) <
        0)
        return error_set(err, ERR_MEMORY, "out of memory for a path");
    if (access(setup->dataset_paths[index], F_OK) == 0)
        return 0;
    setup->datasets_made[index] = true;
    return dataset_file_write(setup->dataset_paths[index], &setup->datasets[index],
                              err);
}

static void free_tokens(struct dataset_split *split)
{
    free(split->input_ids);
    free(split->token_type_ids);
    free(split->offsets);
    split->input_ids = NULL;
    split->token_type_ids = NULL;
    split->offsets = NULL;
}

static void describe_task(struct findings_task *out, const struct dataset *dataset,
                          const struct task *task)
{
    out->tokenizer = dataset->tokenizer;
    out->labels = dataset->labels;
    for (int i = 0; i < SPLIT_COUNT; i++) {
        const struct dataset_split *split = &dataset->splits[i];
        out->rows[i] = split->present ? split->rows : 0;
        out->gold[i] = split->present && split->labelled ? split->labels : NULL;
    }
    out->majority = majority_score(dataset, task);
}

static int prepare_task(struct run_setup *setup, int index,
                        const struct tokenizer *tokenizer, struct error *err)
{
    const struct task *task = &setup->spec.tasks[index];
    struct dataset *dataset = &setup->datasets[index];
    if (task->max_length > setup->encoder.positions)
        return error_set(err, ERR_INPUT,
                         "task %s: max_length is %d, the encoder has %d positions",
                         task->name, task->max_length, setup->encoder.positions);
    int rc = get_dataset(dataset, task, tokenizer, err);
    if (!rc)
        rc = run_check_data(dataset, task, &setup->encoder, err);
    if (!rc)
        rc = dataset_digest(&setup->tasks[index].dataset, dataset, err);
    if (!rc)
        rc = keep_dataset(setup, index, err);
    if (rc)
        return rc;
    describe_task(&setup->tasks[index], dataset, task);
    for (int i = 0; i < SPLIT_COUNT; i++)
        free_tokens(&dataset->splits[i]);
    return 0;
}

static int prepare_tasks(struct run_setup *setup, struct error *err)
{
    size_t n = (size_t)setup->spec.task_count;
    struct tokenizer *tokenizer = NULL;
    setup->datasets = calloc(n, sizeof *setup->datasets);
    setup->dataset_paths = calloc(n, sizeof *setup->dataset_paths);
    setup->tasks = calloc(n, sizeof *setup->tasks);
    setup->datasets_made = calloc(n, sizeof *setup->datasets_made);
    if (!setup->datasets || !setup->dataset_paths || !setup->tasks ||
        !setup->datasets_made)
        return error_set(err, ERR_MEMORY, "out of memory for %zu tasks", n);
    int rc = tokenizer_open(&tokenizer, setup->spec.encoder, err);
    if (!rc && tokenizer_max_id(tokenizer) >= setup->encoder.vocab)
        rc = error_set(err, ERR_INPUT,
                       "%s: the tokenizer gives ids up to %d, the encoder has %d words",
                       setup->spec.encoder, (int)tokenizer_max_id(tokenizer),
                       setup->encoder.vocab);
    for (size_t i = 0; !rc && i < n; i++)
        rc = prepare_task(setup, (int)i, tokenizer, err);
    tokenizer_free(tokenizer);
    return rc;
}

static int prepare_encoder(struct run_setup *setup, struct error *err)
{
    struct encoder encoder;
    int rc = encoder_open(&encoder, setup->spec.encoder, err);
    if (rc)
        return rc;
    setup->encoder = encoder.config;
    setup->encoder_digest = encoder.digest;
    bool pooler = encoder.pooler_weight != NULL;
    encoder_close(&encoder);
    rc = sweep_init(&setup->sweep, &setup->spec, setup->encoder.layers, err);
    for (int i = 1; !rc && i <= setup->sweep.config_count; i++) {
        struct settings settings;
        sweep_settings(&setup->sweep, i, 0, &settings);
        if (settings.pooling == POOLING_POOLER && !pooler)
            rc = error_set(err, ERR_INPUT,
                           "%s: has no pooler: adapter.pooling must be \"cls\" or "
                           "\"mean\"",
                           setup->spec.encoder);
    }
    return rc;
}

static int find_task(const struct job_spec *spec, const char *name)
{
    for (int i = 0; i < spec->task_count; i++)
        if (!strcmp(spec->tasks[i].name, name))
            return i;
    return -1;
}

/* Numbers of tasks never change: those of earlier starts come first, as they were. */
static int order_tasks(struct run_setup *setup, struct error *err)
{
    for (int i = 0; i < setup->history.tasks; i++) {
        int at = find_task(&setup->spec, setup->history.names[i]);
        if (at < i)
            return error_set(err, ERR_INPUT,
                             "%s: holds the run of another job: one with task %s; "
                             "choose another directory with -o",
                             setup->dir, setup->history.names[i]);
        struct task task = setup->spec.tasks[at];
        memmove(&setup->spec.tasks[i + 1], &setup->spec.tasks[i],
                (size_t)(at - i) * sizeof task);
        setup->spec.tasks[i] = task;
    }
    return 0;
}

static int read_history(struct run_setup *setup, struct error *err)
{
    int rc = history_read(&setup->history, setup->dir, err);
    if (rc || !setup->history.job)
        return rc;
    if (!digest_equal(setup->history.encoder, setup->encoder_digest))
        return error_set(err, ERR_INPUT,
                         "%s: holds the run of another job: its encoder was another "
                         "than %s is now; choose another directory with -o",
                         setup->dir, setup->spec.encoder);
    return order_tasks(setup, err);
}

static int check_same_tasks(const struct run_setup *setup, struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < setup->history.tasks; i++) {
        const struct task *task = &setup->spec.tasks[i];
        struct digest digest;
        rc = identity_task_digest(&digest, task, setup->tasks[i].dataset, err);
        if (!rc && !digest_equal(setup->history.digests[i], digest))
            rc = error_set(err, ERR_INPUT,
                           "%s: holds the run of another job: task %s had other data, "
                           "labels, max_length or selection than now (%s); choose "
                           "another directory with -o",
                           setup->dir, task->name, task->data);
    }
    return rc;
}

static int enrol_trials(struct run_setup *setup, struct error *err)
{
    size_t n = (size_t)setup->spec.task_count;
    struct digest *datasets = calloc(n, sizeof *datasets);
    if (!datasets)
        return error_set(err, ERR_MEMORY, "out of memory for %zu tasks", n);
    for (size_t i = 0; i < n; i++)
        datasets[i] = setup->tasks[i].dataset;
    struct enrolment_data data = {datasets, setup->encoder_digest,
                                  setup->encoder.layers};
    int rc =
        enrolment_init(&setup->enrolment, &setup->history, &setup->sweep, &data, err);
    free(datasets);
    return rc == ERR_INPUT && setup->history.job
               ? error_prefix(err, rc, "%s", setup->dir)
               : rc;
}

static void log_tasks(const struct run_setup *setup)
{
    for (int i = 0; i < setup->spec.task_count; i++)
        log_line("task %s: %lld training rows, %lld dev rows",
                 setup->spec.tasks[i].name,
                 (long long)setup->tasks[i].rows[SPLIT_TRAIN],
                 (long long)setup->tasks[i].rows[SPLIT_DEV]);
}

int run_setup_prepare(struct run_setup *setup, struct error *err)
{
    char path[SETTINGS_PATH + 16];
    const char *text = setup->spec.resolved;
    int rc = prepare_encoder(setup, err);
    if (!rc)
        rc = read_history(setup, err);
    if (!rc)
        rc = prepare_tasks(setup, err);
    if (!rc)
        rc = check_same_tasks(setup, err);
    if (!rc)
        rc = run_check_trials(setup, err);
    if (!rc)
        rc = enrol_trials(setup, err);
    if (rc)
        return rc;
    setup->job_digest = digest_of(text, strlen(text));
    snprintf(path, sizeof path, "%s/job.cfg", setup->dir);
    rc = file_replace(path, text, strlen(text), err);
    if (!rc)
        log_tasks(setup);
    return rc;
}

void run_setup_remove_data(const struct run_setup *setup)
{
    for (int i = 0; setup->datasets_made && i < setup->spec.task_count; i++)
        if (setup->datasets_made[i])
            unlink(setup->dataset_paths[i]);
}

void run_setup_clear(struct run_setup *setup)
{
    for (int i = 0; i < setup->spec.task_count; i++) {
        if (setup->datasets)
            dataset_clear(&setup->datasets[i]);
        if (setup->dataset_paths)
            free(setup->dataset_paths[i]);
    }
    free(setup->datasets);
    free(setup->dataset_paths);
    free(setup->datasets_made);
    free(setup->tasks);
    enrolment_clear(&setup->enrolment);
    history_clear(&setup->history);
    sweep_clear(&setup->sweep);
    job_spec_clear(&setup->spec);
    memset(setup, 0, sizeof *setup);
}

int run_print_table(const char *dir, struct error *err)
{
    enum { ROWS = 20 };
    struct results results;
    char path[SETTINGS_PATH + 16];
    snprintf(path, sizeof path, "%s/results.h5", dir);
    int rc = results_read(&results, path, 0, err);
    if (rc)
        return rc;
    rc = summary_print(stdout, &results, ROWS, err);
    results_clear(&results);
    if (!rc)
        printf("\nEverything lies in %s\n", dir);
    return rc;
}

int run_finished(const struct run_setup *setup, struct error *err)
{
    struct outcome outcome;
    int rc = outcome_read(&outcome, setup->dir, err);
    if (!rc)
        rc = run_print_table(setup->dir, err);
    return rc ? rc : outcome.exit_code;
}

int run_stopped_by(int rc, const struct error *err)
{
    if (rc != ERR_IO && rc != ERR_MEMORY)
        return rc;
    fprintf(stderr, "shiftwork: %s\n", err->text);
    return EXIT_STOPPED;
}
