/* Whole reports: of runs that hardly hold anything, and of hostile ones. */
#include "report/report_write.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *dir, const char *name)
{
    char path[1024], *text = calloc(1, 8u << 20);
    FILE *in;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    in = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    CU_ASSERT(fread(text, 1, (8u << 20) - 1, in) > 0);
    fclose(in);
    return text;
}

/* A report of results, which are cleared. */
static const char *report(const char *name, struct results *results)
{
    static char dir[512];
    struct gathered runs = {0};
    struct error err = {""};

    snprintf(dir, sizeof dir, "%s/%s", place_temporary(), name);
    CU_ASSERT_EQUAL(results_set_attributes(results, "encoder = \"<e>\";\n", "d", "e"),
                    0);
    CU_ASSERT_EQUAL_FATAL(gathered_add(&runs, name, results, &err), 0);
    CU_ASSERT_EQUAL_FATAL(report_write(dir, &runs, SAMPLING_GRID, 1, NULL, &err), 0);
    gathered_clear(&runs);
    return dir;
}

static void add_task(struct results *r, int64_t number, const char *builtin)
{
    const int64_t rows[SPLIT_COUNT] = {10, 5};
    struct task task;

    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, builtin, NULL), 0);
    CU_ASSERT_EQUAL(results_add_task(r, number, &task, rows,
                                     task.regression ? NAN : 0.5, (struct digest){1, 1},
                                     (struct digest){1, 1}, NULL),
                    0);
    task_clear(&task);
}

static void add_config(struct results *r, int64_t number, double rate)
{
    const struct results_setting settings[] = {
        {"learning_rate", RESULTS_REAL, 0, rate, NULL},
        {"batch_size", RESULTS_INT, 16, 0, NULL}};

    CU_ASSERT_EQUAL(results_add_config(r, number, settings, 2, NULL), 0);
}

static void add_trial(struct results *r, int64_t number, int64_t config, int64_t seed,
                      const char *status, double score, const char *error)
{
    char digest[33];
    struct results_trial t = {.trial = number,
                              .digest = digest,
                              .config = config,
                              .task = 1,
                              .seed = seed,
                              .status = status,
                              .score = score,
                              .report_score = score,
                              .error = error,
                              .rung = -1};

    snprintf(digest, sizeof digest, "%032llx", (unsigned long long)number);
    for (int m = 0; m < METRIC_COUNT; m++)
        t.report[m] = t.test[m] = NAN;
    CU_ASSERT_EQUAL(results_add_trial(r, &t), 0);
}

static void contains(const char *dir, const char *file, const char *text)
{
    char *all = read_file(dir, file);

    CU_ASSERT_PTR_NOT_NULL(strstr(all, text));
    free(all);
}

static void empty_sweep_says_so(void)
{
    struct results r = {0};
    const char *dir = report("empty", &r);

    contains(dir, "index.html", "There are no trials yet");
    contains(dir, "tables/trials.csv", "trial,task,config");
}

static void all_failed_says_so_with_errors(void)
{
    struct results r = {0};
    const char *dir;

    add_task(&r, 1, "sst2");
    add_config(&r, 1, 1e-3);
    add_trial(&r, 1, 1, 1, "failed", NAN, "<step> 7");
    dir = report("failed", &r);
    contains(dir, "index.html", "All trials failed");
    contains(dir, "index.html", "&lt;step&gt; 7");
    contains(dir, "tables/best.csv", "no finished trial with a score");
}

static void one_trial_is_the_best(void)
{
    struct results r = {0};
    const char *dir;

    add_task(&r, 1, "stsb");
    add_config(&r, 1, 1e-3);
    add_trial(&r, 1, 1, 1, "done", 0.75, NULL);
    dir = report("one", &r);
    contains(dir, "tables/best.csv", "stsb,1,,1,0.75,,1,");
    contains(dir, "tables/methods.md", "**75.00**");
}

static void missing_seeds_are_counted_and_the_edge_is_named(void)
{
    struct results r = {0};
    const char *dir;
    int64_t trial = 0;

    add_task(&r, 1, "sst2");
    for (int c = 1; c <= 3; c++) {
        add_config(&r, c, c * 1e-3);
        for (int seed = 1; seed <= 3; seed++)
            if (c > 1 || seed > 1)
                add_trial(&r, ++trial, c, seed, c == 2 && seed == 1 ? "failed" : "done",
                          c == 2 && seed == 1 ? NAN : 0.5 + 0.1 * c, NULL);
    }
    dir = report("missing", &r);
    contains(dir, "index.html", "2 of 3 configurations miss seeds, 2 in all");
    contains(dir, "index.html", "learning_rate 0.003 is among the largest");
    contains(dir, "tables/configurations_sst2.csv", ",2 of 3,1,");
}

static void tables_of_a_hostile_run_are_harmless(void)
{
    static const char hostile[] = "=1+1</td><script>alert(1)</script>\\input{x}"
                                  "\xe2\x80\xae\x01";
    struct results r = {0};
    const char *dir;
    char *page;

    add_task(&r, 1, "sst2");
    add_config(&r, 1, 1e-3);
    add_trial(&r, 1, 1, 1, "failed", NAN, hostile);
    dir = report("hostile", &r);
    page = read_file(dir, "index.html");
    CU_ASSERT_PTR_NULL(strstr(page, "<script>alert"));
    CU_ASSERT_PTR_NULL(strstr(page, "\xe2\x80\xae"));
    free(page);
    contains(dir, "tables/trials.csv", ",'=1+1</td>");
    contains(dir, "tables/trials.tex", "\\textbackslash{}input\\{x\\}");
    contains(dir, "tables/trials.md", "&lt;script\\>");
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(empty_sweep_says_so),
        SUITE_TEST(all_failed_says_so_with_errors),
        SUITE_TEST(one_trial_is_the_best),
        SUITE_TEST(missing_seeds_are_counted_and_the_edge_is_named),
        SUITE_TEST(tables_of_a_hostile_run_are_harmless),
        {NULL, NULL},
    };

    return suite_run("report", tests);
}
