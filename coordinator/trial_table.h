/* Who computes what: states and leases of trials, fed by events and the time.
 *
 * Pure: no messages, no clock, no files. A worker may hold several trials (the one it
 * computes and others handed out ahead); each hand-out has a lease of its own, and
 * whatever comes under another lease is ignored. Every event takes constant time, a
 * trial takes 28 bytes.
 *
 *   queued ──granted──> running ──finished──> done
 *    ^ ^                   ││├────failed────> failed
 *    │ └──released, lost───┘│├────stopped───> stopped
 *    │                      │└─lost again───> given up
 *    └──resumed── paused <──┘ */
#ifndef COORDINATOR_TRIAL_TABLE_H
#define COORDINATOR_TRIAL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum trial_state {
    TRIAL_QUEUED,
    TRIAL_RUNNING,
    TRIAL_DONE,
    TRIAL_STOPPED,  /* by a scheduler, before its last epoch; final */
    TRIAL_FAILED,   /* it cannot be computed; final */
    TRIAL_GIVEN_UP, /* lost its worker too often; final */
    TRIAL_UNWANTED, /* never begun, and not this run's: another shard's, or of a job
                       that names it no more */
    TRIAL_PAUSED,   /* it waits at its last report for a scheduler's word */
    TRIAL_STATE_COUNT
};
const char *trial_state_name(enum trial_state state); /* "given up" */

struct trial_policy {
    int attempts;        /* workers lost, or failures that may not hold elsewhere,
                            without a report in between: given up, or failed */
    double lost_after_s; /* silence of a worker that counts as lost; 0: never */
};

struct trial_lease {
    int64_t trial; /* from 1; 0: none */
    uint32_t lease;
    int epochs; /* reported so far: where to go on */
};

/* What to answer. */
enum trial_answer {
    ANSWER_IGNORE,   /* an old lease: nothing changed, tell the worker to drop it */
    ANSWER_CONTINUE, /* accepted */
    ANSWER_STOP,     /* accepted, and the worker is to hand the trial back */
};

struct trial_table;

/* Trials 1…trials are queued in this order; workers 0…workers-1 are expected from now
 * on: one that does not join within lost_after_s is silent. NULL when out of memory. */
struct trial_table *trial_table_new(int64_t trials, int workers,
                                    struct trial_policy policy, double now);
void trial_table_free(struct trial_table *table);

/* One trial more, queued behind the others. ERR_MEMORY: there is none. */
int trial_table_add(struct trial_table *table);
/* One that goes on from others' epochs: queued before all; loser, which is paused, is
 * STOPPED. */
int trial_table_fork(struct trial_table *table, int64_t loser, int epochs);

/* A worker is there, idle. One that was lost may come back. */
void trial_table_worker_joined(struct trial_table *table, int worker, double now);
/* Any sign of life. Ignored for a worker that is not there. */
void trial_table_heard(struct trial_table *table, int worker, double now);
/* Nobody could be heard until now: everybody's silence begins anew. */
void trial_table_forgive(struct trial_table *table, double now);
/* Its trials go back to the front of the queue. Returns the one that it computed if
 * that is given up now, otherwise 0. */
int64_t trial_table_worker_lost(struct trial_table *table, int worker);
/* It leaves because it cannot work: the same, but no trial is at fault. */
void trial_table_worker_dismissed(struct trial_table *table, int worker);
/* Workers that are there or still expected. */
int trial_table_workers(const struct trial_table *table);
/* A worker silent for lost_after_s at now, or -1. Call worker_lost for it, then again.
 */
int trial_table_silent(const struct trial_table *table, double now);
/* When the next worker would be silent; infinity where none can be. */
double trial_table_deadline(const struct trial_table *table);

/* The first queued trial; 0: none. */
int64_t trial_table_first(const struct trial_table *table);
/* Hands the first queued trial to a worker. trial = 0: none queued, stopping, or the
 * worker is not there. */
struct trial_lease trial_table_grant(struct trial_table *table, int worker, double now);
/* An epoch (or report_steps) was reported and kept: epochs so far. */
enum trial_answer trial_table_reported(struct trial_table *table, int64_t trial,
                                       uint32_t lease, int epochs, double now);
/* Final states: DONE or STOPPED. */
enum trial_answer trial_table_ended(struct trial_table *table, int64_t trial,
                                    uint32_t lease, enum trial_state state, double now);
/* It waits from this report on. Its worker is free at once, and is to be told so: what
 * it says of this lease later is ignored. */
enum trial_answer trial_table_paused(struct trial_table *table, int64_t trial,
                                     uint32_t lease, double now);
/* A paused trial is to go on: before all that are queued. One that is not paused stays
 * as it is. */
void trial_table_resume(struct trial_table *table, int64_t trial);
/* It could not be computed: FAILED; or queued again where it may succeed elsewhere and
 * attempts are left. */
enum trial_answer trial_table_failed(struct trial_table *table, int64_t trial,
                                     uint32_t lease, bool elsewhere, double now);
/* The worker handed it back, to go on from its last report. */
enum trial_answer trial_table_released(struct trial_table *table, int64_t trial,
                                       uint32_t lease, double now);

/* Nothing more is handed out; running trials are handed back at their next report. */
void trial_table_stop(struct trial_table *table);
bool trial_table_stopping(const struct trial_table *table);
/* A queued trial is to be handed out before all that are queued. */
void trial_table_prefer(struct trial_table *table, int64_t trial);
/* The run ends with those that wait: paused trials, and queued ones that have reported,
 * are STOPPED; others that are queued UNWANTED. Returns how many of these there are. */
int64_t trial_table_close(struct trial_table *table);
/* What an earlier run has left of a trial; before the start, once a trial. */
struct trial_restored {
    enum trial_state state; /* not running */
    int epochs;
    uint32_t lease; /* the last one that it had */
    uint16_t attempts, losses;
};
void trial_table_restore(struct trial_table *table, int64_t trial,
                         const struct trial_restored *restored);

/* Nothing runs and nothing can be handed out. */
bool trial_table_over(const struct trial_table *table);
int64_t trial_table_count(const struct trial_table *table, enum trial_state state);
enum trial_state trial_table_state(const struct trial_table *table, int64_t trial);
int trial_table_epochs(const struct trial_table *table, int64_t trial);
/* Times that it was handed out. */
int trial_table_attempts(const struct trial_table *table, int64_t trial);
/* Workers lost with it since its last report. */
int trial_table_losses(const struct trial_table *table, int64_t trial);
/* The worker that holds it, or -1. */
int trial_table_holder(const struct trial_table *table, int64_t trial);
/* Workers that hold a trial. */
int trial_table_busy(const struct trial_table *table);
/* Whether a worker has joined and is neither lost nor dismissed. */
bool trial_table_is_here(const struct trial_table *table, int worker);
/* How many trials a worker holds. */
int trial_table_held(const struct trial_table *table, int worker);
/* The trial that it got after this one, or its oldest (after = 0); trial = 0: no more.
 */
struct trial_lease trial_table_next_held(const struct trial_table *table, int worker,
                                         int64_t after);
/* The trial that a worker computes: the oldest that it holds; trial = 0: idle. */
struct trial_lease trial_table_computing(const struct trial_table *table, int worker);

#endif
