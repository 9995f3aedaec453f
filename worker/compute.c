/* One lock guards queue, mailbox and the pointer to the trial under way; the trial
 * itself is only driven by the compute thread. The mailbox holds one message, so that a
 * worker is never more than one report ahead of what MPI has taken. */
#include "worker/compute.h"

#include "common/dataset.h"
#include "jobs/identity.h"
#include "jobs/settings_table.h"
#include "storage/dataset_file.h"
#include "storage/encoder.h"
#include "worker/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct queued {
    struct queued *next;
    uint64_t trial;
    uint32_t lease;
    int task;
    char *settings;
    struct digest init; /* that the file of its settings' init must have */
    uint8_t *checkpoint;
    size_t checkpoint_size;
    bool stop; /* is to be left at once */
};

struct known_task {
    bool known, loaded;
    struct task task;
    struct digest digest;
    char *path;
    struct dataset dataset;
};

struct compute {
    char *encoder_dir;
    struct digest encoder_digest;
    int threads, task_count;
    struct known_task *tasks;
    bool encoder_open; /* compute thread only */
    struct encoder encoder;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something was queued or taken, or the end has come */
    pthread_cond_t mail; /* the mailbox was filled */
    struct queued *queue;
    struct queued *current; /* under way */
    struct trial *trial;    /* of current, once it is made */
    bool stopping;          /* current is to be left */
    bool at_once;           /* and not to be finished even if it is done */
    bool finishing;         /* current is done: nothing but at_once stops it */
    bool ending;
    bool mail_full;
    struct bytes mailbox;
};

static void queued_free(struct queued *queued)
{
    if (!queued)
        return;
    free(queued->settings);
    free(queued->checkpoint);
    free(queued);
}

/* --- compute thread --- */

/* Puts a message into the mailbox, waiting until it is empty. False: the end has come.
 */
static bool post(struct compute *c, struct bytes *message)
{
    pthread_mutex_lock(&c->lock);
    while (c->mail_full && !c->ending)
        pthread_cond_wait(&c->work, &c->lock);
    bool posted = !c->ending;
    if (posted) {
        c->mailbox = *message;
        c->mail_full = true;
        pthread_cond_signal(&c->mail);
    }
    pthread_mutex_unlock(&c->lock);
    if (!posted)
        bytes_clear(message);
    return posted;
}

static bool asked_to_stop(struct compute *c)
{
    pthread_mutex_lock(&c->lock);
    bool stopping = c->stopping || c->ending;
    pthread_mutex_unlock(&c->lock);
    return stopping;
}

static int open_encoder(struct compute *c, struct error *err)
{
    if (c->encoder_open)
        return 0;
    int rc = encoder_open(&c->encoder, c->encoder_dir, err);
    if (!rc && !digest_equal(c->encoder.digest, c->encoder_digest)) {
        encoder_close(&c->encoder);
        rc = error_set(err, ERR_INPUT, "%s: not the encoder that the coordinator reads",
                       c->encoder_dir);
    }
    c->encoder_open = !rc;
    return rc;
}

static int load_task(struct compute *c, int index, struct known_task **out,
                     struct error *err)
{
    struct known_task *known = &c->tasks[index];
    struct digest digest;
    *out = known;
    if (known->loaded)
        return 0;
    int rc = dataset_file_read(&known->dataset, known->path, err);
    if (!rc)
        rc = dataset_digest(&digest, &known->dataset, err);
    if (!rc && !digest_equal(digest, known->digest))
        rc = error_set(err, ERR_INPUT, "%s: not the data that the coordinator prepared",
                       known->path);
    if (rc)
        dataset_clear(&known->dataset);
    known->loaded = !rc;
    return rc;
}

static int restore(struct trial *trial, const struct queued *queued, struct error *err)
{
    struct checkpoint checkpoint;
    if (queued->checkpoint_size == 0)
        return 0;
    int rc = checkpoint_decode(&checkpoint, queued->checkpoint, queued->checkpoint_size,
                               err);
    if (rc)
        return rc;
    rc = trial_restore(trial, &checkpoint, err);
    checkpoint_clear(&checkpoint);
    return rc;
}

