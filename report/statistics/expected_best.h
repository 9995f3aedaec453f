/* Expected best dev score of a sweep that had tried only k configurations. */
#ifndef REPORT_STATISTICS_EXPECTED_BEST_H
#define REPORT_STATISTICS_EXPECTED_BEST_H

#include "common/error.h"

/* How the configurations came about. */
enum sampling {
    SAMPLING_RANDOM,   /* independent draws of one distribution */
    SAMPLING_GRID,     /* all of a grid: label the figure "uniform over this grid" */
    SAMPLING_ADAPTIVE, /* TPE, ASHA, Hyperband, PBT: refused */
};

struct expected_best {
    double biased;   /* drawn with replacement: Dodge et al. 2019 */
    double sd;       /* of the best of k, with replacement */
    double unbiased; /* drawn without replacement: Tang et al. 2020 */
};

/* out      (budget_count) written
 * scores   (count) one number a configuration (its mean over seeds); higher is better;
 *          any order
 * budgets  (budget_count) numbers of configurations k, 1 <= k <= count
 *
 * With y sorted upwards, i from 1, N = count:
 *   biased(k)   = Σ y_i ((i/N)^k - ((i-1)/N)^k)
 *   sd(k)²      = Σ y_i² (same weight) - biased(k)²
 *   unbiased(k) = Σ y_i C(i-1, k-1) / C(N, k)
 * Both answer for draws like those made; biased(k) is too low, the more the closer k is
 * to N. N log N + N · budget_count operations: ask for some 200 budgets, not for all of
 * 10,000.
 *
 * ERR_INPUT with the reason for adaptive sampling, whose later configurations depend on
 * the scores of the earlier ones, for no scores, an undefined score, a budget outside
 * 1…count. ERR_MEMORY.
 * Sources: Dodge, Gururangan, Card, Schwartz, Smith, "Show Your Work", EMNLP 2019,
 * equation 7; Tang, Lee, Xin, Liu, Yu, Lin, "Showing Your Work Doesn't Always Work",
 * ACL 2020, section 3.2. */
int expected_best(struct expected_best *out, const double *scores, int count,
                  enum sampling sampling, const int *budgets, int budget_count,
                  struct error *err);

#endif
