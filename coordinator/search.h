/* Which configurations a sweep tries: one interface for every kind of search.
 *
 * Pure: no messages, no clock, no files. A configuration is the job's base settings
 * with a value for each axis of sweep.space whose condition holds. Configurations are
 * proposed one after the other; which one comes next depends on the job (with its
 * search_seed), on those proposed before, and, of an adaptive search, on the scores
 * told so far: the same history gives the same proposal. None is proposed twice. */
#ifndef COORDINATOR_SEARCH_H
#define COORDINATOR_SEARCH_H

#include "common/error.h"
#include "jobs/job_spec.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct search;

/* spec is borrowed. layers: of the encoder; settings without effect for it make no
 * other configuration. ERR_INPUT: a space that the search cannot go through. */
int search_new(struct search **out, const struct job_spec *spec, int layers,
               struct error *err);
void search_free(struct search *search);

/* Whether what it proposes depends on scores. */
bool search_is_adaptive(const struct search *search);

/* The next configuration (seed: the base's). 0, or 1 when there is none left: a grid or
 * list is at its end, a finite space is used up, or nothing new was found in many
 * draws. ERR_INPUT: what comes next cannot be trained (search/check.h; all searches but
 * adaptive ones are gone through at the start, of those 1,000 draws are tried then), or
 * is a grid's or list's second of two that differ in epochs only where the schedule
 * does not know them. ERR_MEMORY. */
int search_next(struct search *search, struct settings *out, struct error *err);

/* Instead of search_next(), where an earlier start has proposed already: settings are
 * what it proposed, or another configuration of the run that is not to be proposed
 * again. 0, or 1 where it is there already, which is no proposal more. ERR_MEMORY. */
int search_restore(struct search *search, const struct settings *settings,
                   struct error *err);

/* So many were proposed or restored. */
int64_t search_proposed(const struct search *search);
/* How many points were left out as equal to proposals before them. */
int64_t search_merged(const struct search *search);

/* What became of a proposal, counted from 0 in the order of search_next() and
 * search_restore(): its score (higher is better; the mean of its seeds; NaN where it
 * has none, because it failed) after so many epochs, SEARCH_FINISHED once it needs no
 * more.
 *
 * Scores after different epochs are never compared: who came further ranks before all
 * who did not, since a scheduler lets those go on that were better where they were
 * judged together. What is told later with more epochs replaces what was told before,
 * all else about it is ignored; so only what is known of each proposal counts, not in
 * which order it came. Until told, a proposal is pending: a place where another one
 * already looks. */
enum { SEARCH_FINISHED = INT_MAX };
void search_tell(struct search *search, int64_t proposal, double score, int epochs);

/* Population based training's exploration: of the axes that may change within a trial
 * (setting_may_change()), each real or whole one multiplied or divided by 1.2 (a step
 * at least), a choice moved to a neighbour, one in four drawn anew; never outside its
 * axis. draw: a number of this exploration; the same gives the same. */
void search_explore(const struct search *search, const struct settings *from,
                    uint64_t draw, struct settings *out);

#endif
