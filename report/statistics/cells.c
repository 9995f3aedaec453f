/* Sorts the rows by their tuples of gold and answers; equal neighbours are a cell. */
#include "report/statistics/cells.h"

#include <stdlib.h>
#include <string.h>

/* Rows as (gold, answers…) one after the other, `width` floats each. */
struct tuples {
    int width;
    const float *values;
};

static int compare_rows(const void *a, const void *b, void *context)
{
    const struct tuples *t = context;
    const float *x = t->values + (size_t) * (const int32_t *)a * (size_t)t->width;
    const float *y = t->values + (size_t) * (const int32_t *)b * (size_t)t->width;

    for (int i = 0; i < t->width; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static void fill_tuples(float *values, const struct answers *a, const struct answers *b)
{
    for (int64_t i = 0; i < a->rows; i++) {
        *values++ = a->gold[i];
        for (int r = 0; r < a->runs; r++)
            *values++ = a->answer[r][i];
        for (int r = 0; b && r < b->runs; r++)
            *values++ = b->answer[r][i];
    }
}

/* Numbers the cells of the ordered rows and counts their rows; returns how many. */
static int number_cells(struct cells *out, const int32_t *order, int rows,
                        struct tuples *tuples)
{
    int cell = 0;

    for (int i = 0; i < rows; i++) {
        cell += i > 0 && compare_rows(&order[i - 1], &order[i], tuples) != 0;
        out->of_row[order[i]] = cell;
        out->rows[cell]++;
    }
    return cell + 1;
}

static void fill_columns(struct cells *out, int rows, const struct tuples *tuples)
{
    for (int i = 0; i < rows; i++) {
        const float *tuple = tuples->values + (size_t)i * (size_t)tuples->width;
        size_t cell = (size_t)out->of_row[i];

        out->gold[cell] = tuple[0];
        for (int c = 0; c < out->columns; c++)
            out->answer[(size_t)c * (size_t)out->count + cell] = tuple[c + 1];
    }
}

int cells_init(struct cells *out, const struct answers *a, const struct answers *b,
               struct error *err)
{
    int rows = (int)a->rows, columns = a->runs + (b ? b->runs : 0), rc = ERR_MEMORY;
    struct tuples tuples = {.width = columns + 1};
    float *values = malloc((size_t)rows * (size_t)tuples.width * sizeof *values);
    int32_t *order = malloc((size_t)rows * sizeof *order);

    *out = (struct cells){.columns = columns};
    out->of_row = malloc((size_t)rows * sizeof *out->of_row);
    out->rows = calloc((size_t)rows, sizeof *out->rows);
    if (!values || !order || !out->of_row || !out->rows)
        goto done;
    fill_tuples(values, a, b);
    tuples.values = values;
    for (int i = 0; i < rows; i++)
        order[i] = i;
    qsort_r(order, (size_t)rows, sizeof *order, compare_rows, &tuples);
    out->count = number_cells(out, order, rows, &tuples);
    out->gold = malloc((size_t)out->count * sizeof *out->gold);
    out->answer = malloc((size_t)out->count * (size_t)columns * sizeof *out->answer);
    if (!out->gold || !out->answer)
        goto done;
    fill_columns(out, rows, &tuples);
    rc = 0;
done:
    free(order);
    free(values);
    if (rc) {
        cells_clear(out);
        error_set(err, rc, "no memory for %d rows of %d runs", rows, columns);
    }
    return rc;
}

void cells_clear(struct cells *cells)
{
    free(cells->gold);
    free(cells->answer);
    free(cells->rows);
    free(cells->of_row);
    *cells = (struct cells){0};
}
