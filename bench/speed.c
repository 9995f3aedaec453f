/* Training steps on request, for bench/speed: reads "steps N" lines from standard
 * input, trains N batches of 32 in file order, answers "tokens wall_s processor_s
 * flops".
 *
 *   speed ENCODER TASK DATA THREADS
 *
 * The line "sgemm N" answers the rate of OpenBLAS' own sgemm on N square, in flops per
 * processor second of one thread. */
#include "common/clock.h"
#include "jobs/settings_table.h"
#include "text/dataset_build.h"
#include "worker/adapter_init.h"
#include "worker/batch_runner.h"
#include "worker/evaluate.h"
#include "worker/optimizer.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 32 };

struct bench {
    struct encoder encoder;
    struct panels *panels;
    struct task task;
    struct dataset data;
    struct settings settings;
    struct adapter_layout layout;
    struct model model;
    struct batch_runner *runner;
    struct optimizer optimizer;
    float *values;
    int64_t at, step;
};

static double processor_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int read_data(struct bench *b, char **argv, struct error *err)
{
    struct tokenizer *tokenizer = NULL;
    int rc;

    if ((rc = encoder_open(&b->encoder, argv[1], err)) ||
        (rc = panels_open(&b->panels, &b->encoder, b->settings.precision, err)) ||
        (rc = tokenizer_open(&tokenizer, argv[1], err)) ||
        (rc = task_builtin(&b->task, argv[2], err)))
        goto done;
    b->task.data = strdup(argv[3]);
    rc = dataset_build(&b->data, &b->task, tokenizer, err);
done:
    tokenizer_free(tokenizer);
    return rc;
}

static int make_trainer(struct bench *b, int threads, struct error *err)
{
    const struct dataset_split *train = &b->data.splits[SPLIT_TRAIN];
    const struct encoder_config *c = &b->encoder.config;
    struct adapter_shape shape = {.layers = c->layers,
                                  .hidden = c->hidden,
                                  .ffn = c->ffn,
                                  .labels = b->data.labels};
    struct batch_sizes sizes = {.batch_size = BATCH,
                                .max_length = evaluate_longest(train),
                                .threads = threads,
                                .training = true};
    int rc;

    settings_defaults(&b->settings);
    sizes.microshard_tokens = b->settings.microshard_tokens;
    if ((rc = adapter_layout_init(&b->layout, &shape, err)))
        return rc;
    b->model = (struct model){&b->encoder, &b->layout, b->settings.pooling,
                              b->data.regression, b->panels};
    b->values = malloc((size_t)b->layout.values * sizeof *b->values);
    if (!b->values)
        return error_set(err, ERR_MEMORY, "out of memory");
    adapter_init(b->values, &b->layout, &b->encoder, 1);
    if ((rc = optimizer_init(&b->optimizer, &b->layout, &b->settings, err)))
        return rc;
    return batch_runner_new(&b->runner, &b->model, &sizes, err);
}

/* What the matrix products of a batch need: no backward pass through the first layer,
 * the last layer's feed-forward and queries for the first tokens only. Attention adds
 * two products forward and four backward. */
static double flops(const struct bench *b, const uint32_t *rows)
{
    const struct dataset_split *s = &b->data.splits[SPLIT_TRAIN];
    double hidden = b->encoder.config.hidden, ffn = b->encoder.config.ffn;
    double layers = b->encoder.config.layers, tokens = 0, squares = 0, full, last;

    for (int i = 0; i < BATCH; i++) {
        double n = (double)(s->offsets[rows[i] + 1] - s->offsets[rows[i]]);

        tokens += n;
        squares += n * n;
    }
    full = 2 * tokens * (4 * hidden * hidden + 2 * hidden * ffn);
    last = 2 * tokens * 2 * hidden * hidden +
           2 * BATCH * (2 * hidden * hidden + 2 * hidden * ffn);
    return (layers - 1) * (full + 4 * squares * hidden) +
           (layers - 2) * (full + 8 * squares * hidden) + 2 * last;
}

static void train(struct bench *b, int steps)
{
    const struct dataset_split *split = &b->data.splits[SPLIT_TRAIN];
    double wall = clock_monotonic_s(), processor = processor_s(), work = 0;
    int64_t tokens = 0;
    uint32_t rows[BATCH];

    for (int i = 0; i < steps; i++, b->at += BATCH) {
        struct dropout dropout = {.head = (float)b->settings.head_dropout,
                                  .step = (uint32_t)b->step};
        float *grad;

        if (b->at + BATCH > split->rows)
            b->at = 0;
        for (int r = 0; r < BATCH; r++)
            rows[r] = (uint32_t)(b->at + r);
        tokens += split->offsets[b->at + BATCH] - split->offsets[b->at];
        batch_runner_train(b->runner, b->values, split, rows, BATCH, &dropout, &grad);
        optimizer_clip(grad, b->layout.values, 0);
        optimizer_step(&b->optimizer, b->values, grad, ++b->step, 1);
        work += flops(b, rows);
    }
    printf("%lld %.6f %.6f %.6e\n", (long long)tokens, clock_monotonic_s() - wall,
           processor_s() - processor, work);
}

static void sgemm(int n)
{
    size_t size = (size_t)n * (size_t)n;
    float *x = calloc(size * 3, sizeof *x);
    double best = 0;

    for (int i = 0; x && i < 8; i++) {
        double start = processor_s(), rate;

        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, x, n, x + size,
                    n, 0, x + 2 * size, n);
        rate = 2.0 * n * n * n / (processor_s() - start);
        best = rate > best ? rate : best;
    }
    free(x);
    printf("%.6e\n", best);
}

static void serve(struct bench *b)
{
    char word[16];
    int n;

    puts("ready");
    fflush(stdout);
    while (scanf("%15s %d", word, &n) == 2) {
        if (!strcmp(word, "sgemm"))
            sgemm(n);
        else
            train(b, n);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    struct error err = {0};
    int rc;

    if (argc != 5) {
        fprintf(stderr, "usage: speed ENCODER TASK DATA THREADS\n");
        return 2;
    }
    rc = read_data(&b, argv, &err);
    if (rc == 0)
        rc = make_trainer(&b, atoi(argv[4]), &err);
    if (rc == 0)
        serve(&b);
    else
        fprintf(stderr, "%s\n", err.text);
    batch_runner_free(b.runner);
    optimizer_clear(&b.optimizer);
    free(b.values);
    adapter_layout_clear(&b.layout);
    dataset_clear(&b.data);
    task_clear(&b.task);
    panels_close(b.panels);
    encoder_close(&b.encoder);
    return rc ? 1 : 0;
}
