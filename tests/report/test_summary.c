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
    CU_ASSERT_STRING_EQUAL(text, "name      score\na     0.5 ± 0.1\nbb           12\n");
    free(text);
    text_table_free(t);
}

/* The longest line, in code points. */
static int width_of(const char *text)
{
    int width = 0, widest = 0;

    for (; *text; text++) {
        width = *text == '\n' ? 0 : width + (((unsigned char)*text & 0xC0) != 0x80);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void headings_stand_in_lines_without_blanks_behind(void)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct text_table *t = text_table_new();

    text_table_row(t);
    text_table_cell(t, "config");
    text_table_cell(t, "first_layer");
    text_table_cell(t, "pooling");
    text_table_row(t);
    text_table_cell(t, "1");
    text_table_cell(t, "12");
    text_table_cell(t, "cls");
    CU_ASSERT_EQUAL(text_table_print(t, out), 0);
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "         first\n"
                                 "config  _layer  pooling\n"
                                 "     1      12  cls\n");
    free(text);
    text_table_free(t);
}

static void what_does_not_fit_is_continued_below_the_first_column(void)
{
    char *text = NULL, wide[61] = "";
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct text_table *t = text_table_new();

    memset(wide, 'x', 60);
    text_table_row(t);
    text_table_cell(t, "c");
    text_table_cell(t, "a");
    text_table_cell(t, "b");
    text_table_cell(t, "d");
    text_table_row(t);
    text_table_cell(t, "1");
    text_table_cell(t, "%.30s", wide);
    text_table_cell(t, "%.45s", wide); /* 1 + 2 + 30 + 2 + 45 = 80 */
    text_table_cell(t, "%s", wide);
    text_table_row(t);
    text_table_cell(t, "2");
    text_table_cell(t, "y");
    CU_ASSERT_EQUAL(text_table_print(t, out), 0);
    fclose(out);
    CU_ASSERT_EQUAL(width_of(text), 80);
    CU_ASSERT_STRING_EQUAL(strstr(text, "\n\n"), "\n\nc  d\n"
                                                 "1  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n"
                                                 "2\n");
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
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "learning"));
    CU_ASSERT_PTR_NULL(strstr(text, "batch"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "score = accuracy"));
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

/* MRPC with two settings and five seeds: two metrics and their mean. */
static void the_usual_table_has_80_columns_and_says_what_is_the_same_once(void)
{
    static const double rates[] = {5e-4, 2e-3};
    struct results r = {0};
    struct task task = {0};
    int64_t rows[SPLIT_COUNT] = {3668, 408};
    struct results_setting settings[2] = {
        {.name = "first_layer", .type = RESULTS_INT},
        {.name = "learning_rate", .type = RESULTS_REAL},
    };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, "mrpc", NULL), 0);
    CU_ASSERT_EQUAL(results_add_task(&r, 1, &task, rows, 0.7473, (struct digest){0},
                                     (struct digest){0}, NULL),
                    0);
    for (int config = 1; config <= 2; config++) {
        settings[0].integer = 6 * (config - 1);
        settings[1].real = rates[config - 1];
        CU_ASSERT_EQUAL(results_add_config(&r, config, settings, 2, NULL), 0);
        for (int seed = 1; seed <= 5; seed++) {
            struct results_trial t = {.trial = 5 * (config - 1) + seed,
                                      .task = 1,
                                      .config = config,
                                      .seed = seed,
                                      .status = "done",
                                      .score = 0.9 - 0.1 * config + 0.01 * seed,
                                      .seconds = 1234};

            for (int m = 0; m < METRIC_COUNT; m++)
                t.report[m] = t.test[m] = NAN;
            t.report_score = t.report[METRIC_ACCURACY] = t.report[METRIC_F1] = t.score;
            CU_ASSERT_EQUAL(results_add_trial(&r, &t), 0);
        }
    }
    CU_ASSERT_EQUAL(summary_print(out, &r, 0, NULL), 0);
    fclose(out);
    CU_ASSERT(width_of(text) <= 80);
    CU_ASSERT_PTR_NULL(strstr(text, "\n\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "2 of 2 configurations by mean score over 5 seeds"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "score = mean of accuracy and f1"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "     1       0    0.0005  0.8300±.0158  0.8300±.0158  "
                     "0.8300±.0158  1234      5\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "base         -         -        0.7473\n"));
    free(text);
    task_clear(&task);
    results_clear(&r);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(table_aligns_cells_and_counts_code_points),
        SUITE_TEST(headings_stand_in_lines_without_blanks_behind),
        SUITE_TEST(what_does_not_fit_is_continued_below_the_first_column),
        SUITE_TEST(the_usual_table_has_80_columns_and_says_what_is_the_same_once),
        SUITE_TEST(summary_shows_what_differs_the_majority_row_and_errors),
        {NULL, NULL},
    };

    return suite_run("summary", tests);
}
