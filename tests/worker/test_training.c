/* 40 steps of real training against PyTorch (tests/golden/make_training_goldens.py),
 * and the same bits on the real encoder. Needs the encoder and the benchmark data. */
#include "worker/trial.h"

#include "jobs/settings_table.h"
#include "storage/adapter_file.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/trial_bits.h"
#include "text/dataset_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 40, BATCH = 32, REPORT = 8 };

static struct encoder encoder;
static struct tokenizer *tokenizer;

struct named {
    struct task task;
    struct dataset data;
};
static struct named mrpc, stsb;

static int open_task(struct named *out, const char *name, const char *folder)
{
    char path[512];
    struct error err;

    snprintf(path, sizeof path, "%s", place_data(folder));
    if (task_builtin(&out->task, name, &err))
        goto failed;
    out->task.data = strdup(path);
    if (dataset_build(&out->data, &out->task, tokenizer, &err))
        goto failed;
    /* What is not trained on only costs time here. */
    out->data.splits[SPLIT_DEV].rows = 8;
    out->data.splits[SPLIT_TEST].present = false;
    return 0;
failed:
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int open_all(void)
{
    struct error err;

    if (encoder_open(&encoder, place_encoder(), &err) ||
        tokenizer_open(&tokenizer, place_encoder(), &err)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    return open_task(&mrpc, "mrpc", "MRPC") || open_task(&stsb, "stsb", "STS-B");
}

/* One golden: its settings and the loss of each step. */
struct golden {
    const struct named *on;
    struct settings settings;
    double losses[STEPS];
    char final[512];
};

static const char *golden_path(const char *name, const char *end)
{
    char relative[256];

    snprintf(relative, sizeof relative, "tests/golden/training/%s%s", name, end);
    return place_source(relative);
}

static int read_golden(struct golden *g, const char *name)
{
    FILE *f = fopen(golden_path(name, ".txt"), "r");
    char task[32], norm[32], schedule[32];
    struct settings *s = &g->settings;
    int share = 0, ok;

    if (!f)
        return -1;
    settings_defaults(s);
    ok = fscanf(f, "%31s %d %31s %lf %lf %31s %lf %lf", task, &share, norm,
                &s->learning_rate, &s->weight_decay, schedule, &s->warmup,
                &s->clip_norm) == 8;
    for (int i = 0; ok && i < STEPS; i++)
        ok = fscanf(f, "%lf", &g->losses[i]) == 1;
    fclose(f);
    g->on = strcmp(task, "stsb") ? &mrpc : &stsb;
    s->share_alpha = share;
    s->train_layernorm = strcmp(norm, "none") ? LN_OUTPUT_EMBEDDINGS : LN_NONE;
    s->schedule = !strcmp(schedule, "constant") ? SCHEDULE_CONSTANT
                  : !strcmp(schedule, "linear") ? SCHEDULE_LINEAR
                                                : SCHEDULE_COSINE;
    s->batch_size = BATCH;
    s->limit = STEPS * BATCH;
    s->epochs = 1;
    s->report_steps = REPORT;
    s->shuffle = false;
    s->head_dropout = 0;
    snprintf(s->init, sizeof s->init, "%s", golden_path(name, "_init.safetensors"));
    snprintf(g->final, sizeof g->final, "%s", golden_path(name, ".safetensors"));
    return ok ? 0 : -1;
}

static double largest_difference(const float *a, const float *b, int64_t n)
{
    double most = 0;

    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* Trains as the golden says: largest differences of running mean losses and values. */
static int train(const struct golden *g, double *loss_off, double *values_off,
                 struct error *err)
{
    struct trial *trial = NULL;
    struct epoch_record record;
    struct checkpoint now;
    enum trial_event event;
    float *want = NULL;
    double sum = 0;
    int rc = trial_new(&trial, &encoder, NULL, &g->on->data, &g->on->task, &g->settings,
                       2, err);

    *loss_off = 0;
    for (int i = 0; rc == 0 && i < STEPS; i++) {
        sum += g->losses[i];
        if ((i + 1) % REPORT)
            continue;
        rc = trial_run_to_report(trial, &event, &record, err);
        *loss_off = fmax(*loss_off, fabs(record.train_loss - sum / (i + 1)));
    }
    if (rc == 0) {
        CU_ASSERT(trial_done(trial));
        trial_checkpoint(trial, &now);
        want = malloc((size_t)now.values * sizeof *want);
        rc = adapter_file_read(want, g->final, trial_layout(trial), err);
    }
    if (rc == 0)
        *values_off = largest_difference(now.last, want, now.values);
    free(want);
    trial_free(trial);
    return rc;
}

static void check_golden(const char *name)
{
    double loss_off = INFINITY, values_off = INFINITY;
    struct golden g;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(read_golden(&g, name), 0);
    if (train(&g, &loss_off, &values_off, &err))
        fprintf(stderr, "%s: %s\n", name, err.text);
    printf("\n    %s: loss within %.1e, tensors within %.1e ", name, loss_off,
           values_off);
    CU_ASSERT(loss_off <= 1e-5);
    CU_ASSERT(values_off <= 1e-4);
}

static void classification_trains_as_in_pytorch(void) { check_golden("mrpc"); }

static void clipping_and_cosine_are_pytorchs(void) { check_golden("mrpc_clip"); }

static void shared_alpha_trains_as_in_pytorch(void)
{
    check_golden("mrpc_share_alpha");
}

static void layernorms_train_as_in_pytorch(void) { check_golden("mrpc_layernorm"); }

static void regression_trains_as_in_pytorch(void)
{
    check_golden("stsb");
    check_golden("stsb_share_alpha");
    check_golden("stsb_layernorm");
}

static void threads_interruptions_and_panels_do_not_change_a_bit(void)
{
    static const struct trial_way ways[] = {{2, 0, 0}, {3, 0, 0}, {2, 1, 0}, {1, 0, 9}};
    struct trial_parts p = {
        .encoder = &encoder, .dataset = &mrpc.data, .task = &mrpc.task};
    struct panels *panels;
    int interruptions;
    char *once, *again;

    settings_defaults(&p.settings);
    p.settings.epochs = 2;
    p.settings.limit = 44;
    p.settings.batch_size = 16;
    p.settings.hidden_dropout = p.settings.attention_dropout = 0.1;
    p.settings.train_layernorm = LN_ALL;
    once = trial_bits(&p, (struct trial_way){1, 0, 0}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(once);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        CU_ASSERT_EQUAL_FATAL(panels_open(&panels, &encoder, PRECISION_FLOAT32, NULL),
                              0);
        p.panels = panels;
        again = trial_bits(&p, ways[i], &interruptions);
        panels_close(panels);
        CU_ASSERT_PTR_NOT_NULL_FATAL(again);
        CU_ASSERT_STRING_EQUAL(once, again);
        CU_ASSERT(interruptions > 0 || i < 2);
        free(again);
    }
    free(once);
}

/* "short" as first argument: one comparison, for each instruction set. */
int main(int argc, char **argv)
{
    static const struct suite_test first[] = {
        SUITE_TEST(classification_trains_as_in_pytorch),
        {NULL, NULL},
    };
    static const struct suite_test tests[] = {
        SUITE_TEST(classification_trains_as_in_pytorch),
        SUITE_TEST(clipping_and_cosine_are_pytorchs),
        SUITE_TEST(shared_alpha_trains_as_in_pytorch),
        SUITE_TEST(layernorms_train_as_in_pytorch),
        SUITE_TEST(regression_trains_as_in_pytorch),
        SUITE_TEST(threads_interruptions_and_panels_do_not_change_a_bit),
        {NULL, NULL},
    };
    struct error err;
    int rc;

    if (kernels_check(&err)) {
        printf("skipped: %s\n", err.text);
        return SUITE_SKIPPED;
    }
    if (!place_encoder() || !place_data("MRPC") || !place_data("STS-B")) {
        printf("skipped: needs the real encoder and the data of MRPC and STS-B\n");
        return SUITE_SKIPPED;
    }
    bool brief = argc > 1 && !strcmp(argv[1], "short");
    rc = open_all() ? 1 : suite_run("training", brief ? first : tests);
    dataset_clear(&mrpc.data);
    dataset_clear(&stsb.data);
    task_clear(&mrpc.task);
    task_clear(&stsb.task);
    tokenizer_free(tokenizer);
    encoder_close(&encoder);
    return rc;
}
