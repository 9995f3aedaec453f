/* Training on a tiny encoder: promises that hold for any size. */
#include "worker/trial.h"

#include "jobs/settings_table.h"
#include "storage/adapter_file.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"
#include "tests/worker/trial_bits.h"
#include "worker/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct encoder encoder;
static struct dataset data;
static struct task task;

static struct trial_parts parts(void)
{
    struct trial_parts p = {.encoder = &encoder, .dataset = &data, .task = &task};

    settings_defaults(&p.settings);
    p.settings.epochs = 3;
    p.settings.batch_size = 16;
    p.settings.microshard_tokens = 32;
    p.settings.learning_rate = 5e-3;
    p.settings.hidden_dropout = p.settings.attention_dropout = 0.1;
    return p;
}

static void set_up(int rows, int labels)
{
    struct error err;

    dataset_clear(&data);
    made_data(&data, rows, 23, 50, labels);
    task = (struct task){.name = (char *)"made",
                         .regression = labels == 1,
                         .labels = labels,
                         .metric_count = 2,
                         .metrics = {METRIC_ACCURACY, METRIC_ACCURACY_MISMATCHED},
                         .selection_count = 1,
                         .selection = {METRIC_ACCURACY}};
    if (labels == 1)
        task.metrics[0] = task.selection[0] = METRIC_PEARSON;
    if (!encoder.layers &&
        encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

/* Runs p in two ways; the first one's text, to be freed. */
static void check_same(const struct trial_parts *p, struct trial_way a,
                       struct trial_way b, int least_interruptions)
{
    int interruptions;
    char *x = trial_bits(p, a, NULL), *y = trial_bits(p, b, &interruptions);

    CU_ASSERT(x && y);
    if (x && y)
        CU_ASSERT_STRING_EQUAL(x, y);
    CU_ASSERT(interruptions >= least_interruptions);
    free(x);
    free(y);
}

static void panels_do_not_change_a_bit(void)
{
    struct trial_parts p;
    struct panels *panels;
    char *without, *with;

    set_up(70, 2);
    p = parts();
    p.settings.train_layernorm = LN_ALL;
    CU_ASSERT_EQUAL_FATAL(panels_open(&panels, &encoder, PRECISION_FLOAT32, NULL), 0);
    CU_ASSERT_EQUAL(panels != NULL, kernels_get()->panel_product != NULL);
    without = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    p.panels = panels;
    with = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(with);
    CU_ASSERT_STRING_EQUAL(with, without);
    free(with);
    free(without);
    panels_close(panels);
}

static void bf16_has_its_own_bits_however_it_is_run(void)
{
    struct trial_parts p;
    struct panels *panels = NULL;
    char *narrow, *wide;

    set_up(70, 2);
    p = parts();
    p.settings.train_layernorm = LN_ALL;
    wide = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    p.settings.precision = PRECISION_BF16;
    CU_ASSERT_EQUAL_FATAL(panels_open(&panels, &encoder, PRECISION_BF16, NULL),
                          bf16_available() ? 0 : ERR_INPUT);
    if (panels) {
        p.panels = panels;
        narrow = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
        CU_ASSERT_FATAL(wide && narrow);
        CU_ASSERT_STRING_NOT_EQUAL(narrow, wide);
        free(narrow);
        check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){3, 0, 0}, 0);
        check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){2, 1, 7}, 4);
    }
    free(wide);
    panels_close(panels);
}

static void threads_do_not_change_a_bit(void)
{
    struct trial_parts p;

    for (int labels = 1; labels <= 3; labels++) {
        set_up(70, labels);
        p = parts();
        p.settings.train_layernorm = LN_ALL;
        check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){2, 0, 0}, 0);
        check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){3, 0, 0}, 0);
    }
}

static void checkpoints_do_not_change_a_bit(void)
{
    struct trial_parts p;

    set_up(70, 3);
    p = parts();
    p.settings.report_steps = 2;
    p.settings.clip_norm = 0.5;
    check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){2, 1, 0}, 9);
}

