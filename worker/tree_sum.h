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

/* The sums that need only parts first…end-1, of count. What is left of them is what
 * tree_sum_nodes() names; the others are overwritten. */
void tree_sum_within(float *parts, int64_t first, int64_t end, int64_t count,
                     int64_t values);
/* The largest nodes that lie in parts first…end-1 of count, by their first part,
 * ascending; nodes has room for TREE_NODES. Returns how many. */
enum { TREE_NODES = 128 };
int tree_sum_nodes(int64_t *nodes, int64_t first, int64_t end, int64_t count);
/* The rest of the sums, after tree_sum_within() of each of the ranges bounds[i]…
 * bounds[i+1]-1, which cover all parts: the sum ends in the first part. */
void tree_sum_across(float *parts, const int64_t *bounds, int ranges, int64_t values);

/* The same tree over single numbers. */
double tree_sum_double(double *parts, int64_t count);

#endif
