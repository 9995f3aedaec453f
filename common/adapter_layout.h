/* Where each trained tensor lies in a trial's flat float32 vector.
 *
 * Order: shared tensors, then layer by layer upwards, then the head. Everything that
 * trains, sends, keeps or exports an adapter goes through this table. */
#ifndef COMMON_ADAPTER_LAYOUT_H
#define COMMON_ADAPTER_LAYOUT_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

enum train_layernorm { LN_NONE, LN_OUTPUT, LN_OUTPUT_EMBEDDINGS, LN_ALL };

struct adapter_shape {
    int layers, hidden, ffn;
    int labels; /* rows of the classifier */
    bool share_alpha, share_v;
    int first_layer; /* = layers: head only */
    enum train_layernorm train_layernorm;
};

enum adapter_kind {
    ADAPTER_V,            /* (hidden) */
    ADAPTER_ALPHA_WEIGHT, /* (1, ffn) */
    ADAPTER_ALPHA_BIAS,   /* (1) */
    ADAPTER_LN_WEIGHT,    /* (hidden) */
    ADAPTER_LN_BIAS,      /* (hidden) */
    ADAPTER_HEAD_WEIGHT,  /* (labels, hidden) */
    ADAPTER_HEAD_BIAS,    /* (labels) */
};

enum adapter_place { PLACE_NONE, PLACE_EMBEDDINGS, PLACE_ATTENTION, PLACE_OUTPUT };

struct adapter_tensor {
    char name[96]; /* docs/formats.md: encoder.layer.N.adapter.v … */
    enum adapter_kind kind;
    enum adapter_place place; /* of a LayerNorm */
    int layer;                /* -1: shared, embeddings or head */
    int64_t offset;
    int rows, cols; /* cols = 0: one-dimensional */
    bool decay;     /* weight decay applies under default switches: w, head weight */
};

struct adapter_layout {
    struct adapter_shape shape;
    int count;
    struct adapter_tensor *tensors;
    int64_t values; /* length of the flat vector */
};

/* ERR_INPUT: first_layer outside 0…layers, or the embeddings' LayerNorm asked for with
 * first_layer > 0. */
int adapter_layout_init(struct adapter_layout *layout,
                        const struct adapter_shape *shape, struct error *err);
void adapter_layout_clear(struct adapter_layout *layout);

/* Index of the tensor, or -1 where it is not trained. layer is ignored where the kind
 * is shared, the head's or the embeddings'. */
int adapter_layout_find(const struct adapter_layout *layout, enum adapter_kind kind,
                        enum adapter_place place, int layer);

/* Elements of one tensor. */
int64_t adapter_tensor_size(const struct adapter_tensor *tensor);

/* First 8 hex digits of the digest over names, offsets and sizes. */
void adapter_layout_tag(char out[9], const struct adapter_layout *layout);

#endif
