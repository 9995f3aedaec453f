/* results.h5: what is written is read back; what contradicts itself is refused. */
#include "storage/results_file.h"

#include "storage/h5_file.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *place(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", place_temporary(), name);
    return path;
}

static void add_trials(struct results *r)
{
    struct results_trial row = {.trial = 1,
                                .digest = "0123456789abcdef0123456789abcdef",
                                .config = 1,
                                .task = 1,
                                .seed = 7,
                                .status = "done",
                                .epochs = 2,
                                .best_epoch = 1,
                                .score = 0.5,
                                .report_score = 0.25,
                                .seconds = 3.5,
                                .tokens = 1234567890123,
                                .attempts = 1,
                                .host = "n1",
                                .numerics = "1 avx2",
                                .bracket = 2,
                                .rung = 3};

    for (int m = 0; m < METRIC_COUNT; m++)
        row.report[m] = row.test[m] = NAN;
    row.report[METRIC_F1] = 0.75;
    CU_ASSERT_EQUAL(results_add_trial(r, &row), 0);
    row.trial = 2;
    row.status = "given up";
    row.score = NAN;
    row.error = "caf\xc3\xa9 \xff";
    row.host = NULL;
    row.rung = -1;
    CU_ASSERT_EQUAL(results_add_trial(r, &row), 0);
}

static void add_epochs(struct results *r)
{
    for (int i = 0; i < 40; i++) {
        struct results_epoch row = {.trial = 1 + i / 20,
                                    .epoch = 1 + i % 20,
                                    .step = 10 * i,
                                    .train_loss = 1.0 / (i + 1),
                                    .score = 0.5};

        for (int m = 0; m < METRIC_COUNT; m++)
            row.metrics[m] = NAN;
        row.metrics[METRIC_ACCURACY] = i / 64.0;
        CU_ASSERT_EQUAL(results_add_epoch(r, &row), 0);
    }
}

static void add_leases(struct results *r)
{
    const struct results_lease ended = {.trial = 1,
                                        .worker = 2,
                                        .host = "n1",
                                        .begun = 1.75e9,
                                        .ended = 1.75e9 + 0.125,
                                        .last_epoch = 2,
                                        .end = "done"},
                               runs = {.trial = 2,
                                       .begun = 1.75e9 + 1,
                                       .ended = NAN,
                                       .first_epoch = 4,
                                       .last_epoch = 5};

    CU_ASSERT_EQUAL(results_add_lease(r, &ended), 0);
    CU_ASSERT_EQUAL(results_add_lease(r, &runs), 0);
}

static void add_task(struct results *r)
{
    char *names[] = {"no, \"never\"", "yes"};
    struct task task = {.name = "mrpc",
                        .labels = 2,
                        .label_names = names,
                        .metric_count = 2,
                        .metrics = {METRIC_ACCURACY, METRIC_F1},
                        .selection_count = 1,
                        .selection = {METRIC_F1},
                        .selection_rows = SELECT_SPLIT_DEV,
                        .max_length = 128};
    const int64_t rows[SPLIT_COUNT] = {100, 3};
    struct digest digest = {1, 2};

    CU_ASSERT_EQUAL(results_add_task(r, 1, &task, rows, 0.5, digest, digest, NULL), 0);
    task.name = "a/b";
    CU_ASSERT_EQUAL(results_add_task(r, 2, &task, rows, 0.5, digest, digest, NULL),
                    ERR_INPUT);
}

static void add_configs(struct results *r)
{
    struct results_setting s[] = {{"learning_rate", RESULTS_REAL, 0, 2e-3, NULL},
                                  {"share_alpha", RESULTS_INT, 1, 0, NULL},
                                  {"pooling", RESULTS_TEXT, 0, 0, "cls"}};

    for (int i = 1; i <= 20; i++) {
        s[0].real = i * 1e-3;
        CU_ASSERT_EQUAL(results_add_config(r, i, s, 3, NULL), 0);
    }
    CU_ASSERT_EQUAL(results_add_config(r, 21, s, 2, NULL), ERR_INPUT);
    s[1].name = "share_v";
    CU_ASSERT_EQUAL(results_add_config(r, 21, s, 3, NULL), ERR_INPUT);
}

