/* The density that TPE draws from: against its definition, summed in plain loops. */
#include "coordinator/search/parzen.h"

#include "tests/coordinator/sample_search.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 9 };
static const double prior = 1.0; /* in kernels */

/* A space of every kind of axis and some points in it. */
struct sample {
    struct sample_search of;
    struct space space;
    double *places[SPACE_AXES];
    struct parzen_data data;
};

enum { POOLING, BATCH, WARMUP, RATE, PATIENCE };

static const double points[POINTS][5] = {
    {0, 4, NAN, 1e-3, 100},  {1, 5, 0.1, 2e-3, 7},   {1, 7, 0.45, 1e-4, 300},
    {2, 6, NAN, 1e-2, 12},   {1, 4, 0.5, 5e-3, 250}, {0, 7, NAN, 1.5e-3, 999},
    {2, 5, NAN, 3e-4, 1000}, {1, 6, 0.0, 9e-3, 0},   {1, 6, 0.2, 2e-3, 500},
};

static void open(struct sample *s)
{
    struct error err;

    sample_search_open(
        &s->of, "search = \"tpe\"; trials = 10; space = {"
                "pooling = [\"pooler\", \"cls\", \"mean\"];"
                "batch_size = { min = 4; max = 7; };"
                "warmup = { min = 0.0; max = 0.5; when = { pooling = \"cls\"; }; };"
                "learning_rate = { min = 1e-4; max = 1e-2; scale = \"log\"; };"
                "patience = { min = 0; max = 1000; }; };");
    CU_ASSERT_EQUAL_FATAL(space_init(&s->space, &s->of.spec, &err), 0);
    for (int a = 0; a < s->space.count; a++) {
        s->places[a] = calloc(POINTS, sizeof *s->places[a]);
        for (int i = 0; i < POINTS; i++)
            s->places[a][i] = parzen_place(&s->space, a, points[i][a]);
    }
    s->data = (struct parzen_data){&s->space, POINTS, s->places};
}

static void finish(struct sample *s)
{
    for (int a = 0; a < s->space.count; a++)
        free(s->places[a]);
    space_clear(&s->space);
    sample_search_close(&s->of);
}

static double density_at(struct parzen *p, const struct space *space,
                         const double *point)
{
    double places[SPACE_AXES];

    for (int a = 0; a < space->count; a++)
        places[a] = parzen_place(space, a, point[a]);
    return exp(parzen_log_density(p, places));
}

/* Over the ranges by their middles, over values by their sum; patience is taken as
 * continuous. */
static double integral(struct parzen *p, const struct space *space)
{
    enum { STEPS = 40 };
    double sum = 0, point[5];

    for (int i = 0; i < 3 * 4 * STEPS * STEPS * STEPS; i++) {
        int rest = i / 12;
        double cell = 1.0 / STEPS / STEPS;

        point[POOLING] = i % 3;
        point[BATCH] = 4 + i / 3 % 4;
        point[WARMUP] = NAN;
        point[RATE] = pow(10, -4 + 2 * (rest % STEPS + 0.5) / STEPS);
        point[PATIENCE] = floor(1001 * (rest / STEPS % STEPS + 0.5) / STEPS);
        if (space_exists(space, WARMUP, point)) {
            point[WARMUP] = 0.5 * (rest / STEPS / STEPS + 0.5) / STEPS;
            cell /= STEPS;
        } else if (rest >= STEPS * STEPS) {
            continue;
        }
        sum += density_at(p, space, point) * cell;
    }
    return sum;
}

static void densities_integrate_to_one(void)
{
    static const int64_t members[] = {1, 4, 8};
    struct sample s;
    struct parzen p;

    open(&s);
    for (int others = 0; others < 2; others++) {
        CU_ASSERT_EQUAL_FATAL(parzen_init(&p, &s.data, members, 3, others, NULL), 0);
        CU_ASSERT_DOUBLE_EQUAL(integral(&p, &s.space), 1, 0.01);
        parzen_clear(&p);
    }
    finish(&s);
}

static double below(double z) { return 0.5 * erfc(-z / sqrt(2)); }

