/* Axes of figures, and which of many are shown. */
#include "report/figures/scale.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>

static void values_spread_like_powers_get_a_logarithmic_axis(void)
{
    const double rates[] = {5e-4, 1e-3, 2e-3, 5e-3},
                 even[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const double zero[] = {0, 1e-4, 1e-3, 1e-2}, narrow[] = {16, 32};

    CU_ASSERT(scale_of(rates, 4).log);
    CU_ASSERT_FALSE(scale_of(even, 9).log);
    CU_ASSERT_FALSE(scale_of(zero, 4).log);
    CU_ASSERT_FALSE(scale_of(narrow, 2).log);
}

static void repeats_do_not_change_the_axis(void)
{
    const double few[] = {1, 10, 100}, many[] = {1, 1, 1, 1, 1, 1, 10, 100};

    CU_ASSERT(scale_of(few, 3).log);
    CU_ASSERT(scale_of(many, 8).log);
    CU_ASSERT_EQUAL(scale_of(many, 8).distinct, 3);
}

static void axes_have_an_extent_whatever_the_values(void)
{
    const double same[] = {0.5, 0.5}, none[] = {NAN, INFINITY}, zero[] = {0},
                 huge[] = {1e300}, tiny[] = {1, 1 + 1e-15};
    const struct scale scales[] = {scale_of(same, 2), scale_of(none, 2),
                                   scale_of(zero, 1), scale_of(huge, 1),
                                   scale_of(NULL, 0), scale_of(tiny, 2)};

    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        double tics[SCALE_DISTINCT_MAX];
        int count = scale_tics(&scales[i], 5, tics);

        CU_ASSERT(scales[i].low < scales[i].high);
        CU_ASSERT(isfinite(scales[i].low) && isfinite(scales[i].high));
        CU_ASSERT(count >= 1 && count <= 5);
    }
}

static void tics_are_few_and_within_the_axis(void)
{
    for (int k = 0; k < 400; k++) {
        double ends[2] = {pow(10, k % 20 - 10) * (1 + k % 7),
                          pow(10, k % 20 - 10 + k / 20) * (2 + k % 11)};
        struct scale s = scale_of(ends, 2);
        double tics[SCALE_DISTINCT_MAX];
        int count = scale_tics(&s, 2 + k % 8, tics);

        CU_ASSERT(count >= 1 && count <= SCALE_DISTINCT_MAX);
        for (int t = 0; t < count; t++) {
            CU_ASSERT(tics[t] >= s.low * (1 - 1e-9) && tics[t] <= s.high * (1 + 1e-9));
            CU_ASSERT(t == 0 || tics[t] > tics[t - 1]);
        }
    }
}

static void few_values_apart_are_the_tics_themselves(void)
{
    const double batches[] = {64, 16, 32, 16};
    struct scale s = scale_of(batches, 4);
    double tics[SCALE_DISTINCT_MAX];

    CU_ASSERT_EQUAL(scale_tics(&s, 5, tics), 3);
    CU_ASSERT_EQUAL(tics[0], 16);
    CU_ASSERT_EQUAL(tics[2], 64);
}

static void places_run_from_low_to_high(void)
{
    const double rates[] = {1e-4, 1e-3, 1e-2};
    struct scale s = scale_of(rates, 3);

    CU_ASSERT_DOUBLE_EQUAL(scale_place(&s, s.low), 0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(scale_place(&s, s.high), 1, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(scale_place(&s, 1e-3), 0.5, 1e-12);
}

static void order_is_best_first_and_unknown_last(void)
{
    const double scores[] = {0.5, NAN, 0.9, 0.5, 0.1};
    int *high = scale_order(scores, 5, true), *low = scale_order(scores, 5, false);
    const int up[] = {2, 0, 3, 4, 1}, down[] = {4, 0, 3, 2, 1};

    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(high[i], up[i]);
        CU_ASSERT_EQUAL(low[i], down[i]);
    }
    free(high);
    free(low);
}

static void thinning_keeps_the_first_and_spreads_the_rest(void)
{
    int order[100];
    bool keep[100];
    int kept = 0, first_half = 0;

    for (int i = 0; i < 100; i++)
        order[i] = 99 - i;
    CU_ASSERT_EQUAL(scale_thin(order, 100, 30, keep), 30);
    for (int i = 0; i < 100; i++) {
        kept += keep[i];
        first_half += keep[i] && i >= 50;
    }
    CU_ASSERT(keep[99]);
    CU_ASSERT_EQUAL(kept, 30);
    CU_ASSERT_EQUAL(first_half, 15);
    CU_ASSERT_EQUAL(scale_thin(order, 100, 1000, keep), 100);
}

static const struct suite_test tests[] = {
    SUITE_TEST(values_spread_like_powers_get_a_logarithmic_axis),
    SUITE_TEST(repeats_do_not_change_the_axis),
    SUITE_TEST(axes_have_an_extent_whatever_the_values),
    SUITE_TEST(tics_are_few_and_within_the_axis),
    SUITE_TEST(few_values_apart_are_the_tics_themselves),
    SUITE_TEST(places_run_from_low_to_high),
    SUITE_TEST(order_is_best_first_and_unknown_last),
    SUITE_TEST(thinning_keeps_the_first_and_spreads_the_rest),
    {NULL, NULL},
};

int main(void) { return suite_run("scale", tests); }