static void add_outputs(struct results *r, struct adapter_layout *layout)
{
    const struct adapter_shape shape = {
        .layers = 2, .hidden = 3, .ffn = 5, .labels = 2};
    const float logits[] = {1, 2, 3, 4, 5, 6}, gold[] = {0, 1, 1};
    float *values;

    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(layout, &shape, NULL), 0);
    values = calloc((size_t)layout->values, sizeof *values);
    for (int i = 0; i < layout->values; i++)
        values[i] = (float)i;
    CU_ASSERT_EQUAL(results_add_adapter(r, "mrpc", 1, layout, values, NULL), 0);
    values[0] = 99;
    CU_ASSERT_EQUAL(results_add_adapter(r, "mrpc", 2, layout, values, NULL), 0);
    free(values);
    for (int t = 1; t <= 2; t++)
        CU_ASSERT_EQUAL(
            results_add_predictions(r, "mrpc", SPLIT_DEV, t, logits, 3, 2, gold, NULL),
            0);
    CU_ASSERT_EQUAL(
        results_add_predictions(r, "mrpc", SPLIT_TEST, 1, logits, 2, 2, NULL, NULL), 0);
    CU_ASSERT_EQUAL(
        results_add_predictions(r, "mrpc", SPLIT_TEST, 2, logits, 3, 2, NULL, NULL),
        ERR_INPUT);
}

static void fill(struct results *r, struct adapter_layout *layout)
{
    *r = (struct results){0};
    add_trials(r);
    add_epochs(r);
    add_leases(r);
    add_task(r);
    add_configs(r);
    add_outputs(r, layout);
    CU_ASSERT_EQUAL(results_set_attributes(r, "encoder = \"x\";\n", "d", "e"), 0);
}

static void check_tables(const struct results *r)
{
    CU_ASSERT_EQUAL_FATAL(r->trial_count, 2);
    CU_ASSERT_STRING_EQUAL(r->trials[0].status, "done");
    CU_ASSERT_EQUAL(r->trials[0].tokens, 1234567890123);
    CU_ASSERT_EQUAL(r->trials[0].report[METRIC_F1], 0.75);
    CU_ASSERT(isnan(r->trials[0].report[METRIC_PEARSON]));
    CU_ASSERT(isnan(r->trials[1].score));
    CU_ASSERT_STRING_EQUAL(r->trials[1].error, "caf\xc3\xa9 ?");
    CU_ASSERT_STRING_EQUAL(r->trials[1].host, "");
    CU_ASSERT_EQUAL_FATAL(r->epoch_count, 40);
    CU_ASSERT_EQUAL(r->epochs[39].metrics[METRIC_ACCURACY], 39 / 64.0);
    CU_ASSERT(isnan(r->epochs[39].metrics[METRIC_MATTHEWS]));
    CU_ASSERT_EQUAL_FATAL(r->task_count, 1);
    CU_ASSERT_STRING_EQUAL(r->tasks[0].label_names[0], "no, \"never\"");
    CU_ASSERT_EQUAL(r->tasks[0].metric_count, 2);
    CU_ASSERT_EQUAL(r->tasks[0].selection[0], METRIC_F1);
    CU_ASSERT_EQUAL(r->tasks[0].selection_rows, SELECT_SPLIT_DEV);
    CU_ASSERT_EQUAL(r->tasks[0].rows[SPLIT_DEV], 3);
    CU_ASSERT_EQUAL_FATAL(r->config_count, 20);
    CU_ASSERT_EQUAL(results_find_column(r, "learning_rate")->reals[19], 20e-3);
    CU_ASSERT_EQUAL(results_find_column(r, "share_alpha")->integers[0], 1);
    CU_ASSERT_STRING_EQUAL(results_find_column(r, "pooling")->texts[4], "cls");
    CU_ASSERT_EQUAL(results_find_config(r, 20), 19);
    CU_ASSERT_STRING_EQUAL(r->job_text, "encoder = \"x\";\n");
}

