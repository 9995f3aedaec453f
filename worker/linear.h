/* Matrix products with the encoder's frozen matrices: y = x Wᵀ and its input gradient.
 *
 * x, y, dx, dy  (rows, in) or (rows, out), row-major float32
 * w             (out, in), rows stride apart: a matrix of the checkpoint or a part of
 * one add           the product is added to y or dx rather than written
 *
 * By the instruction set's own kernel, whose rows have bits of their own; where there
 * is none, by OpenBLAS, single-threaded by its environment. Biases are added by the
 * kernels that read y. No gradient of w exists. */
#ifndef WORKER_LINEAR_H
#define WORKER_LINEAR_H

#include "worker/bf16.h"
#include "worker/kernels.h"

#include <stdbool.h>

struct linear {
    const float *w;
    int stride;
    struct packed_matrix forward,
        backward; /* wᵀ and w in panels, where there are any */
    /* The same in bfloat16; where they are there, they are what is computed with. */
    struct bf16_matrix forward_bf16, backward_bf16;
};

/* The part from row out and column in on; both multiples of FFN_BLOCK, or 0. */
struct linear linear_part(const struct linear *whole, int out, int in);

/* room: for x rounded, (rows, bf16_padded(in)); not used without bfloat16. */
void linear_forward(const struct kernels *kernels, float *y, const float *x,
                    const struct linear *m, bool add, int rows, int in, int out,
                    uint16_t *room);

/* dx = dy W; room: (rows, bf16_padded(out)) */
void linear_backward(const struct kernels *kernels, float *dx, const float *dy,
                     const struct linear *m, bool add, int rows, int in, int out,
                     uint16_t *room);

#endif
