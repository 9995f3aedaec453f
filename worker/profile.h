/* Where the time of a worker's compute threads goes, by phase.
 *
 * A profile is one thread's: a mark gives the time since the mark before it to a phase,
 * so that what is not marked apart belongs to what comes next, and nothing is left out.
 * The thread that drives a trial waits while the threads of its pool compute; it and
 * the first of them share a profile, so that a worker of n threads has n profiles and
 * their sum is n times the time that has passed.
 *
 * A mark of NULL is one branch (0.5 ns); else it costs 27 ns, most of it
 * clock_gettime() through the vDSO (Zen 4, virtual machine, the best of 50
 * turns while other programs ran). MiniLM has about 250 marks a microshard of 256
 * tokens: 7 µs of some 60 ms. Nothing here changes a result or allocates, but
 * profile_new(). */
#ifndef WORKER_PROFILE_H
#define WORKER_PROFILE_H

#include "common/phase.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one thread; each on cache lines of its own. */
struct profile {
    alignas(64) int64_t (*clock_ns)(void);
    int64_t last_ns;
    bool evaluating;
    struct phase_sum sums[PHASE_COUNT];
};

/* Profiles of so many threads, from now on by this clock; NULL: CLOCK_MONOTONIC. NULL
 * when out of memory; release with free(). */
struct profile *profile_new(int threads, int64_t (*clock_ns)(void));

/* The time since the last mark to this phase, and flop operations of products. Within
 * an evaluation the operations alone, to PHASE_EVALUATION. */
void profile_add(struct profile *profile, enum phase phase, double flop);

static inline void profile_mark(struct profile *profile, enum phase phase, double flop)
{
    if (profile)
        profile_add(profile, phase, flop);
}

/* Between them nothing but operations is noted; all the time is PHASE_EVALUATION's. */
void profile_evaluation_begins(struct profile *profile);
void profile_evaluation_ends(struct profile *profile);

/* Multiplications and additions of a product (rows, inner) by (inner, columns). */
static inline double profile_product(int rows, int inner, int columns)
{
    return 2.0 * rows * inner * columns;
}

/* Sums over all threads, on the one that drives them, while none computes: all but the
 * first have waited since their last marks. */
void profile_read(struct phase_sum sums[PHASE_COUNT], struct profile *profiles,
                  int threads);

#endif
