/* Kernels of one width an axis, so that what does not depend on the candidate is
 * computed once a density, whatever the number of proposals. */
#include "coordinator/search/parzen.h"

#include "coordinator/search/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Measured against other choices in docs/search.md. */
static const double prior_weight = 1.0; /* in kernels */
static const double choice_even = 0.2;  /* of a choice's kernel, over 1 + kernels */
enum { NARROWEST = 100 };               /* widths of a kernel in an axis */

static bool is_tabled(const struct space_axis *axis)
{
    return axis->kind == SPACE_CHOICE ||
           (axis->kind != SPACE_REAL && axis->count <= PARZEN_TABLE);
}

static double code_at(const struct space *space, int a, int index)
{
    const struct space_axis *axis = &space->axes[a];

    return axis->kind == SPACE_ORDERED ? axis->sorted[index]
           : axis->kind == SPACE_WHOLE ? axis->job->min + index
                                       : index;
}

double parzen_place(const struct space *space, int a, double code)
{
    const struct space_axis *axis = &space->axes[a];

    if (isnan(code))
        return NAN;
    if (!is_tabled(axis))
        return space_place(space, a, code);
    return axis->kind == SPACE_ORDERED ? axis->ranks[(int)code]
           : axis->kind == SPACE_WHOLE ? code - axis->job->min
                                       : code;
}

static double normal_below(double z) { return 0.5 * erfc(-z * M_SQRT1_2); }

static double inside(double from, double to, double mean, double width)
{
    return normal_below((to - mean) / width) - normal_below((from - mean) / width);
}

/* In [0, 1], for the width. */
static double unit_place(const struct parzen *p, int a, double place)
{
    if (!p->axes[a].tabled)
        return place;
    return space_place(p->data.space, a, code_at(p->data.space, a, (int)place));
}

/* Sums over the kernels that have the axis. */
static void spread_of(const struct parzen *p, int a, double *n, double *spread)
{
    const double *places = p->data.places[a];
    double sum = 0, squares = 0;
    int64_t all = p->others ? p->data.count : p->member_count;

    *n = 0;
    for (int64_t i = 0; i < all; i++) {
        double place = places[p->others ? i : p->members[i]];

        if (isnan(place))
            continue;
        place = unit_place(p, a, place);
        *n += 1;
        sum += place;
        squares += place * place;
    }
    *spread = *n > 0 ? sqrt(fmax(squares / *n - sum / *n * (sum / *n), 0)) : 0;
}

static double width_of(const struct parzen *p, int a)
{
    double n, spread, dimensions = p->data.space->count, width;

    spread_of(p, a, &n, &spread);
    /* of the prior too, which lies in the middle and is as wide as the axis */
    spread = sqrt((n * spread * spread + 1.0 / 12 * prior_weight) / (n + prior_weight));
    width = spread * pow(n + 1, -1 / (dimensions + 4));
    return fmax(width, 1 / fmin(NARROWEST, n + 2));
}

static int table_of(struct parzen *p, int a, double n)
{
    struct parzen_axis *axis = &p->axes[a];
    const struct space *space = p->data.space;
    int k = axis->values;

    if (!(axis->table = malloc((size_t)k * (size_t)k * sizeof *axis->table)))
        return ERR_MEMORY;
    for (int from = 0; from < k; from++) {
        double total = 0, place = unit_place(p, a, from), *row = &axis->table[from * k];

        for (int to = 0; to < k; to++) {
            double code = code_at(space, a, to);

            row[to] = space->axes[a].kind == SPACE_CHOICE
                          ? (from == to ? 1 : 0) + choice_even / (n + 1)
                          : inside(space_edge(space, a, code, 0),
                                   space_edge(space, a, code, 1), place, axis->width);
            total += row[to];
        }
        for (int to = 0; to < k; to++)
            row[to] = log(row[to] / total);
    }
    return 0;
}

static int norms_of(struct parzen_axis *axis)
{
    if (!(axis->norms = malloc(PARZEN_KNOTS * sizeof *axis->norms)))
        return ERR_MEMORY;
    for (int i = 0; i < PARZEN_KNOTS; i++)
        axis->norms[i] = log(inside(0, 1, i / (PARZEN_KNOTS - 1.0), axis->width)) +
                         log(axis->width * sqrt(2 * M_PI));
    return 0;
}

static int init_axis(struct parzen *p, int a)
{
    struct parzen_axis *axis = &p->axes[a];

    axis->tabled = is_tabled(&p->data.space->axes[a]);
    axis->values = axis->tabled ? (int)p->data.space->axes[a].count : 0;
    axis->width = width_of(p, a);
    return axis->tabled ? table_of(p, a, (double)p->count) : norms_of(axis);
}

static int make_room(struct parzen_scratch *scratch, int64_t count)
{
    double *sums;

    if (count <= scratch->room)
        return 0;
    sums = realloc(scratch->sums, (size_t)count * 2 * sizeof *sums);
    if (!sums)
        return ERR_MEMORY;
    scratch->sums = sums;
    scratch->room = count * 2;
    return 0;
}