static void check_leases(const struct results *r)
{
    CU_ASSERT_EQUAL(r->trials[0].bracket, 2);
    CU_ASSERT_EQUAL(r->trials[0].rung, 3);
    CU_ASSERT_EQUAL(r->trials[1].rung, -1);
    CU_ASSERT_EQUAL_FATAL(r->lease_count, 2);
    CU_ASSERT_EQUAL(r->leases[0].worker, 2);
    CU_ASSERT_STRING_EQUAL(r->leases[0].host, "n1");
    CU_ASSERT_EQUAL(r->leases[0].ended - r->leases[0].begun, 0.125);
    CU_ASSERT_STRING_EQUAL(r->leases[0].end, "done");
    CU_ASSERT(isnan(r->leases[1].ended));
    CU_ASSERT_EQUAL(r->leases[1].first_epoch, 4);
    CU_ASSERT_EQUAL(r->leases[1].last_epoch, 5);
    CU_ASSERT_STRING_EQUAL(r->leases[1].end, "");
}

static void check_outputs(const struct results *r, const struct adapter_layout *layout)
{
    const struct results_adapters *table;
    const float *values = results_find_adapter(r, 2, &table);

    CU_ASSERT_FATAL(values != NULL);
    CU_ASSERT_EQUAL(values[0], 99);
    CU_ASSERT_EQUAL(values[layout->values - 1], (float)(layout->values - 1));
    CU_ASSERT(results_adapters_match(table, layout));
    CU_ASSERT_PTR_NULL(results_find_adapter(r, 3, &table));
    CU_ASSERT_EQUAL_FATAL(r->predictions_count, 2);
    CU_ASSERT_EQUAL(r->predictions[0].split, SPLIT_DEV);
    CU_ASSERT_EQUAL(r->predictions[0].logits[1][5], 6);
    CU_ASSERT_EQUAL(r->predictions[0].gold[2], 1);
    CU_ASSERT_PTR_NULL(r->predictions[1].gold);
}

static const char *kept; /* where to leave a file for results_check.py */

static void what_was_written_is_read_back(void)
{
    char path[512];
    struct results r, back;
    struct adapter_layout layout;
    struct error err = {0};

    snprintf(path, sizeof path, "%s", kept ? kept : place("r.h5"));
    fill(&r, &layout);
    CU_ASSERT_EQUAL_FATAL(results_write(path, &r, &err), 0);
    results_clear(&r);
    CU_ASSERT_EQUAL_FATAL(results_read(&back, path, RESULTS_ALL, &err), 0);
    check_tables(&back);
    check_leases(&back);
    check_outputs(&back, &layout);
    results_clear(&back);
    CU_ASSERT_EQUAL_FATAL(results_read(&back, path, 0, &err), 0);
    CU_ASSERT_EQUAL(back.epoch_count + back.lease_count, 0);
    CU_ASSERT_EQUAL(back.adapters_count, 0);
    results_clear(&back);
    adapter_layout_clear(&layout);
}

