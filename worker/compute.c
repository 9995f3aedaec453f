/* One lock guards the queue and the pointers to what is under way, which only the
 * compute thread drives. */
#include "worker/compute.h"

#include "common/dataset.h"
#include "jobs/identity.h"
#include "jobs/settings_table.h"
#include "storage/dataset_file.h"
#include "storage/encoder.h"
#include "worker/announce.h"
#include "worker/helper.h"
#include "worker/kept_prefixes.h"
#include "worker/kernels.h"
#include "worker/peak.h"
#include "worker/profile.h"
#include "worker/trial.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A trial of its own, or another worker's to help with. */
struct queued {
    struct queued *next;
    struct announced about;
    int task;
    int leader; /* MPI rank; 0: a trial of its own */
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
    struct stage *stage; /* NULL: files are read where the coordinator names them */
    bool encoder_open;   /* compute thread only */
    struct encoder encoder;
    struct panels *panels[PRECISION_COUNT]; /* of the encoder; NULL: without */
    bool panels_tried[PRECISION_COUNT];
    struct profile *profiles; /* (threads); NULL: nobody measures */
    double peak;              /* of a thread; measured with the first trial */
    struct kept_prefixes prefixes;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something was queued, or the end has come */
    struct queued *queue;
    struct queued *current; /* under way */
    struct trial *trial;    /* of current, once it is made */
    struct course *course;  /* the same where current is to be helped with */
    bool stopping;          /* current is to be left */
    bool at_once;           /* and not to be finished even if it is done */
    bool finishing;         /* current is done: nothing but at_once stops it */
    bool ending;
    struct mail *mail;
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

/* Under the lock. */
static void stop_under_way(struct compute *c)
{
    if (c->trial)
        trial_stop(c->trial);
    if (c->course)
        batch_runner_stop(c->course->runner);
    mail_interrupt(c->mail, true);
}

static bool asked_to_stop(struct compute *c)
{
    pthread_mutex_lock(&c->lock);
    bool stopping = c->stopping || c->ending;
    pthread_mutex_unlock(&c->lock);
    return stopping;
}

static bool leave_staging(void *context) { return asked_to_stop(context); }

/* *path becomes that of this node's copy, if there is to be one. */
static int bring(struct compute *c, struct stage_want want, const char **path,
                 struct error *err)
{
    return c->stage ? stage_bring(c->stage, &want, leave_staging, c, path, err) : 0;
}

static int open_encoder(struct compute *c, struct error *err)
{
    if (c->encoder_open)
        return 0;
    const char *dir = c->encoder_dir;
    int rc = bring(c, (struct stage_want){.kind = STAGE_ENCODER}, &dir, err);
    if (!rc)
        rc = encoder_open(&c->encoder, dir, err);
    if (!rc && !digest_equal(c->encoder.digest, c->encoder_digest)) {
        encoder_close(&c->encoder);
        rc = error_set(err, ERR_INPUT, "%s: not the encoder that the coordinator reads",
                       dir);
    }
    c->encoder_open = !rc;
    return rc;
}

/* float32 computes the same without them. */
static int open_panels(struct compute *c, enum precision precision, struct error *err)
{
    bool needed = precision != PRECISION_FLOAT32;
    int rc = 0;
    if (!c->panels[precision] && (needed || !c->panels_tried[precision]))
        rc = panels_open(&c->panels[precision], &c->encoder, precision, err);
    c->panels_tried[precision] = true;
    return needed ? rc : 0;
}

/* Those of earlier trials make room where there is too little. */
static int open_prefix(struct compute *c, int task, struct course *course,
                       struct error *err)
{
    if (!settings_keep_prefix(&course->settings))
        return 0;
    struct prefix **slot = kept_prefixes_slot(&c->prefixes, task, &course->settings);
    int rc = course_open_prefix(course, slot, err);
    if (rc == ERR_IO && kept_prefixes_close(&c->prefixes))
        rc = course_open_prefix(course, slot, err);
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
    const char *path = known->path;
    int rc =
        bring(c, (struct stage_want){.kind = STAGE_DATASET, .task = index}, &path, err);
    if (!rc)
        rc = dataset_file_read(&known->dataset, path, err);
    if (!rc)
        rc = dataset_digest(&digest, &known->dataset, err);
    if (!rc && !digest_equal(digest, known->digest))
        rc = error_set(err, ERR_INPUT, "%s: not the data that the coordinator prepared",
                       path);
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
static int look_for_init(struct compute *c, struct settings *settings,
                         struct digest wanted, struct error *err)
{
    struct digest digest;
    const char *path = settings->init;
    if (!settings->init[0])
        return 0;
    int rc =
        bring(c, (struct stage_want){.kind = STAGE_INIT, .init = wanted}, &path, err);
    if (!rc && strlen(path) >= sizeof settings->init)
        rc = error_set(err, ERR_INPUT, "%s: the path is too long", path);
    if (rc)
        return rc;
    if (path != settings->init)
        strcpy(settings->init, path);
    rc = identity_file_digest(&digest, settings->init, err);
    if (!rc && !digest_equal(digest, wanted))
        rc = error_set(err, ERR_INPUT, "%s: not the file that the coordinator reads",
                       settings->init);
    return rc;
}

static int make_trial(struct compute *c, const struct queued *queued,
                      const struct known_task *known, const struct settings *settings,
                      struct trial **out, struct error *err)
{
    int rc = trial_new(out, &c->encoder, c->panels[settings->precision],
                       &known->dataset, &known->task, settings, c->threads, err);
    return rc ? rc : restore(*out, queued, err);
}

/* A trial that is done gets its result though a stop came while it made its last
 * report. */
static bool may_finish(struct compute *c, struct trial *trial)
{
    pthread_mutex_lock(&c->lock);
    c->finishing = trial_done(trial) && !c->at_once && !c->ending;
    if (c->finishing) {
        trial_go_on(trial);
        mail_interrupt(c->mail, false);
    }
    bool finishing = c->finishing;
    pthread_mutex_unlock(&c->lock);
    return finishing;
}

/* Before the coordinator hears how a trial ended: it may be the last. */
static void announce_profile(struct compute *c)
{
    if (!c->profiles)
        return;
    if (c->peak == 0)
        c->peak = peak_measure(kernels_get());
    announce_measured(c->mail, c->profiles, c->threads, c->peak);
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
            rc = announce_report(c->mail, &queued->about, trial, task, &record, err);
        profile_mark(c->profiles, PHASE_REPORT, 0);
    }
    if (rc)
        return rc;
    if (may_finish(c, trial))
        rc = trial_finish(trial, &event, &result, err);
    else
        event = TRIAL_STOPPED;
    if (!rc)
        announce_profile(c);
    if (!rc && event == TRIAL_STOPPED)
        announce_stopped(c->mail, &queued->about);
    else if (!rc)
        announce_result(c->mail, &queued->about, trial, task, &result);
    return rc;
}

static void set_under_way(struct compute *c, struct trial *trial, struct course *course)
{
    pthread_mutex_lock(&c->lock);
    c->trial = trial;
    c->course = course;
    if (c->stopping || c->ending)
        stop_under_way(c);
    pthread_mutex_unlock(&c->lock);
}

/* What lead() and help() return where the node cannot do it: another may, and this one
 * could none of the trials with the same data. */
enum { UNFIT = 1 };

static int unfit_by(int rc) { return rc == ERR_IO ? UNFIT : rc; }

static int lead(struct compute *c, const struct queued *queued,
                const struct known_task *known, const struct settings *settings,
                struct error *err)
{
    struct trial *trial = NULL;
    struct crew *crew = crew_new(c->mail, queued->about.trial, queued->about.lease);
    int rc = crew ? make_trial(c, queued, known, settings, &trial, err)
                  : error_set(err, ERR_MEMORY, "out of memory for a crew");
    if (!rc)
        rc = unfit_by(open_prefix(c, queued->task, trial_course(trial), err));
    if (!rc) {
        trial_set_crew(trial, crew);
        course_use_profiles(trial_course(trial), c->profiles);
        profile_mark(c->profiles, PHASE_SETUP, 0);
        set_under_way(c, trial, NULL);
        rc = train(c, queued, trial, &known->task, err);
        set_under_way(c, NULL, NULL);
    }
    trial_free(trial);
    crew_free(crew);
    return rc;
}

static int help(struct compute *c, const struct queued *queued,
                const struct known_task *known, const struct settings *settings,
                struct error *err)
{
    struct course course;
    struct helper_place place = {
        .trial = queued->about.trial,
        .lease = queued->about.lease,
        .leader = queued->leader,
    };
    int rc = course_init(&course, &c->encoder, c->panels[settings->precision],
                         &known->dataset, &known->task, settings, c->threads, err);
    if (rc)
        return rc;
    course_use_profiles(&course, c->profiles);
    rc = unfit_by(open_prefix(c, queued->task, &course, err));
    profile_mark(c->profiles, PHASE_SETUP, 0);
    if (!rc) {
        set_under_way(c, NULL, &course);
        rc = helper_run(&place, &course, c->mail, err);
        set_under_way(c, NULL, NULL);
    }
    course_clear(&course);
    if (!rc)
        announce_profile(c);
    if (!rc)
        announce_stopped(c->mail, &queued->about);
    return rc;
}

static void compute_one(struct compute *c, const struct queued *queued)
{
    struct known_task *known;
    struct settings settings;
    struct error err = {""};
    if (asked_to_stop(c)) {
        announce_stopped(c->mail, &queued->about);
        return;
    }
    int rc = settings_parse(&settings, queued->settings, &err);
    bool own = queued->leader == 0;
    if (!rc && (kernels_check(&err) || open_encoder(c, &err) ||
                open_panels(c, settings.precision, &err) ||
                load_task(c, queued->task, &known, &err) ||
                (own && look_for_init(c, &settings, queued->init, &err)))) {
        if (asked_to_stop(c)) /* which may be why */
            announce_stopped(c->mail, &queued->about);
        else
            announce_unfit(c->mail, err.text);
        return;
    }
    if (!rc)
        rc = own ? lead(c, queued, known, &settings, &err)
                 : help(c, queued, known, &settings, &err);
    if (rc)
        announce_profile(c);
    if (rc == UNFIT)
        announce_unfit(c->mail, err.text);
    else if (rc)
        announce_failure(c->mail, &queued->about, rc, err.text);
}

/* The next trial becomes the current one; NULL: the end. */
static struct queued *next_trial(struct compute *c)
{
    pthread_mutex_lock(&c->lock);
    queued_free(c->current);
    c->current = NULL;
    c->stopping = c->at_once = c->finishing = false;
    mail_interrupt(c->mail, false);
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
    for (struct queued *queued; (queued = next_trial(c));) {
        profile_mark(c->profiles, PHASE_WAITING, 0);
        compute_one(c, queued);
        profile_mark(c->profiles, PHASE_SETUP, 0);
    }
    return NULL;
}

/* --- the other thread --- */

int compute_new(struct compute **out, const struct compute_setup *setup,
                struct error *err)
{
    struct compute *c = calloc(1, sizeof *c);
    if (!c)
        return error_set(err, ERR_MEMORY, "out of memory for the compute thread");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    c->encoder_dir = strdup(setup->encoder);
    c->encoder_digest = setup->encoder_digest;
    c->threads = setup->threads;
    c->task_count = setup->tasks;
    c->tasks = calloc((size_t)setup->tasks, sizeof *c->tasks);
    int rc = mail_new(&c->mail, err);
    if (!rc && (!c->encoder_dir || !c->tasks))
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
    if (c->mail) {
        stop_under_way(c);
        mail_end(c->mail);
    }
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
    free(c->profiles);
    kept_prefixes_close(&c->prefixes);
    for (int i = 0; i < PRECISION_COUNT; i++)
        panels_close(c->panels[i]);
    if (c->encoder_open)
        encoder_close(&c->encoder);
    mail_free(c->mail);
    free(c->encoder_dir);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void compute_use_stage(struct compute *c, struct stage *stage) { c->stage = stage; }

int compute_measure(struct compute *c, struct error *err)
{
    if (c->profiles)
        return error_set(err, ERR_PROTOCOL, "MEASURE came twice");
    c->profiles = profile_new(c->threads, NULL);
    return c->profiles ? 0 : error_set(err, ERR_MEMORY, "out of memory for a profile");
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

/* Takes queued over; what of it could not be copied is NULL. */
static int add(struct compute *c, struct queued *queued, struct error *err)
{
    if (!queued->settings || !queued->checkpoint) {
        queued_free(queued);
        return error_set(err, ERR_MEMORY, "out of memory for a trial");
    }
    pthread_mutex_lock(&c->lock);
    struct queued **end = &c->queue;
    while (*end)
        end = &(*end)->next;
    *end = queued;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* For add(); NULL with its status in *rc. */
static struct queued *new_queued(const struct compute *c, struct announced about,
                                 int task, const char *settings, int *rc,
                                 struct error *err)
{
    struct queued *queued = NULL;
    if (task >= c->task_count || !c->tasks[task].known)
        *rc = error_set(err, ERR_PROTOCOL, "work on task %d, which is not known",
                        task + 1);
    else if (!(queued = calloc(1, sizeof *queued)))
        *rc = error_set(err, ERR_MEMORY, "out of memory for a trial");
    else
        *queued =
            (struct queued){.about = about, .task = task, .settings = strdup(settings)};
    return queued;
}

int compute_add(struct compute *c, const struct grant_trial *m, struct error *err)
{
    int rc;
    struct queued *queued = new_queued(c, (struct announced){m->trial, m->lease},
                                       m->task, m->settings, &rc, err);
    if (!queued)
        return rc;
    queued->init = m->init;
    queued->checkpoint = malloc(m->checkpoint_size + 1);
    queued->checkpoint_size = m->checkpoint_size;
    if (queued->checkpoint && m->checkpoint_size > 0)
        memcpy(queued->checkpoint, m->checkpoint, m->checkpoint_size);
    return add(c, queued, err);
}

int compute_help(struct compute *c, const struct help *m, struct error *err)
{
    int rc;
    struct queued *queued = new_queued(c, (struct announced){m->trial, m->lease},
                                       m->task, m->settings, &rc, err);
    if (!queued)
        return rc;
    queued->leader = (int)m->leader;
    queued->checkpoint = malloc(1);
    return add(c, queued, err);
}

int compute_deliver(struct compute *c, int peer, const uint8_t *message, size_t size,
                    struct error *err)
{
    return mail_deliver(c->mail, peer, message, size, err);
}

static bool is_meant(const struct queued *queued, const struct stop *m)
{
    return queued && queued->about.trial == m->trial && queued->about.lease == m->lease;
}

void compute_stop(struct compute *c, const struct stop *m)
{
    pthread_mutex_lock(&c->lock);
    if (is_meant(c->current, m) && (m->at_once || !c->finishing)) {
        c->stopping = true;
        c->at_once = c->at_once || m->at_once;
        stop_under_way(c);
    }
    for (struct queued *queued = c->queue; queued; queued = queued->next)
        queued->stop = queued->stop || is_meant(queued, m);
    pthread_mutex_unlock(&c->lock);
}

void compute_progress(struct compute *c, struct heartbeat *out)
{
    *out = (struct heartbeat){0};
    pthread_mutex_lock(&c->lock);
    if (c->current && c->current->leader == 0) {
        out->trial = c->current->about.trial;
        out->lease = c->current->about.lease;
    }
    if (c->trial) {
        struct trial_progress progress = trial_progress(c->trial);
        out->microshards = progress.microshards;
        /* The first step's count once it is made, so that it can be told by this. */
        out->examples = progress.steps > 0 ? progress.examples : 0;
    }
    pthread_mutex_unlock(&c->lock);
}

bool compute_take(struct compute *c, bool to_coordinator, struct letter *out,
                  double timeout_s)
{
    return mail_take(c->mail, to_coordinator, out, timeout_s);
}
