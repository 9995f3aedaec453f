/* Hierarchical bootstrap of a configuration's mean score over seeds, and of the
 * difference between two configurations: how far would it move with other seeds and
 * other examples? */
#ifndef REPORT_STATISTICS_BOOTSTRAP_H
#define REPORT_STATISTICS_BOOTSTRAP_H

#include "report/statistics/resampling.h"
#include "report/statistics/spread.h"

struct bootstrap {
    double estimate; /* mean score over the runs, or difference of two means; no draw */
    double mean, sd; /* of the draws; sd is the standard error of the estimate */
    struct interval interval; /* the draws' (1 ± level) / 2 percentiles, linear */
    int draws, undefined;     /* undefined draws (a constant resample) are left out */
};

/* A draw takes `runs` runs with replacement, then `rows` rows with replacement, the
 * same rows for all runs of the draw, and averages the runs' scores on these rows. For
 * a difference a - b both have the same gold rows; a draw takes the same rows for both
 * (they are paired) and runs of each on its own: seeds of two configurations share
 * random numbers, not an outcome, and where they are alike the interval is too wide,
 * never too narrow.
 *
 * With few seeds the interval is too narrow: a draw's variance over S seeds is
 * (S - 1) / S of the true one (3 seeds: 2/3).
 *
 * Monte Carlo error: of sd about sd / √(2 draws), of an end of a 95 % interval about
 * 0.027 sd at 10,000 draws.
 *
 * Cost at 10,000 draws of 5 runs of 2 classes, one thread: 0.05 s for 1,000 rows and
 * 0.1 s for 40,000 (rows with equal gold and answers are drawn together, as a
 * multinomial); a difference 0.13 s and 2.4 s. For 1,500 rows Pearson 0.15 s, Spearman
 * 0.3 s, differences 0.2 s and 0.4 s. Linear in draws: the caller takes fewer for
 * differences over more than 10,000 rows.
 *
 * ERR_INPUT with the reason: fewer than RESAMPLING_RUNS_MIN runs a side, what
 * answers_check refuses, different gold rows, an undefined estimate, more than 1 draw
 * in 100 undefined, level outside (0, 1). ERR_MEMORY. Sources: Efron, Tibshirani, An
 * Introduction to the Bootstrap (1993), ch. 13; Sellam et al., "The MultiBERTs", ICLR
 * 2022, section 4 (seeds and examples together). */
int bootstrap_score(struct bootstrap *out, const struct answers *answers,
                    const struct score_rule *rule, double level,
                    const struct resampling *resampling, struct error *err);
int bootstrap_difference(struct bootstrap *out, const struct answers *a,
                         const struct answers *b, const struct score_rule *rule,
                         double level, const struct resampling *resampling,
                         struct error *err);

#endif
