#include "worker/scoring.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int scored_rows_init(struct scored_rows *out, const struct dataset_split *split,
                     const struct row_list *rows, int labels, struct error *err)
{
    size_t n = (size_t)rows->count + 1; /* never 0 bytes */

    *out = (struct scored_rows){.rows = rows->count, .labels = labels};
    out->logits = malloc(n * (size_t)labels * sizeof *out->logits);
    out->gold = malloc(n * sizeof *out->gold);
    if (!out->logits || !out->gold) {
        scored_rows_clear(out);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    for (int64_t i = 0; i < rows->count; i++)
        out->gold[i] = split->labels[rows->rows[i]];
    return 0;
}

void scored_rows_clear(struct scored_rows *scored)
{
    free(scored->logits);
    free(scored->gold);
    *scored = (struct scored_rows){0};
}

void scored_rows_gather(struct scored_rows *scored, const float *outputs,
                        const struct row_list *rows)
{
    size_t labels = (size_t)scored->labels;

    for (int64_t i = 0; i < rows->count; i++)
        memcpy(scored->logits + (size_t)i * labels, outputs + rows->rows[i] * labels,
               labels * sizeof *outputs);
}

void scoring_metrics(double *out, const enum metric *metrics, int count,
                     const struct scored_rows *matched,
                     const struct scored_rows *mismatched)
{
    for (int m = 0; m < count; m++) {
        const struct scored_rows *s =
            metrics[m] == METRIC_ACCURACY_MISMATCHED ? mismatched : matched;

        out[m] =
            s->rows ? metric_compute(metrics[m], s->logits, s->gold, s->rows, s->labels)
                    : NAN;
    }
}

double scoring_score(const struct task *task, const struct scored_rows *matched,
                     const struct scored_rows *mismatched)
{
    double values[TASK_METRICS_MAX], sum = 0;

    scoring_metrics(values, task->selection, task->selection_count, matched,
                    mismatched);
    for (int m = 0; m < task->selection_count; m++)
        sum += values[m];
    return sum / task->selection_count;
}

bool scoring_better(const struct task *task, double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return metric_higher_is_better(task->selection[0]) ? a > b : a < b;
}
