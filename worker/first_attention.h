/* Multi-head attention from first tokens only, without keys and values:
 *   u = W_kᵀ q;  P = softmax(u·x/√d);  z = Σ dropout(P) x;  ctx = W_v z + b_v Σ
 * dropout(P) for each head's rows of W_k and W_v, d of them. The same as
 * worker/attention.h with k = W_k x + b_k, v = W_v x + b_v, since q·b_k is the same for
 * all tokens of a softmax; it spares both products over all tokens. */
#ifndef WORKER_FIRST_ATTENTION_H
#define WORKER_FIRST_ATTENTION_H

#include "worker/kernels.h"

#include <stddef.h>

/* q        (sequences, hidden)  of the first tokens
 * x        (tokens, hidden)     the layer's input
 * offsets  (sequences + 1)      of the sequences in x
 * zu       (sequences, 2, heads, hidden) z, then u, which is kept from the forward pass
 *                               for the backward one; that writes over both
 * read     (sequences, heads)   Σ dropout(P)
 * dropout  probability on P; at: seed, step, place (example, element are set here)
 * scratch  first_attention_scratch() floats */
struct first_attention {
    const struct kernels *kernels;
    int sequences, hidden, heads;
    const int32_t *offsets;
    const uint32_t *examples;
    const float *q, *x;
    const float *key_weight, *value_weight, *value_bias;
    float *zu, *read;
    float dropout;
    struct dropout_at at;
    float *scratch;
};

/* For sequences of up to tokens tokens. */
size_t first_attention_scratch(int tokens, int hidden, int heads);

/* ctx (sequences, hidden) written. */
void first_attention_forward(float *ctx, const struct first_attention *a);

/* dq (sequences, hidden), dx (tokens, hidden) written; dx without what goes through q.
 */
void first_attention_backward(float *dq, float *dx, const float *dctx,
                              const struct first_attention *a);

#endif
