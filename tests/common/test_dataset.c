/* A dataset's digest: what is part of a trial's identity, and nothing else. */
#include "common/dataset.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static void *copy(const void *from, size_t size)
{
    void *to = malloc(size);

    if (!to)
        abort();
    return memcpy(to, from, size);
}

static void fill_split(struct dataset_split *split)
{
    static const int32_t ids[] = {101, 7, 102, 101, 8, 9, 102};
    static const uint8_t types[] = {0, 0, 0, 0, 0, 1, 1};
    static const int64_t offsets[] = {0, 3, 7};
    static const float labels[] = {1, 0};

    *split = (struct dataset_split){
        .present = true,
        .labelled = true,
        .rows = 2,
        .input_ids = copy(ids, sizeof ids),
        .token_type_ids = copy(types, sizeof types),
        .offsets = copy(offsets, sizeof offsets),
        .labels = copy(labels, sizeof labels),
    };
}

static void fill(struct dataset *dataset)
{
    *dataset = (struct dataset){.task = strdup("t"), .labels = 2, .max_length = 16};
    dataset->label_names = calloc(2, sizeof *dataset->label_names);
    dataset->label_names[0] = strdup("no");
    dataset->label_names[1] = strdup("yes");
    fill_split(&dataset->splits[SPLIT_TRAIN]);
    fill_split(&dataset->splits[SPLIT_DEV]);
}

static struct digest digest(const struct dataset *dataset)
{
    struct digest out = {0};

    CU_ASSERT_EQUAL(dataset_digest(&out, dataset, NULL), 0);
    return out;
}

static void every_number_counts(void)
{
    struct dataset a, b;

    fill(&a);
    for (int i = 0; i < 6; i++) {
        struct dataset_split *dev;

        fill(&b);
        dev = &b.splits[SPLIT_DEV];
        CU_ASSERT(digest_equal(digest(&a), digest(&b)));
        dev->input_ids[5] += i == 0;
        dev->token_type_ids[6] -= i == 1;
        dev->offsets[1] += i == 2;
        dev->labels[1] += i == 3;
        dev->labelled = i != 4;
        dev->present = i != 5;
        CU_ASSERT(!digest_equal(digest(&a), digest(&b)));
        dataset_clear(&b);
    }
    dataset_clear(&a);
}

static void names_and_counts_of_reading_do_not(void)
{
    struct dataset a, b;

    fill(&a);
    fill(&b);
    b.task[0] = 'u';
    b.label_names[0][0] = 'N';
    b.max_length = 32;
    b.splits[SPLIT_TRAIN].rows_read = 99;
    CU_ASSERT(digest_equal(digest(&a), digest(&b)));
    dataset_clear(&a);
    dataset_clear(&b);
}

static void splits_do_not_stand_for_each_other(void)
{
    struct dataset a = {0}, b = {0};

    fill_split(&a.splits[SPLIT_DEV]);
    fill_split(&b.splits[SPLIT_TEST]);
    CU_ASSERT(!digest_equal(digest(&a), digest(&b)));
    dataset_clear(&a);
    dataset_clear(&b);
}

static void cleared_dataset_is_empty(void)
{
    struct dataset dataset;
    static const struct dataset empty;

    fill(&dataset);
    dataset_clear(&dataset);
    CU_ASSERT_EQUAL(memcmp(&dataset, &empty, sizeof empty), 0);
    dataset_clear(&dataset);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_number_counts),
        SUITE_TEST(names_and_counts_of_reading_do_not),
        SUITE_TEST(splits_do_not_stand_for_each_other),
        SUITE_TEST(cleared_dataset_is_empty),
        {NULL, NULL},
    };

    return suite_run("dataset", tests);
}
