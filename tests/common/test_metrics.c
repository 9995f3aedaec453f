/* common/metrics against what scikit-learn and scipy answered (tests/golden). */
#include "common/metrics.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_MAX = 10000 };

struct golden {
    char name[64];
    int rows, labels;
    float logits[CASE_MAX], gold[CASE_MAX];
};

static struct golden golden;

static void read_numbers(FILE *f, float *out, int count)
{
    char word[64];

    for (int i = 0; i < count; i++)
        out[i] = fscanf(f, "%63s", word) == 1 ? strtof(word, NULL) : NAN;
}

static void check_metric(const char *name, double want)
{
    enum metric m = metric_by_name(name);
    double got;

    CU_ASSERT_FATAL(m < METRIC_COUNT);
    CU_ASSERT_STRING_EQUAL(metric_name(m), name);
    got = metric_compute(m, golden.logits, golden.gold, golden.rows, golden.labels);
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-9))
        fprintf(stderr, "%s %s: %.17g, wanted %.17g\n", golden.name, name, got, want);
    if (isnan(want))
        CU_ASSERT(isnan(got))
    else
        CU_ASSERT(fabs(got - want) <= 1e-9)
}

static void metrics_equal_scikit_learn_and_scipy(void)
{
    FILE *f = fopen(place_source("tests/golden/metrics.txt"), "r");
    char word[64], value[64];
    int cases = 0, metrics = 0;

    CU_ASSERT_FATAL(f != NULL);
    while (fscanf(f, "%63s", word) == 1) {
        if (!strcmp(word, "case")) {
            CU_ASSERT_FATAL(fscanf(f, "%63s %d %d", golden.name, &golden.rows,
                                   &golden.labels) == 3);
            CU_ASSERT_FATAL(golden.rows * golden.labels <= CASE_MAX);
            read_numbers(f, golden.logits, golden.rows * golden.labels);
            read_numbers(f, golden.gold, golden.rows);
            cases++;
        } else {
            CU_ASSERT_FATAL(fscanf(f, "%63s", value) == 1);
            check_metric(word, strtod(value, NULL));
            metrics++;
        }
    }
    fclose(f);
    CU_ASSERT_EQUAL(cases, 34);
    CU_ASSERT_EQUAL(metrics, 131);
}

static void nothing_to_score_is_undefined(void)
{
    float logits[4] = {0, 1, NAN, 0}, gold[2] = {1, 0}, outside[2] = {1, 2};

    for (int m = 0; m < METRIC_COUNT; m++)
        CU_ASSERT(isnan(metric_compute((enum metric)m, logits, gold, 0, 2)));
    CU_ASSERT(isnan(metric_compute(METRIC_ACCURACY, logits, gold, 2, 2)));
    CU_ASSERT(isnan(metric_compute(METRIC_PEARSON, logits, gold, 1, 1)));
    CU_ASSERT(isnan(metric_compute(METRIC_PEARSON, logits, gold, 2, 2)));
    logits[2] = 0;
    CU_ASSERT(isnan(metric_compute(METRIC_ACCURACY, logits, outside, 2, 2)));
    CU_ASSERT_EQUAL(metric_compute(METRIC_ACCURACY, logits, gold, 2, 2), 1);
}

static void unknown_metric_has_no_number(void)
{
    CU_ASSERT_EQUAL(metric_by_name("bleu"), METRIC_COUNT);
    CU_ASSERT_EQUAL(metric_by_name(""), METRIC_COUNT);
}

static void only_correlations_are_of_values(void)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        CU_ASSERT(metric_higher_is_better((enum metric)m));
        CU_ASSERT_EQUAL(metric_is_regression((enum metric)m),
                        m == METRIC_PEARSON || m == METRIC_SPEARMAN);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(metrics_equal_scikit_learn_and_scipy),
        SUITE_TEST(nothing_to_score_is_undefined),
        SUITE_TEST(unknown_metric_has_no_number),
        SUITE_TEST(only_correlations_are_of_values),
        {NULL, NULL},
    };

    return suite_run("metrics", tests);
}
