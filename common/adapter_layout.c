/* The table of trained tensors: who is trained, under which name, where. */
#include "common/adapter_layout.h"

#include "common/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct adapter_tensor *add(struct adapter_layout *layout, enum adapter_kind kind,
                                  int layer, int rows, int cols)
{
    struct adapter_tensor *t = &layout->tensors[layout->count++];

    *t = (struct adapter_tensor){.kind = kind,
                                 .layer = layer,
                                 .rows = rows,
                                 .cols = cols,
                                 .offset = layout->values};
    t->decay = kind == ADAPTER_ALPHA_WEIGHT || kind == ADAPTER_HEAD_WEIGHT;
    layout->values += adapter_tensor_size(t);
    return t;
}

static void add_adapter(struct adapter_layout *layout, enum adapter_kind kind,
                        int layer)
{
    static const char *const ends[] = {
        [ADAPTER_V] = "v",
        [ADAPTER_ALPHA_WEIGHT] = "alpha.weight",
        [ADAPTER_ALPHA_BIAS] = "alpha.bias",
    };
    int rows = kind == ADAPTER_V ? layout->shape.hidden : 1;
    int cols = kind == ADAPTER_ALPHA_WEIGHT ? layout->shape.ffn : 0;
    struct adapter_tensor *t = add(layout, kind, layer, rows, cols);

    if (layer < 0)
        snprintf(t->name, sizeof t->name, "adapter.%s", ends[kind]);
    else
        snprintf(t->name, sizeof t->name, "encoder.layer.%d.adapter.%s", layer,
                 ends[kind]);
}

static void add_layernorm(struct adapter_layout *layout, enum adapter_place place,
                          int layer)
{
    static const char *const ends[] = {"weight", "bias"};

    for (int i = 0; i < 2; i++) {
        enum adapter_kind kind = i ? ADAPTER_LN_BIAS : ADAPTER_LN_WEIGHT;
        struct adapter_tensor *t = add(layout, kind, layer, layout->shape.hidden, 0);

        t->place = place;
        if (place == PLACE_EMBEDDINGS)
            snprintf(t->name, sizeof t->name, "embeddings.LayerNorm.%s", ends[i]);
        else
            snprintf(t->name, sizeof t->name, "encoder.layer.%d.%s.LayerNorm.%s", layer,
                     place == PLACE_ATTENTION ? "attention.output" : "output", ends[i]);
    }
}

static void add_layer(struct adapter_layout *layout, int layer)
{
    const struct adapter_shape *s = &layout->shape;

    if (!s->share_v)
        add_adapter(layout, ADAPTER_V, layer);
    if (!s->share_alpha) {
        add_adapter(layout, ADAPTER_ALPHA_WEIGHT, layer);
        add_adapter(layout, ADAPTER_ALPHA_BIAS, layer);
    }
    if (s->train_layernorm == LN_ALL)
        add_layernorm(layout, PLACE_ATTENTION, layer);
    if (s->train_layernorm != LN_NONE)
        add_layernorm(layout, PLACE_OUTPUT, layer);
}

static void add_shared(struct adapter_layout *layout)
{
    const struct adapter_shape *s = &layout->shape;

    if (s->first_layer == s->layers)
        return;
    if (s->share_v)
        add_adapter(layout, ADAPTER_V, -1);
    if (s->share_alpha) {
        add_adapter(layout, ADAPTER_ALPHA_WEIGHT, -1);
        add_adapter(layout, ADAPTER_ALPHA_BIAS, -1);
    }
}

static void add_head(struct adapter_layout *layout)
{
    struct adapter_tensor *t;
    int labels = layout->shape.labels;

    t = add(layout, ADAPTER_HEAD_WEIGHT, -1, labels, layout->shape.hidden);
    snprintf(t->name, sizeof t->name, "classifier.weight");
    t = add(layout, ADAPTER_HEAD_BIAS, -1, labels, 0);
    snprintf(t->name, sizeof t->name, "classifier.bias");
}

int adapter_layout_init(struct adapter_layout *layout,
                        const struct adapter_shape *shape, struct error *err)
{
    bool embeddings = shape->train_layernorm == LN_OUTPUT_EMBEDDINGS ||
                      shape->train_layernorm == LN_ALL;

    *layout = (struct adapter_layout){.shape = *shape};
    if (shape->first_layer < 0 || shape->first_layer > shape->layers)
        return error_set(err, ERR_INPUT,
                         "first_layer: %d is outside [0, %d], the encoder's layers",
                         shape->first_layer, shape->layers);
    if (embeddings && shape->first_layer > 0)
        return error_set(err, ERR_INPUT,
                         "train_layernorm: the embeddings' LayerNorm is trained only "
                         "with first_layer = 0, not %d",
                         shape->first_layer);
    layout->tensors = calloc((size_t)shape->layers * 7 + 7, sizeof *layout->tensors);
    if (!layout->tensors)
        return error_set(err, ERR_MEMORY, "out of memory");
    add_shared(layout);
    if (embeddings)
        add_layernorm(layout, PLACE_EMBEDDINGS, -1);
    for (int l = shape->first_layer; l < shape->layers; l++)
        add_layer(layout, l);
    add_head(layout);
    return 0;
}

void adapter_layout_clear(struct adapter_layout *layout)
{
    free(layout->tensors);
    *layout = (struct adapter_layout){0};
}

static bool is_shared(const struct adapter_shape *s, enum adapter_kind kind)
{
    switch (kind) {
    case ADAPTER_V:
        return s->share_v;
    case ADAPTER_ALPHA_WEIGHT:
    case ADAPTER_ALPHA_BIAS:
        return s->share_alpha;
    case ADAPTER_HEAD_WEIGHT:
    case ADAPTER_HEAD_BIAS:
        return true;
    default:
        return false;
    }
}

int adapter_layout_find(const struct adapter_layout *layout, enum adapter_kind kind,
                        enum adapter_place place, int layer)
{
    if (layer >= 0 && layer < layout->shape.first_layer &&
        (kind == ADAPTER_V || kind == ADAPTER_ALPHA_WEIGHT ||
         kind == ADAPTER_ALPHA_BIAS))
        return -1;
    if (is_shared(&layout->shape, kind) || place == PLACE_EMBEDDINGS)
        layer = -1;
    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];

        if (t->kind == kind && t->place == place && t->layer == layer)
            return i;
    }
    return -1;
}

int64_t adapter_tensor_size(const struct adapter_tensor *tensor)
{
    return (int64_t)tensor->rows * (tensor->cols ? tensor->cols : 1);
}

void adapter_layout_tag(char out[9], const struct adapter_layout *layout)
{
    char text[160], hex[DIGEST_HEX];
    struct digest sum = {0};

    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];

        snprintf(text, sizeof text, "%016llx%016llx %s %d %d",
                 (unsigned long long)sum.high, (unsigned long long)sum.low, t->name,
                 t->rows, t->cols);
        sum = digest_of(text, strlen(text));
    }
    digest_hex(hex, sum);
    memcpy(out, hex, 8);
    out[8] = 0;
}
