/* The trials of a job, in their order. */
#include "coordinator/sweep.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START                                                                          \
    "encoder = \"enc\";\n"                                                             \
    "tasks = ( { name = \"mrpc\"; data = \"a\"; }, { name = \"rte\"; data = \"b\"; } " \
    ");\n"

enum { LAYERS = 6 };

static struct job_spec spec;

static void read_job(const char *text)
{
    struct error err;

    if (job_spec_parse(&spec, "job.cfg", "/jobs", text, NULL, 0, &err)) {
        printf("\n  refused: %s", err.text);
        CU_FAIL_FATAL("refused");
    }
}

static void must_sweep(struct sweep *sweep, const char *text)
{
    struct error err;

    read_job(text);
    if (sweep_init(sweep, &spec, LAYERS, &err)) {
        printf("\n  refused: %s", err.text);
        CU_FAIL_FATAL("refused");
    }
}

static void must_refuse(const char *text, const char *wanted)
{
    struct sweep sweep;
    struct error err = {0};

    read_job(text);
    CU_ASSERT_EQUAL(sweep_init(&sweep, &spec, LAYERS, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, wanted);
    if (strcmp(err.text, wanted) != 0)
        printf("\n  wanted %s\n  got    %s\n", wanted, err.text);
    job_spec_clear(&spec);
}

static void finish(struct sweep *sweep)
{
    sweep_clear(sweep);
    job_spec_clear(&spec);
}

static void job_without_sweep_is_one_configuration(void)
{
    struct sweep sweep;
    struct settings s;

    must_sweep(&sweep, START "training = { epochs = 4; };\n");
    CU_ASSERT_EQUAL(sweep.config_count, 1);
    CU_ASSERT_EQUAL(sweep.trial_count, 2); /* two tasks */
    CU_ASSERT_EQUAL(sweep_trial(&sweep, 2).task, 1);
    CU_ASSERT_EQUAL(sweep_trial(&sweep, 2).config, 1);
    CU_ASSERT_EQUAL(sweep_trial(&sweep, 2).seed, 1);
    sweep_settings(&sweep, 1, 1, &s);
    CU_ASSERT_EQUAL(s.epochs, 4);
    finish(&sweep);
}

static void trials_go_through_tasks_then_configurations_then_seeds(void)
{
    struct sweep sweep;
    int64_t trial = 0;
    struct settings s;

    must_sweep(&sweep,
               START "sweep = { seeds = [5, 9]; space = {\n"
                     "  learning_rate = [1e-3, 2e-3]; batch_size = [8, 16, 32]; "
                     "}; };\n");
    CU_ASSERT_EQUAL(sweep.config_count, 6);
    CU_ASSERT_EQUAL(sweep.trial_count, 24);
    for (int task = 0; task < 2; task++)
        for (int config = 1; config <= 6; config++)
            for (int seed = 0; seed < 2; seed++) {
                struct sweep_trial t = sweep_trial(&sweep, ++trial);

                CU_ASSERT_EQUAL(t.task, task);
                CU_ASSERT_EQUAL(t.config, config);
                CU_ASSERT_EQUAL(t.seed, seed ? 9 : 5);
            }
    sweep_settings(&sweep, 5, 9, &s); /* the last line turns fastest */
    CU_ASSERT_EQUAL(s.learning_rate, 2e-3);
    CU_ASSERT_EQUAL(s.batch_size, 16);
    CU_ASSERT_EQUAL(s.seed, 9);
    finish(&sweep);
}

static void points_without_a_difference_are_one_configuration(void)
{
    struct sweep sweep;
    struct settings s;

    must_sweep(&sweep, START "sweep = { space = { first_layer = [0, 6];\n"
                             "    share_alpha = [false, true]; }; };\n");
    CU_ASSERT_EQUAL(sweep.config_count, 3); /* head only has no alpha to share */
    CU_ASSERT_EQUAL(sweep.merged, 1);
    sweep_settings(&sweep, 2, 1, &s);
    CU_ASSERT(s.first_layer == 0 && s.share_alpha);
    sweep_settings(&sweep, 3, 1, &s);
    CU_ASSERT(s.first_layer == 6 && !s.share_alpha);
    finish(&sweep);
}

static void layer_that_the_encoder_lacks_is_refused(void)
{
    must_refuse(START "adapter = { first_layer = 7; };\n",
                "job.cfg: first_layer: 7 is outside [0, 6], the encoder's layers");
    must_refuse(START "sweep = { space = {\n  first_layer = [0, 12]; }; };\n",
                "job.cfg:4: first_layer: 12 is outside [0, 6], the encoder's layers");
}

static void embeddings_above_frozen_layers_are_refused(void)
{
    must_refuse(START "adapter = { train_layernorm = \"all\"; first_layer = 2; };\n",
                "job.cfg: train_layernorm: the embeddings' LayerNorm is trained only "
                "with first_layer = 0, not 2");
}

static void epochs_beyond_the_horizon_are_refused(void)
{
    struct sweep sweep;

    must_refuse(START "training = { epochs = 5; horizon = 4; };\n",
                "job.cfg: epochs: 5 are more than the schedule's horizon of 4");
    must_refuse(START "training = { horizon = 4; schedule = \"constant\"; };\n"
                      "sweep = { space = { epochs = [4, 5]; }; };\n",
                "job.cfg:4: epochs: 5 are more than the schedule's horizon of 4");
    must_sweep(&sweep, START "training = { epochs = 5; horizon = 4; warmup = 0;\n"
                             "    schedule = \"constant\"; };\n");
    finish(&sweep);
}

static void epochs_that_only_go_on_are_no_second_configuration(void)
{
    struct sweep sweep;

    must_refuse(
        START "training = { schedule = \"constant\"; warmup = 0.0; };\n"
              "sweep = { space = { epochs = [3, 6]; }; };\n",
        "job.cfg:4: epochs: with this schedule 3 epochs are the beginning of 6; "
        "leave one of them");
    must_sweep(&sweep, START "sweep = { space = { epochs = [3, 6]; }; };\n");
    CU_ASSERT_EQUAL(sweep.config_count, 2);
    finish(&sweep);
}

static char *wide_space(int axes, int values)
{
    static const char *const names[] = {"learning_rate", "weight_decay", "warmup",
                                        "head_dropout", "beta1"};
    char *text = malloc(1 << 20);
    size_t at = (size_t)sprintf(text, START "sweep = { space = {\n");

    for (int a = 0; a < axes; a++) {
        at += (size_t)sprintf(text + at, "%s = [", names[a]);
        for (int i = 0; i < values; i++)
            at += (size_t)sprintf(text + at, "%s0.%04d", i ? ", " : "", i);
        at += (size_t)sprintf(text + at, "];\n");
    }
    sprintf(text + at, "}; };\n");
    return text;
}

static void more_trials_than_ten_million_are_refused(void)
{
    char *text = wide_space(5, 4000);

    must_refuse(text, "job.cfg: sweep: more than 10000000 trials");
    free(text);
}

static void large_grid_keeps_every_point(void)
{
    char *text = wide_space(3, 40);
    struct sweep sweep;
    struct settings s;

    must_sweep(&sweep, text);
    free(text);
    CU_ASSERT_EQUAL(sweep.config_count, 64000);
    CU_ASSERT_EQUAL(sweep.trial_count, 128000);
    CU_ASSERT_EQUAL(sweep_trial(&sweep, 128000).config, 64000);
    sweep_settings(&sweep, 64000, 1, &s);
    CU_ASSERT(s.learning_rate == 0.0039 && s.weight_decay == 0.0039 &&
              s.warmup == 0.0039);
    finish(&sweep);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(job_without_sweep_is_one_configuration),
        SUITE_TEST(trials_go_through_tasks_then_configurations_then_seeds),
        SUITE_TEST(points_without_a_difference_are_one_configuration),
        SUITE_TEST(layer_that_the_encoder_lacks_is_refused),
        SUITE_TEST(embeddings_above_frozen_layers_are_refused),
        SUITE_TEST(epochs_beyond_the_horizon_are_refused),
        SUITE_TEST(epochs_that_only_go_on_are_no_second_configuration),
        SUITE_TEST(more_trials_than_ten_million_are_refused),
        SUITE_TEST(large_grid_keeps_every_point),
        {NULL, NULL},
    };

    return suite_run("sweep", tests);
}
