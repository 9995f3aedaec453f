/* Which trials stop early, wait, and go on: one interface for every rule.
 *
 * Pure: no messages, no clock, no files. Its state is a function of the calls that
 * change it, in their order; a resumed run makes the same calls from the journal.
 * Trials of different tasks are never compared. A unit is what is compared: a trial, or
 * with sweep.judge = "mean" the trials of a configuration and task that differ in their
 * seeds, by the mean of their scores once all have come as far.
 *
 * Sources: ASHA, Li et al., A System for Massively Parallel Hyperparameter Tuning,
 * MLSys 2020 (arXiv 1810.05934), Algorithm 2; Hyperband, Li et al., JMLR 18 (2018),
 * Algorithm 1; median stopping, Golovin et al., Google Vizier, KDD 2017, section 3.2.1;
 * PBT, Jaderberg et al., arXiv 1711.09846. */
#ifndef COORDINATOR_SCHEDULER_H
#define COORDINATOR_SCHEDULER_H

#include "jobs/job_spec.h"

#include <stdbool.h>
#include <stdint.h>

struct scheduler_plan {
    enum scheduler_kind kind; /* SCHEDULER_NONE: every report is answered by CONTINUE */
    int min_epochs, max_epochs, eta, brackets;
    enum sweep_judge judge;
    double quantile;
    uint32_t seed;
    int tasks;
};

enum scheduler_verdict {
    VERDICT_CONTINUE,
    VERDICT_PAUSE, /* leave it: it may go on later, from this report */
    VERDICT_STOP,  /* leave it for good */
};

/* What to do with a free worker before a trial that nobody has begun. */
enum scheduler_move { MOVE_NONE, MOVE_RESUME, MOVE_FORK };
struct scheduler_step {
    enum scheduler_move move;
    int64_t trial; /* RESUME: go on with this paused one; FORK: this one's state and
                      settings, explored, take the place of `loser` */
    int64_t loser; /* FORK: paused, and stopped for good by it */
    uint64_t draw; /* FORK: number of this exploration */
};

struct scheduler;

/* NULL when out of memory. most_trials: numbers 1…most_trials may come. */
struct scheduler *scheduler_new(const struct scheduler_plan *plan, int64_t most_trials);
void scheduler_free(struct scheduler *scheduler);

/* A trial is there, in the order of numbers. unit: any number that trials judged
 * together share, of one task; members: how many trials the unit is to have.
 * Returns the epochs at which its bracket first decides (0: never). */
int scheduler_add(struct scheduler *scheduler, int64_t trial, int64_t unit, int members,
                  int task);
/* It was handed to a worker: a paused one goes on. */
void scheduler_granted(struct scheduler *scheduler, int64_t trial);
/* It has reported the end of an epoch (from 1). Score: higher is better; NaN ranks
 * last. Epochs that it has reported before change nothing: begun anew, it is asked
 * again, and the answer is that of its last state. */
enum scheduler_verdict scheduler_report(struct scheduler *scheduler, int64_t trial,
                                        int epoch, double score);
/* It needs no worker any more: trained to its end, or failed, or given up, or stopped
 * from outside. */
void scheduler_ended(struct scheduler *scheduler, int64_t trial, bool failed);
/* Population based training: `trial` takes the place of loser, with parent's state at
 * `epoch`. */
void scheduler_forked(struct scheduler *scheduler, int64_t trial, int64_t parent,
                      int64_t loser, int epoch);
/* No trial more will be added: synchronous rules need not wait for others. */
void scheduler_complete(struct scheduler *scheduler);

/* What a free worker is to do first, of any task; changes nothing until the move is
 * made by scheduler_granted() or scheduler_forked(). */
struct scheduler_step scheduler_next(const struct scheduler *scheduler);
/* Whether a trial is paused, and at which rung (from 0; -1: none) it was last judged.
 */
bool scheduler_is_paused(const struct scheduler *scheduler, int64_t trial);
int scheduler_rung(const struct scheduler *scheduler, int64_t trial);
/* Epochs of a bracket's rung; 0: there is none. */
int scheduler_rung_epochs(const struct scheduler *scheduler, int bracket, int rung);

#endif
