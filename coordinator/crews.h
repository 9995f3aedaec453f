/* Who helps whom: workers without a trial of their own join those who have one.
 *
 * Pure: no messages, no clock. Looks at the trial table and is told what workers say; a
 * helper is one until it says itself that it is free, or is gone. */
#ifndef COORDINATOR_CREWS_H
#define COORDINATOR_CREWS_H

#include "coordinator/trial_table.h"

enum { CREW_MOST = 15 }; /* helpers of one trial: more would find nothing to do */

struct crew_policy {
    int workers_per_trial; /* so many on each trial; 1: nobody helps; 0: whoever has
                              nothing to do, once no trial waits for a worker */
    int attempts;          /* helpers lost, or unable, under one lease: no more then */
    double settle_s;       /* with 0: a trial that is younger gets no helpers */
};

struct crews;

/* NULL: out of memory. */
struct crews *crews_new(int workers, struct crew_policy policy);
void crews_free(struct crews *crews);

/* What a worker that has joined the run is like: the same node, the same numerics have
 * the same number. Nobody helps where that would change digits. */
void crews_place(struct crews *crews, int worker, int node, int numerics);

/* Whether a worker that holds nothing should get a trial of its own. */
bool crews_may_lead(const struct crews *crews, const struct trial_table *table,
                    int worker);

/* A helper, and what it helps with. */
struct crew_bond {
    int helper, leader;
    int64_t trial;
    uint32_t lease;
};
/* What a worker helps with; false: nothing. */
bool crews_bond(const struct crews *crews, int worker, struct crew_bond *bond);
/* It is free, as it says; if nobody told it to leave, it could not help. */
void crews_freed(struct crews *crews, int worker);
/* It is gone: its leader should hear of that, where *bond is written (true). */
bool crews_lost(struct crews *crews, int worker, struct crew_bond *bond);

/* One look at the table. Then call the next two until they say no. */
void crews_look(struct crews *crews, const struct trial_table *table, double now);
/* A helper to be told that it should leave: its lease is over, or trials wait. */
bool crews_next_to_leave(struct crews *crews, const struct trial_table *table,
                         struct crew_bond *bond);
/* Whether a helper that was told to leave has not said that it is free for limit_s. */
bool crews_overdue(const struct crews *crews, int worker, double now, double limit_s);
/* A worker to be told to help. */
bool crews_next_to_join(struct crews *crews, const struct trial_table *table,
                        double now, struct crew_bond *bond);

#endif
