/* References in double: the formulas in plain loops, linked only by tests.
 *
 * Arguments as in kernels.h, attention.h, pooling.h and loss.h; gradients are written,
 * not added to, unless said otherwise. */
#ifndef WORKER_KERNELS_REF_H
#define WORKER_KERNELS_REF_H

#include "storage/encoder.h"

#include <stdbool.h>

/* y = x Wᵀ and dx = dy W. */
void linear_forward_ref(double *y, const double *x, const double *w, int rows, int in,
                        int out);
void linear_backward_ref(double *dx, const double *dy, const double *w, int rows,
                         int in, int out);

/* h = act(x + bias), alpha = h·w + b. */
void activation_forward_ref(enum activation act, double *h, double *alpha,
                            const double *x, const double *bias, const double *w,
                            double b, int rows, int ffn);
/* Of h and alpha: dx, dw, db. */
void activation_backward_ref(enum activation act, double *dx, double *dw, double *db,
                             const double *dh, const double *dalpha, const double *x,
                             const double *bias, const double *w, int rows, int ffn);

/* out = gamma·(s - mean)/√(variance + eps) + beta with s = x + bias + residual +
 * alpha·shift. */
struct norm_ref {
    const double *x, *bias, *residual, *alpha, *shift, *gamma, *beta;
    double eps;
    int rows, n;
};
void norm_forward_ref(double *out, const struct norm_ref *a);
void norm_backward_ref(double *dx, double *dgamma, double *dbeta, double *dalpha,
                       double *dshift, const double *dout, const struct norm_ref *a);

void softmax_forward_ref(double *p, const double *s, double scale, int rows, int n);
void softmax_backward_ref(double *ds, const double *dp, const double *p, double scale,
                          int rows, int n);

/* One sequence. mask (heads, queries, tokens): 0 or 1/(1-p); NULL: no dropout. */
struct attention_ref {
    int tokens, queries, hidden, heads;
    const double *q, *k, *v, *mask;
};
void attention_forward_ref(double *ctx, const struct attention_ref *a);
void attention_backward_ref(double *dq, double *dk, double *dv, const double *dctx,
                            const struct attention_ref *a);

void pooling_mean_forward_ref(double *out, const double *state, int tokens, int n);
void pooling_mean_backward_ref(double *dstate, const double *dout, int tokens, int n);

/* Of one row. */
double loss_ref(double *dlogits, const double *logits, double label, int labels,
                bool regression);

#endif
