#include "worker/dataset_sample.h"

#include "tests/support/suite.h"

#include <stdlib.h>

enum { ROWS = 100 };

static int32_t ids[ROWS * ROWS];
static uint8_t types[ROWS * ROWS];
static int64_t offsets[ROWS + 1];
static float labels[ROWS];
static char name[] = "made";

/* Row i has 1 + (37 i mod 100) tokens, all of them its number: every length once. */
static struct dataset make_dataset(void)
{
    struct dataset d = {.task = name, .labels = 2};
    struct dataset_split split = {.present = true,
                                  .labelled = true,
                                  .rows = ROWS,
                                  .input_ids = ids,
                                  .token_type_ids = types,
                                  .offsets = offsets,
                                  .labels = labels};

    for (int i = 0; i < ROWS; i++) {
        offsets[i + 1] = offsets[i] + 1 + 37 * i % ROWS;
        labels[i] = (float)i;
        for (int64_t t = offsets[i]; t < offsets[i + 1]; t++)
            ids[t] = i;
    }
    d.splits[SPLIT_TRAIN] = d.splits[SPLIT_DEV] = split;
    return d;
}

static void rows_are_whole_and_in_order(void)
{
    struct dataset d = make_dataset(), sample;

    CU_ASSERT_EQUAL_FATAL(dataset_sample(&sample, &d, NULL, 20, 7, NULL), 0);
    CU_ASSERT_EQUAL(sample.splits[SPLIT_DEV].rows, 7);
    CU_ASSERT_FALSE(sample.splits[SPLIT_TEST].present);
    const struct dataset_split *s = &sample.splits[SPLIT_TRAIN];
    CU_ASSERT_EQUAL_FATAL(s->rows, 20);
    for (int i = 0; i < 20; i++) {
        int row = (int)s->labels[i];

        CU_ASSERT_TRUE(i == 0 || s->labels[i] > s->labels[i - 1]);
        CU_ASSERT_EQUAL(s->offsets[i + 1] - s->offsets[i], 1 + 37 * row % ROWS);
        CU_ASSERT_EQUAL(s->input_ids[s->offsets[i]], row);
        CU_ASSERT_EQUAL(s->input_ids[s->offsets[i + 1] - 1], row);
    }
    dataset_clear(&sample);
}

/* The middles of ten tenths of 1…100 are 6, 16…96: mean 51, of all it is 50.5. */
static void lengths_are_those_of_all_rows(void)
{
    struct dataset d = make_dataset(), sample;

    CU_ASSERT_EQUAL_FATAL(dataset_sample(&sample, &d, NULL, 10, 10, NULL), 0);
    CU_ASSERT_EQUAL(sample.splits[SPLIT_TRAIN].offsets[10], 510);
    dataset_clear(&sample);
}

static void only_listed_rows_are_taken_of_train(void)
{
    struct dataset d = make_dataset(), sample;
    uint32_t listed[] = {3, 5, 8};
    struct row_list rows = {.rows = listed, .count = 3};

    CU_ASSERT_EQUAL_FATAL(dataset_sample(&sample, &d, &rows, 10, 200, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(sample.splits[SPLIT_TRAIN].rows, 3);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(sample.splits[SPLIT_TRAIN].labels[i], listed[i]);
    CU_ASSERT_EQUAL(sample.splits[SPLIT_DEV].rows, ROWS);
    dataset_clear(&sample);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(rows_are_whole_and_in_order),
        SUITE_TEST(lengths_are_those_of_all_rows),
        SUITE_TEST(only_listed_rows_are_taken_of_train),
        {NULL, NULL},
    };

    return suite_run("dataset_sample", tests);
}
