/* The random numbers of a search: functions of search_seed and of what they are for. */
#ifndef COORDINATOR_SEARCH_DRAW_H
#define COORDINATOR_SEARCH_DRAW_H

#include "common/philox.h"

/* Fourth counter word; never renumbered. The others are said where they are drawn. */
enum draw_stream { DRAW_RANDOM, DRAW_TPE, DRAW_EXPLORE, DRAW_SCRAMBLE };

/* In [0, 1), 53 bits. */
static inline double draw_uniform(uint32_t seed, enum draw_stream stream, uint32_t c0,
                                  uint32_t c1, uint32_t c2)
{
    uint32_t out[4];

    philox(out, seed, PHILOX_SEARCH, c0, c1, c2, stream);
    return (double)(((uint64_t)out[1] << 32 | out[0]) >> 11) * 0x1p-53;
}

#endif
