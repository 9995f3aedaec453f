/* The profile of a start: what the workers have said about where their time goes, added
 * up. No input or output. */
#ifndef COORDINATOR_PROFILE_SUM_H
#define COORDINATOR_PROFILE_SUM_H

#include "common/bytes.h"
#include "common/protocol.h"

struct profile_sum;

/* NULL when out of memory. */
struct profile_sum *profile_sum_new(int workers);
void profile_sum_free(struct profile_sum *sum);

/* A worker's latest word takes the place of its earlier ones. */
void profile_sum_take(struct profile_sum *sum, int worker, const struct measured *m);

struct profile_row {
    double seconds; /* of one thread */
    double share;   /* of the time of all phases */
    uint64_t calls;
    double gflop;       /* of matrix products; 0: none are counted */
    double gflop_per_s; /* of one thread */
    double of_limit;    /* that rate by the limit of those who computed; NaN: unknown */
};

struct profile_total {
    int workers; /* that have said something */
    int threads; /* of all of them */
    double seconds;
    double limit; /* GFLOP/s of one thread: the mean over the threads; 0: unknown */
    struct profile_row rows[PHASE_COUNT];
};
void profile_sum_total(const struct profile_sum *sum, struct profile_total *out);

/* The text of profile.csv (docs/formats.md). */
void profile_total_csv(struct bytes *out, const struct profile_total *total);

#endif
