/* Kernels that are not matrix products, for the instruction set of this machine.
 *
 * Matrices are row-major float32 without padding between rows. Nothing here allocates
 * or can fail; a NaN that goes in comes out. Sums have a fixed order. Unless said
 * otherwise, arguments do not overlap. Each has a reference in double (kernels_ref.h).
 */
#ifndef WORKER_KERNELS_H
#define WORKER_KERNELS_H

#include "common/error.h"
#include "storage/encoder.h"

#include <stdbool.h>
#include <stdint.h>

/* y[r] += bias for each of rows rows of n. */
typedef void bias_add_fn(float *y, const float *bias, int rows, int n);

/* The feed-forward activation and the adapter's L_α on it, for n of the ffn columns:
 *   h = act(pre + bias);  alpha[r] += h[r]·w
 *
 * pre    (rows, n)  a matrix product, kept for the backward pass
 * h      (rows, n)  may be pre itself
 * bias   (n)
 * w      (n)        NULL: no adapter, alpha is not touched
 * alpha  (rows)
 *
 * gelu is x·Φ(x) with erf, gelu_new its tanh form, as in transformers. */
typedef void activation_forward_fn(enum activation act, const float *pre, float *h,
                                   const float *bias, const float *w, float *alpha,
                                   int rows, int n);

/* Backward of the same:
 *   dw += Σ dalpha[r]·h[r];  dh = (dh + dalpha·w)·act'(pre + bias)
 *
 * dh      (rows, n)  gradient of h from the matrix product, becomes that of pre; NULL:
 *                    only dw is wanted
 * dalpha  (rows)     gradient of alpha
 * w, dw   (n)        NULL: no adapter */
typedef void activation_backward_fn(enum activation act, float *dh, const float *pre,
                                    const float *bias, const float *dalpha,
                                    const float *w, float *dw, int rows, int n);

/* A LayerNorm over the sum of a block's output, the residual and the adapter's shift.
 */
struct norm_forward {
    float *out;        /* (rows, n); may be residual */
    float *normed;     /* (rows, n) before gamma and beta, for the backward pass */
    float *scale;      /* (rows) 1/√(variance + eps), likewise; both NULL: not kept */
    const float *x;    /* (rows, n) */
    const float *bias; /* (n) added to x; NULL: none */
    const float *residual; /* (rows, n); NULL: none */
    const float *alpha;    /* (rows), with shift: alpha·shift is added; NULL: none */
    const float *shift;    /* (n) */
    const float *gamma, *beta; /* (n) */
    float eps;
};
typedef void norm_forward_fn(const struct norm_forward *a, int rows, int n);

/* Backward of the same; dx is the gradient of the sum, so of x, bias and residual. */
struct norm_backward {
    float *dx; /* (rows, n); may be dout; NULL: only dgamma and dbeta are wanted */
    const float *dout, *normed, *scale, *gamma;
    float *dgamma, *dbeta;      /* added to; NULL: frozen */
    const float *alpha, *shift; /* NULL: no adapter */
    float *dalpha;              /* (rows) written: dx·shift */
    float *dshift;              /* (n) added to: Σ alpha·dx */
};
typedef void norm_backward_fn(const struct norm_backward *a, int rows, int n);

/* Softmax of scale·s in place over each row's n columns; rows lie stride apart. */
typedef void softmax_forward_fn(float *s, float scale, int rows, int n, int stride);

/* ds = scale·p·(dp - Σ p·dp), written over dp. */
typedef void softmax_backward_fn(float *dp, const float *p, float scale, int rows,
                                 int n, int stride);

/* c = A b for small matrices, A(r, s) = a[r·a_row + s·a_col], so also of a transposed
 * A.
 *
 * c  (rows, columns), rows ldc apart
 * b  (inner, columns), rows ldb apart */
typedef void product_fn(float *c, int ldc, const float *a, int a_row, int a_col,
                        const float *b, int ldb, int rows, int inner, int columns);

/* out (columns, rows) = in (rows, columns) transposed. */
typedef void transpose_fn(float *out, int ldo, const float *in, int ldi, int rows,
                          int columns);

/* A whole matrix laid out in panels beforehand: its rows k in chunks of `chunk` (the
 * last may be shorter); in a chunk its columns in panels of panel_width, the last
 * filled up with zeros; in a panel row after row. */
struct packed_matrix {
    const float *panels; /* NULL: there is none */
    int chunk, columns;
    int k, j; /* where the part that is meant begins; k a multiple of chunk, j of
                 panel_width */
};

/* A large matrix B: B(k, j) = at[k·stride + j], or at[j·stride + k] if transposed. */
struct panel_matrix {
    const float *at;
    int stride;
    bool transposed;
    struct packed_matrix packed; /* of the same numbers */
};

/* y = x B, or y += x B with add, for frozen matrices; the same bits with and without
 * packed panels.
 *
 * x (rows, inner), y (rows, columns), without padding between rows */
typedef void panel_product_fn(float *y, const float *x, const struct panel_matrix *b,
                              bool add, int rows, int inner, int columns);

/* Lays out all of B (inner, columns), b->packed ignored, with chunks of chunk rows:
 * out (inner, columns rounded up to panel_width). */
typedef void panel_pack_fn(float *out, const struct panel_matrix *b, int chunk,
                           int inner, int columns);

/* Where in a trial a row of random masks lies: worker/model.h. */
struct dropout_at {
    uint32_t seed, step, example, place;
    uint32_t element; /* of the row's first column */
};

/* x = 0 with probability p, else x/(1-p), for n columns of one row. */
typedef void dropout_fn(float *x, float p, struct dropout_at at, int n);

struct kernels {
    const char *name; /* of the instruction set */
    bias_add_fn *bias_add;
    activation_forward_fn *activation_forward;
    activation_backward_fn *activation_backward;
    norm_forward_fn *norm_forward;
    norm_backward_fn *norm_backward;
    softmax_forward_fn *softmax_forward;
    softmax_backward_fn *softmax_backward;
    product_fn *product;
    transpose_fn *transpose;
    panel_product_fn *panel_product; /* NULL: OpenBLAS instead */
    panel_pack_fn *panel_pack;
    int panel_width, panel_depth; /* the most rows of a chunk */
    dropout_fn *dropout;
};

/* Those of the instruction set that $SHIFTWORK_ISA names, "avx512", "avx2" or
 * "portable"; the best that this processor can run where it is unset or empty, and
 * where kernels_check() refuses it. Read once: always the same within a process. */
const struct kernels *kernels_get(void);

/* ERR_INPUT: $SHIFTWORK_ISA names what this processor cannot run, or nothing at all. */
int kernels_check(struct error *err);

/* By this name; NULL: there is none that it can run. Of none or "" the best. */
const struct kernels *kernels_named(const char *isa);

/* Number i of those that it can run, from the plainest; NULL past the last. */
const struct kernels *kernels_available(int i);

#endif
