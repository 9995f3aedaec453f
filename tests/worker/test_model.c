/* The whole model against PyTorch + transformers: recorded logits, loss and gradients
 * of all variants (tests/golden/make_model_goldens.py says how they were made). */
#include "common/philox.h"
#include "storage/file_map.h"
#include "storage/safetensors.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "worker/model.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES_MAX = 16 };

struct golden {
    struct encoder encoder;
    struct panels *panels;
    struct file_map map;
    struct safetensors file;
};

struct golden_case {
    struct adapter_layout layout;
    struct model model;
    struct microshard shard;
    struct dropout dropout;
    uint8_t *types;
    float *values;
    const float *logits, *grad;
    float loss;
};

static const void *find(const struct golden *g, const char *name, int number)
{
    char full[64];
    const struct safetensors_tensor *t;

    if (number < 0)
        snprintf(full, sizeof full, "%s", name);
    else
        snprintf(full, sizeof full, "%d.%s", number, name);
    t = safetensors_find(&g->file, full);
    return t ? t->data : NULL;
}

static void golden_open_as(struct golden *g, const char *name, const char *encoder,
                           enum precision precision)
{
    char path[128];
    struct error err = {""};
    int rc;

    memset(g, 0, sizeof *g);
    snprintf(path, sizeof path, "tests/golden/model-%s.safetensors", name);
    rc = encoder_open(&g->encoder, encoder, &err);
    if (!rc)
        rc = panels_open(&g->panels, &g->encoder, precision, &err);
    if (!rc)
        rc = file_map_open(&g->map, place_source(path), &err);
    if (!rc)
        rc = safetensors_parse(&g->file, g->map.data, g->map.size, path, &err);
    if (rc) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("golden file or encoder cannot be read");
    }
}

static void golden_open(struct golden *g, const char *name, const char *encoder)
{
    golden_open_as(g, name, encoder, PRECISION_FLOAT32);
}

static void golden_close(struct golden *g)
{
    safetensors_clear(&g->file);
    file_map_close(&g->map);
    panels_close(g->panels);
    encoder_close(&g->encoder);
}

static float *make_values(const struct adapter_layout *layout, uint32_t seed,
                          float scale)
{
    float *values = malloc(sizeof *values * (size_t)layout->values);
    uint32_t word[4];

    for (int64_t i = 0; i < layout->values; i++) {
        philox(word, seed, PHILOX_INIT, 0, 0, (uint32_t)i / 4, 0);
        values[i] = scale * (2 * philox_uniform(word[i % 4]) - 1);
    }
    for (int t = 0; t < layout->count; t++)
        if (layout->tensors[t].kind == ADAPTER_LN_WEIGHT)
            for (int i = 0; i < layout->tensors[t].rows; i++)
                values[layout->tensors[t].offset + i] += 1;
    return values;
}

static struct microshard shard_of(const struct golden *g, uint8_t **types)
{
    const struct safetensors_tensor *offsets = safetensors_find(&g->file, "offsets");
    struct microshard s = {.sequences = (int)offsets->shape[0] - 1};
    const int32_t *wide = find(g, "types", -1);

    s.offsets = (const int32_t *)(const void *)offsets->data;
    s.tokens = s.offsets[s.sequences];
    s.ids = find(g, "ids", -1);
    s.examples = find(g, "examples", -1);
    *types = malloc((size_t)s.tokens);
    for (int i = 0; i < s.tokens; i++)
        (*types)[i] = (uint8_t)wide[i];
    s.types = *types;
    return s;
}

