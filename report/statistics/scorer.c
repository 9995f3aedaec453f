/* Classes are counted. Values are sorted once; then ranks under any weights take one
 * pass over the order, and correlations sums of centred columns. */
#include "report/statistics/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct scorer {
    const struct answers *answers;
    const struct score_rule *rule;
    /* Of values only; column 0 is gold, column r + 1 run r. */
    double *centred; /* (runs + 1, rows) less the column's mean */
    int32_t *order;  /* (runs + 1, rows) rows by value */
};

struct scorer_scratch {
    const double *weights;
    double total;
    struct confusion counts;
    double *gold_rank, *rank; /* (rows) less the mean rank */
};

static const float *column_of(const struct answers *answers, int column)
{
    return column == 0 ? answers->gold : answers->answer[column - 1];
}

static int by_value(const void *a, const void *b, void *context)
{
    const float *x = context;
    float u = x[*(const int32_t *)a], v = x[*(const int32_t *)b];

    return (u > v) - (u < v);
}

static void prepare_column(struct scorer *scorer, int column)
{
    int64_t rows = scorer->answers->rows;
    const float *x = column_of(scorer->answers, column);
    double *centred = scorer->centred + column * rows, mean = 0;
    int32_t *order = scorer->order + column * rows;

    for (int64_t i = 0; i < rows; i++)
        mean += (double)x[i] / (double)rows;
    for (int64_t i = 0; i < rows; i++) {
        centred[i] = (double)x[i] - mean;
        order[i] = (int32_t)i;
    }
    qsort_r(order, (size_t)rows, sizeof *order, by_value, (void *)(uintptr_t)x);
}

int scorer_new(struct scorer **out, const struct answers *answers,
               const struct score_rule *rule, struct error *err)
{
    struct scorer *scorer = calloc(1, sizeof *scorer);
    size_t numbers = (size_t)(answers->runs + 1) * (size_t)answers->rows;

    if (!scorer)
        return error_set(err, ERR_MEMORY, "no memory for %d runs", answers->runs);
    scorer->answers = answers;
    scorer->rule = rule;
    if (answers->labels == 1) {
        scorer->centred = malloc(numbers * sizeof *scorer->centred);
        scorer->order = malloc(numbers * sizeof *scorer->order);
        if (!scorer->centred || !scorer->order) {
            scorer_free(scorer);
            return error_set(err, ERR_MEMORY, "no memory for %d runs", answers->runs);
        }
        for (int c = 0; c <= answers->runs; c++)
            prepare_column(scorer, c);
    }
    *out = scorer;
    return 0;
}

void scorer_free(struct scorer *scorer)
{
    if (!scorer)
        return;
    free(scorer->centred);
    free(scorer->order);
    free(scorer);
}

struct scorer_scratch *scorer_scratch_new(const struct scorer *scorer)
{
    struct scorer_scratch *scratch = calloc(1, sizeof *scratch);
    size_t labels = (size_t)scorer->answers->labels;
    size_t rows = scorer->centred ? (size_t)scorer->answers->rows : 1;

    if (!scratch)
        return NULL;
    scratch->counts.classes = (int)labels;
    scratch->counts.gold = calloc(labels * 3, sizeof(double));
    scratch->gold_rank = malloc(rows * 2 * sizeof(double));
    if (!scratch->counts.gold || !scratch->gold_rank) {
        scorer_scratch_free(scratch);
        return NULL;
    }
    scratch->counts.predicted = scratch->counts.gold + labels;
    scratch->counts.both = scratch->counts.predicted + labels;
    scratch->rank = scratch->gold_rank + rows;
    return scratch;
}

void scorer_scratch_free(struct scorer_scratch *scratch)
{
    if (!scratch)
        return;
    free(scratch->counts.gold);
    free(scratch->gold_rank);
    free(scratch);
}

/* Ranks of a column among the weighted rows, ties by their average, less the mean
 * (total + 1) / 2. Rows of weight 0 get some number that never counts. */
