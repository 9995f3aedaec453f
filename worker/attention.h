/* Multi-head attention of one sequence, each head on its own:
 *   P = softmax(q kᵀ/√d);  ctx = dropout(P) v,  d = hidden/heads
 *
 * The probabilities are not kept: the backward pass computes them again in scratch that
 * stays in the processor's cache. */
#ifndef WORKER_ATTENTION_H
#define WORKER_ATTENTION_H

#include "worker/kernels.h"

#include <stddef.h>

/* q, k, v       (tokens, hidden)
 * dropout       probability on P; at: seed, step, example, place (element is set here)
 * scratch       attention_scratch() floats */
struct attention {
    const struct kernels *kernels;
    int tokens, hidden, heads;
    const float *q, *k, *v;
    float dropout;
    struct dropout_at at;
    float *scratch;
};

/* For sequences of up to tokens tokens and heads of width numbers. */
size_t attention_scratch(int tokens, int width);

/* ctx (tokens, hidden) written. */
void attention_forward(float *ctx, const struct attention *a);

/* dq, dk, dv (tokens, hidden) written. */
void attention_backward(float *dq, float *dk, float *dv, const float *dctx,
                        const struct attention *a);

#endif