/* False past the last case. */
static bool case_open(struct golden_case *c, const struct golden *g, int number)
{
    const int32_t *at = find(g, "settings", number);
    const float *reals = find(g, "reals", number);
    const struct encoder_config *e = &g->encoder.config;

    if (!at)
        return false;
    struct adapter_shape shape = {
        .layers = e->layers,
        .hidden = e->hidden,
        .ffn = e->ffn,
        .labels = at[0],
        .share_alpha = at[2],
        .share_v = at[3],
        .first_layer = at[4],
        .train_layernorm = (enum train_layernorm)at[5],
    };
    *c = (struct golden_case){0};
    CU_ASSERT_FATAL(adapter_layout_init(&c->layout, &shape, NULL) == 0);
    c->model =
        (struct model){&g->encoder, &c->layout, (enum pooling)at[6], at[1], g->panels};
    c->dropout = (struct dropout){reals[0], reals[1], reals[2], (uint32_t)at[7],
                                  (uint32_t)at[8]};
    c->shard = shard_of(g, &c->types);
    c->shard.labels = find(g, "labels", number);
    c->values = make_values(&c->layout, c->dropout.seed, reals[3]);
    c->logits = find(g, "logits", number);
    c->grad = find(g, "grad", number);
    c->loss = *(const float *)find(g, "loss", number);
    return true;
}

static void case_close(struct golden_case *c)
{
    free(c->types);
    free(c->values);
    adapter_layout_clear(&c->layout);
}

static struct workspace *new_workspace(const struct golden_case *c, bool training)
{
    int longest = 0;

    for (int s = 0; s < c->shard.sequences; s++) {
        int n = c->shard.offsets[s + 1] - c->shard.offsets[s];

        longest = n > longest ? n : longest;
    }
    return workspace_new(&c->model, c->shard.tokens, c->shard.sequences, longest,
                         training);
}

static double largest_difference(const float *a, const float *b, int64_t n)
{
    double worst = 0;

    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);

        if (!(d <= worst))
            worst = d;
    }
    return worst;
}

static double largest(const float *a, int64_t n)
{
    double most = 0;

    for (int64_t i = 0; i < n; i++)
        most = fabs((double)a[i]) > most ? fabs((double)a[i]) : most;
    return most;
}

