/* Step-down over the sorted p-values. */
#include "report/statistics/holm.h"

#include <math.h>
#include <stdlib.h>

struct sorted {
    double p;
    int place;
};

static int by_p(const void *a, const void *b)
{
    double x = ((const struct sorted *)a)->p, y = ((const struct sorted *)b)->p;

    return (x > y) - (x < y);
}

int holm_adjust(double *adjusted, const double *p, int count, struct error *err)
{
    struct sorted *sorted;
    double largest = 0;

    for (int i = 0; i < count; i++)
        if (!(p[i] >= 0 && p[i] <= 1))
            return error_set(err, ERR_INPUT, "Holm's correction: p %d is %g", i, p[i]);
    if (count < 1)
        return 0;
    sorted = malloc((size_t)count * sizeof *sorted);
    if (!sorted)
        return error_set(err, ERR_MEMORY, "Holm's correction: no memory");
    for (int i = 0; i < count; i++)
        sorted[i] = (struct sorted){p[i], i};
    qsort(sorted, (size_t)count, sizeof *sorted, by_p);
    for (int i = 0; i < count; i++) {
        largest = fmax(largest, (count - i) * sorted[i].p);
        adjusted[sorted[i].place] = fmin(1, largest);
    }
    free(sorted);
    return 0;
}
