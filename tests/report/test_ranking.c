#include "report/ranking.h"
#include "tests/support/suite.h"

#include <math.h>

static void add(struct results *r, int64_t trial, int64_t task, int64_t config,
                const char *status, double score)
{
    struct results_trial t = {.trial = trial,
                              .task = task,
                              .config = config,
                              .status = status,
                              .score = score,
                              .report_score = score};

    for (int m = 0; m < METRIC_COUNT; m++)
        t.report[m] = t.test[m] = NAN;
    CU_ASSERT_EQUAL(results_add_trial(r, &t), 0);
}

static void spread_uses_n_minus_one_and_skips_undefined_values(void)
{
    double values[] = {1, NAN, 3, 5};
    struct spread s = spread_of(values, 4);

    CU_ASSERT_EQUAL(s.n, 3);
    CU_ASSERT_DOUBLE_EQUAL(s.mean, 3.0, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(s.sd, 2.0, 1e-15);
    CU_ASSERT(isnan(spread_of(values, 1).sd));
    CU_ASSERT(isnan(spread_of(values + 1, 1).mean));
}

static void configurations_rank_by_mean_never_by_best_seed(void)
{
    struct results r = {0};
    struct ranking ranking;

    add(&r, 1, 1, 1, "done", 0.95); /* best seed, worse mean */
    add(&r, 2, 1, 1, "done", 0.55);
    add(&r, 3, 1, 2, "done", 0.80);
    add(&r, 4, 1, 2, "done", 0.82);
    CU_ASSERT_EQUAL_FATAL(ranking_init(&ranking, &r, NULL), 0);
    CU_ASSERT_EQUAL(ranking.count, 2);
    CU_ASSERT_EQUAL(ranking.rows[0].config, 2);
    CU_ASSERT_EQUAL(ranking.rows[0].best_trial, 4);
    CU_ASSERT_EQUAL(ranking_best(&ranking, 1)->config, 2);
    CU_ASSERT_PTR_NULL(ranking_best(&ranking, 2));
    ranking_clear(&ranking);
    results_clear(&r);
}

static void undefined_scores_rank_last_and_unfinished_trials_do_not_count(void)
{
    struct results r = {0};
    struct ranking ranking;

    add(&r, 1, 1, 1, "done", NAN);
    add(&r, 2, 1, 2, "running", 0.99);
    add(&r, 3, 1, 3, "done", 0.1);
    add(&r, 4, 2, 1, "failed", NAN);
    CU_ASSERT_EQUAL_FATAL(ranking_init(&ranking, &r, NULL), 0);
    CU_ASSERT_EQUAL(ranking.count, 4);
    CU_ASSERT_EQUAL(ranking.rows[0].config, 3);
    CU_ASSERT_EQUAL(ranking.rows[1].config, 1);
    CU_ASSERT_EQUAL(ranking.rows[1].best_trial, 0);
    CU_ASSERT_EQUAL(ranking.rows[2].done, 0);
    CU_ASSERT_EQUAL(ranking.rows[2].trials, 1);
    CU_ASSERT_PTR_NULL(ranking_best(&ranking, 2));
    ranking_clear(&ranking);
    results_clear(&r);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(spread_uses_n_minus_one_and_skips_undefined_values),
        SUITE_TEST(configurations_rank_by_mean_never_by_best_seed),
        SUITE_TEST(undefined_scores_rank_last_and_unfinished_trials_do_not_count),
        {NULL, NULL},
    };

    return suite_run("ranking", tests);
}
