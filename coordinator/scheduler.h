/* Which trials stop early, wait, and go on: one interface for every rule
 * (docs/schedulers.md).
 *
 * Pure: no messages, no clock, no files. Its state is a function of the calls that
 * change it, in their order; a resumed run makes the same calls from the journal.
 * Trials of different tasks are never compared. A unit is what is compared: a trial, or
 * with sweep.judge = "mean" the trials of a configuration and task that differ in their
 * seeds, by the mean of their scores once all have come as far. Equals rank by number,
 * the lower first.
 *
 * Calls that return int return ERR_MEMORY when out of memory; the scheduler is then
 * good for scheduler_free() only. Trials that were not added are none of its business:
 * they are answered by CONTINUE and change nothing. Every call takes O(log n).
 *
 * Sources: ASHA, Li et al., A System for Massively Parallel Hyperparameter Tuning,
 * MLSys 2020 (arXiv 1810.05934), Algorithm 2; Hyperband, Li et al., JMLR 18 (2018),
 * Algorithm 1; median stopping, Golovin et al., Google Vizier, KDD 2017, section 3.2;
 * PBT, Jaderberg et al., arXiv 1711.09846, section 4.1. */
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

/* NULL when out of memory. */
struct scheduler *scheduler_new(const struct scheduler_plan *plan);
void scheduler_free(struct scheduler *scheduler);

/* A trial is there; numbers (from 1) increase from call to call, with gaps or without.
 * unit: any number that trials judged together share, of one task; members: how many
 * trials the unit is to have; both are not looked at where each is judged alone, as PBT
 * always does. Returns the epochs at which its bracket first decides (0: never), or
 * ERR_MEMORY. */
int scheduler_add(struct scheduler *scheduler, int64_t trial, int64_t unit, int members,
                  int task);
/* It was handed to a worker: a paused one goes on. Again, as after the loss of a
 * worker, changes nothing. */
void scheduler_granted(struct scheduler *scheduler, int64_t trial);
/* It has reported the end of an epoch (from 1). Score: higher is better; NaN ranks
 * last. A verdict, or ERR_MEMORY.
 *
 * Epochs that it has reported before change nothing: begun anew after its checkpoint
 * was lost, it is asked again and goes on, unless it was paused or stopped since. A new
 * epoch of a paused trial means that it was granted: runs are replayed the same where
 * grants are not kept. */
int scheduler_report(struct scheduler *scheduler, int64_t trial, int epoch,
                     double score);
/* It needs no worker any more: trained to its end, or failed, or given up, or stopped
 * by a verdict, by a fork or from outside. Where it was awaited it counts with its last
 * score, or as the worst if it has failed. 0 or ERR_MEMORY. */
int scheduler_ended(struct scheduler *scheduler, int64_t trial, bool failed);
/* Population based training: `trial`, a new number, takes the place of loser, with
 * parent's state at `epoch`, and is as good as granted. 0 or ERR_MEMORY. */
int scheduler_forked(struct scheduler *scheduler, int64_t trial, int64_t parent,
                     int64_t loser, int epoch);
/* No trial more will be added (but by forks): synchronous rules need not wait for
 * others. Hyperband and PBT need to be told. 0 or ERR_MEMORY. */
int scheduler_complete(struct scheduler *scheduler);

/* What a free worker is to do first, of any task; changes nothing until the move is
 * made by scheduler_granted() or scheduler_forked(). */
struct scheduler_step scheduler_next(const struct scheduler *scheduler);
/* Whether a trial is paused, and at which rung (from 0; -1: none) it was last judged.
 */
bool scheduler_is_paused(const struct scheduler *scheduler, int64_t trial);
int scheduler_rung(const struct scheduler *scheduler, int64_t trial);
/* The bracket that a trial was put into; 0 where there is one only. */
int scheduler_bracket(const struct scheduler *scheduler, int64_t trial);
/* Epochs after which a trial is judged next; 0: no more, it trains to its end. */
int scheduler_until(const struct scheduler *scheduler, int64_t trial);
/* Epochs of a bracket's rung; 0: there is none. */
int scheduler_rung_epochs(const struct scheduler *scheduler, int bracket, int rung);

#endif
