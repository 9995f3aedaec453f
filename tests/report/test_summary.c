#include "report/summary.h"
#include "report/text_table.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void table_aligns_cells_and_counts_code_points(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct text_table *t = text_table_new();

    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    text_table_row(t);
    text_table_cell(t, "name");
    text_table_cell(t, "score");
    text_table_row(t);
    text_table_cell(t, "a");
    text_table_cell(t, "0.5 ± 0.1");
    text_table_row(t);
    text_table_cell(t, "bb");
    text_table_cell(t, "12");
    CU_ASSERT_EQUAL(text_table_print(t, out), 0);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "name  score\na     0.5 ± 0.1\nbb           12\n");
    free(text);
    text_table_free(t);
}

static void add_trial(struct results *r, int64_t trial, int64_t config, double score,
                      const char *error)
{
    struct results_trial t = {.trial = trial,
                              .task = 1,
                              .config = config,
                              .seed = trial,
                              .status = error ? "failed" : "done",
                              .score = score,
                              .report_score = score,
                              .error = error};

    for (int m = 0; m < METRIC_COUNT; m++)
        t.report[m] = t.test[m] = NAN;
    t.report[METRIC_ACCURACY] = score;
    CU_ASSERT_EQUAL(results_add_trial(r, &t), 0);
}

static void summary_shows_what_differs_the_majority_row_and_errors(void)
{
    struct results r = {0};
    struct task task = {0};
    int64_t rows[SPLIT_COUNT] = {10, 5};
    struct results_setting settings[2] = {
        {.name = "learning_rate", .type = RESULTS_REAL, .real = 1e-3},
        {.name = "batch_size", .type = RESULTS_INT, .integer = 32},
    };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, "sst2", NULL), 0);
    CU_ASSERT_EQUAL(results_add_task(&r, 1, &task, rows, 0.509, (struct digest){0},
                                     (struct digest){0}, NULL),
                    0);
    CU_ASSERT_EQUAL(results_add_config(&r, 1, settings, 2, NULL), 0);
    settings[0].real = 2e-3;
    CU_ASSERT_EQUAL(results_add_config(&r, 2, settings, 2, NULL), 0);
    add_trial(&r, 1, 1, 0.5, NULL);
    add_trial(&r, 2, 2, 0.75, NULL);
    add_trial(&r, 3, 2, NAN, "step 7: loss is not finite");
    CU_ASSERT_EQUAL(summary_print(out, &r, 1, NULL), 0);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "sst2: 1 of 2 configurations"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "learning_rate"));
    CU_ASSERT_PTR_NULL(strstr(text, "batch_size"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "0.7500"));
    CU_ASSERT_PTR_NULL(strstr(text, "0.5000"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "1 of 2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "majority"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "0.5090"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "trial 3 (config 2, seed 3) failed: step 7"));
    free(text);
    task_clear(&task);
    results_clear(&r);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(table_aligns_cells_and_counts_code_points),
        SUITE_TEST(summary_shows_what_differs_the_majority_row_and_errors),
        {NULL, NULL},
    };

    return suite_run("summary", tests);
}
