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
static const double width_factor = 0.5; /* of the spread over kernels^(1/5) */
/* Kernels below exp(-40) of the prior are not looked at closer. */
static const double negligible = 40;

static enum parzen_kernel kernel_of(const struct space_axis *axis)
{
    if (axis->kind == SPACE_CHOICE)
        return PARZEN_CHOICE;
    return axis->kind != SPACE_REAL && axis->count <= PARZEN_TABLE ? PARZEN_VALUES
                                                                   : PARZEN_NORMAL;
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
        return PARZEN_ABSENT;
    if (kernel_of(axis) == PARZEN_NORMAL)
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

/* Of the kernels that have the axis. */
struct moments {
    double n, sum, squares;
};

static void add_moments(struct moments *m, double place, double times)
{
    m->n += times;
    m->sum += times * place;
    m->squares += times * place * place;
}

static void add_place(const struct parzen *p, int a, int64_t i, double times,
                      struct moments *m, double *of_values)
{
    double place = p->data.places[a][i];

    if (place == PARZEN_ABSENT)
        return;
    if (p->axes[a].kernel == PARZEN_VALUES)
        of_values[(int)place] += times;
    else
        add_moments(m, place, times);
}

/* Each value is placed once, however many kernels have it. */
static struct moments moments_of(const struct parzen *p, int a)
{
    double of_values[PARZEN_TABLE] = {0};
    struct moments m = {0};

    for (int64_t i = 0; p->others && i < p->data.count; i++)
        add_place(p, a, i, 1, &m, of_values);
    for (int64_t i = 0; i < p->member_count; i++)
        add_place(p, a, p->members[i], p->others ? -1 : 1, &m, of_values);
    for (int v = 0; v < p->axes[a].values; v++)
        add_moments(&m, space_place(p->data.space, a, code_at(p->data.space, a, v)),
                    of_values[v]);
    return m;
}

/* As if the prior, as wide as the axis, had its middle where theirs is: so they are
 * never of no width. */
static double width_of(const struct parzen *p, int a)
{
    struct moments m = moments_of(p, a);
    double mean = m.n > 0 ? m.sum / m.n : 0;
    double off = fmax(m.squares - m.n * mean * mean, 0) + prior_weight / 12;

    m.n += prior_weight;
    return width_factor * sqrt(off / m.n) * pow(m.n, -0.2);
}

static int init_values(struct parzen_axis *axis, const struct space *space, int a)
{
    int k = axis->values;

    if (!(axis->table = malloc((size_t)k * (size_t)(k + 1) * sizeof *axis->table)))
        return ERR_MEMORY;
    for (int to = 0; to < k; to++) {
        double *row = &axis->table[to * (k + 1)], code = code_at(space, a, to);

        row[0] = -log(k); /* of a kernel that does not have the axis */
        for (int from = 0; from < k; from++) {
            double place = space_place(space, a, code_at(space, a, from));

            row[1 + from] =
                log(inside(space_edge(space, a, code, 0), space_edge(space, a, code, 1),
                           place, axis->width) /
                    inside(0, 1, place, axis->width));
        }
    }
    return 0;
}

static int init_choice(struct parzen_axis *axis, double kernels)
{
    double even = choice_even / (kernels + 1), total = 1 + axis->values * even;

    axis->own = log((1 + even) / total);
    axis->others = log(even / total);
    if (!(axis->table = malloc((size_t)(axis->values + 1) * sizeof *axis->table)))
        return ERR_MEMORY;
    axis->table[0] = -log(axis->values); /* of a kernel that does not have the axis */
    for (int v = 0; v < axis->values; v++)
        axis->table[1 + v] = axis->others;
    return 0;
}

static int init_normal(struct parzen_axis *axis)
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
    const struct space *space = p->data.space;
    struct parzen_axis *axis = &p->axes[a];

    axis->kernel = kernel_of(&space->axes[a]);
    if (axis->kernel != PARZEN_NORMAL)
        axis->values = (int)space->axes[a].count;
    if (axis->kernel == PARZEN_CHOICE)
        return init_choice(axis, (double)p->count);
    axis->width = width_of(p, a);
    return axis->kernel == PARZEN_VALUES ? init_values(axis, space, a)
                                         : init_normal(axis);
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

/* Adds every proposal's log kernel at a place of an axis of values: row has it by the
 * proposal's own place, from PARZEN_ABSENT on. */
static void add_row(double *restrict sums, const double *restrict places, int64_t n,
                    const double *restrict row)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] += row[(int)places[i] - PARZEN_ABSENT];
}