static void file_without_rungs_and_leases_is_read(void)
{
    static const char *const newer[] = {"leases", "trials/bracket", "trials/rung"};
    struct adapter_layout layout;
    struct results r, back;
    hid_t file;

    fill(&r, &layout);
    CU_ASSERT_EQUAL_FATAL(results_write(place("old.h5"), &r, NULL), 0);
    file = H5Fopen(place("old.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++)
        CU_ASSERT(H5Ldelete(file, newer[i], H5P_DEFAULT) >= 0);
    CU_ASSERT(H5Fclose(file) >= 0);
    CU_ASSERT_EQUAL_FATAL(results_read(&back, place("old.h5"), RESULTS_ALL, NULL), 0);
    check_tables(&back);
    CU_ASSERT_EQUAL(back.lease_count, 0);
    CU_ASSERT_EQUAL(back.trials[0].bracket, 0);
    CU_ASSERT_EQUAL(back.trials[0].rung, -1);
    results_clear(&back);
    results_clear(&r);
    adapter_layout_clear(&layout);
}

static void empty_snapshot_is_a_whole_file(void)
{
    struct results r = {0}, back;

    CU_ASSERT_EQUAL_FATAL(results_write(place("empty.h5"), &r, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(results_read(&back, place("empty.h5"), RESULTS_ALL, NULL), 0);
    CU_ASSERT_EQUAL(
        back.trial_count + back.epoch_count + back.lease_count + back.config_count, 0);
    results_clear(&back);
    results_clear(&r);
}

/* Damage within the length is HDF5's to find (docs/design.md, "Untrusted files"). */
static void file_cut_anywhere_is_refused(void)
{
    struct adapter_layout layout;
    struct results r, back;
    struct error err = {0};

    fill(&r, &layout);
    CU_ASSERT_EQUAL_FATAL(results_write(place("d.h5"), &r, NULL), 0);
    for (int part = 12; part >= 0; part--) {
        CU_ASSERT_EQUAL(truncate(place("d.h5"), part * 3000), 0);
        CU_ASSERT_EQUAL(results_read(&back, place("d.h5"), RESULTS_ALL, &err),
                        ERR_INPUT);
        CU_ASSERT(strstr(err.text, "d.h5: not an HDF5 file") != NULL);
    }
    results_clear(&r);
    adapter_layout_clear(&layout);
}

static void column_of_another_length_is_refused(void)
{
    const int64_t numbers[] = {1, 2, 3};
    struct results back;
    struct error err = {0};
    struct h5_writer w;

    h5_writer_open(&w, place("c.h5"), &err);
    h5_put_integer(&w, "/", "schema", RESULTS_SCHEMA);
    h5_put_text(&w, "/", "program_version", "1");
    h5_put_text(&w, "/", "job", "");
    h5_put_text(&w, "/", "job_digest", "");
    h5_put_text(&w, "/", "encoder_digest", "");
    h5_put_column(&w, "trials/trial", H5_INT64, numbers, 8, 3);
    h5_put_column(&w, "trials/digest", H5_INT64, numbers, 8, 2);
    CU_ASSERT_EQUAL_FATAL(h5_writer_close(&w), 0);
    CU_ASSERT_EQUAL(results_read(&back, place("c.h5"), 0, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "trials/digest: another number of rows") != NULL);
}

static void another_schema_is_refused(void)
{
    struct results back;
    struct error err = {0};
    struct h5_writer w;

    h5_writer_open(&w, place("s.h5"), &err);
    h5_put_integer(&w, "/", "schema", RESULTS_SCHEMA + 1);
    CU_ASSERT_EQUAL_FATAL(h5_writer_close(&w), 0);
    CU_ASSERT_EQUAL(results_read(&back, place("s.h5"), 0, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "schema") != NULL);
    CU_ASSERT_EQUAL(results_read(&back, place("missing.h5"), 0, &err), ERR_INPUT);
}

/* A full disk, played by a limit on the size of files. */
static void write_that_fails_leaves_the_old_file(void)
{
    struct rlimit old, small;
    struct adapter_layout layout;
    struct results r, back;
    struct error err = {0};
    int rc;

    fill(&r, &layout);
    CU_ASSERT_EQUAL_FATAL(results_write(place("f.h5"), &r, NULL), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    rc = results_write(place("f.h5"), &r, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(rc, ERR_IO);
    CU_ASSERT_EQUAL(results_read(&back, place("f.h5"), RESULTS_ALL, NULL), 0);
    results_clear(&back);
    results_clear(&r);
    adapter_layout_clear(&layout);
}

/* test_results_file [FILE]: keeps the file that it writes first as FILE. */
int main(int argc, char **argv)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(what_was_written_is_read_back),
        SUITE_TEST(file_without_rungs_and_leases_is_read),
        SUITE_TEST(empty_snapshot_is_a_whole_file),
        SUITE_TEST(file_cut_anywhere_is_refused),
        SUITE_TEST(column_of_another_length_is_refused),
        SUITE_TEST(another_schema_is_refused),
        SUITE_TEST(write_that_fails_leaves_the_old_file),
        {0},
    };

    kept = argc > 1 ? argv[1] : NULL;
    signal(SIGXFSZ, SIG_IGN);
    return suite_run("results_file", tests);
}
