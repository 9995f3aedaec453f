/* Intervals, McNemar, Holm, expected best: against scipy and exact fractions. */
#include "report/statistics/distribution.h"
#include "report/statistics/expected_best.h"
#include "report/statistics/holm.h"
#include "report/statistics/mcnemar.h"
#include "report/statistics/spread.h"
#include "tests/report/statistics_goldens.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_near(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fprintf(stderr, "%s: %.17g, wanted %.17g\n", what, got, want);
    CU_ASSERT(fabs(got - want) <= tolerance);
}

static void quantiles_equal_scipy(void)
{
    static const double degrees[] = {1, 2, 4, 9.5, 200};
    static const char *const names[] = {"t1", "t2", "t4", "t9.5", "t200"};
    int n;
    const double *p = golden("quantile", "p", &n), *want;

    for (int d = 0; d < 5; d++) {
        want = golden(names[d], "want", &n);
        for (int i = 0; i < n; i++)
            check_near(names[d], student_t_quantile(p[i], degrees[d]), want[i],
                       1e-10 * (1 + fabs(want[i])));
    }
    want = golden("normal", "want", &n);
    for (int i = 0; i < n; i++)
        check_near("normal", normal_quantile(p[i]), want[i], 1e-11);
}

static void means_have_students_interval(void)
{
    char name[32];
    int n, unused;

    for (int i = 0; i < 4; i++) {
        const double *values, *want;
        struct spread s;
        struct interval interval = {0};

        snprintf(name, sizeof name, "interval%d", i);
        values = golden(name, "values", &n);
        want = golden(name, "want", &unused);
        s = spread_of(values, n);
        CU_ASSERT_EQUAL(spread_interval(&interval, s, 0.95, NULL), 0);
        check_near(name, s.mean, want[0], 1e-12);
        check_near(name, s.sd, want[1], 1e-12);
        check_near(name, interval.low, want[2], 1e-9);
        check_near(name, interval.high, want[3], 1e-9);
    }
}

static void one_value_has_no_interval(void)
{
    double values[] = {0.5, NAN};
    struct interval interval;
    struct error err;

    CU_ASSERT_EQUAL(spread_interval(&interval, spread_of(values, 2), 0.95, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "at least 2 seeds"));
}

/* both rows both right, then only a, then only b, then none. */
static void mcnemar_equals_scipys_binomial_test(void)
{
    char name[32];
    int unused;

    for (int i = 0; i < 5; i++) {
        const double *counts, *want;
        int rows, both, only_a, only_b;
        float *a, *b, *gold;
        struct mcnemar m = {0};

        snprintf(name, sizeof name, "mcnemar%d", i);
        counts = golden(name, "counts", &unused);
        want = golden(name, "want", &unused);
        rows = (int)counts[0];
        both = (int)counts[1];
        only_a = (int)counts[2];
        only_b = (int)counts[3];
        a = calloc((size_t)rows * 3, sizeof *a);
        CU_ASSERT_FATAL(a != NULL);
        b = a + rows;
        gold = b + rows;
        for (int r = 0; r < rows; r++) {
            gold[r] = 1;
            a[r] = r < both + only_a;
            b[r] = r < both || (r >= both + only_a && r < both + only_a + only_b);
        }
        CU_ASSERT_EQUAL(mcnemar_test(&m, a, b, gold, rows, NULL), 0);
        CU_ASSERT_EQUAL(m.only_a, only_a);
        CU_ASSERT_EQUAL(m.only_b, only_b);
        check_near(name, m.p, want[0], 1e-9);
        check_near(name, m.mid_p, want[1], 1e-9);
        free(a);
    }
}

static void mcnemar_refuses_values(void)
{
    float a[] = {1, 0.5F}, b[] = {1, 0}, gold[] = {1, 0};
    struct mcnemar m;
    struct error err;

    CU_ASSERT_EQUAL(mcnemar_test(&m, a, b, gold, 2, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "row 1"));
    CU_ASSERT_EQUAL(mcnemar_test(&m, a, b, gold, 0, &err), ERR_INPUT);
}

static void holm_steps_down(void)
{
    int n;
    const double *p = golden("holm", "p", &n), *want = golden("holm", "want", &n);
    double adjusted[16], wrong[] = {0.1, NAN};

    CU_ASSERT_EQUAL(holm_adjust(adjusted, p, n, NULL), 0);
    for (int i = 0; i < n; i++)
        check_near("holm", adjusted[i], want[i], 1e-12);
    CU_ASSERT_EQUAL(holm_adjust(adjusted, wrong, 2, NULL), ERR_INPUT);
    CU_ASSERT_EQUAL(holm_adjust(adjusted, p, 0, NULL), 0);
}

static void expected_best_equals_exact_fractions(void)
{
    int n, k;
    const double *y = golden("best", "scores", &n);
    int *budgets = golden_ints("best", "budgets", &k);
    struct expected_best out[16];

    CU_ASSERT_EQUAL(expected_best(out, y, n, SAMPLING_RANDOM, budgets, k, NULL), 0);
    for (int i = 0; i < k; i++) {
        check_near("biased", out[i].biased, golden("best", "biased", &n)[i], 1e-9);
        check_near("sd", out[i].sd, golden("best", "sd", &n)[i], 1e-9);
        check_near("unbiased", out[i].unbiased, golden("best", "unbiased", &n)[i],
                   1e-9);
    }
    free(budgets);
}

static void expected_best_refuses_what_it_does_not_describe(void)
{
    double y[] = {0.1, 0.2}, undefined[] = {0.1, NAN};
    int one = 1, three = 3;
    struct expected_best out;
    struct error err;

    CU_ASSERT_EQUAL(expected_best(&out, y, 2, SAMPLING_ADAPTIVE, &one, 1, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "earlier scores"));
    CU_ASSERT_EQUAL(expected_best(&out, y, 2, SAMPLING_GRID, &three, 1, &err),
                    ERR_INPUT);
    CU_ASSERT_EQUAL(expected_best(&out, undefined, 2, SAMPLING_GRID, &one, 1, &err),
                    ERR_INPUT);
    CU_ASSERT_EQUAL(expected_best(&out, y, 0, SAMPLING_GRID, &one, 1, &err), ERR_INPUT);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(quantiles_equal_scipy),
        SUITE_TEST(means_have_students_interval),
        SUITE_TEST(one_value_has_no_interval),
        SUITE_TEST(mcnemar_equals_scipys_binomial_test),
        SUITE_TEST(mcnemar_refuses_values),
        SUITE_TEST(holm_steps_down),
        SUITE_TEST(expected_best_equals_exact_fractions),
        SUITE_TEST(expected_best_refuses_what_it_does_not_describe),
        {NULL, NULL},
    };

    return suite_run("small_statistics", tests);
}
