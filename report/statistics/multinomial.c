/* Binomials are drawn by inversion from the mode outwards: exact to rounding, and about
 * 1.6 standard deviations of steps. */
#include "report/statistics/multinomial.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct multinomial {
    int count, total;
    const int32_t *rows, *of_row;
    bool by_cell;
    double *log_factorial; /* (total + 1) */
};

/* Costs measured in row draws: a binomial's start about 20, a step about 1. */
static bool cells_are_cheaper(const int32_t *rows, int count, int total)
{
    double cost = 0;

    for (int k = 0; k < count; k++)
        cost += 20 + 1.6 * sqrt(rows[k]);
    return cost < total;
}

int multinomial_new(struct multinomial **out, const int32_t *rows, int count,
                    const int32_t *of_row, int total, struct error *err)
{
    struct multinomial *m = calloc(1, sizeof *m);

    if (m)
        m->log_factorial = calloc((size_t)total + 1, sizeof(double));
    if (!m || !m->log_factorial) {
        free(m);
        return error_set(err, ERR_MEMORY, "no memory to draw %d rows", total);
    }
    m->count = count;
    m->total = total;
    m->rows = rows;
    m->of_row = of_row;
    m->by_cell = cells_are_cheaper(rows, count, total);
    for (int i = 1; i <= total; i++)
        m->log_factorial[i] = m->log_factorial[i - 1] + log(i);
    *out = m;
    return 0;
}

void multinomial_free(struct multinomial *multinomial)
{
    if (!multinomial)
        return;
    free(multinomial->log_factorial);
    free(multinomial);
}

/* 0 < p < 1, u in (0, 1). */
static int binomial(const double *log_factorial, int n, double p, double u)
{
    int mode = (int)fmin((n + 1) * p, n), up = mode, down = mode;
    double odds = p / (1 - p), at_up, at_down;

    at_up = at_down =
        exp(log_factorial[n] - log_factorial[mode] - log_factorial[n - mode] +
            mode * log(p) + (n - mode) * log1p(-p));
    u -= at_up;
    if (u < 0)
        return mode;
    while (up < n || down > 0) {
        if (up < n) {
            at_up *= odds * (n - up) / (up + 1);
            up++;
            u -= at_up;
            if (u < 0)
                return up;
        }
        if (down > 0) {
            at_down *= down / (odds * (n - down + 1));
            down--;
            u -= at_down;
            if (u < 0)
                return down;
        }
        if (at_up < 1e-40 && at_down < 1e-40) /* u is what rounding left */
            break;
    }
    return mode;
}

void multinomial_draw(const struct multinomial *multinomial, struct draws *draws,
                      double *weights)
{
    int left = multinomial->total, rows_left = multinomial->total;

    if (!multinomial->by_cell) {
        memset(weights, 0, (size_t)multinomial->count * sizeof *weights);
        for (int i = 0; i < multinomial->total; i++) {
            uint32_t row = draws_below(draws, (uint32_t)multinomial->total);

            weights[multinomial->of_row[row]]++;
        }
        return;
    }
    for (int k = 0; k < multinomial->count; k++) {
        int rows = multinomial->rows[k], met = left;

        if (left > 0 && rows < rows_left)
            met = binomial(multinomial->log_factorial, left, (double)rows / rows_left,
                           draws_uniform(draws));
        weights[k] = met;
        left -= met;
        rows_left -= rows;
    }
}
