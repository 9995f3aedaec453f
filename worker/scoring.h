/* A task's metrics and selection score of outputs. */
#ifndef WORKER_SCORING_H
#define WORKER_SCORING_H

#include "common/dataset.h"
#include "worker/batches.h"

/* Outputs and labels of some rows of a split, side by side.
 *
 * logits  (rows, labels)
 * gold    (rows) */
struct scored_rows {
    int64_t rows;
    int labels;
    float *logits, *gold;
};

/* Room for rows of a labelled split, their labels filled in. ERR_MEMORY. */
int scored_rows_init(struct scored_rows *out, const struct dataset_split *split,
                     const struct row_list *rows, int labels, struct error *err);
void scored_rows_clear(struct scored_rows *scored); /* an all-zero one too */
/* Takes the rows' outputs from those of the whole split. */
void scored_rows_gather(struct scored_rows *scored, const float *outputs,
                        const struct row_list *rows);

/* Values of count metrics; accuracy_mismatched is of mismatched (rows = 0: undefined).
 */
void scoring_metrics(double *out, const enum metric *metrics, int count,
                     const struct scored_rows *matched,
                     const struct scored_rows *mismatched);

/* The task's selection score: mean of its selection metrics, NaN where one is
 * undefined. */
double scoring_score(const struct task *task, const struct scored_rows *matched,
                     const struct scored_rows *mismatched);

/* Whether a is strictly better than b by the task's direction; undefined is worst. */
bool scoring_better(const struct task *task, double a, double b);

#endif
