/* GLUE's own files and others, oddities and all, through the real encoder's tokenizer:
 * rows, labels and what is skipped are those that the sets are known to have. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "text/dataset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tokenizer *tokenizer;

struct expected {
    const char *task, *folder;
    const char *train, *dev; /* other names than GLUE's */
    int64_t rows[SPLIT_COUNT];
    int64_t dev_ones; /* dev rows of class 1; -1: a regression */
};

static void name_file(struct task *task, enum split split, const char *name)
{
    if (!name)
        return;
    free(task->files[split]);
    task->files[split] = strdup(name);
}

static int64_t count_ones(const struct dataset_split *split)
{
    int64_t ones = 0;

    for (int64_t i = 0; i < split->rows; i++)
        ones += split->labels[i] == 1.0f;
    return ones;
}

static void check_task(const struct expected *e)
{
    struct task task;
    struct dataset d;
    struct error err = {""};

    CU_ASSERT_FATAL(task_builtin(&task, e->task, NULL) == 0);
    task.data = strdup(place_data(e->folder));
    name_file(&task, SPLIT_TRAIN, e->train);
    name_file(&task, SPLIT_DEV, e->dev);
    if (dataset_build(&d, &task, tokenizer, &err) != 0)
        CU_FAIL_FATAL(err.text);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        CU_ASSERT_EQUAL(d.splits[s].rows, e->rows[s]);
        CU_ASSERT_EQUAL(d.splits[s].present, e->rows[s] > 0);
        CU_ASSERT_EQUAL(d.splits[s].rows_skipped, 0);
        CU_ASSERT_EQUAL(d.splits[s].labelled, d.splits[s].present && s < SPLIT_TEST);
    }
    if (e->dev_ones >= 0 && d.splits[SPLIT_DEV].present)
        CU_ASSERT_EQUAL(count_ones(&d.splits[SPLIT_DEV]), e->dev_ones);
    dataset_clear(&d);
    task_clear(&task);
}

static void glue_tasks_have_their_rows_and_labels(void)
{
    static const struct expected tasks[] = {
        {"cola", "CoLA", NULL, NULL, {8551, 1043, 0, 1063, 0}, 721},
        {"sst2", "SST-2", NULL, NULL, {67349, 872, 0, 1821, 0}, 444},
        {"mrpc", "MRPC", NULL, NULL, {3668, 408, 0, 1725, 0}, 279},
        {"rte", "RTE", NULL, NULL, {2490, 277, 0, 3000, 0}, 277 - 146},
        {"stsb", "STS-B", NULL, NULL, {5749, 1500, 0, 1379, 0}, -1},
        {"wnli", "WNLI", NULL, NULL, {635, 71, 0, 146, 0}, 31},
        {"qnli", "QNLI", "train_sample.tsv", NULL, {8999, 5463, 0, 5463, 0}, 2761},
        {"mnli", "MNLI", "train_sample.tsv", NULL, {8999, 9815, 0, 0, 0}, 3123},
        {"mnli",
         "MNLI",
         "kshot16_train.tsv",
         "kshot16_dev_matched.tsv",
         {48, 48, 0, 0, 0},
         16},
        {"qqp",
         "QQP",
         "train_sample.tsv",
         "dev_sample.tsv",
         {8999, 1000, 0, 0, 0},
         377},
        {"qqp", "QQP", "kshot16_train.tsv", "kshot16_dev.tsv", {32, 32, 0, 0, 0}, 16},
        {"ax", "AX", NULL, NULL, {0, 0, 0, 1104, 0}, 0},
    };

    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        check_task(&tasks[i]);
}

static void labelled_test_files_are_read_with_their_labels(void)
{
    struct task task;
    struct dataset_split split;

    CU_ASSERT_FATAL(task_builtin(&task, "mrpc", NULL) == 0);
    CU_ASSERT_EQUAL_FATAL(
        dataset_build_split(&split, &task, SPLIT_TEST,
                            place_data("MRPC/msr_paraphrase_test.txt"), false,
                            tokenizer, NULL),
        0);
    CU_ASSERT_TRUE(split.labelled && split.rows == 1725 && count_ones(&split) == 1147);
    dataset_build_split_clear(&split);
    task_clear(&task);
}

/* Banking77 as RFC 4180 CSV with line breaks in fields, AG News with every field
 * quoted and no header, IMDB with quotes and U+0085. */
static void csv_files_have_their_rows(void)
{
    static const struct {
        const char *path;
        int64_t rows;
        struct task_columns columns;
    } files[] = {
        {"Banking77/train.csv", 10003, {true, {"text", NULL}, NULL, {-1, -1}, -1}},
        {"Banking77/test.csv", 3080, {true, {"text", NULL}, NULL, {-1, -1}, -1}},
        {"AG-News/test_full.csv", 7600, {false, {NULL, NULL}, NULL, {1, 2}, -1}},
        {"IMDB-sample/texts.csv", 1000, {true, {"text", NULL}, NULL, {-1, -1}, -1}},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct task task = {.format = FORMAT_CSV, .max_length = 128};
        struct dataset_split split;
        struct error err = {""};

        task.columns[SPLIT_TEST] = files[i].columns;
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
        SUITE_TEST(glue_tasks_have_their_rows_and_labels),
        SUITE_TEST(labelled_test_files_are_read_with_their_labels),
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
