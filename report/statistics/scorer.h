/* Scores of runs on weighted rows: what resampling computes again and again. */
#ifndef REPORT_STATISTICS_SCORER_H
#define REPORT_STATISTICS_SCORER_H

#include "report/statistics/answers.h"

struct scorer;

/* Keeps the pointers of `answers` and `rule`, which have been checked. ERR_MEMORY. */
int scorer_new(struct scorer **out, const struct answers *answers,
               const struct score_rule *rule, struct error *err);
void scorer_free(struct scorer *scorer);

/* One thread's working memory. */
struct scorer_scratch;
struct scorer_scratch *scorer_scratch_new(const struct scorer *scorer);
void scorer_scratch_free(struct scorer_scratch *scratch);

/* Takes the weights of the next scores, whole numbers >= 0 and not all 0: a row of
 * weight w counts as w equal rows. weights (rows) is kept until the next call. */
void scorer_weigh(const struct scorer *scorer, struct scorer_scratch *scratch,
                  const double *weights);

/* One run's score under the weights: as answers_score on the repeated rows, to
 * rounding. NaN where a correlation has a constant side. */
double scorer_run(const struct scorer *scorer, struct scorer_scratch *scratch, int run);

#endif