static void stops_do_not_change_a_bit(void)
{
    struct trial_parts p;

    set_up(70, 2);
    p = parts();
    check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){1, 0, 5}, 4);
    check_same(&p, (struct trial_way){1, 0, 0}, (struct trial_way){2, 0, 17}, 3);
}

static void seed_changes_the_result(void)
{
    struct trial_parts p;
    char *x, *y;

    set_up(40, 2);
    p = parts();
    x = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    p.settings.seed++;
    y = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    CU_ASSERT(x && y && strcmp(x, y));
    free(x);
    free(y);
}

/* Runs to the end; the number of reports, the last record and the result. */
static int run_all(struct trial *trial, struct epoch_record *records,
                   struct trial_result *result)
{
    enum trial_event event;
    struct error err;
    int n = 0;

    while (!trial_done(trial)) {
        CU_ASSERT_EQUAL_FATAL(trial_run_to_report(trial, &event, &records[n], &err), 0);
        CU_ASSERT_EQUAL_FATAL(event, TRIAL_REPORT);
        n++;
    }
    CU_ASSERT_EQUAL_FATAL(trial_finish(trial, &event, result, &err), 0);
    CU_ASSERT_EQUAL(event, TRIAL_REPORT);
    return n;
}

static struct trial *new_trial(const struct trial_parts *p)
{
    struct trial *trial;
    struct error err = {0};
    int rc = trial_new(&trial, &encoder, NULL, &data, &task, &p->settings, 1, &err);

    if (rc)
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    return trial;
}

static void trial_learns_and_keeps_its_best_epoch(void)
{
    struct epoch_record records[30];
    struct trial_result result;
    struct trial_parts p;
    struct trial *trial;
    int n, best = 0;

    set_up(200, 2);
    p = parts();
    p.settings.epochs = 12;
    p.settings.learning_rate = 2e-2;
    p.settings.hidden_dropout = p.settings.attention_dropout = 0;
    trial = new_trial(&p);
    n = run_all(trial, records, &result);
    CU_ASSERT_EQUAL(n, 12);
    for (int i = 1; i < n; i++)
        if (records[i].score > records[best].score)
            best = i;
    CU_ASSERT(records[n - 1].train_loss < 0.9 * records[0].train_loss);
    CU_ASSERT_EQUAL(result.best.epoch, best + 1);
    CU_ASSERT_EQUAL(result.best.score, records[best].score);
    CU_ASSERT_EQUAL(result.best.metrics[0], records[best].metrics[0]);
    CU_ASSERT_EQUAL(records[n - 1].step, 12 * 13);
    CU_ASSERT_EQUAL(records[n - 1].tokens, 12 * data.splits[SPLIT_TRAIN].offsets[200]);
    CU_ASSERT(result.tested && result.test_metrics[0] > 0.5 &&
              isnan(result.test_metrics[1]));
    CU_ASSERT_EQUAL(trial_progress(trial).examples, 12 * 200);
    trial_free(trial);
}

static void predicting_gives_the_trials_own_logits(void)
{
    const struct dataset_split *dev = &data.splits[SPLIT_DEV];
    struct epoch_record records[8];
    struct trial_result result;
    struct trial_parts p;
    struct trial *trial;
    struct model model;
    float *logits;

    set_up(90, 3);
    p = parts();
    trial = new_trial(&p);
    run_all(trial, records, &result);
    model =
        (struct model){&encoder, trial_layout(trial), p.settings.pooling, false, NULL};
    logits = malloc((size_t)dev->rows * 3 * sizeof *logits);
    CU_ASSERT_EQUAL(evaluate_split(logits, &model, result.values, dev, "dev",
                                   p.settings.microshard_tokens, 2, NULL),
                    0);
    CU_ASSERT(!memcmp(logits, result.splits[SPLIT_DEV].logits,
                      (size_t)dev->rows * 3 * sizeof *logits));
    free(logits);
    trial_free(trial);
}

