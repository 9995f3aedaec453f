/* The table of GLUE's tasks: label order as in Hugging Face's "glue", files, columns.
 */
#include "common/task.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"cola", "sst2", "mrpc", "qqp",  "stsb",
                                    "mnli", "qnli", "rte",  "wnli", "ax"};
enum { TASKS = sizeof names / sizeof *names };

static struct task get(const char *name)
{
    struct task task;

    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, name, NULL), 0);
    return task;
}

/* id2label and the files' own values, as "name=value name=value". */
static void labels_are_in_hugging_faces_order(void)
{
    static const char *const wanted[TASKS] = {
        "unacceptable=0 acceptable=1 ",
        "negative=0 positive=1 ",
        "not_equivalent=0 equivalent=1 ",
        "not_duplicate=0 duplicate=1 ",
        "",
        "entailment=entailment neutral=neutral contradiction=contradiction ",
        "entailment=entailment not_entailment=not_entailment ",
        "entailment=entailment not_entailment=not_entailment ",
        "not_entailment=0 entailment=1 ",
        "entailment=entailment neutral=neutral contradiction=contradiction ",
    };

    for (int i = 0; i < TASKS; i++) {
        struct task t = get(names[i]);
        char text[200] = "";
        size_t at = 0;

        for (int l = 0; l < t.labels && !t.regression; l++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s=%s ",
                                   t.label_names[l], t.label_values[l]);
        CU_ASSERT_STRING_EQUAL(text, wanted[i]);
        CU_ASSERT_EQUAL(t.regression, !strcmp(names[i], "stsb"));
        task_clear(&t);
    }
}

static void every_task_is_whole(void)
{
    for (int i = 0; i < TASKS; i++) {
        struct task t = get(names[i]);

        CU_ASSERT(task_is_builtin(names[i]));
        CU_ASSERT_STRING_EQUAL(t.name, names[i]);
        CU_ASSERT(t.glue && t.max_length == 128 && t.selection_rows == SELECT_DEV);
        CU_ASSERT(t.metric_count >= 1 && t.selection_count >= 1);
        CU_ASSERT(t.selection_count <= t.metric_count);
        for (int m = 0; m < t.metric_count; m++)
            CU_ASSERT_EQUAL(metric_is_regression(t.metrics[m]), t.regression);
        CU_ASSERT_PTR_NULL(t.data);
        CU_ASSERT_EQUAL(t.skip_short, !strcmp(names[i], "qqp"));
        task_clear(&t);
        CU_ASSERT_PTR_NULL(t.name);
    }
}

static void scores_are_glues(void)
{
    struct task t = get("mrpc");

    CU_ASSERT(t.selection_count == 2 && t.selection[0] == METRIC_ACCURACY &&
              t.selection[1] == METRIC_F1);
    task_clear(&t);
    t = get("stsb");
    CU_ASSERT(t.selection_count == 2 && t.selection[0] == METRIC_PEARSON &&
              t.selection[1] == METRIC_SPEARMAN);
    CU_ASSERT_EQUAL(t.labels, 1);
    task_clear(&t);
    t = get("mnli");
    CU_ASSERT(t.metric_count == 2 && t.metrics[1] == METRIC_ACCURACY_MISMATCHED);
    CU_ASSERT(t.selection_count == 1 && t.selection[0] == METRIC_ACCURACY);
    task_clear(&t);
    t = get("cola");
    CU_ASSERT(t.metric_count == 1 && t.metrics[0] == METRIC_MATTHEWS);
    task_clear(&t);
}

static void cola_has_no_header_but_in_test(void)
{
    struct task t = get("cola");
    const struct task_columns *train = &t.columns[SPLIT_TRAIN];
    const struct task_columns *test = &t.columns[SPLIT_TEST];

    CU_ASSERT(!train->header && !t.columns[SPLIT_DEV].header);
    CU_ASSERT(train->text_at[0] == 3 && train->text_at[1] == -1);
    CU_ASSERT(train->label_at == 1);
    CU_ASSERT_PTR_NULL(train->text[0]);
    CU_ASSERT(test->header && test->label_at == -1);
    CU_ASSERT_STRING_EQUAL(test->text[0], "sentence");
    CU_ASSERT_PTR_NULL(test->label);
    task_clear(&t);
}

static void mnli_has_two_dev_and_two_test_files(void)
{
    struct task t = get("mnli");

    CU_ASSERT_STRING_EQUAL(t.files[SPLIT_DEV], "dev_matched.tsv");
    CU_ASSERT_STRING_EQUAL(t.files[SPLIT_DEV_MISMATCHED], "dev_mismatched.tsv");
    CU_ASSERT_STRING_EQUAL(t.files[SPLIT_TEST_MISMATCHED], "test_mismatched.tsv");
    CU_ASSERT_STRING_EQUAL(t.columns[SPLIT_DEV].label, "gold_label");
    task_clear(&t);
    t = get("ax");
    CU_ASSERT_PTR_NULL(t.files[SPLIT_TRAIN]);
    CU_ASSERT_PTR_NULL(t.files[SPLIT_DEV]);
    CU_ASSERT_STRING_EQUAL(t.files[SPLIT_TEST], "diagnostic.tsv");
    CU_ASSERT_PTR_NULL(t.columns[SPLIT_TEST].label);
    task_clear(&t);
}

static void unknown_task_is_refused_with_the_known_ones(void)
{
    struct task t;
    struct error err;

    CU_ASSERT(!task_is_builtin("snli"));
    CU_ASSERT_EQUAL(task_builtin(&t, "snli", &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "snli: no such task; known are cola, sst2, mrpc, qqp, stsb, "
                           "mnli, qnli, rte, wnli, ax");
}

static void prepared_file_is_known_by_its_name(void)
{
    static const char *const data[] = {"a/b.h5", "a.h5/b", ".h5", "h5", "", NULL};

    for (int i = 0; i < 6; i++) {
        struct task t = {.data = (char *)data[i]};

        CU_ASSERT_EQUAL(task_is_prepared(&t), i == 0);
    }
}

static void copy_is_deep_and_equal(void)
{
    for (int i = 0; i < TASKS; i++) {
        struct task t = get(names[i]), c;

        t.data = strdup("/somewhere");
        CU_ASSERT_EQUAL_FATAL(task_copy(&c, &t, NULL), 0);
        CU_ASSERT_STRING_EQUAL(c.name, t.name);
        CU_ASSERT(c.name != t.name && c.data != t.data);
        CU_ASSERT_STRING_EQUAL(c.data, "/somewhere");
        CU_ASSERT_EQUAL(memcmp(c.metrics, t.metrics, sizeof c.metrics), 0);
        if (!t.regression)
            CU_ASSERT_STRING_EQUAL(c.label_values[1], t.label_values[1]);
        task_clear(&t); /* the copy does not feel it */
        CU_ASSERT_EQUAL(strlen(c.name) > 0, true);
        task_clear(&c);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(labels_are_in_hugging_faces_order),
        SUITE_TEST(every_task_is_whole),
        SUITE_TEST(scores_are_glues),
        SUITE_TEST(cola_has_no_header_but_in_test),
        SUITE_TEST(mnli_has_two_dev_and_two_test_files),
        SUITE_TEST(unknown_task_is_refused_with_the_known_ones),
        SUITE_TEST(prepared_file_is_known_by_its_name),
        SUITE_TEST(copy_is_deep_and_equal),
        {NULL, NULL},
    };

    return suite_run("task", tests);
}
