/* Axes and thinning, from numbers alone. */
#include "report/figures/scale.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Whether sorted numbers are spread like logarithms. */
static bool spread_like_logs(const double *sorted, int count)
{
    double min = sorted[0], max = sorted[count - 1], median = sorted[count / 2];

    if (count % 2 == 0)
        median = (median + sorted[count / 2 - 1]) / 2;
    if (!(min > 0) || max < 8 * min)
        return false;
    return fabs(log(median / min) / log(max / min) - 0.5) <
           fabs((median - min) / (max - min) - 0.5);
}

static int collect_distinct(const double *sorted, int count, double *out)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            if (n == SCALE_DISTINCT_MAX)
                return 0;
            out[n++] = sorted[i];
        }
    return n;
}

static void set_limits(struct scale *s)
{
    double room = 0.06 * (s->max - s->min);

    if (s->log) {
        double ratio = pow(s->max / s->min, 0.06);

        s->low = s->min / ratio;
        s->high = s->max * ratio;
        return;
    }
    if (s->max - s->min <= 1e-9 * fabs(s->max)) /* tics need digits that differ */
        room = s->max == 0 ? 0.5 : 0.1 * fabs(s->max);
    s->low = s->min - room;
    s->high = s->max + room;
}

struct scale scale_of(const double *values, int count)
{
    struct scale s = {.min = 0, .max = 1};
    double *sorted = malloc((size_t)(count > 0 ? count : 1) * sizeof *sorted);
    int n = 0;

    for (int i = 0; sorted && i < count; i++)
        if (isfinite(values[i]))
            sorted[n++] = values[i];
    if (n > 0) {
        qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
        s.min = sorted[0];
        s.max = sorted[n - 1];
        s.distinct = collect_distinct(sorted, n, s.values);
        /* The distinct ones, where they are few: how often each was drawn says nothing
         * about how they were chosen. */
        s.log = s.distinct > 0 ? spread_like_logs(s.values, s.distinct)
                               : spread_like_logs(sorted, n);
    }
    free(sorted);
    set_limits(&s);
    return s;
}

void scale_extend(struct scale *scale, const double *values, int count)
{
    for (int i = 0; i < count; i++)
        if (isfinite(values[i])) {
            scale->min = fmin(scale->min, values[i]);
            scale->max = fmax(scale->max, values[i]);
        }
    scale->distinct = 0;
    set_limits(scale);
}

double scale_place(const struct scale *scale, double value)
{
    if (scale->log)
        return log(value / scale->low) / log(scale->high / scale->low);
    return (value - scale->low) / (scale->high - scale->low);
}

static bool values_fit(const struct scale *s, int room)
{
    if (s->distinct == 0 || s->distinct > room)
        return false;
    for (int i = 1; i < s->distinct; i++)
        if (scale_place(s, s->values[i]) - scale_place(s, s->values[i - 1]) <
            0.7 / room)
            return false;
    return true;
}

static int log_tics(const struct scale *s, int room, double *tics)
{
    static const double steps[3][3] = {{1, 2, 5}, {1, 3, 0}, {1, 0, 0}};

    for (int thin = 0;; thin++) {
        int n = 0, stride = thin < 3 ? 1 : thin - 1;

        for (int e = (int)floor(log10(s->low)); e <= (int)ceil(log10(s->high)); e++)
            for (int k = 0; k < 3 && e % stride == 0; k++) {
                double tic = steps[thin < 3 ? thin : 2][k] * pow(10, e);

                if (tic < s->low || tic > s->high || tic == 0)
                    continue;
                if (n < SCALE_DISTINCT_MAX)
                    tics[n] = tic;
                n++;
            }
        if (n > 0 && n <= room && n <= SCALE_DISTINCT_MAX)
            return n;
        if (n == 0) { /* no round number within: the ends themselves */
            tics[0] = s->min;
            tics[1] = s->max;
            return s->max > s->min ? 2 : 1;
        }
    }
}

static int linear_tics(const struct scale *s, int room, double *tics)
{
    static const double steps[] = {1, 2, 5};
    double unit = pow(10, floor(log10((s->high - s->low) / room)));

    for (int k = 0;; k++) {
        int decade = k / 3;
        double step = steps[k % 3] * unit * pow(10, decade);
        double first = ceil(s->low / step), last = floor(s->high / step);

        if (last - first + 1 > room)
            continue;
        if (last < first) {
            tics[0] = s->min;
            return 1;
        }
        for (int i = 0; i <= (int)(last - first); i++)
            tics[i] = (first + i) * step;
        return (int)(last - first) + 1;
    }
}

int scale_tics(const struct scale *scale, int room, double *tics)
{
    if (room > SCALE_DISTINCT_MAX)
        room = SCALE_DISTINCT_MAX;
    if (scale->max - scale->min <= 1e-9 * fabs(scale->max)) {
        tics[0] = scale->min;
        return 1;
    }
    if (values_fit(scale, room)) {
        memcpy(tics, scale->values, (size_t)scale->distinct * sizeof *tics);
        return scale->distinct;
    }
    return scale->log ? log_tics(scale, room, tics) : linear_tics(scale, room, tics);
}

void scale_write(FILE *out, const struct scale *scale, const char *axis, int room)
{
    double tics[SCALE_DISTINCT_MAX];
    int count = scale_tics(scale, room, tics);

    fprintf(out, "%s logscale %s\nset %srange [%.10g:%.10g]\nset %stics (",
            scale->log ? "set" : "unset", axis, axis, scale->low, scale->high, axis);
    for (int i = 0; i < count; i++)
        fprintf(out, "%s'%.6g' %.10g", i ? ", " : "", tics[i], tics[i]);
    fputs(")\n", out);
}

int scale_thin(const int *order, int count, int max, bool *keep)
{
    memset(keep, 0, (size_t)count * sizeof *keep);
    if (max > count)
        max = count;
    for (int i = 0; i < max; i++)
        keep[order[(long long)i * count / max]] = true;
    return max;
}

struct scored {
    double score;
    int number;
};

/* Higher first; NaN last. */
static int compare_scored(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (isfinite(x->score) != isfinite(y->score))
        return isfinite(x->score) ? -1 : 1;
    if (isfinite(x->score) && x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->number - y->number;
}

int *scale_order(const double *scores, int count, bool higher_is_better)
{
    size_t room = (size_t)(count > 0 ? count : 1);
    struct scored *sorted = malloc(room * sizeof *sorted);
    int *order = malloc(room * sizeof *order);

    for (int i = 0; sorted && order && i < count; i++)
        sorted[i] = (struct scored){higher_is_better ? scores[i] : -scores[i], i};
    if (sorted && order)
        qsort(sorted, (size_t)count, sizeof *sorted, compare_scored);
    for (int i = 0; sorted && order && i < count; i++)
        order[i] = sorted[i].number;
    if (!sorted) {
        free(order);
        order = NULL;
    }
    free(sorted);
    return order;
}
