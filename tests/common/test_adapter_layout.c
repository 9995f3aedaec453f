/* The table of trained tensors: docs/design.md's counts, names, order, refusals. */
#include "common/adapter_layout.h"
#include "tests/support/suite.h"

#include <string.h>

static const struct adapter_shape base = {
    .layers = 12, .hidden = 768, .ffn = 3072, .labels = 2};
static const struct adapter_shape tiny = {
    .layers = 3, .hidden = 5, .ffn = 7, .labels = 2};

/* Numbers trained without the head; the test fails where the shape is refused. */
static int64_t count_of(struct adapter_shape shape)
{
    struct adapter_layout layout;
    int64_t head = (int64_t)shape.labels * (shape.hidden + 1), values;

    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    values = layout.values;
    adapter_layout_clear(&layout);
    return values - head;
}

static void counts_are_the_papers(void)
{
    struct adapter_shape shape = base;
    struct adapter_shape large = {
        .layers = 24, .hidden = 1024, .ffn = 4096, .labels = 3};

    CU_ASSERT_EQUAL(count_of(shape), 46092);
    shape.train_layernorm = LN_OUTPUT_EMBEDDINGS;
    CU_ASSERT_EQUAL(count_of(shape), 66060);
    large.train_layernorm = LN_OUTPUT_EMBEDDINGS;
    CU_ASSERT_EQUAL(count_of(large), 174104);
}

static void variants_train_fewer_or_more(void)
{
    struct adapter_shape shape = base;

    shape.share_alpha = true;
    CU_ASSERT_EQUAL(count_of(shape), 12 * 768 + 3073);
    shape.share_v = true;
    CU_ASSERT_EQUAL(count_of(shape), 768 + 3073);
    shape.first_layer = 12;
    CU_ASSERT_EQUAL(count_of(shape), 0); /* head only */
    shape = base;
    shape.first_layer = 10;
    CU_ASSERT_EQUAL(count_of(shape), 2 * (768 + 3073));
    shape.train_layernorm = LN_OUTPUT;
    CU_ASSERT_EQUAL(count_of(shape), 2 * (768 + 3073 + 2 * 768));
    shape = base;
    shape.train_layernorm = LN_ALL;
    CU_ASSERT_EQUAL(count_of(shape), 46092 + 25 * 2 * 768);
}

static const char *const all_names[] = {
    "adapter.alpha.weight",
    "adapter.alpha.bias",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "encoder.layer.0.adapter.v",
    "encoder.layer.0.attention.output.LayerNorm.weight",
    "encoder.layer.0.attention.output.LayerNorm.bias",
    "encoder.layer.0.output.LayerNorm.weight",
    "encoder.layer.0.output.LayerNorm.bias",
    "encoder.layer.1.adapter.v",
    "encoder.layer.1.attention.output.LayerNorm.weight",
    "encoder.layer.1.attention.output.LayerNorm.bias",
    "encoder.layer.1.output.LayerNorm.weight",
    "encoder.layer.1.output.LayerNorm.bias",
    "classifier.weight",
    "classifier.bias",
};

static void tensors_have_their_names_in_order_without_gaps(void)
{
    struct adapter_shape shape = tiny;
    struct adapter_layout layout;
    int64_t offset = 0;

    shape.layers = 2;
    shape.share_alpha = true;
    shape.train_layernorm = LN_ALL;
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(layout.count, 16);
    for (int i = 0; i < layout.count; i++) {
        CU_ASSERT_STRING_EQUAL(layout.tensors[i].name, all_names[i]);
        CU_ASSERT_EQUAL(layout.tensors[i].offset, offset);
        offset += adapter_tensor_size(&layout.tensors[i]);
    }
    CU_ASSERT_EQUAL(layout.values, offset);
    adapter_layout_clear(&layout);
}

