/* The encoder with AdapterBias and head: forward and backward of one microshard.
 *
 *   h   = act(x W1ᵀ + b1);  y = h·w + β
 *   out = LayerNorm(dropout(h W2ᵀ + b2) + y·v + x)
 *
 * One call runs on one thread with single-threaded BLAS; calls with different
 * workspaces run side by side. Same arguments, same bits. Source: Fu et al.,
 * AdapterBias, Findings of NAACL 2022, arXiv 2205.00305. */
#ifndef WORKER_MODEL_H
#define WORKER_MODEL_H

#include "common/adapter_layout.h"
#include "jobs/settings.h"
#include "storage/encoder.h"
#include "worker/panels.h"

#include <stddef.h>
#include <stdint.h>

/* What is computed: borrowed parts, which must outlive the workspaces. */
struct model {
    const struct encoder *encoder;
    const struct adapter_layout *layout;
    enum pooling pooling;
    bool regression;             /* layout->shape.labels is 1 then */
    const struct panels *panels; /* of the encoder; NULL: none */
};

/* A split's rows of hidden numbers where the frozen part ends, in file order
 * (model_prefix()): the feed-forward input of the first adapted layer, or what the head
 * reads where none is.
 *
 * offsets  each example's first row; NULL: one row an example */
struct prefix_rows {
    const float *rows;
    const int64_t *offsets;
};

/* Whole sequences, one after the other.
 *
 * ids, types  (tokens)
 * offsets     (sequences + 1), offsets[0] = 0
 * examples    (sequences) row numbers in the split: the dropout counters' example
 * labels      (sequences) class number or value; NULL for evaluation
 * prefix      where the forward pass begins; NULL: at the ids. Only without dropout in
 *             the encoder, and with the embeddings' LayerNorm frozen */
struct microshard {
    int sequences, tokens;
    const int32_t *ids;
    const uint8_t *types;
    const int32_t *offsets;
    const uint32_t *examples;
    const float *labels;
    const struct prefix_rows *prefix;
};

/* Masks come from Philox (PHILOX_DROPOUT), counter (step, example, element / 4, place):
 * an element is kept where its word, as philox_uniform, is >= p, and scaled by 1/(1-p).
 * element: position · hidden + column (hidden places), (head · n + query) · n + key for
 * attention over n tokens, column for the head; position counts within the sequence.
 * place: 0 embeddings, 1 head, 16 + 4·layer + {0 attention probabilities, 1
 * attention.output, 2 output.dense}. */
struct dropout {
    float hidden, attention, head;
    uint32_t seed, step;
};

struct workspace;

/* Buffers for microshards of up to max_tokens tokens and max_sequences sequences, of up
 * to max_length tokens each; training also keeps what the backward pass needs. NULL
 * when out of memory. All heap use of this header is here. */
struct workspace *workspace_new(const struct model *model, int max_tokens,
                                int max_sequences, int max_length, bool training);
void workspace_free(struct workspace *ws);
size_t workspace_bytes(const struct workspace *ws); /* of all its buffers */
struct profile;
/* What is computed with it is noted there from now on, borrowed; NULL: nowhere. */
void workspace_use_profile(struct workspace *ws, struct profile *profile);

struct shifts;
/* The next forward passes write their shifts (worker/shifts.h) there, borrowed, of the
 * tokens first, first + 1, …; NULL: nowhere. */
void workspace_note_shifts(struct workspace *ws, struct shifts *shifts, int64_t first);

/* logits (sequences, labels). values: the flat vector of model->layout. */
void model_evaluate(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard, float *logits);

/* Whether a prefix has a row for each token, or one for each example. */
bool model_prefix_of_tokens(const struct model *model);

/* The frozen part only: rows (tokens or sequences, hidden). */
void model_prefix(const struct model *model, struct workspace *ws,
                  const struct microshard *shard, float *rows);

/* Forward, loss and backward.
 *
 * loss_scale  1 / examples of the whole batch
 * grad        (layout->values) overwritten with this microshard's part of the gradient
 * of the batch's mean loss logits      (sequences, labels) written; may be NULL
 *
 * Returns this microshard's part of the batch's mean loss (NaN if it overflowed). */
double model_train(const struct model *model, struct workspace *ws, const float *values,
                   const struct microshard *shard, const struct dropout *dropout,
                   float loss_scale, float *grad, float *logits);

#endif
