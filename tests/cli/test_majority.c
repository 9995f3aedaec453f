/* The score of who learns nothing. */
#include "cli/majority.h"
#include "tests/support/suite.h"

#include <math.h>

static float train_labels[] = {1, 1, 0, 1}, dev_labels[] = {1, 0, 1, 1, 0};

static struct dataset sample(int labels)
{
    struct dataset dataset = {.labels = labels, .regression = labels == 1};
    dataset.splits[SPLIT_TRAIN] = (struct dataset_split){
        .present = true, .labelled = true, .rows = 4, .labels = train_labels};
    dataset.splits[SPLIT_DEV] = (struct dataset_split){
        .present = true, .labelled = true, .rows = 5, .labels = dev_labels};
    return dataset;
}

static void the_most_frequent_training_class_answers(void)
{
    struct dataset dataset = sample(2);
    struct task task = {.selection_count = 1, .selection = {METRIC_ACCURACY}};
    CU_ASSERT_DOUBLE_EQUAL(majority_score(&dataset, &task), 0.6, 1e-12);
    task.selection_count = 2;
    task.selection[1] = METRIC_F1; /* 2·3 / (2·3 + 2) */
    CU_ASSERT_DOUBLE_EQUAL(majority_score(&dataset, &task), (0.6 + 0.75) / 2, 1e-12);
    task.selection_count = 1;
    task.selection[0] = METRIC_MATTHEWS;
    CU_ASSERT_EQUAL(majority_score(&dataset, &task), 0);
}

static void correlations_with_a_mean_are_undefined(void)
{
    struct dataset dataset = sample(1);
    struct task task = {.selection_count = 1, .selection = {METRIC_PEARSON}};
    CU_ASSERT(isnan(majority_score(&dataset, &task)));
}

static void without_rows_there_is_no_score(void)
{
    struct dataset dataset = sample(2);
    struct task task = {.selection_count = 1, .selection = {METRIC_ACCURACY}};
    dataset.splits[SPLIT_DEV].present = false;
    CU_ASSERT(isnan(majority_score(&dataset, &task)));
    dataset = sample(2);
    dataset.splits[SPLIT_TRAIN].rows = 0;
    CU_ASSERT(isnan(majority_score(&dataset, &task)));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(the_most_frequent_training_class_answers),
        SUITE_TEST(correlations_with_a_mean_are_undefined),
        SUITE_TEST(without_rows_there_is_no_score),
        {NULL, NULL},
    };
    return suite_run("majority", tests);
}
