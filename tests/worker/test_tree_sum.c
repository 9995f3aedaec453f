#include "worker/tree_sum.h"

#include "common/philox.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES = 13, PARTS = 40 };

static float parts[PARTS][VALUES], copy[PARTS][VALUES];

static void fill(void)
{
    for (uint32_t p = 0; p < PARTS; p++)
        for (uint32_t v = 0; v < VALUES; v++) {
            uint32_t x[4];

            philox(x, 1, PHILOX_SEARCH, p, v, 0, 0);
            parts[p][v] = philox_uniform(x[0]) - 0.5f;
        }
    memcpy(copy, parts, sizeof copy);
}

/* The definition, recursively: node of width w at index `from`. */
static float node(int from, int width, int count, int v)
{
    if (width == 1)
        return copy[from][v];
    if (from + width / 2 >= count)
        return node(from, width / 2, count, v);
    return node(from, width / 2, count, v) +
           node(from + width / 2, width / 2, count, v);
}

static void sums_follow_the_tree(void)
{
    for (int count = 1; count <= PARTS; count++) {
        fill();
        tree_sum(&parts[0][0], count, VALUES);
        for (int v = 0; v < VALUES; v++)
            CU_ASSERT_EQUAL(parts[0][v], node(0, 64, count, v));
    }
}

static void aligned_blocks_may_be_summed_beforehand(void)
{
    for (int width = 1; width <= 32; width *= 2) {
        float want[VALUES];
        int blocks = 0;

        fill();
        tree_sum(&parts[0][0], PARTS - 1, VALUES);
        memcpy(want, parts[0], sizeof want);
        fill();
        for (int from = 0; from < PARTS - 1; from += width) {
            int left = PARTS - 1 - from;

            tree_sum(&parts[from][0], left < width ? left : width, VALUES);
            memmove(parts[blocks++], parts[from], sizeof parts[0]);
        }
        tree_sum(&parts[0][0], blocks, VALUES);
        CU_ASSERT(!memcmp(parts[0], want, sizeof want));
    }
}

/* Sums each range on its own, hands only its nodes over, and sums the rest. */
static void sum_in_ranges(float (*shared)[VALUES], const int64_t *bounds, int ranges)
{
    int64_t nodes[TREE_NODES];

    for (int p = 0; p < PARTS; p++)
        for (int v = 0; v < VALUES; v++)
            shared[p][v] = 1e9f;
    for (int r = 0; r < ranges; r++) {
        fill();
        tree_sum_within(&parts[0][0], bounds[r], bounds[r + 1], bounds[ranges], VALUES);
        int count = tree_sum_nodes(nodes, bounds[r], bounds[r + 1], bounds[ranges]);
        for (int n = 0; n < count; n++)
            memcpy(shared[nodes[n]], parts[nodes[n]], sizeof parts[0]);
    }
    tree_sum_across(&shared[0][0], bounds, ranges, VALUES);
}

static void any_ranges_give_the_sum_of_the_whole(void)
{
    static float shared[PARTS][VALUES];
    float want[VALUES];

    for (int count = 1; count <= PARTS; count++)
        for (int first = 0; first <= count; first++)
            for (int second = first; second <= count; second++) {
                const int64_t bounds[] = {0, first, second, count};

                fill();
                tree_sum(&parts[0][0], count, VALUES);
                memcpy(want, parts[0], sizeof want);
                sum_in_ranges(shared, bounds, 3);
                CU_ASSERT(!memcmp(shared[0], want, sizeof want));
            }
}

static void a_range_hands_over_as_few_nodes_as_there_are(void)
{
    int64_t nodes[TREE_NODES];

    CU_ASSERT_EQUAL(tree_sum_nodes(nodes, 0, 8, 8), 1);
    CU_ASSERT_EQUAL(tree_sum_nodes(nodes, 4, 5, 5), 1);
    CU_ASSERT_EQUAL(tree_sum_nodes(nodes, 3, 3, 8), 0);
    CU_ASSERT_EQUAL_FATAL(tree_sum_nodes(nodes, 3, 7, 7), 2);
    CU_ASSERT(nodes[0] == 3 && nodes[1] == 4);
}

static void single_numbers_have_the_same_tree(void)
{
    double x[3] = {1e16, 1, -1e16}, y[4] = {1e16, 1, 1, -1e16};

    CU_ASSERT_EQUAL(tree_sum_double(x, 3), (1e16 + 1) + -1e16);
    CU_ASSERT_EQUAL(tree_sum_double(y, 4), (1e16 + 1) + (1 + -1e16));
    CU_ASSERT_EQUAL(tree_sum_double(x, 0), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(sums_follow_the_tree),
        SUITE_TEST(aligned_blocks_may_be_summed_beforehand),
        SUITE_TEST(any_ranges_give_the_sum_of_the_whole),
        SUITE_TEST(a_range_hands_over_as_few_nodes_as_there_are),
        SUITE_TEST(single_numbers_have_the_same_tree),
        {NULL, NULL},
    };

    return suite_run("tree_sum", tests);
}
