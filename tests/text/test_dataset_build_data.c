/* GLUE's own files and others, oddities and all, through the real encoder's tokenizer,
 * against what Python's csv module and Hugging Face's library make of them. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "text/dataset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tokenizer *tokenizer;

static enum split split_by_name(const char *name)
{
    int s = 0;

    while (s < SPLIT_COUNT && strcmp(split_names[s], name) != 0)
        s++;
    CU_ASSERT_FATAL(s < SPLIT_COUNT);
    return (enum split)s;
}

/* Count, ids, types and label of every row. */
static void split_digest(char out[DIGEST_HEX], const struct dataset_split *split)
{
    struct digest_stream *stream = digest_stream_new();

    for (int64_t i = 0; i < split->rows; i++) {
        int64_t at = split->offsets[i];
        int32_t count = (int32_t)(split->offsets[i + 1] - at);

        digest_stream_add(stream, &count, sizeof count);
        digest_stream_add(stream, split->input_ids + at,
                          (size_t)count * sizeof *split->input_ids);
        digest_stream_add(stream, split->token_type_ids + at, (size_t)count);
        if (split->labelled)
            digest_stream_add(stream, &split->labels[i], sizeof split->labels[i]);
    }
    digest_hex(out, digest_stream_value(stream));
    digest_stream_free(stream);
}

static void build(struct dataset_split *out, const char *task_name, enum split split,
                  const char *file)
{
    bool labels = split != SPLIT_TEST && split != SPLIT_TEST_MISMATCHED;
    struct error err = {""};
    struct task task;

    CU_ASSERT_FATAL(task_builtin(&task, task_name, NULL) == 0);
    if (dataset_build_split(out, &task, split, place_data(file), labels, tokenizer,
                            &err) != 0)
        CU_FAIL_FATAL(err.text);
    task_clear(&task);
}

static void glue_files_give_the_rows_ids_and_labels_of_the_reference(void)
{
    FILE *golden = fopen(place_source("tests/golden/glue_splits.txt"), "r");
    char task[20], folder[40], split_name[20], name[60], wanted[40], got[DIGEST_HEX];
    char path[128];
    long long rows, count = 0;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%19s %39s %19s %59s %lld %39s", task, folder, split_name,
                  name, &rows, wanted) == 6) {
        struct dataset_split split;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        build(&split, task, split_by_name(split_name), path);
        split_digest(got, &split);
        CU_ASSERT_EQUAL(split.rows, rows);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        if (strcmp(got, wanted) != 0)
            fprintf(stderr, "%s differs\n", path);
        dataset_build_split_clear(&split);
        count++;
    }
    CU_ASSERT_EQUAL(count, 26);
    fclose(golden);
}

static int64_t count_ones(const struct dataset_split *split)
{
    int64_t ones = 0;

    for (int64_t i = 0; i < split->rows; i++)
        ones += split->labels[i] == 1.0f;
    return ones;
}

/* The full columns of GLUE: MNLI with its parse trees, QQP with its ids. */
static void rows_with_all_columns_filled_are_read(void)
{
    static const struct {
        const char *task, *file;
        int64_t rows, ones;
    } files[] = {
        {"mnli", "MNLI/kshot16_train.tsv", 48, 16},
        {"mnli", "MNLI/kshot16_dev_matched.tsv", 48, 16},
        {"qqp", "QQP/kshot16_train.tsv", 32, 16},
        {"qqp", "QQP/kshot16_dev.tsv", 32, 16},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct dataset_split split;

        build(&split, files[i].task, SPLIT_TRAIN, files[i].file);
        CU_ASSERT_EQUAL(split.rows, files[i].rows);
        CU_ASSERT_EQUAL(count_ones(&split), files[i].ones);
        CU_ASSERT_EQUAL(split.rows_skipped, 0);
        dataset_build_split_clear(&split);
    }
}

static void labelled_test_files_are_read_with_their_labels(void)
{
    struct dataset_split split;

    build(&split, "mrpc", SPLIT_TEST, "MRPC/msr_paraphrase_test.txt");
    CU_ASSERT_TRUE(split.labelled && split.rows == 1725 && count_ones(&split) == 1147);
    dataset_build_split_clear(&split);
    build(&split, "sst2", SPLIT_TEST, "SST-2/test_labelled.tsv");
    CU_ASSERT_TRUE(split.labelled && split.rows == 1821);
    dataset_build_split_clear(&split);
}

static void a_folder_of_glue_files_becomes_a_data_set(void)
{
    struct task task;
    struct dataset d;
    struct error err = {""};

    CU_ASSERT_FATAL(task_builtin(&task, "cola", NULL) == 0);
    task.data = strdup(place_data("CoLA"));
    task.max_length = 12;
    if (dataset_build(&d, &task, tokenizer, &err) != 0)
        CU_FAIL_FATAL(err.text);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows, 8551);
    CU_ASSERT_EQUAL(count_ones(&d.splits[SPLIT_DEV]), 721);
    CU_ASSERT_TRUE(d.splits[SPLIT_TEST].present && !d.splits[SPLIT_TEST].labelled);
    CU_ASSERT_TRUE(d.splits[SPLIT_TRAIN].rows_truncated > 1000);
    dataset_clear(&d);
    task_clear(&task);
}

/* Banking77 as RFC 4180 CSV with line breaks in fields, AG News with every field
 * quoted and no header, IMDB with quotes and U+0085. */
static void csv_files_have_their_rows(void)
{
    static const struct task_columns text = {true, {"text", NULL}, NULL, {-1, -1}, -1};
    static const struct task_columns news = {false, {NULL, NULL}, NULL, {1, 2}, -1};
    static const struct {
        const char *path;
        int64_t rows;
        const struct task_columns *columns;
    } files[] = {
        {"Banking77/train.csv", 10003, &text},
        {"Banking77/test.csv", 3080, &text},
        {"AG-News/test_full.csv", 7600, &news},
        {"IMDB-sample/texts.csv", 1000, &text},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct task task = {.format = FORMAT_CSV, .max_length = 128};
        struct dataset_split split;
        struct error err = {""};

        task.columns[SPLIT_TEST] = *files[i].columns;
        if (dataset_build_split(&split, &task, SPLIT_TEST, place_data(files[i].path),
                                false, tokenizer, &err) != 0)
            CU_FAIL_FATAL(err.text);
        CU_ASSERT_EQUAL(split.rows, files[i].rows);
        dataset_build_split_clear(&split);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(glue_files_give_the_rows_ids_and_labels_of_the_reference),
        SUITE_TEST(rows_with_all_columns_filled_are_read),
        SUITE_TEST(labelled_test_files_are_read_with_their_labels),
        SUITE_TEST(a_folder_of_glue_files_becomes_a_data_set),
        SUITE_TEST(csv_files_have_their_rows),
        {NULL, NULL},
    };
    struct error err = {""};
    int rc;

    if (!place_encoder() || !place_data("README.md")) {
        fprintf(stderr, "skipped: needs the real encoder and the benchmark data\n");
        return SUITE_SKIPPED;
    }
    if (tokenizer_open(&tokenizer, place_encoder(), &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rc = suite_run("dataset_build_data", tests);
    tokenizer_free(tokenizer);
    return rc;
}
