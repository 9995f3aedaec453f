/* Operations, counted by hand for an encoder of round numbers. */
#include "worker/workload.h"

#include "tests/support/suite.h"

enum { LAYERS = 3, HIDDEN = 10, FFN = 40 };

static const struct encoder_config encoder = {
    .layers = LAYERS, .hidden = HIDDEN, .ffn = FFN};

/* Rows of 5 tokens. A layer: query, key, value and output 4 · 2 · 10 · 10, attention
 * 4 · 5 · 10, up and down 4 · 10 · 40. */
enum { MEAN = 5, INNER = 200, BLOCK = 800 + INNER, WHOLE = BLOCK + 1600 };
/* The last layer for the first token of five: keys and values of all, the rest a fifth,
 * and its scores and sums. */
enum { LAST = 400 + (400 + 1600) / MEAN + 4 * HIDDEN };
enum { POOLER = 2 * HIDDEN * HIDDEN / MEAN };

static struct workload count(const struct settings *s)
{
    return workload_of(&encoder, s, MEAN, MEAN);
}

static void evaluation_goes_through_all_layers(void)
{
    struct settings s = {.pooling = POOLING_POOLER, .prefix = PREFIX_INLINE};

    CU_ASSERT_DOUBLE_EQUAL(count(&s).evaluate, 2 * WHOLE + LAST + POOLER, 1e-9);
    CU_ASSERT_EQUAL(count(&s).prefix, 0);
    s.pooling = POOLING_MEAN; /* the last layer is wanted whole; a head of 4 a number */
    CU_ASSERT_DOUBLE_EQUAL(count(&s).evaluate, 3 * WHOLE + 4.0 * HIDDEN / MEAN, 1e-9);
}

static void training_goes_back_to_the_first_adapted_layer(void)
{
    struct settings s = {.pooling = POOLING_POOLER, .prefix = PREFIX_INLINE};
    double forward = count(&s).evaluate + POOLER;

    /* what lies above the first adapter: the middle layer and the last one */
    CU_ASSERT_DOUBLE_EQUAL(count(&s).train, forward + WHOLE + INNER + LAST, 1e-9);
    s.first_layer = 1;
    CU_ASSERT_DOUBLE_EQUAL(count(&s).train, forward + LAST, 1e-9);
    s.first_layer = LAYERS - 1;
    CU_ASSERT_DOUBLE_EQUAL(count(&s).train, forward, 1e-9);
    s.first_layer = 0;
    s.train_layernorm = LN_OUTPUT_EMBEDDINGS; /* through the first layer too */
    CU_ASSERT_DOUBLE_EQUAL(count(&s).train, forward + 2 * (WHOLE + INNER) + LAST, 1e-9);
}

static void a_kept_prefix_is_work_of_its_own(void)
{
    struct settings s = {
        .pooling = POOLING_POOLER, .prefix = PREFIX_INLINE, .first_layer = 1};
    double all = count(&s).evaluate;

    s.prefix = PREFIX_KEPT;
    CU_ASSERT_DOUBLE_EQUAL(count(&s).prefix, WHOLE + BLOCK, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(count(&s).evaluate, all - WHOLE - BLOCK, 1e-9);
    s.first_layer = LAYERS; /* the head alone */
    CU_ASSERT_DOUBLE_EQUAL(count(&s).prefix, 2 * WHOLE + LAST, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(count(&s).evaluate, POOLER, 1e-9);
}

static void long_rows_cost_more_in_attention_only(void)
{
    struct settings s = {.pooling = POOLING_MEAN, .prefix = PREFIX_INLINE};
    double more = workload_of(&encoder, &s, MEAN, 8).evaluate - count(&s).evaluate;

    CU_ASSERT_DOUBLE_EQUAL(more, LAYERS * 4 * (8 - MEAN) * HIDDEN, 1e-9);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(evaluation_goes_through_all_layers),
        SUITE_TEST(training_goes_back_to_the_first_adapted_layer),
        SUITE_TEST(a_kept_prefix_is_work_of_its_own),
        SUITE_TEST(long_rows_cost_more_in_attention_only),
        {NULL, NULL},
    };

    return suite_run("workload", tests);
}
