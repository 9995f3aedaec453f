/* Training and evaluation on request, for bench/compare.
 *
 *   speed ENCODER TASK DATA THREADS [GROUP.NAME=VALUE...]
 *
 * Settings are those of a job file's groups adapter and training. After the line "ready
 * ISA" each line of standard input has one line of answer:
 *
 *   train S     whole batches for at least S seconds
 *               "tokens wall_s processor_s matrix_flops attention_flops"
 *   evaluate N  the first N rows of dev, 0: all
 *               "rows wall_s processor_s" */
#include "common/clock.h"
#include "jobs/settings_table.h"
#include "text/dataset_build.h"
#include "worker/adapter_init.h"
#include "worker/course.h"
#include "worker/numerics.h"
#include "worker/optimizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bench {
    struct encoder encoder;
    struct panels *panels;
    struct task task;
    struct dataset data;
    struct settings settings;
    struct course course;
    struct course_step at;
    struct optimizer optimizer;
    float *values, *logits;
};

/* What has been done since the start of an answer. */
struct work {
    double wall_s, processor_s;
    double tokens, matrix_flops, attention_flops;
};

static double processor_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* training.hidden_dropout=0.1 as settings_parse() wants it: hidden_dropout=0.1; */
static int read_settings(struct settings *out, char **items, struct error *err)
{
    char text[SETTINGS_TEXT] = "";
    size_t used = 0;

    for (; *items; items++) {
        const char *dot = strchr(*items, '.'), *equals = strchr(*items, '=');
        const char *name = dot && equals && dot < equals ? dot + 1 : *items;
        int n = snprintf(text + used, sizeof text - used, "%s;", name);

        if (n < 0 || (size_t)n >= sizeof text - used)
            return error_set(err, ERR_INPUT, "too many settings");
        used += (size_t)n;
    }
    return settings_parse(out, text, err);
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
    size_t outputs;
    int rc;

    if ((rc = course_init(&b->course, &b->encoder, b->panels, &b->data, &b->task,
                          &b->settings, threads, err)))
        return rc;
    outputs = (size_t)b->data.splits[SPLIT_DEV].rows * (size_t)b->data.labels;
    b->values = malloc((size_t)b->course.layout.values * sizeof *b->values);
    b->logits = malloc(outputs * sizeof *b->logits);
    if (!b->values || !b->logits)
        return error_set(err, ERR_MEMORY, "out of memory");
    adapter_init(b->values, &b->course.layout, &b->encoder, b->settings.seed);
    return optimizer_init(&b->optimizer, &b->course.layout, &b->settings, err);
}

static double whole(double layers) { return layers > 0 ? layers : 0; }

/* What a batch needs, for first-token pooling. Matrix products: a layer has 4 hidden²
 * and 2 hidden·ffn a token, all but the last forwards, all above the first adapted
 * layer and below the last backwards; the last one its keys and values only (a sixth at
 * ffn = 4 hidden), and the rest for the first tokens. Attention beside it: two products
 * forwards and four backwards. */
static void count_work(struct work *w, const struct bench *b, const uint32_t *rows,
                       int count)
{
    const struct dataset_split *s = &b->data.splits[SPLIT_TRAIN];
    double hidden = b->encoder.config.hidden, ffn = b->encoder.config.ffn;
    double layers = b->encoder.config.layers, tokens = 0, squares = 0, full, last;
    double back = whole(layers - 2 - b->settings.first_layer);
    double passes = b->settings.first_layer < layers - 1 ? 2 : 1;

    for (int i = 0; i < count; i++) {
        double n = (double)(s->offsets[rows[i] + 1] - s->offsets[rows[i]]);

        tokens += n;
        squares += n * n;
    }
    full = 2 * tokens * (4 * hidden * hidden + 2 * hidden * ffn);
    last = 2 * tokens * 2 * hidden * hidden +
           2 * count * (2 * hidden * hidden + 2 * hidden * ffn);
    w->tokens += tokens;
    w->matrix_flops += (layers - 1 + back) * full + passes * last;
    w->attention_flops += ((layers - 1) * 4 + back * 8) * squares * hidden;
}

static void train_batch(struct bench *b, struct work *w)
{
    struct course_step *at = &b->at;
    struct dropout dropout = course_dropout(&b->course, at);
    int count;
    const uint32_t *rows = course_batch(&b->course, at, &count);
    float *grad;

    batch_runner_train(b->course.runner, b->values, &b->data.splits[SPLIT_TRAIN], rows,
                       count, &dropout, &grad);
    optimizer_clip(grad, b->course.layout.values, b->settings.clip_norm);
    optimizer_step(&b->optimizer, b->values, grad, at->step + 1, 1);
    count_work(w, b, rows, count);
    at->step++;
    if (++at->epoch_step == b->course.batches) {
        at->epoch_step = 0;
        at->epoch++;
    }
}

static void train(struct bench *b, double seconds)
{
    double start = clock_monotonic_s(), processor = processor_s();
    struct work w = {0};

    do {
        train_batch(b, &w);
        w.wall_s = clock_monotonic_s() - start;
    } while (w.wall_s < seconds);
    w.processor_s = processor_s() - processor;
    printf("%.0f %.6f %.6f %.6e %.6e\n", w.tokens, w.wall_s, w.processor_s,
           w.matrix_flops, w.attention_flops);
}

static void evaluate(struct bench *b, int64_t wanted)
{
    const struct course_rows dev = {.split = SPLIT_DEV};
    int64_t rows = course_row_count(&b->course, dev);
    double start = clock_monotonic_s(), processor = processor_s(), wall;

    if (wanted > 0 && wanted < rows)
        rows = wanted;
    course_score(&b->course, b->values, dev, 0, rows, b->logits);
    wall = clock_monotonic_s() - start;
    printf("%lld %.6f %.6f\n", (long long)rows, wall, processor_s() - processor);
}

static void serve(struct bench *b)
{
    char word[16], isa[64];
    double n;

    numerics_isa(isa, sizeof isa);
    printf("ready %s\n", isa);
    fflush(stdout);
    while (scanf("%15s %lf", word, &n) == 2) {
        if (!strcmp(word, "evaluate"))
            evaluate(b, (int64_t)n);
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

    if (argc < 5) {
        fprintf(stderr,
                "usage: speed ENCODER TASK DATA THREADS [GROUP.NAME=VALUE...]\n");
        return 2;
    }
    rc = read_settings(&b.settings, argv + 5, &err);
    if (rc == 0)
        rc = read_data(&b, argv, &err);
    if (rc == 0)
        rc = make_trainer(&b, atoi(argv[4]), &err);
    if (rc == 0)
        serve(&b);
    else
        fprintf(stderr, "%s\n", err.text);
    optimizer_clear(&b.optimizer);
    free(b.logits);
    free(b.values);
    course_clear(&b.course);
    dataset_clear(&b.data);
    task_clear(&b.task);
    panels_close(b.panels);
    encoder_close(&b.encoder);
    return rc ? 1 : 0;
}
