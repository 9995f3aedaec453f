#include "coordinator/budget.h"

#include "tests/support/suite.h"

#include <math.h>

static void without_limits_everything_may_begin(void)
{
    struct budget b = {.begun = 100, .end = INFINITY};

    CU_ASSERT_EQUAL(budget_check(&b, 10, 3600, 1e9), LIMIT_NONE);
}

static void epochs_under_way_count_as_used(void)
{
    struct budget b = {.epochs = 10, .used = 7, .end = INFINITY};

    CU_ASSERT_EQUAL(budget_check(&b, 2, 0, 0), LIMIT_NONE);
    CU_ASSERT_EQUAL(budget_check(&b, 3, 0, 0), LIMIT_EPOCHS);
    b.used = 10;
    CU_ASSERT_EQUAL(budget_check(&b, 0, 0, 0), LIMIT_EPOCHS);
}

static void wall_time_counts_over_all_starts(void)
{
    struct budget b = {.wall_s = 3600, .ran_s = 3000, .begun = 50, .end = INFINITY};

    CU_ASSERT_EQUAL(budget_ran_s(&b, 150), 3100);
    CU_ASSERT_EQUAL(budget_check(&b, 1, 100, 150), LIMIT_NONE);
    CU_ASSERT_EQUAL(budget_check(&b, 1, 500, 150), LIMIT_WALL_TIME);
    CU_ASSERT_EQUAL(budget_check(&b, 1, 0, 650), LIMIT_WALL_TIME);
}

static void epoch_that_cannot_end_in_the_allocation_does_not_begin(void)
{
    struct budget b = {.begun = 0, .end = 1000};

    CU_ASSERT_EQUAL(budget_check(&b, 1, 100, 800), LIMIT_NONE);
    CU_ASSERT_EQUAL(budget_check(&b, 1, 100, 880), LIMIT_ALLOCATION);
    CU_ASSERT_EQUAL(budget_check(&b, 1, 0, 980), LIMIT_NONE); /* nothing is known */
    CU_ASSERT_EQUAL(budget_check(&b, 1, 0, 990), LIMIT_ALLOCATION);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(without_limits_everything_may_begin),
        SUITE_TEST(epochs_under_way_count_as_used),
        SUITE_TEST(wall_time_counts_over_all_starts),
        SUITE_TEST(epoch_that_cannot_end_in_the_allocation_does_not_begin),
        {NULL, NULL},
    };

    return suite_run("budget", tests);
}
