/* Counter-based random numbers, Philox4x32-10.
 *
 * A number is a function of (seed, purpose) and of a counter of four words, so it does
 * not matter who computes it or when. Source: Salmon, Moraes, Dror, Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011; known answers in tests. */
#ifndef COMMON_PHILOX_H
#define COMMON_PHILOX_H

#include <stdint.h>

/* What a number is for. Numbers are part of every trial's definition: never reused or
 * renumbered. The comment says what the counter words are. */
enum philox_purpose {
    PHILOX_INIT = 1,      /* (tensor kind, layer + 1, element / 4, 0) */
    PHILOX_SHUFFLE = 2,   /* (epoch from 0, position, 0, 0) */
    PHILOX_DROPOUT = 3,   /* (step, example, element / 4, place): see worker/model.h */
    PHILOX_SUBSAMPLE = 4, /* (row, 0, 0, 0) */
    PHILOX_SELECTION = 5, /* (row, 0, 0, 0) */
    PHILOX_SEARCH = 6,    /* (draw, axis, candidate, stream): coordinator/search */
    PHILOX_EXPLOIT = 7,   /* (trial that is replaced, its epoch, 0, 0) */
    PHILOX_STATISTICS =
        8,              /* (number / 4, draw, stream, 0): report/statistics/draws.h */
    PHILOX_LABELS = 16, /* (position in the trained rows, 0, 0, 0) */
};

/* Key: {seed, purpose}. */
void philox(uint32_t out[4], uint32_t seed, enum philox_purpose purpose, uint32_t c0,
            uint32_t c1, uint32_t c2, uint32_t c3);

/* First two words as one 64-bit number: out[1] is the upper half. */
uint64_t philox_u64(uint32_t seed, enum philox_purpose purpose, uint32_t c0,
                    uint32_t c1);

/* Upper 24 bits of x as a float in [0, 1). */
static inline float philox_uniform(uint32_t x) { return (float)(x >> 8) * 0x1p-24f; }

#endif
