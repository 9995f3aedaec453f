/* Sums over a fixed binary tree of indices.
 *
 * Node (k, i) is the sum of the parts [i·2^k, (i+1)·2^k) that exist: of its left and
 * right halves, or of the left one alone where nothing is in the right. So whoever
 * holds an aligned block can sum it beforehand with the same bits, whatever the number
 * of parts is. */
#ifndef WORKER_TREE_SUM_H
#define WORKER_TREE_SUM_H

#include <stdint.h>

/* parts (count, values): summed in place, the sum ends in the first part; the others
 * are overwritten. */
void tree_sum(float *parts, int64_t count, int64_t values);

/* The same tree over single numbers. */
double tree_sum_double(double *parts, int64_t count);

#endif
