#include "worker/schedule.h"

#include "tests/support/suite.h"

#include <math.h>

static void steps_span_the_horizon(void)
{
    struct settings s = {.epochs = 4, .batch_size = 32};

    CU_ASSERT_EQUAL(schedule_steps(&s, 64), 8);
    CU_ASSERT_EQUAL(schedule_steps(&s, 65), 12);
    CU_ASSERT_EQUAL(schedule_steps(&s, 1), 4);
    s.horizon = 10;
    CU_ASSERT_EQUAL(schedule_steps(&s, 65), 30);
}

static void warmup_rises_to_one(void)
{
    struct settings s = {.warmup = 0.1, .schedule = SCHEDULE_CONSTANT};

    /* floor(0.1 · 49) = 4 steps */
    CU_ASSERT_EQUAL(schedule_factor(&s, 49, 0), 0.25);
    CU_ASSERT_EQUAL(schedule_factor(&s, 49, 2), 0.75);
    CU_ASSERT_EQUAL(schedule_factor(&s, 49, 3), 1);
    CU_ASSERT_EQUAL(schedule_factor(&s, 49, 4), 1);
    CU_ASSERT_EQUAL(schedule_factor(&s, 49, 48), 1);
    s.warmup = 1;
    CU_ASSERT_EQUAL(schedule_factor(&s, 4, 0), 0.25);
    CU_ASSERT_EQUAL(schedule_factor(&s, 4, 3), 1);
}

static void linear_and_cosine_fall_towards_zero(void)
{
    struct settings s = {.warmup = 0.2, .schedule = SCHEDULE_LINEAR};

    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 1), 1);
    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 2), 1);
    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 6), 0.5);
    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 9), 0.125);
    s.schedule = SCHEDULE_COSINE;
    CU_ASSERT(fabs(schedule_factor(&s, 10, 2) - 1) < 1e-15);
    CU_ASSERT(fabs(schedule_factor(&s, 10, 6) - 0.5) < 1e-15);
    CU_ASSERT(fabs(schedule_factor(&s, 10, 4) - (0.5 + sqrt(0.5) / 2)) < 1e-15);
}

static void nothing_is_learned_past_the_end(void)
{
    struct settings s = {.schedule = SCHEDULE_LINEAR};

    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 10), 0);
    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 11), 0);
    s.schedule = SCHEDULE_CONSTANT;
    CU_ASSERT_EQUAL(schedule_factor(&s, 10, 11), 1);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(steps_span_the_horizon),
        SUITE_TEST(warmup_rises_to_one),
        SUITE_TEST(linear_and_cosine_fall_towards_zero),
        SUITE_TEST(nothing_is_learned_past_the_end),
        {NULL, NULL},
    };

    return suite_run("schedule", tests);
}
