/* dataset.h5: read back as written; parts that contradict each other are refused. */
#include "storage/dataset_file.h"

#include "storage/h5_file.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *place(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", place_temporary(), name);
    return path;
}

static int32_t ids[] = {101, 5, 102, 101, 102};
static uint8_t types[] = {0, 1, 1, 0, 0};
static int64_t offsets[] = {0, 3, 5};
static float labels[] = {1, 0};
static char *names[] = {"no", "yes"};

/* Borrows the arrays above; never cleared. */
static struct dataset example(void)
{
    struct dataset d = {.task = "t",
                        .labels = 2,
                        .label_names = names,
                        .max_length = 8,
                        .tokenizer = {3, 4}};

    d.splits[SPLIT_TRAIN] = (struct dataset_split){.present = true,
                                                   .labelled = true,
                                                   .rows = 2,
                                                   .input_ids = ids,
                                                   .token_type_ids = types,
                                                   .offsets = offsets,
                                                   .labels = labels,
                                                   .rows_read = 3,
                                                   .rows_skipped = 1,
                                                   .rows_truncated = 1};
    d.splits[SPLIT_TEST] = d.splits[SPLIT_TRAIN];
    d.splits[SPLIT_TEST].labelled = false;
    d.splits[SPLIT_TEST].labels = NULL;
    return d;
}

static struct digest bytes_of(const char *path)
{
    static char bytes[1 << 20];
    FILE *file = fopen(path, "r");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    CU_ASSERT(size > 0 && size < sizeof bytes);
    fclose(file);
    return digest_of(bytes, size);
}

/* So that what a node has of an earlier run (cluster.stage) is found by later ones. */
static void dataset_is_written_as_the_same_bytes_at_any_time(void)
{
    struct dataset d = example();
    struct digest first;

    CU_ASSERT_EQUAL_FATAL(dataset_file_write(place("first.h5"), &d, NULL), 0);
    first = bytes_of(place("first.h5"));
    sleep(2); /* more than a time in a file would tell apart */
    CU_ASSERT_EQUAL_FATAL(dataset_file_write(place("then.h5"), &d, NULL), 0);
    CU_ASSERT_TRUE(digest_equal(bytes_of(place("then.h5")), first));
}

static void dataset_reads_back_with_the_same_digest(void)
{
    struct dataset d = example(), back;
    struct digest before, after;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(dataset_file_write(place("d.h5"), &d, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dataset_file_read(&back, place("d.h5"), &err), 0);
    CU_ASSERT_EQUAL(dataset_digest(&before, &d, NULL), 0);
    CU_ASSERT_EQUAL(dataset_digest(&after, &back, NULL), 0);
    CU_ASSERT(digest_equal(before, after));
    CU_ASSERT_STRING_EQUAL(back.task, "t");
    CU_ASSERT_STRING_EQUAL(back.label_names[1], "yes");
    CU_ASSERT_EQUAL(back.max_length, 8);
    CU_ASSERT(digest_equal(back.tokenizer, d.tokenizer));
    CU_ASSERT_EQUAL(back.splits[SPLIT_TRAIN].rows_skipped, 1);
    CU_ASSERT(!back.splits[SPLIT_DEV].present);
    CU_ASSERT(back.splits[SPLIT_TEST].present && !back.splits[SPLIT_TEST].labelled);
    dataset_clear(&back);
}

static void refused(struct dataset *d, const char *reason)
{
    struct dataset back;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(dataset_file_write(place("bad.h5"), d, &err), 0);
    CU_ASSERT_EQUAL(dataset_file_read(&back, place("bad.h5"), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, reason) != NULL);
    CU_ASSERT_PTR_NULL(back.task);
}

static void contradictions_are_refused_by_name(void)
{
    struct dataset d = example();
    struct dataset_split *s = &d.splits[SPLIT_TRAIN];
    int64_t falling[] = {0, 6, 5}, late[] = {1, 3, 5};
    int32_t negative[] = {101, -5, 102, 101, 102};
    float unknown[] = {1, 2}, half[] = {0.5f, 0};

    s->offsets = falling;
    refused(&d, "train: offsets do not rise");
    s->offsets = late;
    refused(&d, "train: offsets do not start at 0");
    s->offsets = offsets;
    d.max_length = 2;
    refused(&d, "train: a row is longer than max_length");
    d.max_length = 8;
    s->input_ids = negative;
    refused(&d, "train: an id is below 0");
    s->input_ids = ids;
    s->labels = unknown;
    refused(&d, "train: a label is no class number");
    s->labels = half;
    refused(&d, "train: a label is no class number");
}

static void regression_has_real_labels_and_no_names(void)
{
    struct dataset d = example(), back;
    float values[] = {0.5f, -3};

    d.regression = true;
    d.labels = 1;
    d.label_names = NULL;
    d.splits[SPLIT_TRAIN].labels = values;
    CU_ASSERT_EQUAL_FATAL(dataset_file_write(place("r.h5"), &d, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dataset_file_read(&back, place("r.h5"), NULL), 0);
    CU_ASSERT(back.regression);
    CU_ASSERT_PTR_NULL(back.label_names);
    CU_ASSERT_EQUAL(back.splits[SPLIT_TRAIN].labels[0], 0.5f);
    dataset_clear(&back);
}

static void other_files_are_refused(void)
{
    struct dataset back;
    FILE *file = fopen(place("text.h5"), "w");

    fputs("not HDF5\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(dataset_file_read(&back, place("text.h5"), NULL), ERR_INPUT);
    CU_ASSERT_EQUAL(dataset_file_read(&back, place_temporary(), NULL), ERR_INPUT);
    CU_ASSERT_EQUAL(dataset_file_read(&back, place("no.h5"), NULL), ERR_INPUT);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(dataset_is_written_as_the_same_bytes_at_any_time),
        SUITE_TEST(dataset_reads_back_with_the_same_digest),
        SUITE_TEST(contradictions_are_refused_by_name),
        SUITE_TEST(regression_has_real_labels_and_no_names),
        SUITE_TEST(other_files_are_refused),
        {0},
    };

    return suite_run("dataset_file", tests);
}
