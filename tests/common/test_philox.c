/* Philox4x32-10 against the known answers that its authors publish with Random123. */
#include "common/philox.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static void known_answers_of_the_authors(void)
{
    static const struct {
        uint32_t counter[4], key[2], wanted[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t *c = cases[i].counter;
        uint32_t out[4];

        philox(out, cases[i].key[0], (enum philox_purpose)cases[i].key[1], c[0], c[1],
               c[2], c[3]);
        CU_ASSERT_EQUAL(memcmp(out, cases[i].wanted, sizeof out), 0);
    }
}

static void long_number_is_the_first_two_words(void)
{
    uint32_t x[4];

    philox(x, 7, PHILOX_SHUFFLE, 3, 9, 0, 0);
    CU_ASSERT_EQUAL(philox_u64(7, PHILOX_SHUFFLE, 3, 9), (uint64_t)x[1] << 32 | x[0]);
}

static void purposes_and_counters_do_not_meet(void)
{
    uint64_t one = philox_u64(1, PHILOX_SHUFFLE, 0, 1);

    CU_ASSERT_NOT_EQUAL(one, philox_u64(1, PHILOX_SUBSAMPLE, 0, 1));
    CU_ASSERT_NOT_EQUAL(one, philox_u64(2, PHILOX_SHUFFLE, 0, 1));
    CU_ASSERT_NOT_EQUAL(one, philox_u64(1, PHILOX_SHUFFLE, 1, 0));
}

static void uniform_stays_below_one(void)
{
    CU_ASSERT_EQUAL(philox_uniform(0), 0.0f);
    CU_ASSERT_EQUAL(philox_uniform(0xff), 0.0f);
    CU_ASSERT_EQUAL(philox_uniform(0x80000000u), 0.5f);
    CU_ASSERT_EQUAL(philox_uniform(0xffffffffu), 1.0f - 0x1p-24f);
}

static void uniform_is_even(void)
{
    enum { DRAWS = 40000, BINS = 16 };
    int bins[BINS] = {0};
    double chi2 = 0;

    for (uint32_t i = 0; i < DRAWS / 4; i++) {
        uint32_t x[4];

        philox(x, 42, PHILOX_DROPOUT, i, 0, 0, 0);
        for (int w = 0; w < 4; w++)
            bins[(int)(philox_uniform(x[w]) * BINS)]++;
    }
    for (int b = 0; b < BINS; b++) {
        double expected = (double)DRAWS / BINS;

        chi2 += (bins[b] - expected) * (bins[b] - expected) / expected;
    }
    CU_ASSERT(chi2 < 37.7); /* 15 degrees of freedom, p = 0.001 */
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(known_answers_of_the_authors),
        SUITE_TEST(long_number_is_the_first_two_words),
        SUITE_TEST(purposes_and_counters_do_not_meet),
        SUITE_TEST(uniform_stays_below_one),
        SUITE_TEST(uniform_is_even),
        {NULL, NULL},
    };

    return suite_run("philox", tests);
}
