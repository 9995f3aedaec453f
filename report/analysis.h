/* What tables, figures and pages of a report say, computed once: which configuration is
 * best, which are not told apart from it, what a reader must know. */
#ifndef REPORT_ANALYSIS_H
#define REPORT_ANALYSIS_H

#include "report/gathered.h"
#include "report/ranking.h"
#include "report/statistics/bootstrap.h"
#include "report/statistics/expected_best.h"
#include "report/table.h"

enum { ANALYSIS_TESTS_MAX = 30, ANALYSIS_DRAWS_FEW = 2000 };

/* Best against another, on the selection metric over the rows that report. */
struct comparison {
    int other; /* row of the task's ranking */
    int pairs; /* seeds that both have, with their answers */
    double difference, p, p_examples, p_seeds, adjusted;
    double mcnemar;     /* of the first pair's accuracy; NaN: no classes */
    double epsilon_min; /* almost stochastic order; NaN: fewer than 5 seeds */
};

struct analysis_task {
    const struct results_task *task;
    const struct ranked *rows; /* (count), best first */
    int count;
    int ranked;             /* rows with a score */
    enum table_mark *marks; /* (count) */
    int comparison_count;
    struct comparison *comparisons;
    struct bootstrap bootstrap; /* of the best; draws = 0: none */
    char *tests;     /* a sentence: which test made the marks, or why there is none */
    char *edge;      /* best values at the edge of what was tried; "": none */
    char *statement; /* rule of selection, rows, among how many */
};

struct analysis {
    const struct gathered *runs; /* borrowed */
    enum sampling sampling;      /* how the configurations came about */
    struct ranking ranking;
    bool *differs; /* (columns of /configs) */
    int task_count;
    struct analysis_task *tasks;
};

/* threads: at least 1. ERR_MEMORY. */
int analysis_init(struct analysis *out, const struct gathered *runs,
                  enum sampling sampling, int threads, struct error *err);
void analysis_clear(struct analysis *analysis);

/* "learning_rate 0.002, batch_size 16", of what differs; on the heap, NULL when out of
 * memory. */
char *analysis_config_text(const struct analysis *analysis, int64_t config);

#endif