/* Another node may have another file under this name. */
static int look_for_init(const struct settings *settings, struct digest wanted,
                         struct error *err)
{
    struct digest digest;
    if (!settings->init[0])
        return 0;
    int rc = identity_file_digest(&digest, settings->init, err);
    if (!rc && !digest_equal(digest, wanted))
        rc = error_set(err, ERR_INPUT, "%s: not the file that the coordinator reads",
                       settings->init);
    return rc;
}

static int make_trial(struct compute *c, const struct queued *queued,
                      const struct known_task *known, const struct settings *settings,
                      struct trial **out, struct error *err)
{
    int rc = trial_new(out, &c->encoder, &known->dataset, &known->task, settings,
                       c->threads, err);
    return rc ? rc : restore(*out, queued, err);
}

static int post_report(struct compute *c, const struct queued *queued,
                       const struct trial *trial, const struct task *task,
                       const struct epoch_record *record, struct error *err)
{
    struct checkpoint checkpoint;
    struct bytes state = {0}, out = {0};
    trial_checkpoint(trial, &checkpoint);
    int rc = checkpoint_encode(&state, &checkpoint, err);
    struct report report = {
        .trial = queued->trial,
        .lease = queued->lease,
        .epoch = record->epoch,
        .step = record->step,
        .train_loss = record->train_loss,
        .dev_loss = record->dev_loss,
        .score = record->score,
        .learning_rate = record->learning_rate,
        .seconds = record->seconds,
        .tokens = record->tokens,
        .examples = trial_progress(trial).examples,
        .metric_count = (uint8_t)task->metric_count,
        .checkpoint = state.data,
        .checkpoint_size = state.size,
    };
    memcpy(report.metrics, record->metrics, sizeof report.metrics);
    if (!rc) {
        report_encode(&out, &report);
        post(c, &out);
    }
    bytes_clear(&state);
    return rc;
}

static struct message_floats floats_of(const float *values, int64_t count)
{
    return (struct message_floats){(const uint8_t *)values, (size_t)count};
}

static void post_result(struct compute *c, const struct queued *queued,
                        const struct trial *trial, const struct task *task,
                        const struct trial_result *result)
{
    struct checkpoint state;
    struct bytes out = {0};
    trial_checkpoint(trial, &state);
    struct result m = {
        .trial = queued->trial,
        .lease = queued->lease,
        .best_epoch = result->best.epoch,
        .best_step = result->best.step,
        .seconds = state.seconds,
        .tokens = state.tokens,
        .test_metric_count = (uint8_t)(result->tested ? task->metric_count : 0),
        .values = floats_of(result->values, result->count),
    };
    int labels = trial_layout(trial)->shape.labels;
    memcpy(m.test_metrics, result->test_metrics, sizeof m.test_metrics);
    for (int i = 0; i < SPLIT_COUNT; i++) {
        int64_t rows = result->splits[i].rows;
        if (!result->splits[i].logits)
            continue;
        m.splits[m.split_count++] = (struct result_split){
            .split = (enum split)i,
            .rows = (uint32_t)rows,
            .labels = (uint16_t)labels,
            .logits = floats_of(result->splits[i].logits, rows * labels),
        };
    }
    result_encode(&out, &m);
    post(c, &out);
}

static void post_stopped(struct compute *c, uint64_t trial, uint32_t lease)
{
    struct bytes out = {0};
    stopped_encode(&out, &(struct stopped){trial, lease});
    post(c, &out);
}

static void post_failure(struct compute *c, const struct queued *queued, int status,
                         const char *text)
{
    struct bytes out = {0};
    failure_encode(&out, &(struct failure){queued->trial, queued->lease, status, text});
    post(c, &out);
}

/* Whatever it is: another node may have what this one lacks. */
static void post_unfit(struct compute *c, const char *text)
{
    struct bytes out = {0};
    unfit_encode(&out, &(struct unfit){text});
    post(c, &out);
}

/* A trial that is done gets its result though a stop came while it made its last
 * report. */
static bool may_finish(struct compute *c, struct trial *trial)
{
    pthread_mutex_lock(&c->lock);
    c->finishing = trial_done(trial) && !c->at_once && !c->ending;
    if (c->finishing)
        trial_go_on(trial);
    bool finishing = c->finishing;
    pthread_mutex_unlock(&c->lock);
    return finishing;
}

