/* How numbers lie on an axis: range, logarithmic or not, where its tics stand; and
 * which of many to show. */
#ifndef REPORT_FIGURES_SCALE_H
#define REPORT_FIGURES_SCALE_H

#include <stdbool.h>
#include <stdio.h>

enum { SCALE_DISTINCT_MAX = 12 };

struct scale {
    double min, max;  /* of the values; 0 and 1 where there are none */
    double low, high; /* of the axis: with room at both ends, never equal */
    bool log;
    int distinct; /* values that differ, in increasing order; 0: more than fit */
    double values[SCALE_DISTINCT_MAX];
};

/* Values that are not finite are passed over. An axis is logarithmic where all values
 * are positive, the largest at least 8 times the smallest, and their median nearer to
 * the middle of the logarithms than to the middle of the numbers. */
struct scale scale_of(const double *values, int count);
/* Extends a linear scale to hold the values as well. */
void scale_extend(struct scale *scale, const double *values, int count);
double scale_place(const struct scale *scale, double value); /* low 0, high 1 */

/* Tics for an axis that has room for `room` of them: the values themselves where they
 * are few and apart, else round numbers. Returns how many were written to tics
 * (SCALE_DISTINCT_MAX), at least 1. */
int scale_tics(const struct scale *scale, int room, double *tics);
/* Commands of a script: range, logscale and tics of axis "x" or "y". */
void scale_write(FILE *out, const struct scale *scale, const char *axis, int room);

/* Marks max of the count items in keep, evenly over `order` (their numbers, the most
 * important first), always the first; all of them if they are not more. Returns how
 * many. */
int scale_thin(const int *order, int count, int max, bool *keep);
/* Numbers of the scores from best to worst, those that are not finite last; equals in
 * their own order. (count) to be freed; NULL when out of memory. */
int *scale_order(const double *scores, int count, bool higher_is_better);

#endif