static void add_choice(double *restrict sums, const double *restrict places, int64_t n,
                       const struct parzen_axis *axis, double at)
{
    double *own = &axis->table[(int)at - PARZEN_ABSENT];

    *own = axis->own;
    add_row(sums, places, n, axis->table);
    *own = axis->others;
}

/* Where a proposal does not have the axis, its kernel is even: 1. */
static void add_normal(double *restrict sums, const double *restrict places, int64_t n,
                       const struct parzen_axis *axis, double at)
{
    double scale = -0.5 / (axis->width * axis->width);

    for (int64_t i = 0; i < n; i++) {
        double off = at - places[i];

        if (places[i] != PARZEN_ABSENT)
            sums[i] += scale * off * off -
                       axis->norms[(int)(places[i] * (PARZEN_KNOTS - 1) + 0.5)];
    }
}

static void add_axis(const struct parzen *p, int a, double at)
{
    const struct parzen_axis *axis = &p->axes[a];
    const double *places = p->data.places[a];
    double *sums = p->scratch->sums;

    if (axis->kernel == PARZEN_CHOICE)
        add_choice(sums, places, p->data.count, axis, at);
    else if (axis->kernel == PARZEN_VALUES)
        add_row(sums, places, p->data.count,
                &axis->table[(int)at * (axis->values + 1)]);
    else
        add_normal(sums, places, p->data.count, axis, at);
}

static double prior_log_density(const struct parzen *p, const double *places)
{
    double sum = log(prior_weight);

    for (int a = 0; a < p->data.space->count; a++)
        if (p->axes[a].values && places[a] != PARZEN_ABSENT)
            sum -= log(p->axes[a].values);
    return sum;
}

double parzen_log_density(struct parzen *p, const double *places)
{
    double *sums = p->scratch->sums, prior = prior_log_density(p, places);
    double total = exp(prior);

    memset(sums, 0, (size_t)p->data.count * sizeof *sums);
    for (int a = 0; a < p->data.space->count; a++)
        if (places[a] != PARZEN_ABSENT)
            add_axis(p, a, places[a]);
    if (!p->others) {
        for (int64_t m = 0; m < p->member_count; m++)
            total += exp(sums[p->members[m]]);
    } else {
        for (int64_t m = 0; m < p->member_count; m++)
            sums[p->members[m]] = -INFINITY;
        for (int64_t i = 0; i < p->data.count; i++)
            if (sums[i] > prior - negligible)
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

/* The place at u of the kernel's probabilities. */
static double draw_values(const struct parzen_axis *axis, int from, double u)
{
    int to = 0;

    for (; to < axis->values - 1; to++)
        if ((u -= exp(axis->table[to * (axis->values + 1) + 1 + from])) < 0)
            break;
    return to;
}

/* One of all where it is not the own one again: the same probabilities. */
static double draw_choice(const struct parzen_axis *axis, double from, double u)
{
    double other = exp(axis->others) * axis->values;

    return u < other ? floor(u / other * axis->values) : from;
}

/* from: a proposal, or -1 for the prior. */
static double draw_axis(const struct parzen *p, const struct parzen_draw *d, int a,
                        int64_t from)
{
    const struct parzen_axis *axis = &p->axes[a];
    double mean = from < 0 ? PARZEN_ABSENT : p->data.places[a][from];

    if (mean == PARZEN_ABSENT)
        return space_code(p->data.space, a, uniform(d, a, 0));
    if (axis->kernel == PARZEN_NORMAL)
        return space_code(p->data.space, a, draw_normal(d, a, mean, axis->width));
    return code_at(p->data.space, a,
                   (int)(axis->kernel == PARZEN_VALUES
                             ? draw_values(axis, (int)mean, uniform(d, a, 1))
                             : draw_choice(axis, mean, uniform(d, a, 1))));
}

void parzen_draw(const struct parzen *p, const struct parzen_draw *draw, double *point)
{
    double which = uniform(draw, 255, 0) * ((double)p->member_count + prior_weight);
    int64_t from = which < (double)p->member_count ? p->members[(int64_t)which] : -1;

    for (int a = 0; a < p->data.space->count; a++)
        point[a] =
            space_exists(p->data.space, a, point) ? draw_axis(p, draw, a, from) : NAN;
}