/* From where the trial is to its result or to the moment when it is to be left. */
static int train(struct compute *c, const struct queued *queued, struct trial *trial,
                 const struct task *task, struct error *err)
{
    enum trial_event event = TRIAL_REPORT;
    struct epoch_record record;
    struct trial_result result;
    int rc = 0;
    while (!rc && !trial_done(trial) && !asked_to_stop(c)) {
        rc = trial_run_to_report(trial, &event, &record, err);
        if (!rc && event == TRIAL_REPORT)
            rc = post_report(c, queued, trial, task, &record, err);
    }
    if (rc)
        return rc;
    if (may_finish(c, trial))
        rc = trial_finish(trial, &event, &result, err);
    else
        event = TRIAL_STOPPED;
    if (!rc && event == TRIAL_STOPPED)
        post_stopped(c, queued->trial, queued->lease);
    else if (!rc)
        post_result(c, queued, trial, task, &result);
    return rc;
}

static void set_trial(struct compute *c, struct trial *trial)
{
    pthread_mutex_lock(&c->lock);
    c->trial = trial;
    if (trial && (c->stopping || c->ending))
        trial_stop(trial);
    pthread_mutex_unlock(&c->lock);
}

static void compute_one(struct compute *c, const struct queued *queued)
{
    struct trial *trial = NULL;
    struct known_task *known;
    struct settings settings;
    struct error err = {""};
    if (asked_to_stop(c)) {
        post_stopped(c, queued->trial, queued->lease);
        return;
    }
    int rc = settings_parse(&settings, queued->settings, &err);
    if (!rc && (open_encoder(c, &err) || load_task(c, queued->task, &known, &err) ||
                look_for_init(&settings, queued->init, &err))) {
        post_unfit(c, err.text);
        return;
    }
    if (!rc)
        rc = make_trial(c, queued, known, &settings, &trial, &err);
    if (!rc) {
        set_trial(c, trial);
        rc = train(c, queued, trial, &known->task, &err);
        set_trial(c, NULL);
    }
    trial_free(trial);
    if (rc)
        post_failure(c, queued, rc, err.text);
}

/* The next trial becomes the current one; NULL: the end. */
static struct queued *next_trial(struct compute *c)
{
    pthread_mutex_lock(&c->lock);
    queued_free(c->current);
    c->current = NULL;
    c->stopping = c->at_once = c->finishing = false;
    while (!c->queue && !c->ending)
        pthread_cond_wait(&c->work, &c->lock);
    if (!c->ending) {
        c->current = c->queue;
        c->queue = c->queue->next;
        c->stopping = c->current->stop;
    }
    struct queued *current = c->current;
    pthread_mutex_unlock(&c->lock);
    return current;
}

static void *compute_thread(void *argument)
{
    struct compute *c = argument;
    for (struct queued *queued; (queued = next_trial(c));)
        compute_one(c, queued);
    return NULL;
}

/* --- the other thread --- */

int compute_new(struct compute **out, const struct compute_setup *setup,
                struct error *err)
{
    struct compute *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;
    if (!c)
        return error_set(err, ERR_MEMORY, "out of memory for the compute thread");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->mail, &monotonic);
    pthread_condattr_destroy(&monotonic);
    c->encoder_dir = strdup(setup->encoder);
    c->encoder_digest = setup->encoder_digest;
    c->threads = setup->threads;
    c->task_count = setup->tasks;
    c->tasks = calloc((size_t)setup->tasks, sizeof *c->tasks);
    int rc = 0;
    if (!c->encoder_dir || !c->tasks)
        rc = error_set(err, ERR_MEMORY, "out of memory for %d tasks", setup->tasks);
    int failed = rc ? 0 : pthread_create(&c->thread, NULL, compute_thread, c);
    if (failed)
        rc = error_set(err, ERR_IO, "cannot start a thread: %s", strerror(failed));
    c->started = !rc;
    if (rc)
        compute_free(c);
    else
        *out = c;
    return rc;
}

