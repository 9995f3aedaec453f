/* Population based training's exploration. */
#include "tests/coordinator/sample_search.h"

#include "tests/support/suite.h"

#include <math.h>

enum { DRAWS = 4000 };

static void open(struct sample_search *out, const char *space)
{
    char sweep[1024];

    snprintf(sweep, sizeof sweep,
             "search = \"random\"; trials = 10; scheduler = \"pbt\"; space = { %s };",
             space);
    sample_search_open(out, sweep);
}

static void ranges_go_up_or_down_by_a_fifth_or_are_drawn_anew(void)
{
    struct sample_search sample;
    struct settings from, to;
    int up = 0, down = 0;

    open(&sample, "learning_rate = { min = 1e-5; max = 1e-1; scale = \"log\"; };");
    from = sample.spec.base;
    from.learning_rate = 1e-3;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        search_explore(sample.search, &from, draw, &to);
        CU_ASSERT(to.learning_rate >= 1e-5 && to.learning_rate <= 1e-1);
        up += to.learning_rate == 1.2e-3;
        down += fabs(to.learning_rate - 1e-3 / 1.2) < 1e-8;
    }
    CU_ASSERT_DOUBLE_EQUAL((double)up / DRAWS, 3 / 8.0, 0.03);
    CU_ASSERT_DOUBLE_EQUAL((double)down / DRAWS, 3 / 8.0, 0.03);
    sample_search_close(&sample);
}

static void steps_never_leave_the_range(void)
{
    static const double ends[] = {1e-3, 1e-2};
    struct sample_search sample;
    struct settings from, to;

    open(&sample, "learning_rate = { min = 1e-3; max = 1e-2; };");
    from = sample.spec.base;
    for (int end = 0; end < 2; end++) {
        from.learning_rate = ends[end];
        for (uint64_t draw = 0; draw < 200; draw++) {
            search_explore(sample.search, &from, draw, &to);
            CU_ASSERT(to.learning_rate >= 1e-3 && to.learning_rate <= 1e-2);
        }
    }
    sample_search_close(&sample);
}

static void zero_does_not_stay_zero(void)
{
    struct sample_search sample;
    struct settings from, to;
    int zero = 0;

    open(&sample, "weight_decay = { min = 0.0; max = 0.5; };");
    from = sample.spec.base;
    from.weight_decay = 0;
    for (uint64_t draw = 0; draw < 400; draw++) {
        search_explore(sample.search, &from, draw, &to);
        zero += to.weight_decay == 0;
    }
    CU_ASSERT(zero > 0 && zero < 240); /* down is at the end: three in eight */
    sample_search_close(&sample);
}

static void listed_numbers_move_to_a_neighbour_in_their_order(void)
{
    struct sample_search sample;
    struct settings from, to;
    int far = 0, near = 0, same = 0;

    open(&sample, "learning_rate = [4e-3, 1e-3, 8e-3, 2e-3, 16e-3];");
    from = sample.spec.base;
    from.learning_rate = 4e-3;
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        search_explore(sample.search, &from, draw, &to);
        near += to.learning_rate == 2e-3 || to.learning_rate == 8e-3;
        far += to.learning_rate == 1e-3 || to.learning_rate == 16e-3;
        same += to.learning_rate == 4e-3;
    }
    CU_ASSERT_EQUAL(near + far + same, DRAWS);
    /* a quarter is drawn anew, of five */
    CU_ASSERT_DOUBLE_EQUAL((double)near / DRAWS, 0.75 + 0.25 * 2 / 5, 0.03);
    CU_ASSERT_DOUBLE_EQUAL((double)far / DRAWS, 0.25 * 2 / 5, 0.03);
    sample_search_close(&sample);
}

static void what_may_not_change_within_a_trial_stays(void)
{
    struct sample_search sample;
    struct settings from, to;
    int moved = 0;

    open(&sample, "batch_size = { min = 4; max = 64; }; learning_rate = { min = 1e-4; "
                  "max = 1e-2; };");
    from = sample.spec.base;
    from.batch_size = 16;
    from.learning_rate = 2e-3;
    from.seed = 9;
    for (uint64_t draw = 0; draw < 100; draw++) {
        search_explore(sample.search, &from, draw, &to);
        CU_ASSERT_EQUAL(to.batch_size, 16);
        CU_ASSERT_EQUAL(to.seed, 9);
        moved += to.learning_rate != 2e-3;
    }
    CU_ASSERT(moved > 95);
    sample_search_close(&sample);
}

static void draws_repeat_and_differ_by_their_number(void)
{
    struct sample_search sample;
    struct settings from, one, two;
    int same = 0;

    open(&sample, "learning_rate = { min = 1e-4; max = 1e-2; }; clip_norm = { min = "
                  "0.1; max = 10.0; }; weight_decay = { min = 0.0; max = 1.0; };");
    from = sample.spec.base;
    from.clip_norm = 1;
    for (uint64_t draw = 0; draw < 100; draw++) {
        search_explore(sample.search, &from, draw << 30, &one);
        search_explore(sample.search, &from, draw << 30, &two);
        CU_ASSERT(sample_search_same(&one, &two));
        search_explore(sample.search, &from, (draw + 1) << 30, &two);
        same += sample_search_same(&one, &two);
    }
    CU_ASSERT(same < 20); /* two of three axes in the same direction by chance */
    sample_search_close(&sample);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(ranges_go_up_or_down_by_a_fifth_or_are_drawn_anew),
        SUITE_TEST(steps_never_leave_the_range),
        SUITE_TEST(zero_does_not_stay_zero),
        SUITE_TEST(listed_numbers_move_to_a_neighbour_in_their_order),
        SUITE_TEST(what_may_not_change_within_a_trial_stays),
        SUITE_TEST(draws_repeat_and_differ_by_their_number),
        {NULL, NULL},
    };

    return suite_run("search_explore", tests);
}
