/* Which configurations a sweep tries: one interface for every kind of search.
 *
 * Pure: no messages, no clock, no files. A configuration is the job's base settings
 * with a value for each axis of sweep.space whose condition holds. Configurations are
 * proposed one after the other; which one comes next depends on the job (with its
 * search_seed), on how many were proposed, and, of an adaptive search, on the scores
 * told so far in their order: the same history gives the same proposal. None is
 * proposed twice. */
#ifndef COORDINATOR_SEARCH_H
#define COORDINATOR_SEARCH_H

#include "common/error.h"
#include "jobs/job_spec.h"

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
 * list is at its end, or nothing new was found in many draws. ERR_MEMORY. */
int search_next(struct search *search, struct settings *out, struct error *err);

/* Instead of search_next(), where an earlier start has proposed already: settings are
 * what it proposed. */
int search_restore(struct search *search, const struct settings *settings,
                   struct error *err);

/* What became of a proposal, counted from 0, once: its score (higher is better; NaN
 * where it has none, because it failed) after so many epochs. */
int search_tell(struct search *search, int64_t proposal, double score, int epochs,
                struct error *err);

/* Population based training's exploration: settings with some axes changed, each real
 * or whole one multiplied or divided by 1.2 (a step at least), a choice moved to a
 * neighbour, now and then one drawn anew; never outside its axis. draw: a number of
 * this exploration; the same gives the same. */
void search_explore(const struct search *search, const struct settings *from,
                    uint64_t draw, struct settings *out);

#endif