void compute_free(struct compute *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->ending = true;
    if (c->trial)
        trial_stop(c->trial);
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    if (c->started)
        pthread_join(c->thread, NULL);
    while (c->queue) {
        struct queued *next = c->queue->next;
        queued_free(c->queue);
        c->queue = next;
    }
    queued_free(c->current);
    for (int i = 0; c->tasks && i < c->task_count; i++) {
        dataset_clear(&c->tasks[i].dataset);
        free(c->tasks[i].task.name);
        free(c->tasks[i].path);
    }
    free(c->tasks);
    if (c->encoder_open)
        encoder_close(&c->encoder);
    bytes_clear(&c->mailbox);
    free(c->encoder_dir);
    pthread_cond_destroy(&c->mail);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int compute_task(struct compute *c, const struct task_order *m, struct error *err)
{
    if (m->index >= c->task_count || c->tasks[m->index].known)
        return error_set(err, ERR_PROTOCOL, "TASK %d of %d", m->index + 1,
                         c->task_count);
    struct known_task *known = &c->tasks[m->index];
    known->path = strdup(m->dataset);
    known->digest = m->digest;
    known->task = (struct task){
        .name = strdup(m->name),
        .regression = m->regression,
        .labels = m->labels,
        .metric_count = m->metric_count,
        .selection_count = m->selection_count,
        .selection_rows = m->selection_rows,
    };
    memcpy(known->task.metrics, m->metrics, sizeof m->metrics);
    memcpy(known->task.selection, m->selection, sizeof m->selection);
    if (!known->path || !known->task.name)
        return error_set(err, ERR_MEMORY, "out of memory for a task");
    known->known = true;
    return 0;
}

int compute_add(struct compute *c, const struct grant_trial *m, struct error *err)
{
    if (m->task >= c->task_count || !c->tasks[m->task].known)
        return error_set(err, ERR_PROTOCOL, "GRANT of task %d, which is not known",
                         m->task + 1);
    struct queued *queued = calloc(1, sizeof *queued);
    if (!queued)
        return error_set(err, ERR_MEMORY, "out of memory for a trial");
    queued->trial = m->trial;
    queued->lease = m->lease;
    queued->task = m->task;
    queued->init = m->init;
    queued->settings = strdup(m->settings);
    queued->checkpoint = malloc(m->checkpoint_size + 1);
    queued->checkpoint_size = m->checkpoint_size;
    if (!queued->settings || !queued->checkpoint) {
        queued_free(queued);
        return error_set(err, ERR_MEMORY, "out of memory for a trial");
    }
    if (m->checkpoint_size > 0)
        memcpy(queued->checkpoint, m->checkpoint, m->checkpoint_size);
    pthread_mutex_lock(&c->lock);
    struct queued **end = &c->queue;
    while (*end)
        end = &(*end)->next;
    *end = queued;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static bool is_meant(const struct queued *queued, const struct stop *m)
{
    return queued && queued->trial == m->trial && queued->lease == m->lease;
}

void compute_stop(struct compute *c, const struct stop *m)
{
    pthread_mutex_lock(&c->lock);
    if (is_meant(c->current, m) && (m->at_once || !c->finishing)) {
        c->stopping = true;
        c->at_once = c->at_once || m->at_once;
        if (c->trial)
            trial_stop(c->trial);
    }
    for (struct queued *queued = c->queue; queued; queued = queued->next)
        queued->stop = queued->stop || is_meant(queued, m);
    pthread_mutex_unlock(&c->lock);
}

void compute_progress(struct compute *c, struct heartbeat *out)
{
    *out = (struct heartbeat){0};
    pthread_mutex_lock(&c->lock);
    if (c->current) {
        out->trial = c->current->trial;
        out->lease = c->current->lease;
    }
    if (c->trial) {
        struct trial_progress progress = trial_progress(c->trial);
        out->microshards = progress.microshards;
        out->examples = progress.examples;
    }
    pthread_mutex_unlock(&c->lock);
}

bool compute_take(struct compute *c, struct bytes *out, double timeout_s)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    long nanoseconds = end.tv_nsec + (long)(timeout_s * 1e9);
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&c->lock);
    int rc = 0;
    while (!c->mail_full && !rc && timeout_s > 0)
        rc = pthread_cond_timedwait(&c->mail, &c->lock, &end);
    bool full = c->mail_full;
    if (full) {
        *out = c->mailbox;
        c->mailbox = (struct bytes){0};
        c->mail_full = false;
        pthread_cond_broadcast(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
    return full;
}
