/* How often and with which numbers a statistic is resampled; what two configurations
 * must share for it. */
#ifndef REPORT_STATISTICS_RESAMPLING_H
#define REPORT_STATISTICS_RESAMPLING_H

#include "report/statistics/answers.h"

enum { RESAMPLING_DRAWS = 10000, RESAMPLING_RUNS_MIN = 3 };

struct resampling {
    int draws;     /* 0: RESAMPLING_DRAWS; at least 100 */
    uint32_t seed; /* the same seed, the same numbers, with any number of threads */
    int threads;   /* at least 1 */
};

int resampling_draws(const struct resampling *resampling);

/* What both the bootstrap and the permutation test need of a and, where it is not NULL,
 * b. ERR_INPUT with the reason. */
int resampling_check(const struct answers *a, const struct answers *b,
                     const struct score_rule *rule, const struct resampling *resampling,
                     const char *what, struct error *err);

#endif
