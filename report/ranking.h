/* Configurations of each task, ranked by their mean over seeds: never by their best
 * seed (docs/job-file.md, "Selection"). status, predict, export and reports all use
 * this. */
#ifndef REPORT_RANKING_H
#define REPORT_RANKING_H

#include "report/statistics/spread.h"
#include "storage/results.h"

/* One configuration on one task. */
struct ranked {
    int64_t task, config;
    int trials, done;           /* begun or to begin, finished */
    int seeds;                  /* that any configuration of the task has: those not
                                   finished here are missing */
    int64_t best_trial;         /* with the highest score; 0: none has one */
    struct spread score;        /* selection score at each trial's best epoch */
    struct spread report_score; /* the same metric on the rows that report */
    struct spread report[METRIC_COUNT], test[METRIC_COUNT];
    struct spread seconds, tokens;
};

struct ranking {
    int count;
    struct ranked *rows; /* by task, then best first; those without a score last */
};

/* Only finished trials count ("done"). ERR_MEMORY. */
int ranking_init(struct ranking *out, const struct results *results, struct error *err);
void ranking_clear(struct ranking *ranking);

/* Rows of a task, best first, *count of them; NULL for none. */
const struct ranked *ranking_of(const struct ranking *ranking, int64_t task,
                                int *count);

/* The best row of a task, or NULL. */
const struct ranked *ranking_best(const struct ranking *ranking, int64_t task);

#endif
