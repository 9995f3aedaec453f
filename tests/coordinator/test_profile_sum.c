#include "coordinator/profile_sum.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct measured measured_of(int threads, double peak, uint64_t ns, double flop)
{
    struct measured m = {.threads = (uint16_t)threads, .peak = peak};

    m.sums[PHASE_FFN_UP] = (struct phase_sum){ns, 10, flop};
    m.sums[PHASE_WAITING] = (struct phase_sum){ns, 3, 0};
    return m;
}

static void workers_add_up_by_their_last_words(void)
{
    struct profile_sum *sum = profile_sum_new(3);
    struct profile_total total;
    struct measured m = measured_of(1, 100e9, 500000000, 20e9);

    CU_ASSERT_PTR_NOT_NULL_FATAL(sum);
    profile_sum_take(sum, 0, &m);
    m = measured_of(1, 100e9, 1000000000, 40e9); /* in place of the one before */
    profile_sum_take(sum, 0, &m);
    m = measured_of(2, 50e9, 3000000000, 60e9);
    profile_sum_take(sum, 2, &m);
    profile_sum_total(sum, &total);
    CU_ASSERT_EQUAL(total.workers, 2);
    CU_ASSERT_EQUAL(total.threads, 3);
    CU_ASSERT_DOUBLE_EQUAL(total.seconds, 8, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(total.limit, 200.0 / 3, 1e-9);
    const struct profile_row *up = &total.rows[PHASE_FFN_UP];
    CU_ASSERT_DOUBLE_EQUAL(up->seconds, 4, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(up->share, 0.5, 1e-9);
    CU_ASSERT_EQUAL(up->calls, 20);
    CU_ASSERT_DOUBLE_EQUAL(up->gflop, 100, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(up->gflop_per_s, 25, 1e-9);
    /* 1 s of 100 and 3 s of 50 would have been enough for 250 */
    CU_ASSERT_DOUBLE_EQUAL(up->of_limit, 0.4, 1e-9);
    CU_ASSERT_EQUAL(total.rows[PHASE_HEAD].seconds, 0);
    profile_sum_free(sum);
}

static void without_words_there_is_nothing_to_divide_by(void)
{
    struct profile_sum *sum = profile_sum_new(2);
    struct profile_total total;

    CU_ASSERT_PTR_NOT_NULL_FATAL(sum);
    profile_sum_total(sum, &total);
    CU_ASSERT_EQUAL(total.workers, 0);
    CU_ASSERT_EQUAL(total.rows[PHASE_FFN_UP].share, 0);
    CU_ASSERT(isnan(total.rows[PHASE_FFN_UP].of_limit));
    profile_sum_free(sum);
}

static void the_file_has_a_line_a_phase(void)
{
    struct profile_sum *sum = profile_sum_new(1);
    struct profile_total total;
    struct measured m = measured_of(1, 100e9, 1500000000, 30e9);
    struct bytes text = {0};
    int lines = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(sum);
    profile_sum_take(sum, 0, &m);
    profile_sum_total(sum, &total);
    profile_total_csv(&text, &total);
    bytes_put_u8(&text, 0);
    CU_ASSERT_FALSE_FATAL(text.failed);
    const char *csv = (const char *)text.data;
    for (const char *at = csv; (at = strchr(at, '\n')); at++)
        lines++;
    CU_ASSERT_EQUAL(lines, 1 + PHASE_COUNT);
    CU_ASSERT_PTR_EQUAL(
        strstr(csv, "phase,seconds,share,calls,gflop,gflop_per_s\nembeddings,"), csv);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(csv, "\nffn_up,1.500000000,0.500000,10,30.000000,20.000\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(csv, "\nwaiting,1.500000000,0.500000,3,,\n"));
    bytes_clear(&text);
    profile_sum_free(sum);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(workers_add_up_by_their_last_words),
        SUITE_TEST(without_words_there_is_nothing_to_divide_by),
        SUITE_TEST(the_file_has_a_line_a_phase),
        {NULL, NULL},
    };

    return suite_run("profile_sum", tests);
}
