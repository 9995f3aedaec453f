/* Small task files through a tiny tokenizer: rows, labels, counts and refusals. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/text/variant.h"
#include "text/dataset_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct tokenizer *tokenizer;

/* A folder of its own for each test. */
static char *new_folder(void)
{
    static int number;
    char *path = NULL;

    CU_ASSERT_FATAL(asprintf(&path, "%s/data%d", place_temporary(), number++) > 0);
    CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
    return path;
}

static void write_file(const struct task *task, const char *name, const char *text)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", task->data, name);
    CU_ASSERT_FATAL((file = fopen(path, "w")) != NULL);
    fputs(text, file);
    fclose(file);
}

static void open_tokenizer(void)
{
    json_t *nothing = json_object(), *json = variant_json(nothing);

    CU_ASSERT_FATAL(variant_open(&tokenizer, json, NULL) == 0);
    json_decref(json);
    json_decref(nothing);
}

static void open_task(struct task *task, const char *name)
{
    if (!tokenizer)
        open_tokenizer();
    CU_ASSERT_FATAL(task_builtin(task, name, NULL) == 0);
    task->data = new_folder();
}

static bool ids_are(const struct dataset_split *split, int64_t row, const char *text)
{
    struct token_ids ids = {0};
    int64_t size = split->offsets[row + 1] - split->offsets[row];
    bool equal;

    CU_ASSERT_FATAL(
        tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, 128, &ids, NULL) == 0);
    equal = ids.count == size && memcmp(ids.ids, split->input_ids + split->offsets[row],
                                        (size_t)size * sizeof *ids.ids) == 0;
    token_ids_clear(&ids);
    return equal;
}

/* The message of a build that is to fail, without the folder. */
static const char *refusal(struct task *task)
{
    static struct error err;
    struct dataset dataset;
    size_t folder = strlen(task->data);

    err.text[0] = '\0';
    CU_ASSERT_EQUAL(dataset_build(&dataset, task, tokenizer, &err), ERR_INPUT);
    CU_ASSERT_PTR_NULL(dataset.task);
    task_clear(task);
    return strncmp(err.text, "/tmp", 4) == 0 ? err.text + folder + 1 : err.text;
}

static void builtin_task_gives_rows_labels_and_names(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "sst2");
    write_file(&task, "train.tsv", "sentence\tlabel\nthe abc \t1\nrunning\t0\n");
    write_file(&task, "dev.tsv", "sentence\tlabel\nab\t0\n");
    write_file(&task, "test.tsv", "index\tsentence\n0\tcd\n1\tef\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_STRING_EQUAL(d.task, "sst2");
    CU_ASSERT_TRUE(d.labels == 2 && !d.regression && d.max_length == 128);
    CU_ASSERT_STRING_EQUAL(d.label_names[1], "positive");
    CU_ASSERT_TRUE(digest_equal(d.tokenizer, tokenizer_digest(tokenizer)));
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows, 2);
    CU_ASSERT_TRUE(ids_are(&d.splits[SPLIT_TRAIN], 0, "the abc "));
    CU_ASSERT_TRUE(ids_are(&d.splits[SPLIT_TRAIN], 1, "running"));
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].labels[0], 1.0f);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].labels[1], 0.0f);
    CU_ASSERT_TRUE(d.splits[SPLIT_DEV].labelled);
    CU_ASSERT_TRUE(d.splits[SPLIT_TEST].present && !d.splits[SPLIT_TEST].labelled);
    CU_ASSERT_PTR_NULL(d.splits[SPLIT_TEST].labels);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TEST].rows, 2);
    CU_ASSERT_FALSE(d.splits[SPLIT_DEV_MISMATCHED].present);
    dataset_clear(&d);
    task_clear(&task);
}

static void glue_test_files_may_be_absent_but_not_others(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "sst2");
    write_file(&task, "train.tsv", "sentence\tlabel\nab\t1\n");
    write_file(&task, "dev.tsv", "sentence\tlabel\nab\t0\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_FALSE(d.splits[SPLIT_TEST].present);
    dataset_clear(&d);
    free(task.files[SPLIT_TEST]);
    task.files[SPLIT_TEST] = strdup("mine.tsv");
    CU_ASSERT_STRING_EQUAL(refusal(&task),
                           "mine.tsv: cannot open: No such file or directory");
    open_task(&task, "sst2");
    write_file(&task, "train.tsv", "sentence\tlabel\nab\t1\n");
    CU_ASSERT_STRING_EQUAL(refusal(&task),
                           "dev.tsv: cannot open: No such file or directory");
}

