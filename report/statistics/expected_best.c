/* Weights of the order statistics: powers for draws with replacement, ratios of
 * binomial coefficients by recurrence for draws without. */
#include "report/statistics/expected_best.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void with_replacement(struct expected_best *out, const double *y, int n, int k)
{
    double mean = 0, variance = 0, below = 0;

    for (int i = 1; i <= n; i++) {
        double upto = pow((double)i / n, k);

        mean += y[i - 1] * (upto - below);
        below = upto;
    }
    below = 0;
    for (int i = 1; i <= n; i++) {
        double upto = pow((double)i / n, k);

        variance += (y[i - 1] - mean) * (y[i - 1] - mean) * (upto - below);
        below = upto;
    }
    out->biased = mean;
    out->sd = sqrt(fmax(0, variance));
}

/* The weight of the largest is k/N; going down, C(i-2, k-1) = C(i-1, k-1) (i-k)/(i-1).
 */
static double without_replacement(const double *y, int n, int k)
{
    double sum = 0, weight = (double)k / n;

    for (int i = n; i >= k && weight > 0; i--) {
        sum += y[i - 1] * weight;
        weight *= i > 1 ? (double)(i - k) / (i - 1) : 0;
    }
    return sum;
}

static int check(const double *scores, int count, enum sampling sampling,
                 const int *budgets, int budget_count, struct error *err)
{
    if (sampling == SAMPLING_ADAPTIVE)
        return error_set(err, ERR_INPUT,
                         "expected best score: the search chose configurations by "
                         "earlier scores, so they are no independent draws");
    if (count < 1)
        return error_set(err, ERR_INPUT, "expected best score: no scores");
    for (int i = 0; i < count; i++)
        if (!isfinite(scores[i]))
            return error_set(err, ERR_INPUT,
                             "expected best score: configuration %d has no score", i);
    for (int b = 0; b < budget_count; b++)
        if (budgets[b] < 1 || budgets[b] > count)
            return error_set(err, ERR_INPUT,
                             "expected best score: budget %d is outside 1…%d",
                             budgets[b], count);
    return 0;
}

int expected_best(struct expected_best *out, const double *scores, int count,
                  enum sampling sampling, const int *budgets, int budget_count,
                  struct error *err)
{
    int rc = check(scores, count, sampling, budgets, budget_count, err);
    double *y;

    if (rc)
        return rc;
    y = malloc((size_t)count * sizeof *y);
    if (!y)
        return error_set(err, ERR_MEMORY, "expected best score: no memory");
    memcpy(y, scores, (size_t)count * sizeof *y);
    qsort(y, (size_t)count, sizeof *y, ascending);
    for (int b = 0; b < budget_count; b++) {
        with_replacement(&out[b], y, count, budgets[b]);
        out[b].unbiased = without_replacement(y, count, budgets[b]);
    }
    free(y);
    return 0;
}