void parzen_scratch_clear(struct parzen_scratch *scratch)
{
    free(scratch->sums);
    *scratch = (struct parzen_scratch){0};
}

int parzen_init(struct parzen *out, const struct parzen_data *data,
                const int64_t *members, int64_t count, bool others,
                struct parzen_scratch *scratch)
{
    int rc;

    *out = (struct parzen){.data = *data, .member_count = count, .others = others};
    memcpy(out->members, members, (size_t)count * sizeof *members);
    out->count = others ? data->count - count : count;
    out->scratch = scratch ? scratch : &out->own;
    rc = make_room(out->scratch, data->count);
    for (int a = 0; a < data->space->count && !rc; a++)
        rc = init_axis(out, a);
    if (rc)
        parzen_clear(out);
    return rc;
}

void parzen_clear(struct parzen *parzen)
{
    for (int a = 0; parzen->data.space && a < parzen->data.space->count; a++) {
        free(parzen->axes[a].table);
        free(parzen->axes[a].norms);
    }
    parzen_scratch_clear(&parzen->own);
    *parzen = (struct parzen){0};
}

/* Adds each proposal's log kernel at a place of the axis. */
static void add_tabled(double *restrict sums, const double *restrict places, int64_t n,
                       const struct parzen_axis *axis, double at)
{
    double even = -log(axis->values);
    int to = (int)at;

    for (int64_t i = 0; i < n; i++)
        sums[i] +=
            isnan(places[i]) ? even : axis->table[(int)places[i] * axis->values + to];
}

static void add_normal(double *restrict sums, const double *restrict places, int64_t n,
                       const struct parzen_axis *axis, double at)
{
    double scale = -0.5 / (axis->width * axis->width);

    for (int64_t i = 0; i < n; i++) {
        double off = at - places[i];

        if (!isnan(places[i]))
            sums[i] += scale * off * off -
                       axis->norms[(int)(places[i] * (PARZEN_KNOTS - 1) + 0.5)];
    }
}

static double prior_log_density(const struct parzen *p, const double *places)
{
    double sum = 0;

    for (int a = 0; a < p->data.space->count; a++)
        if (p->axes[a].tabled && !isnan(places[a]))
            sum -= log(p->axes[a].values);
    return sum;
}

double parzen_log_density(struct parzen *p, const double *places)
{
    double *sums = p->scratch->sums;
    double total = prior_weight * exp(prior_log_density(p, places));
    int64_t n = p->data.count;

    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int a = 0; a < p->data.space->count; a++) {
        if (isnan(places[a]))
            continue;
        (p->axes[a].tabled ? add_tabled : add_normal)(sums, p->data.places[a], n,
                                                      &p->axes[a], places[a]);
    }
    if (!p->others) {
        for (int64_t m = 0; m < p->member_count; m++)
            total += exp(sums[p->members[m]]);
    } else {
        for (int64_t m = 0; m < p->member_count; m++)
            sums[p->members[m]] = -INFINITY;
        for (int64_t i = 0; i < n; i++)
            total += exp(sums[i]);
    }
    return log(total / ((double)p->count + prior_weight));
}

static double uniform(const struct parzen_draw *d, int a, int which)
{
    return draw_uniform(d->seed, DRAW_TPE, d->proposal,
                        (uint32_t)which << 8 | (uint32_t)a, d->candidate);
}

/* By rejection; a mean inside [0, 1] makes half of the draws good at least, unless the
 * width is far above 1. */
static double draw_normal(const struct parzen_draw *d, int a, double mean, double width)
{
    for (int k = 1; k < 100; k += 2) {
        double radius = sqrt(-2 * log(1 - uniform(d, a, k)));
        double place = mean + width * radius * cos(2 * M_PI * uniform(d, a, k + 1));

        if (place >= 0 && place < 1)
            return place;
    }
    return uniform(d, a, 100);
}

static double draw_tabled(const struct parzen_draw *d, int a,
                          const struct parzen_axis *axis, int from)
{
    double u = uniform(d, a, 1);
    int to = 0;

    for (; to < axis->values - 1; to++)
        if ((u -= exp(axis->table[from * axis->values + to])) < 0)
            break;
    return to;
}

/* from: a proposal, or -1 for the prior. */
static double draw_axis(const struct parzen *p, const struct parzen_draw *d, int a,
                        int64_t from)
{
    const struct parzen_axis *axis = &p->axes[a];
    double mean = from < 0 ? NAN : p->data.places[a][from];

    if (isnan(mean))
        return space_code(p->data.space, a, uniform(d, a, 0));
    if (axis->tabled)
        return code_at(p->data.space, a, (int)draw_tabled(d, a, axis, (int)mean));
    return space_code(p->data.space, a, draw_normal(d, a, mean, axis->width));
}

void parzen_draw(const struct parzen *p, const struct parzen_draw *draw, double *point)
{
    double which = uniform(draw, 255, 0) * ((double)p->member_count + prior_weight);
    int64_t from = which < (double)p->member_count ? p->members[(int64_t)which] : -1;

    for (int a = 0; a < p->data.space->count; a++)
        point[a] =
            space_exists(p->data.space, a, point) ? draw_axis(p, draw, a, from) : NAN;
}
