#include "cli/run_setup.h"

#include "cli/commands.h"
#include "cli/run_check.h"
#include "cli/run_data.h"
#include "common/log.h"
#include "jobs/identity.h"
#include "report/summary.h"
#include "storage/file_replace.h"
#include "storage/results_file.h"
#include "worker/panels.h"

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
        "cluster.hang_s=0",
        "cluster.attempts=1",
        "cluster.stage=/stage",
        "cluster.isa=auto",
        "cluster.profile=false",
        "slurm={}",
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
    struct outcome outcome;
    char *job;
    int rc = run_dir_inspect(setup->dir, &setup->state, &job, err);
    if (rc)
        return rc;
    if (setup->state == RUN_DIR_FINISHED &&
        (!job || !same_job(job, setup->spec.resolved)))
        setup->state = RUN_DIR_UNFINISHED; /* the job has grown, or is another */
    if (setup->state == RUN_DIR_FINISHED && setup->retry &&
        outcome_read(&outcome, setup->dir, NULL) == 0 && outcome.given_up > 0)
        setup->state = RUN_DIR_UNFINISHED;
    if (setup->state == RUN_DIR_NEW && job && !same_job(job, setup->spec.resolved))
        rc = error_set(err, ERR_INPUT,
                       "%s: its job.cfg is of no run; choose another directory with -o",
                       setup->dir);
    free(job);
    return rc;
}

/* A shard's own run directory beside the whole job's, where none is given. */
static int read_again_with_dir(struct job_spec *spec, const struct run_options *options,
                               struct error *err)
{
    size_t count = (size_t)options->set_count, length = strlen(spec->output.dir);
    char dir[SETTINGS_PATH + 64];
    while (length > 1 && spec->output.dir[length - 1] == '/')
        length--;
    snprintf(dir, sizeof dir, "output.dir=%.*s.shard-%d-of-%d", (int)length,
             spec->output.dir, spec->cluster.shard, spec->cluster.shards);
    const char **set = malloc((count + 1) * sizeof *set);
    if (!set)
        return error_set(err, ERR_MEMORY, "out of memory");
    memcpy(set, options->set, count * sizeof *set);
    set[count] = dir;
    job_spec_clear(spec);
    int rc = job_spec_read(spec, options->job, set, (int)count + 1, err);
    free(set);
    return rc;
}

static int read_spec(struct job_spec *spec, const struct run_options *options,
                     struct error *err)
{
    int rc = job_spec_read(spec, options->job, options->set, options->set_count, err);
    bool own = options->sharded && !options->dir_given;
    if (rc || !own || spec->cluster.shards == 1 || !spec->output.dir[0])
        return rc;
    return read_again_with_dir(spec, options, err);
}

int run_setup_read(struct run_setup *out, const struct run_options *options,
                   struct error *err)
{
    memset(out, 0, sizeof *out);
    out->accept_numerics = options->accept_numerics;
    out->retry = options->retry;
    int rc = read_spec(&out->spec, options, err);
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
        if (!rc)
            rc = panels_check(settings.precision, err);
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

static int check_same_encoder(const struct run_setup *setup, struct error *err)
{
    if (digest_equal(setup->history.encoder, setup->encoder_digest))
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: holds the run of another job: its encoder was another than "
                     "%s is now; choose another directory with -o",
                     setup->dir, setup->spec.encoder);
}

