/* What a run's scheduler and search make of its trials: which stop, wait and go on, and
 * which configuration comes next.
 *
 * Pure: fed with what happens to trials, while it happens and, at the next start, from
 * the journal in the same order; so nothing of it is recorded besides. Trials that the
 * job does not want, or without a scheduler all, are answered by CONTINUE. Calls that
 * return int return ERR_MEMORY when out of memory; then it is good for steering_free()
 * only. */
#ifndef COORDINATOR_STEERING_H
#define COORDINATOR_STEERING_H

#include "common/error.h"
#include "coordinator/scheduler.h"
#include "coordinator/search.h"
#include "coordinator/trial_list.h"
#include "coordinator/trial_table.h"
#include "jobs/job_spec.h"

struct steering;

/* All borrowed; wanted (trials): of this start's job; both arrays may get longer where
 * the search is adaptive. layers: of the encoder. */
int steering_new(struct steering **out, const struct job_spec *spec,
                 const struct trial_list *list, const bool *wanted, int layers,
                 struct error *err);
void steering_free(struct steering *steering);

/* Whether there is a scheduler. */
bool steering_is_on(const struct steering *steering);

/* Trials first…first + count - 1 were recorded: whole configurations, each on all tasks
 * with all seeds, or more trials of those known. Says nothing new where the search is
 * not adaptive: then all that are wanted were there from the beginning. */
int steering_added(struct steering *steering, int64_t first, int64_t count,
                   struct error *err);
/* Whether the search may have another configuration. */
bool steering_may_propose(const struct steering *steering);
/* It, to be added: 0; 1: there is none. Seed: the base's. */
int steering_propose(struct steering *steering, struct settings *out,
                     struct error *err);

void steering_granted(struct steering *steering, int64_t trial);
/* The end of an epoch (from 1). A scheduler's verdict, or ERR_MEMORY. */
int steering_reported(struct steering *steering, int64_t trial, int epoch,
                      double score);
/* It is done, has failed, or is given up. */
int steering_ended(struct steering *steering, int64_t trial, bool failed);

/* Population based training: settings of a trial that takes the place of a loser. */
void steering_explore(const struct steering *steering, const struct settings *from,
                      uint64_t draw, struct settings *out);
/* `trial`, new in the list, goes on from parent's state in loser's place. */
int steering_forked(struct steering *steering, int64_t trial, int64_t parent,
                    int64_t loser, int epoch);

/* What a free worker is to do before a trial that nobody has begun. */
struct scheduler_step steering_next(const struct steering *steering);

/* Where a trial that could go on is after a replay: QUEUED, PAUSED or STOPPED. */
enum trial_state steering_state(const struct steering *steering, int64_t trial);
/* Whether nothing runs and nothing can be handed out. */
bool steering_over(const struct steering *steering, const struct trial_table *table);
/* Its bracket and the rung (from 0; -1: none) at which it was last judged. */
int steering_bracket(const struct steering *steering, int64_t trial);
int steering_rung(const struct steering *steering, int64_t trial);
/* Epochs at which a bracket's rung judges; 0: there is none. */
int steering_rung_epochs(const struct steering *steering, int bracket, int rung);

#endif