static void rank_column(const struct scorer *scorer, int column, const double *weights,
                        double total, double *rank)
{
    int64_t rows = scorer->answers->rows;
    const int32_t *order = scorer->order + column * rows;
    const float *x = column_of(scorer->answers, column);
    double below = -total / 2;

    for (int64_t from = 0, to; from < rows; from = to) {
        float value = x[order[from]];
        double tied = 0;

        for (to = from; to < rows && x[order[to]] == value; to++)
            tied += weights[order[to]];
        for (int64_t i = from; i < to; i++)
            rank[order[i]] = below + tied / 2;
        below += tied;
    }
}

/* Pearson's correlation of two columns near 0 under weights; NaN where the variance of
 * one is no more than rounding. */
static double correlate(const double *x, const double *y, const double *weights,
                        int64_t rows, double total)
{
    double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0, vx, vy, r;

    for (int64_t i = 0; i < rows; i++) {
        double wx = weights[i] * x[i], wy = weights[i] * y[i];

        sx += wx;
        sy += wy;
        xx += wx * x[i];
        yy += wy * y[i];
        xy += wx * y[i];
    }
    vx = xx - sx * sx / total;
    vy = yy - sy * sy / total;
    if (!(vx > 1e-12 * xx && vy > 1e-12 * yy))
        return NAN;
    r = (xy - sx * sy / total) / (sqrt(vx) * sqrt(vy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

static bool has_metric(const struct score_rule *rule, enum metric metric)
{
    for (int m = 0; m < rule->count; m++)
        if (rule->metrics[m] == metric)
            return true;
    return false;
}

void scorer_weigh(const struct scorer *scorer, struct scorer_scratch *scratch,
                  const double *weights)
{
    const struct answers *answers = scorer->answers;

    scratch->weights = weights;
    scratch->total = 0;
    for (int64_t i = 0; i < answers->rows; i++)
        scratch->total += weights[i];
    scratch->counts.rows = scratch->total;
    if (answers->labels > 1) {
        memset(scratch->counts.gold, 0, (size_t)answers->labels * sizeof(double));
        for (int64_t i = 0; i < answers->rows; i++)
            scratch->counts.gold[(int)answers->gold[i]] += weights[i];
    } else if (has_metric(scorer->rule, METRIC_SPEARMAN)) {
        rank_column(scorer, 0, weights, scratch->total, scratch->gold_rank);
    }
}

static double run_of_classes(const struct scorer *scorer,
                             struct scorer_scratch *scratch, int run)
{
    const struct answers *answers = scorer->answers;
    struct confusion *counts = &scratch->counts;
    double sum = 0;

    memset(counts->predicted, 0, 2 * (size_t)answers->labels * sizeof(double));
    for (int64_t i = 0; i < answers->rows; i++) {
        int given = (int)answers->answer[run][i];

        counts->predicted[given] += scratch->weights[i];
        if (given == (int)answers->gold[i])
            counts->both[given] += scratch->weights[i];
    }
    for (int m = 0; m < scorer->rule->count; m++)
        sum += metric_of_counts(scorer->rule->metrics[m], counts);
    return sum / scorer->rule->count;
}

static double run_of_values(const struct scorer *scorer, struct scorer_scratch *scratch,
                            int run)
{
    int64_t rows = scorer->answers->rows;
    double sum = 0;

    for (int m = 0; m < scorer->rule->count; m++) {
        if (scorer->rule->metrics[m] == METRIC_SPEARMAN) {
            rank_column(scorer, run + 1, scratch->weights, scratch->total,
                        scratch->rank);
            sum += correlate(scratch->gold_rank, scratch->rank, scratch->weights, rows,
                             scratch->total);
        } else {
            sum += correlate(scorer->centred, scorer->centred + (run + 1) * rows,
                             scratch->weights, rows, scratch->total);
        }
    }
    return sum / scorer->rule->count;
}

double scorer_run(const struct scorer *scorer, struct scorer_scratch *scratch, int run)
{
    return scorer->answers->labels > 1 ? run_of_classes(scorer, scratch, run)
                                       : run_of_values(scorer, scratch, run);
}
