/* Everything is allocated, and checked, before the workers begin together. */
#include "worker/gauge.h"

#include "common/clock.h"
#include "worker/adapter_init.h"
#include "worker/course.h"
#include "worker/dataset_sample.h"
#include "worker/optimizer.h"
#include "worker/peak.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How the time of a kind is shared out, with a kept prefix and without. */
static const double prefix_share[2] = {0, 0.35}, evaluate_share[2] = {0.3, 0.2},
                    train_share[2] = {0.6, 0.35};
enum { TRAIN_ROWS = 4096, DEV_ROWS = 256, LEAST_ROWS = 8 };

/* Nobody goes on before all are there. */
struct meeting {
    pthread_mutex_t gate; /* shut until all threads have been made */
    bool cancelled;       /* not all could be */
    pthread_barrier_t together;
};

struct bench {
    const struct gauge_order *order;
    const struct dataset *sample;
    struct meeting *meeting;
    struct course course;
    struct optimizer optimizer;
    float *values, *logits, *prefix_rows;
    pthread_t thread;
    struct gauge result;
    int rc;
    struct error err;
};

static double processor_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- what is measured with ---- */

static double mean_length(const struct dataset_split *split)
{
    return (double)split->offsets[split->rows] / (double)split->rows;
}

static int64_t within(double wanted, int64_t least, int64_t most)
{
    return wanted < (double)least  ? least
           : wanted > (double)most ? most
                                   : (int64_t)wanted;
}

/* As many rows as can be computed in the time, by what the processor's peak allows;
 * whole batches where it is more than one. */
static int make_sample(struct dataset *out, const struct gauge_order *o,
                       struct error *err)
{
    bool kept = settings_keep_prefix(o->settings);
    bool bf16 = o->settings->precision == PRECISION_BF16;
    double rate = 0.6 * peak_measure(kernels_get()) * o->threads * (bf16 ? 1.8 : 1);
    double train = mean_length(&o->dataset->splits[SPLIT_TRAIN]);
    double dev = mean_length(&o->dataset->splits[SPLIT_DEV]),
           budget = o->seconds * rate;
    int64_t train_rows = within(train_share[kept] * budget / (o->work.train * train),
                                LEAST_ROWS, TRAIN_ROWS);
    int64_t dev_rows = within(evaluate_share[kept] * budget / (o->work.evaluate * dev),
                              LEAST_ROWS, DEV_ROWS);

    if (kept) {
        int64_t most =
            within(0.5 * prefix_share[kept] * budget / o->work.prefix / train,
                   LEAST_ROWS, TRAIN_ROWS);

        train_rows = train_rows < most ? train_rows : most;
        dev_rows = dev_rows < most ? dev_rows : most;
    }
    if (train_rows > o->settings->batch_size)
        train_rows -= train_rows % o->settings->batch_size;
    return dataset_sample(out, o->dataset, o->rows, train_rows, dev_rows, err);
}

static int prepare(struct bench *b, const struct task *task,
                   const struct settings *settings)
{
    const struct gauge_order *o = b->order;
    size_t dev_rows = (size_t)b->sample->splits[SPLIT_DEV].rows;
    size_t dev_tokens = (size_t)b->sample->splits[SPLIT_DEV].offsets[dev_rows];
    int rc = course_init(&b->course, o->encoder, o->panels, b->sample, task, settings,
                         o->threads, &b->err);

    if (rc)
        return rc;
    b->values = malloc((size_t)b->course.layout.values * sizeof *b->values);
    b->logits = malloc(dev_rows * (size_t)b->sample->labels * sizeof *b->logits);
    if (settings_keep_prefix(settings))
        b->prefix_rows = malloc(dev_tokens * (size_t)o->encoder->config.hidden *
                                sizeof *b->prefix_rows);
    if (!b->values || !b->logits || (settings_keep_prefix(settings) && !b->prefix_rows))
        return error_set(&b->err, ERR_MEMORY, "out of memory for a measurement");
    adapter_init(b->values, &b->course.layout, o->encoder, settings->seed);
    return optimizer_init(&b->optimizer, &b->course.layout, &b->course.settings,
                          &b->err);
}

static void bench_clear(struct bench *b)
{
    optimizer_clear(&b->optimizer);
    free(b->prefix_rows);
    free(b->logits);
    free(b->values);
    course_clear(&b->course);
}

/* ---- measuring ---- */

/* Tokens of rows first…end-1. */
static double tokens_of(const struct dataset_split *split, int64_t first, int64_t end)
{
    return (double)(split->offsets[end] - split->offsets[first]);
}

/* Fills the prefix of the sample, and measures how long that takes. */
static int measure_prefix(struct bench *b)
{
    const struct dataset_split *dev = &b->sample->splits[SPLIT_DEV];
    double limit = 0.3 * prefix_share[1] * b->order->seconds, start, tokens = 0;

    batch_runner_prefix(b->course.runner, dev, 0, dev->rows, b->prefix_rows);
    start = clock_monotonic_s();
    do {
        batch_runner_prefix(b->course.runner, dev, 0, dev->rows, b->prefix_rows);
        tokens += tokens_of(dev, 0, dev->rows);
    } while (clock_monotonic_s() - start < limit);
    b->result.prefix_s = (clock_monotonic_s() - start) / tokens;
    int rc = course_open_prefix(&b->course, NULL, &b->err);
    if (!rc)
        course_fill_prefix(&b->course);
    return rc;
}