static void max_steps_and_patience_end_a_trial(void)
{
    struct epoch_record records[60];
    struct trial_result result;
    struct trial_parts p;
    struct trial *trial;
    int n;

    set_up(64, 2);
    p = parts();
    p.settings.max_steps = 6;
    trial = new_trial(&p);
    CU_ASSERT_EQUAL(trial_steps(trial), 6);
    n = run_all(trial, records, &result);
    CU_ASSERT(n == 2 && records[0].step == 4 && records[1].step == 6);
    CU_ASSERT(records[1].epoch == 2);
    trial_free(trial);

    p.settings.max_steps = 0;
    p.settings.epochs = 50;
    p.settings.patience = 2;
    p.settings.learning_rate = 0;
    trial = new_trial(&p);
    CU_ASSERT_EQUAL(run_all(trial, records, &result), 3);
    CU_ASSERT_EQUAL(result.best.epoch, 1);
    trial_free(trial);
}

static void reports_within_an_epoch_average_its_steps(void)
{
    struct epoch_record fine[40], whole[40];
    struct trial_result result;
    struct trial_parts p;
    struct trial *trial;

    set_up(80, 2);
    p = parts();
    p.settings.epochs = 2;
    trial = new_trial(&p);
    CU_ASSERT_EQUAL(run_all(trial, whole, &result), 2);
    trial_free(trial);
    p.settings.report_steps = 2;
    trial = new_trial(&p);
    CU_ASSERT_EQUAL(run_all(trial, fine, &result), 6);
    trial_free(trial);
    CU_ASSERT(fine[0].step == 2 && fine[1].step == 4 && fine[2].step == 5 &&
              fine[3].step == 7);
    CU_ASSERT(fine[1].epoch == 1 && fine[3].epoch == 2);
    CU_ASSERT(fine[2].train_loss == whole[0].train_loss &&
              fine[5].train_loss == whole[1].train_loss &&
              fine[5].score == whole[1].score);
}

static void selection_rows_separate_choosing_from_reporting(void)
{
    struct epoch_record dev[4], half[4], train[4];
    struct trial_result result;
    struct trial_parts p;
    struct trial *trial;

    set_up(1200, 2);
    p = parts();
    p.settings.epochs = 1;
    trial = new_trial(&p);
    run_all(trial, dev, &result);
    trial_free(trial);
    CU_ASSERT_EQUAL(dev[0].score, dev[0].metrics[0]);
    CU_ASSERT_EQUAL(dev[0].step, 75);

    task.selection_rows = SELECT_SPLIT_DEV;
    trial = new_trial(&p);
    run_all(trial, half, &result);
    CU_ASSERT_EQUAL(result.splits[SPLIT_DEV].rows, 600);
    trial_free(trial);
    CU_ASSERT(half[0].train_loss == dev[0].train_loss);
    CU_ASSERT(fabs((half[0].score + half[0].metrics[0]) / 2 - dev[0].score) < 2e-3);

    task.selection_rows = SELECT_SPLIT_TRAIN;
    trial = new_trial(&p);
    run_all(trial, train, &result);
    trial_free(trial);
    CU_ASSERT_EQUAL(train[0].step, 13);
    CU_ASSERT(train[0].score != train[0].metrics[0]);
}

static void overflow_fails_the_trial_and_names_the_step(void)
{
    struct epoch_record record;
    enum trial_event event;
    struct trial_parts p;
    struct trial *trial;
    struct error err = {0};
    int rc = 0;

    set_up(40, 2);
    p = parts();
    p.settings.learning_rate = 1e38;
    trial = new_trial(&p);
    while (rc == 0 && !trial_done(trial))
        rc = trial_run_to_report(trial, &event, &record, &err);
    CU_ASSERT_EQUAL(rc, ERR_NUMERIC);
    CU_ASSERT(!strncmp(err.text, "step 2: ", 8));
    trial_free(trial);
}

static void check_refused(const struct trial_parts *p, const char *why)
{
    struct trial *trial;
    struct error err = {0};

    CU_ASSERT_EQUAL(
        trial_new(&trial, &encoder, NULL, &data, &task, &p->settings, 1, &err),
        ERR_INPUT);
    CU_ASSERT_PTR_NULL(trial);
    if (!strstr(err.text, why))
        fprintf(stderr, "%s: not %s\n", err.text, why);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
}