/* Worst max|Δ| / max|g| over the tensors. */
static double worst_gradient(const struct golden_case *c, const float *grad)
{
    double worst = 0;

    for (int i = 0; i < c->layout.count; i++) {
        const struct adapter_tensor *t = &c->layout.tensors[i];
        int64_t n = adapter_tensor_size(t);
        double top = largest(c->grad + t->offset, n);
        double d = largest_difference(grad + t->offset, c->grad + t->offset, n) / top;

        CU_ASSERT(top > 0);
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst;
}

/* How far from the recorded numbers: of logits and loss, and of gradients relative to
 * the largest of their tensor. */
struct bar {
    double logits, gradient;
};

static void check_case(const struct golden_case *c, const char *name, int number,
                       struct bar bar)
{
    struct workspace *ws = new_workspace(c, true);
    int64_t logits_count = (int64_t)c->shard.sequences * c->layout.shape.labels;
    float *logits = malloc(sizeof *logits * (size_t)logits_count);
    float *grad = malloc(sizeof *grad * (size_t)c->layout.values);
    double loss = model_train(&c->model, ws, c->values, &c->shard, &c->dropout,
                              1.0f / (float)c->shard.sequences, grad, logits);
    double logit_error = largest_difference(logits, c->logits, logits_count);
    double gradient_error = worst_gradient(c, grad);

    printf("\n    %s %d: logits %.1e loss %.1e gradient %.1e", name, number,
           logit_error, fabs(loss - c->loss), gradient_error);
    CU_ASSERT(logit_error < bar.logits);
    CU_ASSERT(fabs(loss - c->loss) < bar.logits);
    CU_ASSERT(gradient_error < bar.gradient);
    workspace_free(ws);
    free(logits);
    free(grad);
}

static void check_file_as(const char *name, const char *encoder, int cases,
                          enum precision precision, struct bar bar)
{
    struct golden g;
    struct golden_case c;
    int number = 0;

    golden_open_as(&g, name, encoder, precision);
    for (; case_open(&c, &g, number); number++) {
        check_case(&c, name, number, bar);
        case_close(&c);
    }
    CU_ASSERT_EQUAL(number, cases);
    golden_close(&g);
}

static void check_file(const char *name, const char *encoder, int cases)
{
    check_file_as(name, encoder, cases, PRECISION_FLOAT32, (struct bar){1e-5, 1e-4});
}

/* A number close to the middle between two of bfloat16 is rounded to the one or the
 * other by float32 and float64: a difference of 2^-8 of one factor, now and then, where
 * roundings in the wrong place would differ by that in all of them. */
static void check_bf16_file(const char *name, const char *encoder, int cases,
                            struct bar bar)
{
    if (bf16_available())
        check_file_as(name, encoder, cases, PRECISION_BF16, bar);
    else
        printf("\n    no AVX512-BF16: not tested");
}

static void bf16_equals_pytorch_with_rounded_factors(void)
{
    const struct bar bar = {1e-5, 2e-3};

    check_bf16_file("bf16-tiny-odd", place_source("tests/data/encoders/tiny-odd"), 4,
                    bar);
    check_bf16_file("bf16-tiny-wide", place_source("tests/data/encoders/tiny-wide"), 2,
                    bar);
}

static void all_variants_equal_pytorch_on_odd_sizes(void)
{
    check_file("tiny-odd", place_source("tests/data/encoders/tiny-odd"), 17);
}

static void tanh_gelu_without_pooler_equals_pytorch(void)
{
    check_file("tiny-new", place_source("tests/data/encoders/tiny-new"), 3);
}

static void relu_of_half_precision_weights_equals_pytorch(void)
{
    check_file("tiny-half", place_source("tests/data/encoders/tiny-half"), 3);
}

static void a_feed_forward_of_several_blocks_equals_pytorch(void)
{
    check_file("tiny-wide", place_source("tests/data/encoders/tiny-wide"), 3);
}

static void evaluation_gives_the_logits_of_training(void)
{
    struct golden g;
    struct golden_case c;
    float trained[SEQUENCES_MAX * 4], evaluated[SEQUENCES_MAX * 4];

    golden_open(&g, "tiny-odd", place_source("tests/data/encoders/tiny-odd"));
    for (int number = 0; case_open(&c, &g, number); number++) {
        struct workspace *training = new_workspace(&c, true);
        struct workspace *plain = new_workspace(&c, false);
        float *grad = malloc(sizeof *grad * (size_t)c.layout.values);
        size_t size =
            sizeof(float) * (size_t)c.shard.sequences * (size_t)c.layout.shape.labels;
        struct dropout none = {0};

        model_train(&c.model, training, c.values, &c.shard, &none, 1, grad, trained);
        model_evaluate(&c.model, plain, c.values, &c.shard, evaluated);
        CU_ASSERT(memcmp(trained, evaluated, size) == 0);
        free(grad);
        workspace_free(plain);
        workspace_free(training);
        case_close(&c);
    }
    golden_close(&g);
}

/* A workspace that has seen other work gives the bits of a fresh one. */
static void a_used_workspace_changes_no_bit(void)
{
    struct golden g;
    struct golden_case c;

    golden_open(&g, "tiny-odd", place_source("tests/data/encoders/tiny-odd"));
    for (int number = 0; case_open(&c, &g, number); number++) {
        struct workspace *ws = new_workspace(&c, true);
        size_t size = sizeof(float) * (size_t)c.layout.values;
        float *first = malloc(size), *again = malloc(size);
        struct microshard other = c.shard;

        other.sequences = 2;
        other.tokens = other.offsets[2];
        model_train(&c.model, ws, c.values, &c.shard, &c.dropout, 1, first, NULL);
        model_train(&c.model, ws, c.values, &other, &c.dropout, 1, again, NULL);
        CU_ASSERT(memcmp(first, again, size) != 0);
        model_train(&c.model, ws, c.values, &c.shard, &c.dropout, 1, again, NULL);
        CU_ASSERT(memcmp(first, again, size) == 0);
        free(first);
        free(again);
        workspace_free(ws);
        case_close(&c);
    }
    golden_close(&g);
}

struct job {
    const struct golden_case *c;
    float *grad;
};

static void *train_often(void *arg)
{
    struct job *job = arg;
    struct workspace *ws = new_workspace(job->c, true);

    for (int i = 0; i < 20; i++)
        model_train(&job->c->model, ws, job->c->values, &job->c->shard,
                    &job->c->dropout, 1, job->grad, NULL);
    workspace_free(ws);
    return NULL;
}

static void threads_side_by_side_give_the_same_bits(void)
{
    enum { THREADS = 3 };
    struct golden g;
    struct golden_case c;
    struct job jobs[THREADS];
    pthread_t threads[THREADS];

    golden_open(&g, "tiny-odd", place_source("tests/data/encoders/tiny-odd"));
    CU_ASSERT_FATAL(case_open(&c, &g, 13));
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){&c, malloc(sizeof(float) * (size_t)c.layout.values)};
        CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, train_often, &jobs[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 1; i < THREADS; i++)
        CU_ASSERT(memcmp(jobs[0].grad, jobs[i].grad,
                         sizeof(float) * (size_t)c.layout.values) == 0);
    for (int i = 0; i < THREADS; i++)
        free(jobs[i].grad);
    case_close(&c);
    golden_close(&g);
}

