/* Several runs as one. */
#include "report/gathered.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

/* A run of two configurations and the seeds from first on; rate: of the second. */
struct made {
    const char *encoder;
    uint64_t data;
    int64_t first_seed, seeds;
    double rate;
    const char *status;
};

static void make(struct results *r, const struct made *m)
{
    struct results_setting settings[] = {{"learning_rate", RESULTS_REAL, 0, 1e-3, NULL},
                                         {"batch_size", RESULTS_INT, 16, 0, NULL}};
    const int64_t rows[SPLIT_COUNT] = {10, 5};
    struct task task;
    int64_t number = 0;

    *r = (struct results){0};
    CU_ASSERT_EQUAL_FATAL(task_builtin(&task, "sst2", NULL), 0);
    CU_ASSERT_EQUAL(results_add_task(r, 1, &task, rows, 0.5,
                                     (struct digest){m->data, 1}, (struct digest){1, 1},
                                     NULL),
                    0);
    task_clear(&task);
    for (int c = 1; c <= 2; c++) {
        settings[0].real = c == 1 ? 1e-3 : m->rate;
        CU_ASSERT_EQUAL(results_add_config(r, c, settings, 2, NULL), 0);
        for (int64_t s = m->first_seed; s < m->first_seed + m->seeds; s++) {
            char digest[33];
            struct results_trial t = {.trial = ++number,
                                      .digest = digest,
                                      .config = c,
                                      .task = 1,
                                      .seed = s,
                                      .status = m->status,
                                      .epochs = !strcmp(m->status, "done") ? 2 : 1,
                                      .score = 0.5,
                                      .rung = -1};
            struct results_epoch e = {.trial = number, .epoch = 1};

            snprintf(digest, sizeof digest, "%016llx%016llx",
                     (unsigned long long)(1e9 * settings[0].real),
                     (unsigned long long)s);
            CU_ASSERT_EQUAL(results_add_trial(r, &t), 0);
            CU_ASSERT_EQUAL(results_add_epoch(r, &e), 0);
        }
    }
    CU_ASSERT_EQUAL(results_set_attributes(r, "", "", m->encoder), 0);
}

static int add(struct gathered *g, const char *dir, struct made made, struct error *err)
{
    struct results r;

    make(&r, &made);
    return gathered_add(g, dir, &r, err);
}

static void one_run_keeps_its_numbers(void)
{
    struct gathered g = {0};

    CU_ASSERT_EQUAL_FATAL(add(&g, "a", (struct made){"e", 1, 1, 2, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL(g.results.trial_count, 4);
    CU_ASSERT_EQUAL(g.results.trials[3].trial, 4);
    CU_ASSERT_EQUAL(g.origins[3].trial, 4);
    gathered_clear(&g);
}

static void seeds_of_several_runs_come_to_the_same_configurations(void)
{
    struct gathered g = {0};

    CU_ASSERT_EQUAL_FATAL(add(&g, "a", (struct made){"e", 1, 1, 2, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL_FATAL(add(&g, "b", (struct made){"e", 1, 3, 2, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL(g.results.config_count, 2);
    CU_ASSERT_EQUAL(g.results.task_count, 1);
    CU_ASSERT_EQUAL(g.results.trial_count, 8);
    CU_ASSERT_EQUAL(g.results.epoch_count, 8);
    CU_ASSERT_EQUAL(g.duplicates, 0);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(g.results.trials[i].trial, g.results.trials[k].trial);
    CU_ASSERT_EQUAL(g.origins[4].run, 1);
    CU_ASSERT_EQUAL(g.origins[4].trial, 1);
    CU_ASSERT_EQUAL(g.results.trials[4].seed, 3);
    CU_ASSERT_EQUAL(g.results.epochs[4].trial, g.results.trials[4].trial);
    gathered_clear(&g);
}

static void configurations_that_differ_get_numbers_of_their_own(void)
{
    struct gathered g = {0};

    CU_ASSERT_EQUAL_FATAL(add(&g, "a", (struct made){"e", 1, 1, 1, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL_FATAL(add(&g, "b", (struct made){"e", 1, 1, 1, 4e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL(g.results.config_count, 3);
    CU_ASSERT_EQUAL(g.results.configs[2], 3);
    CU_ASSERT_EQUAL(g.results.columns[0].reals[2], 4e-3);
    CU_ASSERT_EQUAL(g.results.trial_count, 3); /* one was in both */
    CU_ASSERT_EQUAL(g.duplicates, 1);
    CU_ASSERT_EQUAL(g.results.trials[2].config, 3);
    gathered_clear(&g);
}

static void of_a_trial_in_two_runs_the_one_that_is_done_counts(void)
{
    struct gathered g = {0};

    CU_ASSERT_EQUAL_FATAL(
        add(&g, "a", (struct made){"e", 1, 1, 1, 2e-3, "running"}, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(add(&g, "b", (struct made){"e", 1, 1, 1, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL_FATAL(
        add(&g, "c", (struct made){"e", 1, 1, 1, 2e-3, "failed"}, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(g.results.trial_count, 2);
    CU_ASSERT_EQUAL(g.duplicates, 4);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_STRING_EQUAL(g.results.trials[i].status, "done");
        CU_ASSERT_EQUAL(g.origins[i].run, 1);
        CU_ASSERT_EQUAL(g.results.trials[i].trial, i + 1);
    }
    gathered_clear(&g);
}

static void other_data_or_encoder_is_refused_and_named(void)
{
    struct gathered g = {0};
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(add(&g, "a", (struct made){"e", 1, 1, 1, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL(add(&g, "b", (struct made){"f", 2, 1, 1, 2e-3, "done"}, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "b: cannot be compared with a"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another encoder"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "task sst2 has other data"));
    CU_ASSERT_EQUAL(g.run_count, 1);
    CU_ASSERT_EQUAL(g.results.trial_count, 2);
    gathered_clear(&g);
}

static void empty_runs_can_be_gathered(void)
{
    struct gathered g = {0};
    struct results none = {0};

    CU_ASSERT_EQUAL(results_set_attributes(&none, "", "", "e"), 0);
    CU_ASSERT_EQUAL_FATAL(gathered_add(&g, "a", &none, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(add(&g, "b", (struct made){"e", 1, 1, 1, 2e-3, "done"}, NULL),
                          0);
    CU_ASSERT_EQUAL(g.results.trial_count, 2);
    CU_ASSERT_EQUAL(g.results.config_count, 2);
    gathered_clear(&g);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(one_run_keeps_its_numbers),
        SUITE_TEST(seeds_of_several_runs_come_to_the_same_configurations),
        SUITE_TEST(configurations_that_differ_get_numbers_of_their_own),
        SUITE_TEST(of_a_trial_in_two_runs_the_one_that_is_done_counts),
        SUITE_TEST(other_data_or_encoder_is_refused_and_named),
        SUITE_TEST(empty_runs_can_be_gathered),
        {NULL, NULL},
    };

    return suite_run("gathered", tests);
}