static void a_test_file_with_the_labels_column_is_labelled(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "sst2");
    write_file(&task, "train.tsv", "sentence\tlabel\nab\t1\n");
    write_file(&task, "dev.tsv", "sentence\tlabel\nab\t0\n");
    write_file(&task, "test.tsv", "sentence\tlabel\nab\t1\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_TRUE(d.splits[SPLIT_TEST].labelled);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TEST].labels[0], 1.0f);
    dataset_clear(&d);
    task_clear(&task);
}

static void cola_is_read_by_number_and_its_test_by_name(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "cola");
    write_file(&task, "train.tsv", "gj04\t1\t\tthe abc\ngj04\t0\t*\tabc the");
    write_file(&task, "dev.tsv", "gj04\t1\t\tab\n");
    write_file(&task, "test.tsv", "index\tsentence\n0\tcd\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows, 2);
    CU_ASSERT_TRUE(ids_are(&d.splits[SPLIT_TRAIN], 1, "abc the"));
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].labels[0], 1.0f);
    CU_ASSERT_TRUE(ids_are(&d.splits[SPLIT_TEST], 0, "cd"));
    dataset_clear(&d);
    task_clear(&task);
}

static void regression_reads_values_and_pairs(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "stsb");
    write_file(&task, "train.tsv",
               "sentence1\tsentence2\tscore\nab\tcd\t2.5\nab\tcd\t5\n");
    write_file(&task, "dev.tsv", "sentence1\tsentence2\tscore\nab\tcd\t0.000\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_TRUE(d.regression && d.labels == 1 && !d.label_names);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].labels[0], 2.5f);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].labels[1], 5.0f);
    CU_ASSERT_EQUAL(d.splits[SPLIT_DEV].token_type_ids[0], 0);
    CU_ASSERT_EQUAL(
        d.splits[SPLIT_DEV].token_type_ids[d.splits[SPLIT_DEV].offsets[1] - 1], 1);
    dataset_clear(&d);
    task_clear(&task);
}

static void short_rows_of_qqp_are_skipped_and_counted(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "qqp");
    write_file(&task, "train.tsv",
               "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
               "0\t1\t2\tab\tcd\t1\n1\t1\t2\tab\n2\t1\t2\t\"ab\t\t0\n");
    write_file(&task, "dev.tsv",
               "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
               "0\t1\t2\tab\tcd\t1\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows, 2);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows_read, 3);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows_skipped, 1);
    dataset_clear(&d);
    task_clear(&task);
}

static void truncated_rows_are_counted(void)
{
    struct task task;
    struct dataset d;

    open_task(&task, "sst2");
    task.max_length = 4;
    write_file(&task, "train.tsv", "sentence\tlabel\n. . .\t1\n. .\t0\n");
    write_file(&task, "dev.tsv", "sentence\tlabel\n.\t0\n");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&d, &task, tokenizer, NULL), 0);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].rows_truncated, 1);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].offsets[1], 4);
    CU_ASSERT_EQUAL(d.splits[SPLIT_TRAIN].offsets[2], 8);
    dataset_clear(&d);
    task_clear(&task);
}

static const char *train_refusal(const char *task_name, const char *train)
{
    struct task task;

    open_task(&task, task_name);
    write_file(&task, "train.tsv", train);
    return refusal(&task);
}

static void bad_files_are_refused_with_file_line_and_reason(void)
{
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", ""), "train.tsv:1: file: it is empty");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\n"),
                           "train.tsv:1: file: no rows");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\nab\t1\nab\n"),
                           "train.tsv:3: row: 1 columns, at least 2 are needed");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\nab\t1\n\n"),
                           "train.tsv:3: row: 1 columns, at least 2 are needed");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\nab\t2\n"),
                           "train.tsv:2: label: \"2\" is none of 0, 1");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\nab\t\n"),
                           "train.tsv:2: label: \"\" is none of 0, 1");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\n\t1\n"),
                           "train.tsv:2: text: it is empty");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\n \u200b\t1\n"),
                           "train.tsv:2: text: it is empty");
    CU_ASSERT_STRING_EQUAL(
        train_refusal("rte", "sentence1\tsentence2\tlabel\nab\t \tentailment\n"),
        "train.tsv:2: second text: it is empty");
    CU_ASSERT_STRING_EQUAL(
        train_refusal("stsb", "sentence1\tsentence2\tscore\na\tb\t1.5x\n"),
        "train.tsv:2: label: \"1.5x\" is no number");
    CU_ASSERT_STRING_EQUAL(
        train_refusal("stsb", "sentence1\tsentence2\tscore\na\tb\tnan\n"),
        "train.tsv:2: label: \"nan\" is no number");
    CU_ASSERT_STRING_EQUAL(train_refusal("sst2", "sentence\tlabel\na\xff\t1\n"),
                           "train.tsv:2: text: invalid UTF-8");
}

