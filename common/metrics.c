/* Metrics by their textbook formulas, in double, degenerate cases as scikit-learn and
 * scipy answer them: an undefined ratio of counts is 0, a correlation with a constant
 * is NaN. */
#include "common/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[METRIC_COUNT] = {
    [METRIC_ACCURACY] = "accuracy",
    [METRIC_F1] = "f1",
    [METRIC_MATTHEWS] = "matthews",
    [METRIC_PEARSON] = "pearson",
    [METRIC_SPEARMAN] = "spearman",
    [METRIC_ACCURACY_MISMATCHED] = "accuracy_mismatched",
    [METRIC_F1_MACRO] = "f1_macro",
};

const char *metric_name(enum metric metric) { return names[metric]; }

enum metric metric_by_name(const char *name)
{
    int m = 0;

    while (m < METRIC_COUNT && strcmp(names[m], name))
        m++;
    return (enum metric)m;
}

bool metric_higher_is_better(enum metric metric)
{
    (void)metric;
    return true;
}

bool metric_is_regression(enum metric metric)
{
    return metric == METRIC_PEARSON || metric == METRIC_SPEARMAN;
}

/* First of the largest, or -1 where a NaN is among them. */
static int argmax(const float *x, int n)
{
    int best = 0;

    for (int i = 0; i < n; i++) {
        if (isnan(x[i]))
            return -1;
        if (x[i] > x[best])
            best = i;
    }
    return best;
}

/* False where a row has no class: NaN logits or a label that is not one. */
static bool count_rows(struct confusion *c, const float *logits, const float *gold,
                       int64_t rows)
{
    for (int64_t i = 0; i < rows; i++) {
        int p = argmax(logits + i * c->classes, c->classes);

        if (p < 0 || !(gold[i] >= 0 && gold[i] < (float)c->classes))
            return false;
        c->gold[(int)gold[i]]++;
        c->predicted[p]++;
        c->both[p] += p == (int)gold[i];
    }
    return true;
}

static double f1_of(const struct confusion *c, int class)
{
    double sum = c->gold[class] + c->predicted[class];

    return sum > 0 ? 2 * c->both[class] / sum : 0;
}

static double f1_macro(const struct confusion *c)
{
    double sum = 0;
    int seen = 0;

    for (int k = 0; k < c->classes; k++) {
        if (c->gold[k] + c->predicted[k] > 0) {
            sum += f1_of(c, k);
            seen++;
        }
    }
    return sum / seen;
}

static double accuracy(const struct confusion *c)
{
    double right = 0;

    for (int k = 0; k < c->classes; k++)
        right += c->both[k];
    return right / c->rows;
}

/* Gorodkin's multi-class form: the correlation of two class indicators. */
static double matthews(const struct confusion *c)
{
    double n = c->rows, right = 0, cross = 0, gold2 = 0, predicted2 = 0, product;

    for (int k = 0; k < c->classes; k++) {
        right += c->both[k];
        cross += c->gold[k] * c->predicted[k];
        gold2 += c->gold[k] * c->gold[k];
        predicted2 += c->predicted[k] * c->predicted[k];
    }
    product = (n * n - gold2) * (n * n - predicted2);
    return product > 0 ? (right * n - cross) / sqrt(product) : 0;
}

double metric_of_counts(enum metric metric, const struct confusion *c)
{
    switch (metric) {
    case METRIC_F1:
        return c->classes > 1 ? f1_of(c, 1) : NAN;
    case METRIC_MATTHEWS:
        return matthews(c);
    case METRIC_F1_MACRO:
        return f1_macro(c);
    default:
        return accuracy(c);
    }
}

static double of_classes(enum metric metric, const float *logits, const float *gold,
                         int64_t rows, int labels)
{
    struct confusion c = {.classes = labels, .rows = (double)rows};
    double value = NAN;

    c.gold = calloc((size_t)labels * 3, sizeof *c.gold);
    if (!c.gold)
        return NAN;
    c.predicted = c.gold + labels;
    c.both = c.predicted + labels;
    if (count_rows(&c, logits, gold, rows))
        value = metric_of_counts(metric, &c);
    free(c.gold);
    return value;
}

static bool is_constant(const double *x, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return false;
    return true;
}

static double mean_of(const double *x, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double pearson(const double *x, const double *y, int64_t n)
{
    double mx = mean_of(x, n), my = mean_of(y, n), xx = 0, yy = 0, xy = 0, r;

    if (is_constant(x, n) || is_constant(y, n))
        return NAN;
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    r = xy / (sqrt(xx) * sqrt(yy));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

struct ranked {
    double value;
    int64_t row;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;

    return (x > y) - (x < y);
}

/* Replaces x by its ranks from 1, ties by their average. No NaN in x. */
static void rank_values(double *x, struct ranked *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = (struct ranked){x[i], i};
    qsort(order, (size_t)n, sizeof *order, by_value);
    for (int64_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && order[to].value == order[from].value; to++)
            ;
        for (int64_t i = from; i < to; i++)
            x[order[i].row] = 0.5 * (double)(from + 1 + to);
    }
}

static double of_values(enum metric metric, const float *logits, const float *gold,
                        int64_t rows)
{
    double *x = malloc((size_t)rows * 2 * sizeof *x), *y = x + rows, value = NAN;
    struct ranked *order = malloc((size_t)rows * sizeof *order);
    bool finite = x && order;

    for (int64_t i = 0; finite && i < rows; i++) {
        x[i] = (double)logits[i];
        y[i] = (double)gold[i];
        finite = !isnan(x[i]) && !isnan(y[i]);
    }
    if (finite && metric == METRIC_SPEARMAN) {
        rank_values(x, order, rows);
        rank_values(y, order, rows);
    }
    if (finite)
        value = pearson(x, y, rows);
    free(order);
    free(x);
    return value;
}

double metric_compute(enum metric metric, const float *logits, const float *gold,
                      int64_t rows, int labels)
{
    if (rows <= 0)
        return NAN;
    if (metric_is_regression(metric))
        return labels == 1 ? of_values(metric, logits, gold, rows) : NAN;
    return of_classes(metric, logits, gold, rows, labels);
}
