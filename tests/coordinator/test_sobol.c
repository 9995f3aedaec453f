/* The Sobol sequence: against SciPy's (tests/golden/make_sobol_goldens.py, which tells
 * the format), and what scrambling must keep. */
#include "coordinator/search/sobol.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void points_are_scipys(void)
{
    FILE *file = fopen(place_source("tests/golden/sobol.txt"), "r");
    uint32_t index, wanted;
    int points = 0, wrong = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (; fscanf(file, "%" SCNu32, &index) == 1; points++)
        for (int d = 0; d < SOBOL_DIMENSIONS; d++) {
            CU_ASSERT_EQUAL_FATAL(fscanf(file, "%" SCNu32, &wanted), 1);
            wrong += sobol(index, d) >> 2 != wanted; /* they have 30 bits */
        }
    fclose(file);
    CU_ASSERT_EQUAL(points, 13);
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Whether 2^(a + b) points lie one in each of 2^a × 2^b cells of two dimensions. */
static bool one_a_cell(int x, int y, int a, int b, uint32_t seed)
{
    int count = 1 << (a + b), full = 0;
    bool *taken = calloc((size_t)count, sizeof *taken);

    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        uint32_t u = (uint32_t)((uint64_t)sobol_scrambled(i, x, seed) >> (32 - a));
        uint32_t v = (uint32_t)((uint64_t)sobol_scrambled(i, y, ~seed) >> (32 - b));
        bool *cell = &taken[(u << b) + v];

        full += !*cell;
        *cell = true;
    }
    free(taken);
    return full == count;
}

static void scrambled_points_fall_one_into_each_interval(void)
{
    for (int d = 0; d < SOBOL_DIMENSIONS; d++)
        CU_ASSERT(one_a_cell(d, d, 10, 0, (uint32_t)d * 77 + 5));
}

static void scrambled_pairs_fall_one_into_each_cell(void)
{
    for (int a = 0; a <= 10; a++)
        CU_ASSERT(one_a_cell(0, 1, a, 10 - a, 9));
}

static void scrambling_follows_the_seed(void)
{
    int same = 0;

    for (uint32_t i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(sobol_scrambled(i, 3, 4), sobol_scrambled(i, 3, 4));
        same += sobol_scrambled(i, 3, 4) == sobol_scrambled(i, 3, 5);
    }
    CU_ASSERT(same < 3);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(points_are_scipys),
        SUITE_TEST(scrambled_points_fall_one_into_each_interval),
        SUITE_TEST(scrambled_pairs_fall_one_into_each_cell),
        SUITE_TEST(scrambling_follows_the_seed),
        {NULL, NULL},
    };

    return suite_run("sobol", tests);
}