static int read_history(struct run_setup *setup, struct error *err)
{
    int rc = history_read(&setup->history, setup->dir, err);
    if (!rc && setup->history.job)
        rc = check_same_encoder(setup, err);
    if (!rc && setup->history.job)
        rc = order_tasks(setup, err);
    return rc;
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

static int enrol_trials(struct run_setup *setup, bool past, struct error *err)
{
    size_t n = (size_t)setup->spec.task_count;
    struct digest *datasets = calloc(n, sizeof *datasets);
    if (!datasets)
        return error_set(err, ERR_MEMORY, "out of memory for %zu tasks", n);
    for (size_t i = 0; i < n; i++)
        datasets[i] = setup->tasks[i].dataset;
    struct enrolment_data data = {datasets, setup->encoder_digest,
                                  setup->encoder.layers, past};
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

/* past: of a run directory as it is, which nobody is going to work on. */
static int prepare(struct run_setup *setup, bool past, struct error *err)
{
    int rc = run_data_prepare(setup, err);
    if (!rc)
        rc = check_same_tasks(setup, err);
    if (!rc && !past)
        rc = run_check_trials(setup, err);
    if (!rc)
        rc = enrol_trials(setup, past, err);
    if (!rc)
        rc = enrolment_take_shard(&setup->enrolment, setup->spec.cluster.shard,
                                  setup->spec.cluster.shards, err);
    setup->job_digest = digest_of(setup->spec.resolved, strlen(setup->spec.resolved));
    return rc;
}

int run_setup_prepare(struct run_setup *setup, struct error *err)
{
    char path[SETTINGS_PATH + 16];
    const char *text = setup->spec.resolved;
    int rc = prepare_encoder(setup, err);
    if (!rc)
        rc = read_history(setup, err);
    if (!rc)
        rc = prepare(setup, false, err);
    if (rc)
        return rc;
    /* an older outcome must not speak for this job */
    if (setup->state != RUN_DIR_NEW)
        rc = outcome_write(setup->dir,
                           &(struct outcome){.exit_code = EXIT_STOPPED,
                                             .left = setup->enrolment.wanted_count},
                           err);
    if (rc)
        return rc;
    snprintf(path, sizeof path, "%s/job.cfg", setup->dir);
    rc = file_replace(path, text, strlen(text), err);
    if (!rc)
        log_tasks(setup);
    return rc;
}

static int plan(struct run_setup *setup, const struct run_options *options,
                struct error *err)
{
    int rc = read_spec(&setup->spec, options, err);
    if (rc)
        return rc;
    memcpy(setup->dir, setup->spec.output.dir, sizeof setup->dir);
    if (setup->dir[0])
        rc = run_setup_look(setup, err);
    /* what it will propose is not known: draws of the same space stand for it */
    if (setup->spec.sweep.search == SEARCH_TPE)
        setup->spec.sweep.search = SEARCH_RANDOM;
    if (!rc)
        rc = prepare_encoder(setup, err);
    if (!rc)
        rc = run_data_prepare(setup, err);
    return rc ? rc : run_check_trials(setup, err);
}

int run_setup_plan(struct run_setup *out, const struct run_options *options,
                   struct error *err)
{
    memset(out, 0, sizeof *out);
    out->planning = true;
    int rc = plan(out, options, err);
    if (rc)
        run_setup_clear(out);
    return rc;
}

/* shards: NULL, or where to say how many there were, of which all are wanted now. */
static int reload(struct run_setup *setup, int *shards, struct error *err)
{
    char name[SETTINGS_PATH + 32];
    int rc = history_read(&setup->history, setup->dir, err);
    if (rc)
        return rc;
    if (!setup->history.job)
        return error_set(err, ERR_INPUT, "%s: there is no journal in it", setup->dir);
    snprintf(name, sizeof name, "%s: the journal's job", setup->dir);
    rc = job_spec_parse(&setup->spec, name, "/", setup->history.job, NULL, 0, err);
    if (!rc && shards) {
        *shards = setup->spec.cluster.shards;
        setup->spec.cluster.shard = setup->spec.cluster.shards = 1;
    }
    if (!rc)
        rc = prepare_encoder(setup, err);
    if (!rc)
        rc = check_same_encoder(setup, err);
    if (!rc)
        rc = order_tasks(setup, err);
    if (!rc)
        rc = run_data_find(setup, err);
    return rc ? rc : prepare(setup, true, err);
}

int run_setup_reload_whole(struct run_setup *out, const char *dir, int *shards,
                           struct error *err)
{
    memset(out, 0, sizeof *out);
    snprintf(out->dir, sizeof out->dir, "%s", dir);
    int rc = reload(out, shards, err);
    if (rc)
        run_setup_clear(out);
    return rc;
}

int run_setup_reload(struct run_setup *out, const char *dir, struct error *err)
{
    return run_setup_reload_whole(out, dir, NULL, err);
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