static void data_that_does_not_fit_is_refused(void)
{
    struct trial_parts p;

    set_up(40, 2);
    p = parts();
    p.settings.first_layer = 4;
    check_refused(&p, "first_layer: 4");
    p.settings.first_layer = 0;
    data.splits[SPLIT_TRAIN].input_ids[3] = 53;
    check_refused(&p, "made: train: row");
    set_up(40, 2);
    data.splits[SPLIT_DEV].labels[4] = 2;
    check_refused(&p, "made: dev: row 5: a label");
    set_up(40, 2);
    data.splits[SPLIT_DEV].labelled = false;
    check_refused(&p, "made: no labelled dev set");
    set_up(40, 2);
    task.selection_rows = SELECT_SPLIT_TRAIN;
    check_refused(&p, "selection_rows: split_train");
}

static void checkpoint_of_another_trial_is_refused(void)
{
    struct trial_parts p;
    struct checkpoint checkpoint;
    struct trial *a, *b;

    set_up(40, 2);
    p = parts();
    a = new_trial(&p);
    p.settings.share_alpha = true;
    b = new_trial(&p);
    trial_checkpoint(a, &checkpoint);
    CU_ASSERT_EQUAL(trial_restore(a, &checkpoint, NULL), 0);
    CU_ASSERT_EQUAL(trial_restore(b, &checkpoint, NULL), ERR_INPUT);
    trial_free(a);
    trial_free(b);
}

static void write_adapter(const char *path, const struct trial *trial)
{
    const struct adapter_layout *layout = trial_layout(trial);
    float *values = malloc((size_t)layout->values * sizeof *values);
    struct error err = {0};

    for (int64_t i = 0; i < layout->values; i++)
        values[i] = (float)i / 1024;
    CU_ASSERT_EQUAL_FATAL(adapter_file_write(path, layout, values, NULL, 0, &err), 0);
    free(values);
}

static void trial_starts_from_an_adapter_file_that_fits(void)
{
    struct checkpoint checkpoint;
    struct trial_parts p;
    struct trial *trial;

    set_up(40, 2);
    p = parts();
    trial = new_trial(&p);
    snprintf(p.settings.init, sizeof p.settings.init, "%s/init.safetensors",
             place_temporary());
    write_adapter(p.settings.init, trial);
    trial_free(trial);
    trial = new_trial(&p);
    trial_checkpoint(trial, &checkpoint);
    for (int64_t i = 0; i < checkpoint.values; i++)
        CU_ASSERT_EQUAL(checkpoint.last[i], (float)i / 1024);
    trial_free(trial);

    p.settings.share_alpha = true;
    check_refused(&p, "init.safetensors");
    check_refused(&p, "adapter.alpha");
    snprintf(p.settings.init, sizeof p.settings.init, "%s/nothing", place_temporary());
    check_refused(&p, "nothing");
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(panels_do_not_change_a_bit),
        SUITE_TEST(bf16_has_its_own_bits_however_it_is_run),
        SUITE_TEST(threads_do_not_change_a_bit),
        SUITE_TEST(checkpoints_do_not_change_a_bit),
        SUITE_TEST(stops_do_not_change_a_bit),
        SUITE_TEST(seed_changes_the_result),
        SUITE_TEST(trial_learns_and_keeps_its_best_epoch),
        SUITE_TEST(predicting_gives_the_trials_own_logits),
        SUITE_TEST(max_steps_and_patience_end_a_trial),
        SUITE_TEST(reports_within_an_epoch_average_its_steps),
        SUITE_TEST(selection_rows_separate_choosing_from_reporting),
        SUITE_TEST(overflow_fails_the_trial_and_names_the_step),
        SUITE_TEST(data_that_does_not_fit_is_refused),
        SUITE_TEST(checkpoint_of_another_trial_is_refused),
        SUITE_TEST(trial_starts_from_an_adapter_file_that_fits),
        {NULL, NULL},
    };
    int rc = suite_run("trial", tests);

    dataset_clear(&data);
    encoder_close(&encoder);
    return rc;
}
