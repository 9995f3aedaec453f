/* Private to model*.c: the buffers of one thread. */
#ifndef WORKER_WORKSPACE_H
#define WORKER_WORKSPACE_H

#include "worker/kernels.h"
#include "worker/model.h"
#include "worker/profile.h"

/* Columns of the feed-forward block that are computed at a time, both of its matrix
 * products and the activation between: 256 tokens of them stay in a core's cache. Part
 * of the order of arithmetic. */
enum { FFN_BLOCK = 384 };

/* What one layer's backward pass needs of its forward pass. Rows: all tokens, or one a
 * sequence in a last layer of which only the first tokens are read. */
struct layer_kept {
    float *q;                /* (rows, hidden) */
    float *k, *v;            /* (tokens, hidden); k is the layer's input, v unused,
                                in a last layer of which only first tokens are read */
    float *normed_attention; /* (rows, hidden); NULL where nothing is kept */
    float *scale_attention;  /* (rows) */
    float *pre;   /* (rows, ffn) before bias and activation, block after block of
                     FFN_BLOCK columns; NULL where nothing is kept */
    float *alpha; /* (rows) */
    float *normed_output; /* (rows, hidden); NULL where nothing is kept */
    float *scale_output;  /* (rows) */
};

/* Offsets of one layer's trained tensors in the flat vector; -1: frozen or absent. */
struct layer_offsets {
    int64_t v, alpha_weight, alpha_bias;
    int64_t attention_gamma, attention_beta, output_gamma, output_beta;
};

struct workspace {
    const struct kernels *kernels;
    struct profile *profile; /* of its thread; NULL: nobody measures */
    struct shifts *shifts;   /* that a forward pass notes; NULL: nobody asks */
    int64_t shifts_first;    /* place of the microshard's first token there */
    int max_tokens, max_sequences, max_length;
    bool training;
    bool bf16;       /* precision of the products with frozen matrices */
    bool first_only; /* the last layer is computed for first tokens only */
    int lowest;      /* lowest layer with a trained tensor; = layers: head only */
    bool through;    /* the backward pass goes down to the embeddings */
    struct layer_offsets *offsets; /* (layers) */
    int64_t embeddings_gamma, embeddings_beta, head_weight, head_bias;
    struct layer_kept *kept; /* (layers); layers that keep nothing share one set */

    float *state;      /* (tokens, hidden) a layer's input, then its output */
    float *between;    /* (tokens, hidden) attention's output, the feed-forward input */
    float *product;    /* (tokens, hidden) of a matrix product, before its LayerNorm */
    float *context;    /* (tokens, hidden) */
    float *h;          /* (tokens, FFN_BLOCK) after the activation, or its gradient */
    float *first;      /* (sequences, hidden) first tokens of state */
    float *scratch;    /* attention's */
    uint16_t *rounded; /* (tokens, hidden or FFN_BLOCK) a product's input in bfloat16;
                          NULL where the precision is float32 */
    /* first_attention's, where the last layer is computed for first tokens only */
    float *zu, *read;
    float *pooled; /* (sequences, hidden) what the classifier reads */
    float *logits; /* (sequences, labels) */

    /* training only */
    float *normed_embeddings, *scale_embeddings; /* NULL where not trained */
    float *tanh_out;     /* (sequences, hidden) the pooler's, before dropout */
    float *dlogits;      /* (sequences, labels) */
    float *dpooled;      /* (sequences, hidden) */
    float *dstate;       /* (tokens, hidden) */
    float *dalpha;       /* (tokens) */
    float *dq, *dk, *dv; /* (tokens, hidden) */

    void *memory;
    size_t bytes; /* of it */
};

/* Rows that layer computes after its keys and values. */
int workspace_rows(const struct workspace *ws, const struct model *model,
                   const struct microshard *shard, int layer);

enum { DROPOUT_EMBEDDINGS = 0, DROPOUT_HEAD = 1, DROPOUT_LAYERS = 16 };
enum { DROPOUT_PROBABILITIES, DROPOUT_ATTENTION, DROPOUT_OUTPUT }; /* of a layer */

/* Hidden dropout in place on the rows of one place; nothing where dropout is NULL or 0.
 * first: one row a sequence, its first token. */
void hidden_dropout(const struct model *model, const struct workspace *ws, float *x,
                    const struct microshard *shard, const struct dropout *dropout,
                    uint32_t place, bool first);

/* Attention of sequence s in a layer. */
struct attention attention_of(const struct model *model, const struct workspace *ws,
                              const struct microshard *shard,
                              const struct dropout *dropout, int layer, int s);

/* The same in the last layer, from first tokens only. */
struct first_attention first_attention_of(const struct model *model,
                                          const struct workspace *ws,
                                          const struct microshard *shard,
                                          const struct dropout *dropout);

/* Operations of one product over each sequence's own tokens twice, as scores are made;
 * 0 without a profile. */
double attention_product(const struct model *model, const struct workspace *ws,
                         const struct microshard *shard);
/* The same for first tokens: of one product with their scores, and of all with W_k and
 * W_v. */
double first_attention_product(const struct model *model,
                               const struct microshard *shard);
double first_attention_weights(const struct model *model,
                               const struct microshard *shard);

/* The part below the first trained tensor: the embeddings, all frozen layers and the
 * attention of the first adapted one to ws->between; to ws->state where none is. */
void prefix_forward(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard,
                    const struct dropout *dropout);

/* The shard's rows of its prefix, one after the other. */
void prefix_gather(const struct model *model, const struct microshard *shard,
                   float *out);

/* The forward pass up to the last layer's output in ws->state: (tokens, hidden), or
 * (sequences, hidden) where first_only. dropout NULL: none. */
void encoder_forward(const struct model *model, struct workspace *ws,
                     const float *values, const struct microshard *shard,
                     const struct dropout *dropout);

/* The backward pass from ws->dstate, of the same shape. */
void encoder_backward(const struct model *model, struct workspace *ws,
                      const float *values, const struct microshard *shard,
                      const struct dropout *dropout, float *grad);

/* ws->state to ws->pooled. */
void pool_forward(const struct model *model, struct workspace *ws,
                  const struct microshard *shard);

/* The same, unless the shard's prefix has it, and ws->pooled to ws->logits. */
void head_forward(const struct model *model, struct workspace *ws, const float *values,
                  const struct microshard *shard, const struct dropout *dropout);

/* Loss and ws->dlogits; the classifier's gradient; ws->dstate unless head only. */
double head_backward(const struct model *model, struct workspace *ws,
                     const float *values, const struct microshard *shard,
                     const struct dropout *dropout, float loss_scale, float *grad);

#endif
