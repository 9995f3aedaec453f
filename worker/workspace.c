/* Sizes the buffers of one thread, once. */
#include "worker/workspace.h"

#include "worker/attention.h"
#include "worker/first_attention.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* Hands out parts of one block; with base NULL it only counts. */
struct arena {
    char *base;
    size_t used;
};

static void *take(struct arena *arena, size_t count, size_t size)
{
    size_t at = arena->used;

    arena->used += (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return arena->base ? arena->base + at : NULL;
}

static float *floats(struct arena *arena, int rows, int columns)
{
    return take(arena, (size_t)rows * (size_t)columns, sizeof(float));
}

static void place_layer(struct workspace *ws, struct arena *arena,
                        const struct encoder_config *c, struct layer_kept *kept,
                        int rows, bool keep)
{
    kept->q = floats(arena, rows, c->hidden);
    kept->k = floats(arena, ws->max_tokens, c->hidden);
    kept->v = floats(arena, ws->max_tokens, c->hidden);
    kept->alpha = floats(arena, rows, 1);
    if (!keep)
        return;
    kept->pre = floats(arena, rows, c->ffn);
    kept->normed_attention = floats(arena, rows, c->hidden);
    kept->scale_attention = floats(arena, rows, 1);
    kept->normed_output = floats(arena, rows, c->hidden);
    kept->scale_output = floats(arena, rows, 1);
}

static void place_layers(struct workspace *ws, struct arena *arena,
                         const struct encoder_config *c)
{
    struct layer_kept shared = {0}, kept;

    ws->kept = take(arena, (size_t)c->layers, sizeof *ws->kept);
    place_layer(ws, arena, c, &shared, ws->max_tokens, false);
    for (int l = 0; l < c->layers; l++) {
        bool first = ws->first_only && l == c->layers - 1;

        kept = shared;
        if (ws->training && l >= ws->lowest)
            place_layer(ws, arena, c, &kept, first ? ws->max_sequences : ws->max_tokens,
                        true);
        if (ws->kept)
            ws->kept[l] = kept;
    }
}

static void place_training(struct workspace *ws, struct arena *arena,
                           const struct encoder_config *c, int labels)
{
    if (ws->through) {
        ws->normed_embeddings = floats(arena, ws->max_tokens, c->hidden);
        ws->scale_embeddings = floats(arena, ws->max_tokens, 1);
    }
    ws->tanh_out = floats(arena, ws->max_sequences, c->hidden);
    ws->dlogits = floats(arena, ws->max_sequences, labels);
    ws->dpooled = floats(arena, ws->max_sequences, c->hidden);
    if (ws->lowest == c->layers)
        return;
    ws->dstate = floats(arena, ws->max_tokens, c->hidden);
    ws->dalpha = floats(arena, ws->max_tokens, 1);
    ws->dq = floats(arena, ws->max_tokens, c->hidden);
    ws->dk = floats(arena, ws->max_tokens, c->hidden);
    ws->dv = floats(arena, ws->max_tokens, c->hidden);
}

/* For every kind of attention. */
static size_t scratch_floats(const struct workspace *ws, const struct encoder_config *c)
{
    size_t all = attention_scratch(ws->max_length, c->hidden / c->heads);
    size_t first = first_attention_scratch(ws->max_length, c->hidden, c->heads);

    return all > first ? all : first;
}

/* Columns of what a product with a frozen matrix reads at a time. */
static int widest_input(const struct encoder_config *c)
{
    int block = c->ffn < FFN_BLOCK ? c->ffn : FFN_BLOCK;

    return c->hidden > block ? c->hidden : block;
}

static void place_all(struct workspace *ws, struct arena *arena,
                      const struct encoder_config *c, int labels)
{
    ws->offsets = take(arena, (size_t)c->layers, sizeof *ws->offsets);
    place_layers(ws, arena, c);
    ws->state = floats(arena, ws->max_tokens, c->hidden);
    ws->between = floats(arena, ws->max_tokens, c->hidden);
    ws->product = floats(arena, ws->max_tokens, c->hidden);
    ws->context = floats(arena, ws->max_tokens, c->hidden);
    ws->h = floats(arena, ws->max_tokens, c->ffn < FFN_BLOCK ? c->ffn : FFN_BLOCK);
    ws->first = floats(arena, ws->max_sequences, c->hidden);
    ws->scratch = take(arena, scratch_floats(ws, c), sizeof(float));
    if (ws->bf16)
        ws->rounded =
            take(arena, (size_t)ws->max_tokens * (size_t)bf16_padded(widest_input(c)),
                 sizeof *ws->rounded);
    if (ws->first_only) {
        ws->zu = floats(arena, 2 * ws->max_sequences * c->heads, c->hidden);
        ws->read = floats(arena, ws->max_sequences, c->heads);
    }
    ws->pooled = floats(arena, ws->max_sequences, c->hidden);
    ws->logits = floats(arena, ws->max_sequences, labels);
    if (ws->training)
        place_training(ws, arena, c, labels);
}

static int64_t offset_of(const struct adapter_layout *layout, enum adapter_kind kind,
                         enum adapter_place place, int layer)
{
    int i = adapter_layout_find(layout, kind, place, layer);

    return i < 0 ? -1 : layout->tensors[i].offset;
}

static void find_offsets(struct workspace *ws, const struct adapter_layout *layout)
{
    for (int l = 0; l < layout->shape.layers; l++)
        ws->offsets[l] = (struct layer_offsets){
            offset_of(layout, ADAPTER_V, PLACE_NONE, l),
            offset_of(layout, ADAPTER_ALPHA_WEIGHT, PLACE_NONE, l),
            offset_of(layout, ADAPTER_ALPHA_BIAS, PLACE_NONE, l),
            offset_of(layout, ADAPTER_LN_WEIGHT, PLACE_ATTENTION, l),
            offset_of(layout, ADAPTER_LN_BIAS, PLACE_ATTENTION, l),
            offset_of(layout, ADAPTER_LN_WEIGHT, PLACE_OUTPUT, l),
            offset_of(layout, ADAPTER_LN_BIAS, PLACE_OUTPUT, l),
        };
    ws->embeddings_gamma = offset_of(layout, ADAPTER_LN_WEIGHT, PLACE_EMBEDDINGS, -1);
    ws->embeddings_beta = offset_of(layout, ADAPTER_LN_BIAS, PLACE_EMBEDDINGS, -1);
    ws->head_weight = offset_of(layout, ADAPTER_HEAD_WEIGHT, PLACE_NONE, -1);
    ws->head_bias = offset_of(layout, ADAPTER_HEAD_BIAS, PLACE_NONE, -1);
}

struct workspace *workspace_new(const struct model *model, int max_tokens,
                                int max_sequences, int max_length, bool training)
{
    const struct encoder_config *c = &model->encoder->config;
    const struct adapter_shape *shape = &model->layout->shape;
    struct workspace *ws = calloc(1, sizeof *ws);
    struct arena arena = {NULL, 0};

    if (!ws)
        return NULL;
    ws->kernels = kernels_get();
    ws->max_tokens = max_tokens;
    ws->max_sequences = max_sequences;
    ws->max_length = max_length;
    ws->training = training;
    ws->first_only = model->pooling != POOLING_MEAN;
    ws->bf16 = panels_precision(model->panels) == PRECISION_BF16;
    ws->lowest = shape->first_layer;
    ws->through = shape->train_layernorm == LN_OUTPUT_EMBEDDINGS ||
                  shape->train_layernorm == LN_ALL;
    place_all(ws, &arena, c, shape->labels);
    ws->memory = aligned_alloc(ALIGNMENT, arena.used);
    if (!ws->memory) {
        free(ws);
        return NULL;
    }
    /* Touched here, so that training meets no page faults and no stale numbers. */
    memset(ws->memory, 0, arena.used);
    ws->bytes = arena.used;
    arena = (struct arena){ws->memory, 0};
    place_all(ws, &arena, c, shape->labels);
    find_offsets(ws, model->layout);
    return ws;
}

void workspace_free(struct workspace *ws)
{
    if (!ws)
        return;
    free(ws->memory);
    free(ws);
}

size_t workspace_bytes(const struct workspace *ws) { return ws->bytes; }

void workspace_use_profile(struct workspace *ws, struct profile *profile)
{
    ws->profile = profile;
}

void workspace_note_shifts(struct workspace *ws, struct shifts *shifts, int64_t first)
{
    ws->shifts = shifts;
    ws->shifts_first = first;
}

int workspace_rows(const struct workspace *ws, const struct model *model,
                   const struct microshard *shard, int layer)
{
    bool first = ws->first_only && layer == model->encoder->config.layers - 1;

    return first ? shard->sequences : shard->tokens;
}
