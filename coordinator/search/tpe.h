/* Tree-structured Parzen estimator: draws points where those that scored well lie close
 * together and the others do not. docs/search.md has its definition and measurements.
 *
 * Sources: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011;
 * Watanabe, Tree-Structured Parzen Estimator, arXiv 2304.11127. */
#ifndef COORDINATOR_SEARCH_TPE_H
#define COORDINATOR_SEARCH_TPE_H

#include "coordinator/search/space.h"

enum { TPE_CANDIDATES = 24 };

struct tpe;

/* space is borrowed. NULL when out of memory. */
struct tpe *tpe_new(const struct space *space, uint32_t seed);
void tpe_free(struct tpe *tpe);

/* The next proposal is this point; it is pending until it is told. ERR_MEMORY. */
int tpe_add(struct tpe *tpe, const double *point);
/* NaN ranks last; those of more epochs rank before those of fewer. What is told again
 * with more epochs replaces what was told before; all else changes nothing. */
void tpe_tell(struct tpe *tpe, int64_t proposal, double score, int epochs);
/* Whether enough is told; before, points are drawn from the whole space. */
bool tpe_is_ready(const struct tpe *tpe);
/* Candidates for the next proposal, best first; another round gives others. Returns how
 * many, or ERR_MEMORY. */
int tpe_propose(struct tpe *tpe, int round, double points[][SPACE_AXES]);

#endif
