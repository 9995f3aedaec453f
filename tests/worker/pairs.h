/* Numbers for a fast kernel and, the same in double, for its reference. */
#ifndef TESTS_WORKER_PAIRS_H
#define TESTS_WORKER_PAIRS_H

#include <stdint.h>

struct pair {
    float *f;
    double *d;
    int n;
};

/* n numbers within +-scale, drawn by the seed. */
struct pair pair_new(int n, uint32_t seed, float scale);
void pair_free(struct pair *pair);
void pairs_free(struct pair *pairs, int count);

/* Asserts that f is d, but for 2e-6 of the largest element: an element goes through
 * some ten rounded operations of 6e-8 each, or through a sum whose terms may cancel;
 * the worst seen on three instruction sets is 1.4e-6. */
void pair_check(const struct pair *pair);

#endif