/* One axis, one kernel: the definition's numbers. */
static void density_is_the_mean_of_its_kernels_and_the_prior(void)
{
    struct sample_search of;
    struct space space;
    struct error err;
    struct parzen p;
    double place[] = {0.25}, *places[] = {place};
    int64_t member = 0;

    sample_search_open(&of, "search = \"tpe\"; trials = 10; space = { warmup = { min = "
                            "0.0; max = 1.0; }; };");
    CU_ASSERT_EQUAL_FATAL(space_init(&space, &of.spec, &err), 0);
    struct parzen_data data = {&space, 1, places};
    CU_ASSERT_EQUAL_FATAL(parzen_init(&p, &data, &member, 1, false, NULL), 0);
    /* one kernel and the prior's spread of an even axis */
    double width = 0.5 * sqrt(prior / 12 / (1 + prior)) * pow(1 + prior, -0.2);
    CU_ASSERT_DOUBLE_EQUAL(p.axes[0].width, width, 1e-12);
    for (double x = 0.05; x < 1; x += 0.1) {
        double inside = below(0.75 / width) - below(-0.25 / width);
        double kernel =
            exp(-0.5 * pow((x - 0.25) / width, 2)) / (width * sqrt(2 * M_PI) * inside);

        /* the part inside is kept at 256 places */
        CU_ASSERT_DOUBLE_EQUAL(density_at(&p, &space, &x),
                               (kernel + prior) / (1 + prior), 0.01);
    }
    parzen_clear(&p);
    space_clear(&space);
    sample_search_close(&of);
}

static void draws_are_as_frequent_as_the_density_says(void)
{
    enum { DRAWS = 40000 };
    static const int64_t members[] = {0, 2, 5, 7};
    struct sample s;
    struct parzen p;
    double point[SPACE_AXES], cls = 0, batch[8] = {0}, early = 0;

    open(&s);
    CU_ASSERT_EQUAL_FATAL(parzen_init(&p, &s.data, members, 4, false, NULL), 0);
    for (uint32_t i = 0; i < DRAWS; i++) {
        parzen_draw(&p, &(struct parzen_draw){1, 2, i}, point);
        CU_ASSERT_FATAL(isnan(point[WARMUP]) == (point[POOLING] != 1));
        cls += point[POOLING] == 1;
        batch[(int)point[BATCH]]++;
        early += point[RATE] < 1e-3;
    }
    /* members of each, their kernels' part and the prior's */
    double other = 0.2 / 5 / (1 + 3 * 0.2 / 5);
    double want_cls = (2 * (1 - 2 * other) + 2 * other + prior / 3) / (4 + prior);
    CU_ASSERT_DOUBLE_EQUAL(cls / DRAWS, want_cls, 0.01);
    double want[8] = {0}, want_early = prior / 2;
    for (int v = 4; v < 8; v++)
        for (int m = 0; m < 4; m++) {
            double width = p.axes[BATCH].width,
                   at = (points[members[m]][BATCH] - 3.5) / 4;

            want[v] += (below(((v - 3) / 4.0 - at) / width) -
                        below(((v - 4) / 4.0 - at) / width)) /
                       (below((1 - at) / width) - below(-at / width)) / (4 + prior);
        }
    for (int v = 4; v < 8; v++)
        CU_ASSERT_DOUBLE_EQUAL(batch[v] / DRAWS, want[v] + prior / 4 / (4 + prior),
                               0.01);
    for (int m = 0; m < 4; m++) {
        double width = p.axes[RATE].width,
               at = (log10(points[members[m]][RATE]) + 4) / 2;

        want_early += (below((0.5 - at) / width) - below(-at / width)) /
                      (below((1 - at) / width) - below(-at / width));
    }
    CU_ASSERT_DOUBLE_EQUAL(early / DRAWS, want_early / (4 + prior), 0.01);
    parzen_clear(&p);
    finish(&s);
}

static void others_are_all_but_the_members(void)
{
    static const int64_t few[] = {1, 4, 8}, rest[] = {0, 2, 3, 5, 6, 7};
    struct sample s;
    struct parzen a, b;

    open(&s);
    CU_ASSERT_EQUAL_FATAL(parzen_init(&a, &s.data, few, 3, true, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(parzen_init(&b, &s.data, rest, 6, false, NULL), 0);
    for (int i = 0; i < POINTS; i++)
        CU_ASSERT_DOUBLE_EQUAL(density_at(&a, &s.space, points[i]),
                               density_at(&b, &s.space, points[i]), 1e-9);
    parzen_clear(&a);
    parzen_clear(&b);
    finish(&s);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(densities_integrate_to_one),
        SUITE_TEST(density_is_the_mean_of_its_kernels_and_the_prior),
        SUITE_TEST(draws_are_as_frequent_as_the_density_says),
        SUITE_TEST(others_are_all_but_the_members),
        {NULL, NULL},
    };

    return suite_run("parzen", tests);
}
