/* Which configurations of a task cannot be told apart from the best. */
#ifndef REPORT_SIGNIFICANCE_H
#define REPORT_SIGNIFICANCE_H

#include "report/analysis.h"

/* Fills comparisons, marks, bootstrap and tests of a task whose rows are ranked. Trials
 * take part whose predictions on dev are kept (output.keep) and give the score that was
 * reported; at least RESAMPLING_RUNS_MIN seeds a side; the ANALYSIS_TESTS_MAX best
 * configurations. ERR_MEMORY. */
int significance_test(const struct results *results, struct analysis_task *task,
                      int threads, struct error *err);

#endif
