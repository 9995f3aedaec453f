/* The rate of matrix products where nothing holds them up: the limit that a profile
 * compares with. */
#ifndef WORKER_PEAK_H
#define WORKER_PEAK_H

#include "worker/kernels.h"

/* Floating point operations a second of one thread, the best of some: the product that
 * training uses in float32, on 128 rows and a matrix of 192 x 192 laid out in panels,
 * so that all of it lies in a core's cache. Takes some hundredths of a second. 0: no
 * memory. */
double peak_measure(const struct kernels *kernels);

#endif
