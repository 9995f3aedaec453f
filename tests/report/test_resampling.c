/* Bootstrap, permutation and almost stochastic order against numpy's, within the Monte
 * Carlo error of both. */
#include "report/statistics/bootstrap.h"
#include "report/statistics/permutation.h"
#include "report/statistics/stochastic_order.h"
#include "tests/report/statistics_goldens.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 8 };

struct sample {
    const char *name;
    int metric_count;
    enum metric metrics[2];
    struct answers a, b;
    const float *columns[2 * RUNS_MAX];
    float *gold, *of_a, *of_b;
};

static struct sample samples[] = {
    {.name = "few", .metric_count = 2, .metrics = {METRIC_F1, METRIC_ACCURACY}},
    {.name = "many", .metric_count = 1, .metrics = {METRIC_MATTHEWS}},
    {.name = "classes", .metric_count = 1, .metrics = {METRIC_ACCURACY}},
    {.name = "values", .metric_count = 2, .metrics = {METRIC_PEARSON, METRIC_SPEARMAN}},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static struct score_rule load(struct sample *s)
{
    int n;
    const double *size = golden(s->name, "size", &n);

    if (!s->gold) {
        s->gold = golden_floats(s->name, "gold", &n);
        s->of_a = golden_floats(s->name, "a", &n);
        s->of_b = golden_floats(s->name, "b", &n);
    }
    s->a = (struct answers){.rows = (int64_t)size[0],
                            .runs = (int)size[1],
                            .labels = (int)size[2],
                            .answer = s->columns,
                            .gold = s->gold};
    s->b = s->a;
    s->b.answer = s->columns + s->a.runs;
    for (int r = 0; r < s->a.runs; r++) {
        s->columns[r] = s->of_a + r * s->a.rows;
        s->columns[s->a.runs + r] = s->of_b + r * s->a.rows;
    }
    return (struct score_rule){.count = s->metric_count, .metrics = s->metrics};
}

static void check_near(const char *what, const char *number, double got, double want,
                       double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fprintf(stderr, "%s %s: %.6g, wanted %.6g ± %.2g\n", what, number, got, want,
                tolerance);
    CU_ASSERT(fabs(got - want) <= tolerance);
}

/* want: estimate, then mean, sd, low, high of 5,000 draws. The error of a difference
 * of two Monte Carlo estimates with 10,000 and 5,000 draws is 1.73 times ours; four of
 * them are allowed, and for percentiles, whose draws lie on few values, half as much
 * again. */
static void check_bootstrap(const char *name, const struct bootstrap *got,
                            const double *want)
{
    double error = 4 * 1.73 * want[2] / 100;

    check_near(name, "estimate", got->estimate, want[0], 1e-9);
    check_near(name, "mean", got->mean, want[1], error);
    check_near(name, "sd", got->sd, want[2], error / sqrt(2) * 1.2);
    check_near(name, "low", got->interval.low, want[3], 1.5 * 2.7 * error);
    check_near(name, "high", got->interval.high, want[4], 1.5 * 2.7 * error);
}

static void bootstrap_equals_numpys(void)
{
    int n;

    for (int i = 0; i < SAMPLES; i++) {
        struct score_rule rule = load(&samples[i]);
        struct resampling resampling = {.seed = 11, .threads = 2};
        struct bootstrap got;
        const char *name = samples[i].name;

        CU_ASSERT_FATAL(
            bootstrap_score(&got, &samples[i].a, &rule, 0.95, &resampling, NULL) == 0);
        check_bootstrap(name, &got, golden(name, "bootstrap", &n));
        CU_ASSERT_FATAL(bootstrap_difference(&got, &samples[i].a, &samples[i].b, &rule,
                                             0.95, &resampling, NULL) == 0);
        check_bootstrap(name, &got, golden(name, "difference", &n));
    }
}

static void check_p(const char *name, const char *which, double got, double want)
{
    double error = sqrt(fmax(want * (1 - want), 0.001) * (1.0 / 10000 + 1.0 / 5000));

    check_near(name, which, got, want, 4 * error + 1e-4);
}

static void permutation_equals_numpys(void)
{
    int n;

    for (int i = 0; i < SAMPLES; i++) {
        struct score_rule rule = load(&samples[i]);
        struct resampling resampling = {.seed = 3, .threads = 2};
        struct permutation got;
        const char *name = samples[i].name;
        const double *want = golden(name, "permutation", &n);

        CU_ASSERT_FATAL(permutation_test(&got, &samples[i].a, &samples[i].b, &rule,
                                         &resampling, NULL) == 0);
        check_near(name, "difference", got.difference, want[0], 1e-9);
        check_p(name, "p", got.p, want[1]);
        check_p(name, "p of examples", got.p_examples, want[2]);
        check_p(name, "p of seeds", got.p_seeds, want[3]);
    }
}

static void a_family_is_adjusted(void)
{
    struct score_rule rule = load(&samples[1]);
    struct resampling resampling = {.draws = 1000, .seed = 3, .threads = 1};
    struct answers others[2] = {samples[1].b, samples[1].a};
    struct permutation tests[2];
    double adjusted[2];

    CU_ASSERT_FATAL(permutation_against_best(tests, adjusted, &samples[1].a, others, 2,
                                             &rule, &resampling, NULL) == 0);
    CU_ASSERT_EQUAL(tests[1].p, 1); /* against itself */
    CU_ASSERT_EQUAL(adjusted[1], 1);
    CU_ASSERT_DOUBLE_EQUAL(adjusted[0], fmin(1, 2 * tests[0].p), 1e-12);
}

static void threads_do_not_change_draws(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        struct score_rule rule = load(&samples[i]);
        struct bootstrap one, three;
        struct permutation p_one, p_three;
        struct resampling resampling = {.draws = 1001, .seed = 5, .threads = 1};

        bootstrap_score(&one, &samples[i].a, &rule, 0.9, &resampling, NULL);
        permutation_test(&p_one, &samples[i].a, &samples[i].b, &rule, &resampling,
                         NULL);
        resampling.threads = 3;
        bootstrap_score(&three, &samples[i].a, &rule, 0.9, &resampling, NULL);
        permutation_test(&p_three, &samples[i].a, &samples[i].b, &rule, &resampling,
                         NULL);
        CU_ASSERT_EQUAL(one.sd, three.sd);
        CU_ASSERT_EQUAL(one.interval.low, three.interval.low);
        CU_ASSERT_EQUAL(p_one.p, p_three.p);
    }
}