static void a_task_without_a_dev_set_is_refused(void)
{
    struct task task;

    open_task(&task, "sst2");
    free(task.files[SPLIT_DEV]);
    task.files[SPLIT_DEV] = NULL;
    CU_ASSERT_STRING_EQUAL(
        refusal(&task), "task sst2: dev: no file: one is needed to choose the epoch");
}

/* A task of a job file: two classes in words, CSV. */
static void open_custom(struct task *task, enum task_format format)
{
    open_task(task, "sst2");
    task->glue = false;
    task->format = format;
    for (int i = 0; i < 2; i++) {
        free(task->label_values[i]);
        task->label_values[i] = strdup(i ? "pos" : "neg");
    }
    for (int s = 0; s < SPLIT_COUNT; s++) {
        free(task->files[s]);
        task->files[s] = NULL;
    }
    task->files[SPLIT_TRAIN] = strdup("t.txt");
    task->files[SPLIT_DEV] = strdup("d.txt");
}

static void custom_csv_and_jsonl_tasks_give_the_same_data(void)
{
    struct task csv, jsonl;
    struct dataset a, b;
    struct digest x, y;

    open_custom(&csv, FORMAT_CSV);
    write_file(&csv, "t.txt", "label,sentence\npos,\"ab, \"\"cd\"\"\"\nneg,the\n");
    write_file(&csv, "d.txt", "label,sentence\r\npos,ab\r\n");
    open_custom(&jsonl, FORMAT_JSONL);
    write_file(&jsonl, "t.txt",
               "{\"label\": \"pos\", \"sentence\": \"ab, \\\"cd\\\"\"}\n"
               "{\"label\": \"neg\", \"sentence\": \"the\"}\n");
    write_file(&jsonl, "d.txt", "{\"sentence\": \"ab\", \"label\": \"pos\"}");
    CU_ASSERT_EQUAL_FATAL(dataset_build(&a, &csv, tokenizer, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dataset_build(&b, &jsonl, tokenizer, NULL), 0);
    CU_ASSERT_EQUAL(dataset_digest(&x, &a, NULL), 0);
    CU_ASSERT_EQUAL(dataset_digest(&y, &b, NULL), 0);
    CU_ASSERT_TRUE(digest_equal(x, y));
    CU_ASSERT_EQUAL(a.splits[SPLIT_TRAIN].labels[0], 1.0f);
    dataset_clear(&a);
    dataset_clear(&b);
    task_clear(&csv);
    task_clear(&jsonl);
}

static void one_file_can_be_read_for_prediction_without_labels(void)
{
    struct task task;
    struct dataset_split split;
    char path[300];

    open_task(&task, "sst2");
    write_file(&task, "new.tsv", "sentence\nab\ncd\n");
    snprintf(path, sizeof path, "%s/new.tsv", task.data);
    CU_ASSERT_EQUAL_FATAL(
        dataset_build_split(&split, &task, SPLIT_DEV, path, false, tokenizer, NULL), 0);
    CU_ASSERT_TRUE(split.rows == 2 && !split.labelled && !split.labels);
    dataset_build_split_clear(&split);
    CU_ASSERT_EQUAL(
        dataset_build_split(&split, &task, SPLIT_DEV, path, true, tokenizer, NULL),
        ERR_INPUT);
    task_clear(&task);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(builtin_task_gives_rows_labels_and_names),
        SUITE_TEST(glue_test_files_may_be_absent_but_not_others),
        SUITE_TEST(a_test_file_with_the_labels_column_is_labelled),
        SUITE_TEST(cola_is_read_by_number_and_its_test_by_name),
        SUITE_TEST(regression_reads_values_and_pairs),
        SUITE_TEST(short_rows_of_qqp_are_skipped_and_counted),
        SUITE_TEST(truncated_rows_are_counted),
        SUITE_TEST(bad_files_are_refused_with_file_line_and_reason),
        SUITE_TEST(a_task_without_a_dev_set_is_refused),
        SUITE_TEST(custom_csv_and_jsonl_tasks_give_the_same_data),
        SUITE_TEST(one_file_can_be_read_for_prediction_without_labels),
        {NULL, NULL},
    };
    int rc = suite_run("dataset_build", tests);

    tokenizer_free(tokenizer);
    return rc;
}
