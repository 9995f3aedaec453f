/* Mean, standard deviation and interval of a few values, the scores of seeds first of
 * all. */
#ifndef REPORT_STATISTICS_SPREAD_H
#define REPORT_STATISTICS_SPREAD_H

#include "common/error.h"

/* Mean and standard deviation over the n values that are defined. */
struct spread {
    int n;
    double mean; /* NaN for n = 0 */
    double sd;   /* n - 1; NaN for n < 2 */
};

/* values  (count); NaN is a missing value and skipped */
struct spread spread_of(const double *values, int count);

struct interval {
    double low, high;
};

/* Student's interval of the mean: mean ± t(n - 1, (1 + level) / 2) · sd / √n.
 *
 * level  in (0, 1), 0.95 in our tables
 *
 * Right for values that are independent and nearly normal: seeds, not epochs of a
 * trial. ERR_INPUT with the reason for n < 2, where nothing tells the spread.
 * Source: Student, "The probable error of a mean", Biometrika 6 (1908). */
int spread_interval(struct interval *out, struct spread spread, double level,
                    struct error *err);

#endif
