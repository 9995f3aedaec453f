/* Units on their way up the rungs of a bracket: what ASHA and Hyperband share.
 *
 * A unit goes to a rung, is judged there once all of its members have come as far or
 * have ended, and waits until it is promoted. At the last rung nobody is judged. */
#ifndef COORDINATOR_SCHEDULER_RUNGS_H
#define COORDINATOR_SCHEDULER_RUNGS_H

#include "coordinator/scheduler/parts.h"

enum { RUNGS_MOST = 20 }; /* 2^19 is above the most epochs */

struct rung {
    int64_t judged;      /* units */
    struct heap waiting; /* those that can go on; its first is never out of date */
    /* ASHA: all that were judged, the best 1/eta (worst first) and the others */
    struct heap top, rest;
    /* Hyperband */
    int64_t expected;       /* units that are to be judged; -1: not known yet */
    int64_t live;           /* those waiting */
    int64_t open;           /* promotions left */
    struct rung *next_open; /* rungs in the order in which they closed */
};

struct ladder {
    int task, bracket, rungs;
    const int *epochs;
    struct rung *rung;
    int64_t units;       /* that were put into it */
    int64_t size;        /* Hyperband: how many it is to have */
    struct ladder *next; /* Hyperband: one begun before it */
};

/* What a rule does with a unit whose score at its rung is known, and with one that was
 * waiting and has ended. */
typedef int rungs_judge(struct scheduler *s, int64_t unit, double score);
typedef int rungs_withdraw(struct scheduler *s, int64_t unit);

int ladder_init(struct ladder *ladder, int rungs);
void ladder_clear(struct ladder *ladder);

/* floor(log_eta(max / min)): the brackets of the papers are as many and one. */
int rungs_last(const struct scheduler_plan *plan);
/* Hyperband's number of configurations in the bracket that begins s = steps rungs below
 * the last of `last` (JMLR 18, Algorithm 1, line 4). */
int64_t rungs_bracket_size(int last, int steps, int eta);

int rungs_reported(struct scheduler *s, int64_t trial, rungs_judge *judge);
int rungs_ended(struct scheduler *s, int64_t trial, enum phase before, bool was_queued,
                rungs_judge *judge, rungs_withdraw *withdraw);
int rungs_completed(struct scheduler *s, rungs_judge *judge);
/* A waiting unit leaves for the next rung; its paused members are queued. */
void rungs_promote(struct scheduler *s, int64_t unit);
/* Forgets first ones that are not waiting any more; after every promotion. */
void rungs_tidy(const struct scheduler *s, struct rung *rung, int number);
/* A member of the first of those who wait. */
int64_t rungs_first_waiting(const struct scheduler *s, const struct rung *rung);

int rungs_rung(const struct scheduler *s, int64_t trial);
int rungs_until(const struct scheduler *s, int64_t trial);
int rungs_bracket(const struct scheduler *s, int64_t trial);

#endif