static void tensors_have_their_own_shapes(void)
{
    struct adapter_layout layout;
    const struct adapter_tensor *t;

    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &tiny, NULL), 0);
    t = &layout.tensors[0];
    CU_ASSERT_STRING_EQUAL(t->name, "encoder.layer.0.adapter.v");
    CU_ASSERT(t->rows == 5 && t->cols == 0 && !t->decay);
    t = &layout.tensors[1];
    CU_ASSERT_STRING_EQUAL(t->name, "encoder.layer.0.adapter.alpha.weight");
    CU_ASSERT(t->rows == 1 && t->cols == 7 && t->decay);
    t = &layout.tensors[2];
    CU_ASSERT_STRING_EQUAL(t->name, "encoder.layer.0.adapter.alpha.bias");
    CU_ASSERT(t->rows == 1 && t->cols == 0 && !t->decay);
    t = &layout.tensors[layout.count - 2];
    CU_ASSERT(t->rows == 2 && t->cols == 5 && t->decay);
    t = &layout.tensors[layout.count - 1];
    CU_ASSERT(t->rows == 2 && t->cols == 0 && !t->decay);
    adapter_layout_clear(&layout);
}

static void tensors_are_found_by_what_they_are(void)
{
    struct adapter_shape shape = tiny;
    struct adapter_layout layout;

    shape.share_v = true;
    shape.first_layer = 1;
    shape.train_layernorm = LN_OUTPUT;
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    for (int i = 0; i < layout.count; i++) {
        const struct adapter_tensor *t = &layout.tensors[i];

        CU_ASSERT_EQUAL(adapter_layout_find(&layout, t->kind, t->place, t->layer), i);
    }
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_V, PLACE_NONE, 2),
                    adapter_layout_find(&layout, ADAPTER_V, PLACE_NONE, 1));
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_V, PLACE_NONE, 0), -1);
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_ALPHA_WEIGHT, PLACE_NONE, 0),
                    -1);
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_LN_BIAS, PLACE_ATTENTION, 1),
                    -1);
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_LN_BIAS, PLACE_EMBEDDINGS, -1),
                    -1);
    CU_ASSERT_EQUAL(adapter_layout_find(&layout, ADAPTER_LN_BIAS, PLACE_OUTPUT, 0), -1);
    adapter_layout_clear(&layout);
}

static void impossible_layers_are_refused(void)
{
    struct adapter_layout layout;
    struct adapter_shape shape = tiny;
    struct error err;

    shape.first_layer = 4;
    CU_ASSERT_EQUAL(adapter_layout_init(&layout, &shape, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "first_layer: 4 is outside [0, 3], the encoder's layers");
    shape.first_layer = -1;
    CU_ASSERT_EQUAL(adapter_layout_init(&layout, &shape, &err), ERR_INPUT);
    shape.first_layer = 1;
    shape.train_layernorm = LN_OUTPUT_EMBEDDINGS;
    CU_ASSERT_EQUAL(adapter_layout_init(&layout, &shape, &err), ERR_INPUT);
    shape.train_layernorm = LN_ALL;
    CU_ASSERT_EQUAL(adapter_layout_init(&layout, &shape, &err), ERR_INPUT);
    shape.train_layernorm = LN_OUTPUT;
    CU_ASSERT_EQUAL(adapter_layout_init(&layout, &shape, &err), 0);
    adapter_layout_clear(&layout);
}

static void tag_tells_layouts_apart(void)
{
    struct adapter_shape other = tiny;
    struct adapter_layout a, b;
    char tag_a[9], tag_b[9];

    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&a, &tiny, NULL), 0);
    adapter_layout_tag(tag_a, &a);
    CU_ASSERT_EQUAL(strspn(tag_a, "0123456789abcdef"), 8);
    for (int i = 0; i < 5; i++) {
        other = tiny;
        other.labels += i == 0;
        other.share_v = i == 1;
        other.first_layer = i == 2;
        other.train_layernorm = i == 3 ? LN_OUTPUT : LN_NONE;
        CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&b, &other, NULL), 0);
        adapter_layout_tag(tag_b, &b);
        CU_ASSERT_EQUAL(!strcmp(tag_a, tag_b), i == 4); /* 4: the same again */
        adapter_layout_clear(&b);
    }
    adapter_layout_clear(&a);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(counts_are_the_papers),
        SUITE_TEST(variants_train_fewer_or_more),
        SUITE_TEST(tensors_have_their_names_in_order_without_gaps),
        SUITE_TEST(tensors_have_their_own_shapes),
        SUITE_TEST(tensors_are_found_by_what_they_are),
        SUITE_TEST(impossible_layers_are_refused),
        SUITE_TEST(tag_tells_layouts_apart),
        {NULL, NULL},
    };

    return suite_run("adapter_layout", tests);
}
