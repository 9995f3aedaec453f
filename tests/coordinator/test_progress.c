/* The progress line: what it says, and how it fits. */
#include "coordinator/progress.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static const struct progress half = {.trials = 48,
                                     .done = 12,
                                     .given_up = 1,
                                     .running = 2,
                                     .per_second = 118.4,
                                     .examples_left = 118.4 * 170,
                                     .best = 0.84271,
                                     .state = ""};

static void line_tells_everything(void)
{
    char line[256];
    progress_text(line, sizeof line, &half, 0);
    CU_ASSERT_STRING_EQUAL(line, "12/48 trials, 2 running, 1 given up | 118 examples/s "
                                 "| best 0.8427 | 3 min left");
}

static void what_is_not_known_is_left_out(void)
{
    char line[256];
    struct progress p = {.trials = 4, .per_second = NAN, .best = NAN, .state = ""};
    progress_text(line, sizeof line, &p, 0);
    CU_ASSERT_STRING_EQUAL(line, "0/4 trials");
}

static void a_narrow_terminal_loses_the_least_dear_first(void)
{
    char line[256], before[256];
    progress_text(before, sizeof before, &half, 0);
    for (int columns = 79; columns >= 37; columns--) {
        progress_text(line, sizeof line, &half, columns);
        CU_ASSERT(strlen(line) <= (size_t)columns);
        CU_ASSERT(strlen(line) <= strlen(before));
        strcpy(before, line);
    }
    progress_text(line, sizeof line, &half, 70);
    CU_ASSERT_STRING_EQUAL(line, "12/48 trials, 2 running, 1 given up | best 0.8427 | "
                                 "3 min left");
    progress_text(line, sizeof line, &half, 40);
    CU_ASSERT_STRING_EQUAL(line, "12/48 trials, 2 running, 1 given up");
}

static void stopping_hides_the_time_left(void)
{
    char line[256];
    struct progress p = half;
    p.state = "stopping";
    p.best_task = "cola";
    progress_text(line, sizeof line, &p, 0);
    CU_ASSERT_STRING_EQUAL(line, "12/48 trials, 2 running, 1 given up | stopping | 118 "
                                 "examples/s | best cola 0.8427");
}

static void rate_is_of_the_last_half_minute(void)
{
    struct progress_rate rate = {0};
    CU_ASSERT(isnan(progress_per_second(&rate, 0, 0)));
    for (int second = 0; second <= 100; second++)
        progress_sample(&rate, second, (uint64_t)second * 10);
    CU_ASSERT_DOUBLE_EQUAL(progress_per_second(&rate, 100, 1000), 10, 1e-9);
    for (int second = 101; second <= 150; second++)
        progress_sample(&rate, second, 1000 + (uint64_t)(second - 100) * 40);
    CU_ASSERT_DOUBLE_EQUAL(progress_per_second(&rate, 150, 3000), 40, 1e-9);
}

static void nothing_done_gives_no_rate(void)
{
    struct progress_rate rate = {0};
    progress_sample(&rate, 0, 5);
    CU_ASSERT(isnan(progress_per_second(&rate, 10, 5)));
    CU_ASSERT(isnan(progress_per_second(&rate, 0.5, 50)));
}

static void each_example_is_counted_once(void)
{
    struct progress_share share = {0};
    CU_ASSERT_EQUAL(progress_advance(&share, 3, 1, 100), 100);
    CU_ASSERT_EQUAL(progress_advance(&share, 3, 1, 150), 50);
    /* a report that lay in the mailbox while a heartbeat went ahead */
    CU_ASSERT_EQUAL(progress_advance(&share, 3, 1, 120), 0);
    CU_ASSERT_EQUAL(progress_advance(&share, 3, 1, 160), 10);
    CU_ASSERT_EQUAL(share.examples, 160);
}

static void a_new_lease_counts_from_its_beginning(void)
{
    struct progress_share share = {0};
    progress_advance(&share, 3, 1, 100);
    CU_ASSERT_EQUAL(progress_advance(&share, 3, 2, 40), 40);
    CU_ASSERT_EQUAL(progress_advance(&share, 4, 3, 70), 70);
    CU_ASSERT_EQUAL(progress_advance(&share, 4, 3, 70), 0);
}

static void a_count_that_steps_back_gives_no_rate(void)
{
    struct progress_rate rate = {0};
    for (int second = 0; second <= 10; second++)
        progress_sample(&rate, second, 1000);
    CU_ASSERT(isnan(progress_per_second(&rate, 11, 900)));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(line_tells_everything),
        SUITE_TEST(what_is_not_known_is_left_out),
        SUITE_TEST(a_narrow_terminal_loses_the_least_dear_first),
        SUITE_TEST(stopping_hides_the_time_left),
        SUITE_TEST(rate_is_of_the_last_half_minute),
        SUITE_TEST(nothing_done_gives_no_rate),
        SUITE_TEST(each_example_is_counted_once),
        SUITE_TEST(a_new_lease_counts_from_its_beginning),
        SUITE_TEST(a_count_that_steps_back_gives_no_rate),
        {NULL, NULL},
    };
    return suite_run("progress", tests);
}
