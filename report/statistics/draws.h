/* Random numbers of resampling: one stream for each draw, so that it does not matter
 * which thread makes it. */
#ifndef REPORT_STATISTICS_DRAWS_H
#define REPORT_STATISTICS_DRAWS_H

#include "common/philox.h"

/* What a stream is for: two statistics never share numbers. */
enum draws_stream {
    DRAWS_BOOTSTRAP = 1,
    DRAWS_PERMUTATION = 2,
    DRAWS_STOCHASTIC_ORDER = 3,
    DRAWS_FOREST = 4,
};

struct draws {
    uint32_t seed, stream, draw, next; /* next: numbers taken */
    uint32_t block[4];
};

static inline struct draws draws_start(uint32_t seed, enum draws_stream stream,
                                       uint32_t draw)
{
    return (struct draws){.seed = seed, .stream = (uint32_t)stream, .draw = draw};
}

static inline uint32_t draws_next(struct draws *d)
{
    if (d->next % 4 == 0)
        philox(d->block, d->seed, PHILOX_STATISTICS, d->next / 4, d->draw, d->stream,
               0);
    return d->block[d->next++ % 4];
}

/* 0…n-1, each as likely but for n / 2^32. */
static inline uint32_t draws_below(struct draws *d, uint32_t n)
{
    return (uint32_t)((uint64_t)draws_next(d) * n >> 32);
}

/* In (0, 1), 53 bits. */
static inline double draws_uniform(struct draws *d)
{
    uint64_t high = draws_next(d), bits = (high << 32 | draws_next(d)) >> 11;

    return ((double)bits + 0.5) * 0x1p-53;
}

#endif
