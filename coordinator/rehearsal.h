/* How a sweep would go on so many workers, if its trials took as long as they are said
 * to: the real scheduler, imaginary scores.
 *
 * Pure: no messages, no clock. Trials are handed out in their order to whoever is free,
 * paused ones first, as the coordinator does. Every unit has a score of its own, drawn
 * once and the same after every epoch, so rungs agree with one another; what differs is
 * only who comes first. */
#ifndef COORDINATOR_REHEARSAL_H
#define COORDINATOR_REHEARSAL_H

#include "coordinator/scheduler.h"

#include <stdint.h>

/* Trials of one length. */
struct rehearsal_kind {
    double start_s, epoch_s, end_s; /* each time it is begun; an epoch; its result */
    int epochs;                     /* at least 1 */
    int shards; /* microshards of a batch, at least 1: more workers have nothing to do
                 */
};

struct rehearsal_trial {
    int kind, task;
    int64_t unit; /* as scheduler_add() has it */
    int members;
};

struct rehearsal_plan {
    struct scheduler_plan scheduler;
    const struct rehearsal_kind *kinds;
    const struct rehearsal_trial *trials; /* (trial_count) in their order */
    int64_t trial_count;
    int workers, workers_per_trial; /* as cluster.workers_per_trial */
    int64_t epoch_limit;            /* begun in all; 0: none */
    uint32_t draw;                  /* of the scores */
};

struct rehearsal {
    double seconds;
    int64_t epochs;
};

/* 0 or ERR_MEMORY. */
int rehearse(struct rehearsal *out, const struct rehearsal_plan *plan);

/* The mean over some draws of the scores, where it depends on them. */
int rehearse_mean(struct rehearsal *out, const struct rehearsal_plan *plan);

/* The largest number of workers that are of use: half of their time at least is saved
 * against one worker, and no smaller number is as quick. 0 or ERR_MEMORY. */
int rehearse_useful(int *workers, const struct rehearsal_plan *plan);

#endif
