/* Marginal means of a full grid, and their variances. */
#include "report/statistics/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void importance_clear(struct importance *importance)
{
    free(importance->main);
    free(importance->main_sd);
    free(importance->pairs);
    *importance = (struct importance){0};
}

/* Number of a cell, the last axis fastest; -1 for a level that is none. */
static int64_t cell_number(const int *cell, const int *levels, int axes)
{
    int64_t number = 0;

    for (int j = 0; j < axes; j++) {
        if (cell[j] < 0 || cell[j] >= levels[j])
            return -1;
        number = number * levels[j] + cell[j];
    }
    return number;
}

/* seen: room for `rows` marks, all 0. */
static int check_cells(const int *levels, int axes, const int *cells,
                       const double *scores, int64_t rows, char *seen,
                       struct error *err)
{
    for (int64_t i = 0; i < rows; i++) {
        int64_t number = cell_number(cells + i * axes, levels, axes);

        if (number < 0)
            return error_set(err, ERR_INPUT, "grid: row %lld is outside the grid",
                             (long long)i);
        if (seen[number])
            return error_set(err, ERR_INPUT, "grid: row %lld repeats a cell",
                             (long long)i);
        if (!isfinite(scores[i]))
            return error_set(err, ERR_INPUT, "grid: row %lld has no score",
                             (long long)i);
        seen[number] = 1;
    }
    return 0;
}

static int check(const int *levels, int axes, const int *cells, const double *scores,
                 int64_t rows, struct error *err)
{
    int64_t full = 1;
    char *seen;
    int rc;

    if (axes < 1 || axes > IMPORTANCE_AXES_MAX)
        return error_set(err, ERR_INPUT, "grid: %d axes, 1…%d are possible", axes,
                         IMPORTANCE_AXES_MAX);
    for (int j = 0; j < axes; j++) {
        if (levels[j] < 1)
            return error_set(err, ERR_INPUT, "grid: axis %d has %d levels", j,
                             levels[j]);
        full = full > rows ? full : full * levels[j];
    }
    if (rows != full || rows < 2)
        return error_set(err, ERR_INPUT, "grid: %lld of %s%lld cells: it is not full",
                         (long long)rows, full > rows ? "at least " : "",
                         (long long)full);
    seen = calloc((size_t)rows, 1);
    if (!seen)
        return error_set(err, ERR_MEMORY, "grid: no memory for %lld cells",
                         (long long)rows);
    rc = check_cells(levels, axes, cells, scores, rows, seen, err);
    free(seen);
    return rc;
}

/* Variance of the mean score over the levels of axis j, or over the pairs of levels of
 * j and k (k < 0: j alone). scores less their mean; sums: room for all the levels. */
static double marginal_variance(const int *levels, int axes, const int *cells,
                                const double *scores, int64_t rows, int j, int k,
                                double *sums)
{
    int width = k < 0 ? 1 : levels[k], groups = levels[j] * width;
    double variance = 0, size = (double)(rows / groups);

    memset(sums, 0, (size_t)groups * sizeof *sums);
    for (int64_t i = 0; i < rows; i++) {
        const int *cell = cells + i * axes;

        sums[cell[j] * width + (k < 0 ? 0 : cell[k])] += scores[i];
    }
    for (int g = 0; g < groups; g++)
        variance += sums[g] / size * (sums[g] / size) / groups;
    return variance;
}

/* Scores less their mean; returns their variance. */
static double centre(double *out, const double *scores, int64_t rows)
{
    double mean = 0, variance = 0;

    for (int64_t i = 0; i < rows; i++)
        mean += scores[i] / (double)rows;
    for (int64_t i = 0; i < rows; i++) {
        out[i] = scores[i] - mean;
        variance += out[i] * out[i] / (double)rows;
    }
    return variance;
}

static void decompose(struct importance *out, const int *levels, int axes,
                      const int *cells, const double *centred, int64_t rows,
                      double *sums)
{
    out->rest = 1;
    for (int j = 0; j < axes; j++) {
        out->main[j] =
            marginal_variance(levels, axes, cells, centred, rows, j, -1, sums) /
            out->variance;
        out->rest -= out->main[j];
    }
    for (int j = 0; j < axes; j++)
        for (int k = j + 1; k < axes; k++) {
            double share =
                marginal_variance(levels, axes, cells, centred, rows, j, k, sums) /
                    out->variance -
                out->main[j] - out->main[k];

            share = fmax(0, share); /* rounding */
            out->pairs[j * axes + k] = out->pairs[k * axes + j] = share;
            out->rest -= share;
        }
    out->rest = fmax(0, out->rest);
}

int importance_grid(struct importance *out, const int *levels, int axes,
                    const int *cells, const double *scores, int64_t rows,
                    struct error *err)
{
    int rc = check(levels, axes, cells, scores, rows, err);
    double *room;

    if (rc)
        return rc;
    *out = (struct importance){.axes = axes};
    out->main = calloc((size_t)axes, sizeof *out->main);
    out->main_sd = calloc((size_t)axes, sizeof *out->main_sd);
    out->pairs = calloc((size_t)axes * (size_t)axes, sizeof *out->pairs);
    room = malloc(2 * (size_t)rows * sizeof *room);
    if (!out->main || !out->main_sd || !out->pairs || !room) {
        rc = error_set(err, ERR_MEMORY, "grid: no memory for %lld cells",
                       (long long)rows);
    } else if (!((out->variance = centre(room, scores, rows)) > 1e-30)) {
        rc = error_set(err, ERR_INPUT, "grid: every cell has the score %g", scores[0]);
    } else {
        decompose(out, levels, axes, cells, room, rows, room + rows);
    }
    free(room);
    if (rc)
        importance_clear(out);
    return rc;
}
