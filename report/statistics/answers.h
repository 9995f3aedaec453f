/* What the seeds of one configuration answered on the same rows, and their scores. */
#ifndef REPORT_STATISTICS_ANSWERS_H
#define REPORT_STATISTICS_ANSWERS_H

#include "common/error.h"
#include "common/metrics.h"

#include <stdint.h>

/* Borrowed arrays. A run is one seed's finished trial at its chosen epoch. */
struct answers {
    int runs;
    int64_t rows;
    int labels;                 /* classes; 1: values of a regression */
    const float *const *answer; /* (runs) of (rows): class numbers, or values */
    const float *gold;          /* (rows) */
};

/* The selection score: the mean of a task's metrics (F1 and accuracy for MRPC). */
struct score_rule {
    int count;
    const enum metric *metrics;
};

/* answer  (rows) written: the class of the first of the largest logits, NaN where a
 *         logit is NaN; for labels = 1 the logit itself
 * logits  (rows, labels) */
void answers_of_logits(float *answer, const float *logits, int64_t rows, int labels);

/* ERR_INPUT with the reason, prefixed by `what`: no rows, no runs, more than 65,535
 * classes, an answer or a gold label that is NaN or no class, a metric of correlations
 * on classes or the other way round. */
int answers_check(const struct answers *answers, const struct score_rule *rule,
                  const char *what, struct error *err);

/* One run's score, as metric_compute has it; the answers have been checked. NaN where
 * the metric is undefined or memory is short. */
double answers_score(const struct answers *answers, const struct score_rule *rule,
                     int run);

#endif
