/* What the coordinator tells those who look on. It takes the coordinator's time, so the
 * more there is to tell, the less often it does. */
#include "coordinator/coordinator_parts.h"

#include "common/clock.h"
#include "coordinator/live.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double pause_s = 2.0;
static const double share = 0.02; /* of the coordinator's time, at most */

static enum live_activity activity_of(const struct coordinator *c, int worker)
{
    const struct member *member = &c->members[worker];
    struct crew_bond bond;
    if (member->gone)
        return LIVE_GONE;
    if (!member->joined)
        return LIVE_EXPECTED;
    if (trial_table_computing(c->table, worker).trial != 0)
        return LIVE_COMPUTES;
    return crews_bond(c->crews, worker, &bond) ? LIVE_HELPS : LIVE_IDLE;
}

/* The trial that it computes or helps with; leader: who holds it. */
static int64_t trial_of(const struct coordinator *c, int worker, int *leader)
{
    struct crew_bond bond;
    *leader = worker;
    if (!crews_bond(c->crews, worker, &bond))
        return trial_table_computing(c->table, worker).trial;
    *leader = bond.leader;
    return bond.trial;
}

static void tell_worker(const struct coordinator *c, int worker, double now,
                        struct live_worker *out)
{
    int leader;
    *out =
        (struct live_worker){.number = worker + 1, .activity = activity_of(c, worker)};
    snprintf(out->host, sizeof out->host, "%.*s", LIVE_NAME - 1,
             c->members[worker].host);
    if (out->activity != LIVE_COMPUTES && out->activity != LIVE_HELPS)
        return;
    out->trial = trial_of(c, worker, &leader);
    struct trial_parts parts = trial_list_parts(c->list, out->trial);
    snprintf(out->task, sizeof out->task, "%s", c->spec->tasks[parts.task].name);
    out->config = parts.config;
    out->seed = parts.seed;
    out->epochs = trial_list_config_of(c->list, parts.config)->epochs;
    int next = trial_table_epochs(c->table, out->trial) + 1;
    out->epoch = next < out->epochs ? next : out->epochs;
    out->for_s = now - c->members[leader].since;
}

static void tell_workers(const struct coordinator *c, double now, struct live *out)
{
    int workers = c->order->workers;
    for (int i = 0; i < workers; i++)
        out->activities[activity_of(c, i)]++;
    out->worker_count = workers < LIVE_WORKERS ? workers : LIVE_WORKERS;
    for (int i = 0; i < out->worker_count; i++)
        tell_worker(c, i, now, &out->workers[i]);
}

static void tell_tasks(const struct coordinator *c, struct live *out)
{
    out->task_count = c->spec->task_count;
    for (int i = 0; i < out->task_count; i++) {
        snprintf(out->tasks[i].name, sizeof out->tasks[i].name, "%s",
                 c->spec->tasks[i].name);
        out->tasks[i].best = findings_best(c->findings, i);
    }
}

static struct live_rung *find_rung(struct live *out, int bracket, int rung)
{
    for (int i = 0; i < out->rung_count; i++)
        if (out->rungs[i].bracket == bracket && out->rungs[i].rung == rung)
            return &out->rungs[i];
    if (out->rung_count == LIVE_RUNGS)
        return NULL;
    struct live_rung *fresh = &out->rungs[out->rung_count++];
    *fresh = (struct live_rung){.bracket = bracket, .rung = rung};
    return fresh;
}

static int by_bracket_and_rung(const void *a, const void *b)
{
    const struct live_rung *x = a, *y = b;
    if (x->bracket != y->bracket)
        return x->bracket < y->bracket ? -1 : 1;
    return (x->rung > y->rung) - (x->rung < y->rung);
}

static void tell_rungs(const struct coordinator *c, struct live *out)
{
    for (int64_t i = 1; steering_is_on(c->steering) && i <= c->list->trial_count; i++) {
        int rung = steering_rung(c->steering, i);
        int bracket = steering_bracket(c->steering, i);
        struct live_rung *at = rung >= 0 ? find_rung(out, bracket, rung) : NULL;
        if (!at)
            continue;
        at->epochs = steering_rung_epochs(c->steering, bracket, rung);
        enum trial_state state = trial_table_state(c->table, i);
        at->paused += state == TRIAL_PAUSED;
        at->stopped += state == TRIAL_STOPPED;
        at->on += state != TRIAL_PAUSED && state != TRIAL_STOPPED;
    }
    qsort(out->rungs, (size_t)out->rung_count, sizeof *out->rungs, by_bracket_and_rung);
}

static void tell_counts(const struct coordinator *c, double now, struct live *out)
{
    process_self(&out->writer);
    out->time_s = clock_wall_s();
    out->ran_s = now - c->budget.begun;
    out->stopping = trial_table_stopping(c->table);
    out->trials = c->tally.trials;
    for (int i = 0; i < TRIAL_STATE_COUNT; i++)
        out->states[i] = tally_count(&c->tally, c->table, i);
    out->per_second = progress_per_second(&c->rate, now, c->examples);
    out->examples_left = coordinator_examples_left(c);
}

/* Where it cannot be told, the run goes on. */
static void tell(const struct coordinator *c, double now)
{
    struct live live = {
        .workers = calloc(LIVE_WORKERS, sizeof *live.workers),
        .tasks = calloc((size_t)c->spec->task_count, sizeof *live.tasks),
        .rungs = calloc(LIVE_RUNGS, sizeof *live.rungs),
    };
    if (live.workers && live.tasks && live.rungs) {
        tell_counts(c, now, &live);
        tell_tasks(c, &live);
        tell_rungs(c, &live);
        tell_workers(c, now, &live);
        live_write(c->order->run_dir, &live, NULL);
    }
    live_clear(&live);
}

void coordinator_tell_progress(struct coordinator *c, double now)
{
    if (now < c->live_at || c->deposed)
        return;
    double begun = clock_monotonic_s();
    tell(c, now);
    double took = clock_monotonic_s() - begun;
    c->live_at = now + fmax(pause_s, took / share);
}