static void an_overflow_is_reported_as_nan(void)
{
    struct golden g;
    struct golden_case c;

    golden_open(&g, "tiny-odd", place_source("tests/data/encoders/tiny-odd"));
    for (int number = 0; case_open(&c, &g, number); number++) {
        struct workspace *ws = new_workspace(&c, true);
        float *grad = malloc(sizeof *grad * (size_t)c.layout.values);
        const struct adapter_tensor *first = &c.layout.tensors[0];
        struct dropout none = {0};

        c.values[first->offset] = NAN;
        CU_ASSERT(
            isnan(model_train(&c.model, ws, c.values, &c.shard, &none, 1, grad, NULL)));
        c.values[first->offset] = INFINITY;
        CU_ASSERT(
            isnan(model_train(&c.model, ws, c.values, &c.shard, &none, 1, grad, NULL)));
        free(grad);
        workspace_free(ws);
        case_close(&c);
    }
    golden_close(&g);
}

static const struct suite_test tests[] = {
    SUITE_TEST(all_variants_equal_pytorch_on_odd_sizes),
    SUITE_TEST(tanh_gelu_without_pooler_equals_pytorch),
    SUITE_TEST(relu_of_half_precision_weights_equals_pytorch),
    SUITE_TEST(a_feed_forward_of_several_blocks_equals_pytorch),
    SUITE_TEST(bf16_equals_pytorch_with_rounded_factors),
    SUITE_TEST(evaluation_gives_the_logits_of_training),
    SUITE_TEST(a_used_workspace_changes_no_bit),
    SUITE_TEST(threads_side_by_side_give_the_same_bits),
    SUITE_TEST(an_overflow_is_reported_as_nan),
    {NULL, NULL},
};

static void minilm_equals_pytorch(void) { check_file("minilm", place_encoder(), 4); }

static void minilm_in_bf16_equals_pytorch_with_rounded_factors(void)
{
    check_bf16_file("bf16-minilm", place_encoder(), 2, (struct bar){1e-3, 2e-2});
}

static const struct suite_test real_tests[] = {
    SUITE_TEST(minilm_equals_pytorch),
    SUITE_TEST(minilm_in_bf16_equals_pytorch_with_rounded_factors),
    {NULL, NULL},
};

/* "encoder" as first argument: only what needs the real one. */
int main(int argc, char **argv)
{
    struct error err;

    if (kernels_check(&err)) {
        printf("skipped: %s\n", err.text);
        return SUITE_SKIPPED;
    }
    if (argc < 2 || strcmp(argv[1], "encoder"))
        return suite_run("model", tests);
    if (!place_encoder()) {
        printf("no real encoder: skipped\n");
        return SUITE_SKIPPED;
    }
    return suite_run("model_minilm", real_tests);
}
