#include "cli/majority.h"

#include "common/metrics.h"

#include <math.h>
#include <stdlib.h>

/* The answer as one row of logits. */
static void constant_answer(float *row, const struct dataset_split *train, int labels)
{
    double sum = 0;
    for (int64_t i = 0; i < train->rows; i++) {
        sum += train->labels[i];
        if (labels > 1)
            row[(int)train->labels[i]] += 1; /* a count is as good as a logit */
    }
    if (labels == 1)
        row[0] = (float)(sum / (double)train->rows);
}

static double score_split(enum metric metric, const float *row,
                          const struct dataset_split *split, int labels)
{
    float *logits = calloc((size_t)split->rows * (size_t)labels + 1, sizeof *logits);
    if (!logits)
        return NAN;
    for (int64_t i = 0; i < split->rows; i++)
        for (int j = 0; j < labels; j++)
            logits[i * labels + j] = row[j];
    double value = metric_compute(metric, logits, split->labels, split->rows, labels);
    free(logits);
    return value;
}

double majority_score(const struct dataset *dataset, const struct task *task)
{
    const struct dataset_split *train = &dataset->splits[SPLIT_TRAIN];
    float *row = calloc((size_t)dataset->labels, sizeof *row);
    double sum = 0;
    if (!row || !train->present || train->rows == 0 || !train->labels) {
        free(row);
        return NAN;
    }
    constant_answer(row, train, dataset->labels);
    for (int i = 0; i < task->selection_count; i++) {
        enum metric metric = task->selection[i];
        enum split where =
            metric == METRIC_ACCURACY_MISMATCHED ? SPLIT_DEV_MISMATCHED : SPLIT_DEV;
        const struct dataset_split *split = &dataset->splits[where];
        sum += split->present && split->labels
                   ? score_split(metric, row, split, dataset->labels)
                   : NAN;
    }
    free(row);
    return sum / task->selection_count;
}
