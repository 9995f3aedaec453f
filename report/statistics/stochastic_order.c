/* Quantile functions of samples are steps, so the integrals are sums over the merged
 * steps of both. */
#include "report/statistics/stochastic_order.h"

#include "report/statistics/distribution.h"
#include "report/statistics/draws.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Share of the squared distance of the quantile functions where a is below b; 1/2 where
 * there is none. a, b sorted upwards. */
static double violation_of(const double *a, int n, const double *b, int m)
{
    double below = 0, total = 0;
    int64_t i = 0, j = 0, from = 0; /* in units of 1 / (n m) */

    while (i < n && j < m) {
        int64_t end_a = (i + 1) * m, end_b = (j + 1) * n;
        int64_t to = end_a < end_b ? end_a : end_b;
        double d = a[i] - b[j], area = d * d * (double)(to - from);

        total += area;
        below += d < 0 ? area : 0;
        from = to;
        i += end_a == to;
        j += end_b == to;
    }
    return total > 0 ? below / total : 0.5;
}

static void resample(double *out, const double *x, int n, struct draws *draws)
{
    for (int i = 0; i < n; i++)
        out[i] = x[draws_below(draws, (uint32_t)n)];
    qsort(out, (size_t)n, sizeof *out, ascending);
}

static int check(const double *a, int a_count, const double *b, int b_count,
                 double alpha, const struct resampling *resampling, struct error *err)
{
    int same = 1;

    if (a_count < STOCHASTIC_ORDER_RUNS_MIN || b_count < STOCHASTIC_ORDER_RUNS_MIN)
        return error_set(err, ERR_INPUT,
                         "almost stochastic order: %d and %d seeds, at least %d a side "
                         "are needed",
                         a_count, b_count, STOCHASTIC_ORDER_RUNS_MIN);
    if (!(alpha > 0 && alpha <= 0.5) || resampling_draws(resampling) < 100)
        return error_set(err, ERR_INPUT, "almost stochastic order: alpha %g, %d draws",
                         alpha, resampling->draws);
    for (int i = 0; i < a_count + b_count; i++) {
        double x = i < a_count ? a[i] : b[i - a_count];

        if (!isfinite(x))
            return error_set(err, ERR_INPUT,
                             "almost stochastic order: a seed has no score");
        same &= x == a[0];
    }
    if (same)
        return error_set(err, ERR_INPUT, "almost stochastic order: all scores are %g",
                         a[0]);
    return 0;
}

/* Bootstrap standard deviation of the violation; room (a_count + b_count). */
static double deviation(const double *a, int a_count, const double *b, int b_count,
                        const struct resampling *resampling, double *room)
{
    int draws = resampling_draws(resampling);
    double mean = 0, squares = 0;

    for (int i = 0; i < draws; i++) {
        struct draws d =
            draws_start(resampling->seed, DRAWS_STOCHASTIC_ORDER, (uint32_t)i);
        double violation, before = mean;

        resample(room, a, a_count, &d);
        resample(room + a_count, b, b_count, &d);
        violation = violation_of(room, a_count, room + a_count, b_count);
        mean += (violation - before) / (i + 1);
        squares += (violation - before) * (violation - mean);
    }
    return sqrt(squares / draws);
}

int stochastic_order(struct stochastic_order *out, const double *a, int a_count,
                     const double *b, int b_count, double alpha,
                     const struct resampling *resampling, struct error *err)
{
    int rc = check(a, a_count, b, b_count, alpha, resampling, err);
    double *room, scale, bound, *sorted_a, *sorted_b;
    size_t n = (size_t)a_count, m = (size_t)b_count;

    if (rc)
        return rc;
    room = malloc(2 * (n + m) * sizeof *room);
    if (!room)
        return error_set(err, ERR_MEMORY, "almost stochastic order: no memory");
    sorted_a = room + n + m;
    sorted_b = sorted_a + n;
    memcpy(sorted_a, a, n * sizeof *a);
    memcpy(sorted_b, b, m * sizeof *b);
    qsort(sorted_a, n, sizeof *sorted_a, ascending);
    qsort(sorted_b, m, sizeof *sorted_b, ascending);
    scale = sqrt((double)(n * m) / (double)(n + m));
    out->violation = violation_of(sorted_a, a_count, sorted_b, b_count);
    out->sigma = scale * deviation(a, a_count, b, b_count, resampling, room);
    bound = out->violation - out->sigma / scale * normal_quantile(alpha);
    out->epsilon_min = fmin(1, fmax(0, bound));
    free(room);
    return 0;
}