static void measure_evaluation(struct bench *b)
{
    const struct dataset_split *dev = &b->sample->splits[SPLIT_DEV];
    const struct course_rows rows = {.split = SPLIT_DEV};
    bool kept = b->course.prefix != NULL;
    double limit = evaluate_share[kept] * b->order->seconds, tokens = 0;
    int64_t warm = dev->rows < EVALUATION_BATCH ? dev->rows : EVALUATION_BATCH;

    /* the prefix is filled, the weights' pages are there */
    course_score(&b->course, b->values, rows, 0, kept ? dev->rows : warm, b->logits);
    double start = clock_monotonic_s();
    do {
        course_score(&b->course, b->values, rows, 0, dev->rows, b->logits);
        tokens += tokens_of(dev, 0, dev->rows);
    } while (clock_monotonic_s() - start < limit);
    b->result.evaluate_s = (clock_monotonic_s() - start) / tokens;
}

/* One step; its tokens. */
static double train_batch(struct bench *b, struct course_step *at)
{
    const struct dataset_split *train = &b->sample->splits[SPLIT_TRAIN];
    struct dropout dropout = course_dropout(&b->course, at);
    double tokens = 0;
    int count;
    const uint32_t *rows = course_batch(&b->course, at, &count);
    float *grad;

    batch_runner_train(b->course.runner, b->values, train, rows, count, &dropout,
                       &grad);
    optimizer_clip(grad, b->course.layout.values, b->course.settings.clip_norm);
    optimizer_step(&b->optimizer, b->values, grad, at->step + 1, 1);
    for (int i = 0; i < count; i++)
        tokens += tokens_of(train, rows[i], (int64_t)rows[i] + 1);
    at->step++;
    if (++at->epoch_step == b->course.batches) {
        at->epoch_step = 0;
        at->epoch++;
    }
    return tokens;
}

static void measure_training(struct bench *b)
{
    bool kept = b->course.prefix != NULL;
    double limit = train_share[kept] * b->order->seconds, tokens = 0, wall;
    double start = clock_monotonic_s(), processor = processor_s();
    struct course_step at = {0};

    do
        tokens += train_batch(b, &at);
    while ((wall = clock_monotonic_s() - start) < limit);
    b->result.train_s = wall / tokens;
    b->result.processor =
        (processor_s() - processor) / (wall * b->order->workers * b->order->threads);
}

static void *work(void *argument)
{
    struct bench *b = argument;

    pthread_mutex_lock(&b->meeting->gate);
    pthread_mutex_unlock(&b->meeting->gate);
    if (b->meeting->cancelled)
        return NULL;
    if (settings_keep_prefix(&b->course.settings))
        b->rc = measure_prefix(b);
    pthread_barrier_wait(&b->meeting->together);
    if (!b->rc)
        measure_evaluation(b);
    pthread_barrier_wait(&b->meeting->together);
    if (!b->rc)
        measure_training(b);
    return NULL;
}

/* ---- all workers ---- */

static int run_together(struct bench *benches, int workers, struct error *err)
{
    struct meeting meeting = {.gate = PTHREAD_MUTEX_INITIALIZER};
    int begun = 0, rc = 0;

    if (pthread_barrier_init(&meeting.together, NULL, (unsigned)workers))
        return error_set(err, ERR_MEMORY, "out of memory for a measurement");
    pthread_mutex_lock(&meeting.gate);
    for (; begun < workers; begun++) {
        benches[begun].meeting = &meeting;
        if (pthread_create(&benches[begun].thread, NULL, work, &benches[begun]))
            break;
    }
    meeting.cancelled = begun < workers;
    pthread_mutex_unlock(&meeting.gate);
    for (int i = 0; i < begun; i++)
        pthread_join(benches[i].thread, NULL);
    pthread_barrier_destroy(&meeting.together);
    if (begun < workers)
        return error_set(err, ERR_MEMORY, "the system has no more threads");
    for (int i = 0; !rc && i < workers; i++)
        if (benches[i].rc)
            rc = error_set(err, benches[i].rc, "%s", benches[i].err.text);
    return rc;
}

static void take_means(struct gauge *out, const struct bench *benches, int workers)
{
    *out = (struct gauge){.processor = benches[0].result.processor};
    for (int i = 0; i < workers; i++) {
        out->train_s += benches[i].result.train_s / workers;
        out->evaluate_s += benches[i].result.evaluate_s / workers;
        out->prefix_s += benches[i].result.prefix_s / workers;
    }
}

int gauge_measure(struct gauge *out, const struct gauge_order *order, struct error *err)
{
    struct bench *benches = calloc((size_t)order->workers, sizeof *benches);
    struct settings settings = *order->settings;
    struct task task = *order->task; /* all rows of the sample are trained on */
    struct dataset sample = {0};
    int made = 0;

    settings.limit = settings.subsample = 0;
    settings.init[0] = '\0';
    task.selection_rows = SELECT_DEV;
    int rc = benches ? make_sample(&sample, order, err)
                     : error_set(err, ERR_MEMORY, "out of memory for a measurement");
    for (; !rc && made < order->workers; made++) {
        struct bench *b = &benches[made];

        b->order = order;
        b->sample = &sample;
        if ((rc = prepare(b, &task, &settings)))
            error_set(err, rc, "%s", b->err.text);
    }
    if (!rc)
        rc = run_together(benches, order->workers, err);
    if (!rc)
        take_means(out, benches, order->workers);
    for (int i = 0; i < made; i++)
        bench_clear(&benches[i]);
    dataset_clear(&sample);
    free(benches);
    return rc;
}
