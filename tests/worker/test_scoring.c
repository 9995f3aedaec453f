#include "worker/scoring.h"

#include "tests/support/suite.h"
#include "worker/evaluate.h"

#include <math.h>

static float gold[] = {0, 1, 1, 0}, logits[] = {2, 1, 0, 1, 3, 1, 5, 1};
static struct scored_rows rows = {4, 2, logits, gold}, none;

static void score_is_the_mean_of_the_selection_metrics(void)
{
    struct task task = {.selection_count = 2,
                        .selection = {METRIC_ACCURACY, METRIC_F1}};

    CU_ASSERT_EQUAL(scoring_score(&task, &rows, &none), (0.75 + 2.0 / 3) / 2);
    task.selection[1] = METRIC_ACCURACY_MISMATCHED;
    CU_ASSERT(isnan(scoring_score(&task, &rows, &none)));
    CU_ASSERT_EQUAL(scoring_score(&task, &rows, &rows), 0.75);
}

static void undefined_scores_rank_last(void)
{
    struct task task = {.selection_count = 1, .selection = {METRIC_PEARSON}};

    CU_ASSERT(scoring_better(&task, 0.2, 0.1));
    CU_ASSERT(!scoring_better(&task, 0.1, 0.1));
    CU_ASSERT(!scoring_better(&task, 0.1, 0.2));
    CU_ASSERT(scoring_better(&task, -1, NAN));
    CU_ASSERT(!scoring_better(&task, NAN, -1));
    CU_ASSERT(!scoring_better(&task, NAN, NAN));
}

static void rows_are_taken_with_their_labels(void)
{
    float labels[] = {5, 6, 7}, outputs[] = {1, 2, 3, 4, 5, 6};
    struct dataset_split split = {.rows = 3, .labelled = true, .labels = labels};
    uint32_t some[] = {0, 2};
    struct row_list list = {2, some};
    struct scored_rows scored;

    CU_ASSERT_EQUAL_FATAL(scored_rows_init(&scored, &split, &list, 2, NULL), 0);
    scored_rows_gather(&scored, outputs, &list);
    CU_ASSERT(scored.gold[0] == 5 && scored.gold[1] == 7);
    CU_ASSERT(scored.logits[1] == 2 && scored.logits[2] == 5 && scored.logits[3] == 6);
    scored_rows_clear(&scored);
}

static void losses_are_means_over_rows(void)
{
    float values[] = {1, 2}, wanted[] = {0, 4}, large[] = {1e30f, 0}, second[] = {1};
    double entropy =
        log(1 + exp(-1)) + log(1 + exp(-1)) + log(1 + exp(2)) + log(1 + exp(-4));

    CU_ASSERT(fabs(evaluate_loss(logits, gold, 4, 2, false) - entropy / 4) < 1e-12);
    CU_ASSERT_EQUAL(evaluate_loss(values, wanted, 2, 1, true), 2.5);
    CU_ASSERT_EQUAL(evaluate_loss(large, second, 1, 2, false), (double)1e30f);
    CU_ASSERT(isnan(evaluate_loss(values, wanted, 0, 1, true)));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(score_is_the_mean_of_the_selection_metrics),
        SUITE_TEST(undefined_scores_rank_last),
        SUITE_TEST(rows_are_taken_with_their_labels),
        SUITE_TEST(losses_are_means_over_rows),
        {NULL, NULL},
    };

    return suite_run("scoring", tests);
}
