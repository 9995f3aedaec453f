/* Shifts handed out by an evaluation of whole splits. */
#include "worker/shifts.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"
#include "worker/adapter_init.h"
#include "worker/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct encoder encoder;
static struct dataset data;
static struct adapter_layout layout;
static float *values;

static void set_up(int first_layer)
{
    struct adapter_shape shape = {.labels = 3, .first_layer = first_layer};

    if (!encoder.layers)
        CU_ASSERT_EQUAL_FATAL(
            encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), NULL),
            0);
    shape.layers = encoder.config.layers;
    shape.hidden = encoder.config.hidden;
    shape.ffn = encoder.config.ffn;
    made_data(&data, 60, 23, 50, 3);
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    values = malloc((size_t)layout.values * sizeof *values);
    adapter_init(values, &layout, &encoder, 7);
    for (int l = first_layer; l < shape.layers; l++) {
        int v = adapter_layout_find(&layout, ADAPTER_V, PLACE_NONE, l);

        for (int i = 0; i < shape.hidden; i++)
            values[layout.tensors[v].offset + i] = 0.01f * (float)(i % 7 - 2);
    }
}

static void tear_down(void)
{
    dataset_clear(&data);
    adapter_layout_clear(&layout);
    free(values);
}

static void evaluate(struct shifts *out, enum pooling pooling, int threads)
{
    const struct dataset_split *train = &data.splits[SPLIT_TRAIN];
    struct model model = {.encoder = &encoder, .layout = &layout, .pooling = pooling};
    size_t size = (size_t)train->rows * 3 * sizeof(float);
    float *with = malloc(size), *without = malloc(size);

    CU_ASSERT_EQUAL_FATAL(
        shifts_evaluate(out, with, &model, values, train, "train", 32, threads, NULL),
        0);
    CU_ASSERT_EQUAL_FATAL(
        evaluate_split(without, &model, values, train, "train", 32, 1, NULL), 0);
    CU_ASSERT(memcmp(with, without, size) == 0);
    free(with);
    free(without);
}

static void logits_and_shifts_are_the_same_bits_with_any_threads(void)
{
    struct shifts one, three;
    size_t size;

    set_up(0);
    evaluate(&one, POOLING_MEAN, 1);
    evaluate(&three, POOLING_MEAN, 3);
    size = (size_t)one.layers * (size_t)one.tokens;
    CU_ASSERT(memcmp(one.y, three.y, size * sizeof(float)) == 0);
    CU_ASSERT(memcmp(one.state, three.state, size * sizeof(float)) == 0);
    for (size_t i = 0; i < size; i++)
        CU_ASSERT(isfinite(one.y[i]) && one.state[i] > 0);
    shifts_clear(&one);
    shifts_clear(&three);
    tear_down();
}

static void last_layer_counts_for_tokens_that_pooling_reads(void)
{
    const int64_t *offsets;
    struct shifts s;
    int64_t last, row = 0;

    set_up(1);
    offsets = data.splits[SPLIT_TRAIN].offsets;
    evaluate(&s, POOLING_CLS, 2);
    last = (s.layers - 1) * s.tokens;
    for (int64_t t = 0; t < s.tokens; t++) {
        bool first = t == offsets[row];

        CU_ASSERT(isnan(s.y[t])); /* layer 0 has no adapter */
        CU_ASSERT_EQUAL(isfinite(s.y[last + t]) != 0, first);
        row += t + 1 == offsets[row + 1];
    }
    shifts_clear(&s);
    tear_down();
}

/* With w = 0 every token's y is β, and ‖v‖ is what the values say. */
static void without_w_all_tokens_shift_by_beta(void)
{
    struct shifts s;
    struct shift_layer layer;

    set_up(0);
    for (int l = 0; l < encoder.config.layers; l++) {
        int w = adapter_layout_find(&layout, ADAPTER_ALPHA_WEIGHT, PLACE_NONE, l);
        int b = adapter_layout_find(&layout, ADAPTER_ALPHA_BIAS, PLACE_NONE, l);

        memset(values + layout.tensors[w].offset, 0,
               sizeof *values * (size_t)layout.shape.ffn);
        values[layout.tensors[b].offset] = 0.5f + (float)l;
    }
    evaluate(&s, POOLING_MEAN, 2);
    for (int64_t i = 0; i < s.layers * s.tokens; i++)
        CU_ASSERT_EQUAL(s.y[i], 0.5f + (float)(i / s.tokens));
    layer = shift_layer_of(&layout, values, 1);
    CU_ASSERT_EQUAL(layer.beta, 1.5);
    CU_ASSERT(layer.v_norm > 0);
    shifts_clear(&s);
    tear_down();
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(logits_and_shifts_are_the_same_bits_with_any_threads),
        SUITE_TEST(last_layer_counts_for_tokens_that_pooling_reads),
        SUITE_TEST(without_w_all_tokens_shift_by_beta),
        {NULL, NULL},
    };
    int rc = suite_run("shifts", tests);

    encoder_close(&encoder);
    return rc;
}