static void refusals_name_the_reason(void)
{
    struct score_rule rule = load(&samples[0]), values = load(&samples[3]);
    struct answers two = samples[0].a, four = samples[0].b, other = samples[0].b;
    struct resampling resampling = {.threads = 1};
    struct bootstrap got;
    struct permutation p;
    struct error err;
    float gold[90] = {0};

    two.runs = 2;
    four.runs = 4;
    other.gold = gold;
    CU_ASSERT_EQUAL(bootstrap_score(&got, &two, &rule, 0.95, &resampling, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "2 seeds, at least 3"));
    CU_ASSERT_EQUAL(
        permutation_test(&p, &samples[0].a, &four, &rule, &resampling, &err),
        ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "5 and 4 seeds"));
    CU_ASSERT_EQUAL(bootstrap_difference(&got, &samples[0].a, &other, &rule, 0.95,
                                         &resampling, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "different rows"));
    CU_ASSERT_EQUAL(
        bootstrap_score(&got, &samples[0].a, &values, 0.95, &resampling, &err),
        ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no metric of classes"));
}

static void undefined_answers_are_refused(void)
{
    struct score_rule rule = load(&samples[0]);
    struct resampling resampling = {.threads = 1};
    struct bootstrap got;
    struct error err;
    float before = samples[0].of_a[3];

    samples[0].of_a[3] = NAN;
    CU_ASSERT_EQUAL(
        bootstrap_score(&got, &samples[0].a, &rule, 0.95, &resampling, &err),
        ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "row 3"));
    samples[0].of_a[3] = before;
}

static void logits_answer_with_the_first_of_the_largest(void)
{
    float logits[] = {1, 1, 0, 2, NAN, 0}, answers[3], values[] = {0.5F, NAN};

    answers_of_logits(answers, logits, 3, 2);
    CU_ASSERT_EQUAL(answers[0], 0);
    CU_ASSERT_EQUAL(answers[1], 1);
    CU_ASSERT(isnan(answers[2]));
    answers_of_logits(answers, values, 2, 1);
    CU_ASSERT_EQUAL(answers[0], 0.5F);
    CU_ASSERT(isnan(answers[1]));
}

static void stochastic_order_equals_numpys(void)
{
    char name[32];
    int n, m, unused;

    for (int i = 0; i < 4; i++) {
        const double *a, *b, *want;
        struct resampling resampling = {.seed = 2, .threads = 1};
        struct stochastic_order got;

        snprintf(name, sizeof name, "order%d", i);
        a = golden(name, "a", &n);
        b = golden(name, "b", &m);
        want = golden(name, "want", &unused);
        CU_ASSERT_FATAL(stochastic_order(&got, a, n, b, m, 0.05, &resampling, NULL) ==
                        0);
        check_near(name, "violation", got.violation, want[0], 1e-9);
        /* The violation is in [0, 1] and not normal: 4 errors of a standard deviation
         * of at most 1/2 √(nm/(n+m)) are below 0.05. */
        check_near(name, "sigma", got.sigma, want[1], 0.05);
        check_near(name, "epsilon", got.epsilon_min, want[2], 0.05);
    }
}

static void stochastic_order_needs_five_seeds_and_a_difference(void)
{
    double a[] = {1, 2, 3, 4, 5}, same[] = {1, 1, 1, 1, 1};
    struct resampling resampling = {.seed = 2, .threads = 1};
    struct stochastic_order got;
    struct error err;

    CU_ASSERT_EQUAL(stochastic_order(&got, a, 5, a, 4, 0.05, &resampling, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "at least 5"));
    CU_ASSERT_EQUAL(stochastic_order(&got, same, 5, same, 5, 0.05, &resampling, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "all scores are 1"));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(bootstrap_equals_numpys),
        SUITE_TEST(permutation_equals_numpys),
        SUITE_TEST(a_family_is_adjusted),
        SUITE_TEST(threads_do_not_change_draws),
        SUITE_TEST(refusals_name_the_reason),
        SUITE_TEST(undefined_answers_are_refused),
        SUITE_TEST(logits_answer_with_the_first_of_the_largest),
        SUITE_TEST(stochastic_order_equals_numpys),
        SUITE_TEST(stochastic_order_needs_five_seeds_and_a_difference),
        {NULL, NULL},
    };
    int rc = suite_run("resampling", tests);

    for (int i = 0; i < SAMPLES; i++) {
        free(samples[i].gold);
        free(samples[i].of_a);
        free(samples[i].of_b);
    }
    return rc;
}
