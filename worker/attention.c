/* Attention of one sequence. */
#include "worker/attention.h"

#include <math.h>
#include <string.h>

/* Rows of scratch matrices are whole registers of any instruction set apart. */
static int stride_of(int tokens) { return (tokens + 15) / 16 * 16; }

size_t attention_scratch(int tokens, int width)
{
    return (2 * (size_t)tokens + (size_t)width) * (size_t)stride_of(tokens);
}

/* One head of one sequence. */
struct head {
    const struct attention *a;
    int number, width, at; /* at: its first column in hidden */
    int stride;
    float scale;
    float *p, *ds;     /* (tokens, stride) */
    float *transposed; /* (width, stride) keys or values */
};

static struct head head_of(const struct attention *a, int number)
{
    int width = a->hidden / a->heads, stride = stride_of(a->tokens);
    float *ds = a->scratch + (size_t)a->tokens * (size_t)stride;

    return (struct head){a,
                         number,
                         width,
                         number * width,
                         stride,
                         1.0f / sqrtf((float)width),
                         a->scratch,
                         ds,
                         ds + (size_t)a->tokens * (size_t)stride};
}

static void drop(float *p, const struct head *h)
{
    const struct attention *a = h->a;
    struct dropout_at at = a->at;
    uint32_t n = (uint32_t)a->tokens;

    if (a->dropout == 0)
        return;
    for (int i = 0; i < a->tokens; i++) {
        at.element = ((uint32_t)h->number * n + (uint32_t)i) * n;
        a->kernels->dropout(p + (size_t)i * (size_t)h->stride, a->dropout, at,
                            a->tokens);
    }
}

/* s = x yᵀ for this head's columns of x (queries, hidden) and y (tokens, hidden). The
 * columns behind the last token are computed from whatever scratch holds, never read.
 */
static void scores(float *s, const float *x, const float *y, const struct head *h)
{
    const struct attention *a = h->a;

    a->kernels->transpose(h->transposed, h->stride, y + h->at, a->hidden, a->tokens,
                          h->width);
    a->kernels->product(s, h->stride, x + h->at, a->hidden, 1, h->transposed, h->stride,
                        a->tokens, h->width, h->stride);
}

static void probabilities(const struct head *h)
{
    scores(h->p, h->a->q, h->a->k, h);
    h->a->kernels->softmax_forward(h->p, h->scale, h->a->tokens, h->a->tokens,
                                   h->stride);
}

void attention_forward(float *ctx, const struct attention *a)
{
    for (int number = 0; number < a->heads; number++) {
        struct head h = head_of(a, number);

        probabilities(&h);
        drop(h.p, &h);
        a->kernels->product(ctx + h.at, a->hidden, h.p, h.stride, 1, a->v + h.at,
                            a->hidden, a->tokens, a->tokens, h.width);
    }
}

/* dv from the probabilities as dropped, then ds, the gradient of the scores. */
static void scores_backward(float *dv, const float *dctx, const struct head *h)
{
    const struct attention *a = h->a;
    const float *dropped = h->p;

    if (a->dropout > 0) {
        memcpy(h->ds, h->p, sizeof *h->p * (size_t)a->tokens * (size_t)h->stride);
        drop(h->ds, h);
        dropped = h->ds;
    }
    a->kernels->product(dv + h->at, a->hidden, dropped, 1, h->stride, dctx + h->at,
                        a->hidden, a->tokens, a->tokens, h->width);
    scores(h->ds, dctx, a->v, h);
    drop(h->ds, h);
    a->kernels->softmax_backward(h->ds, h->p, h->scale, a->tokens, a->tokens,
                                 h->stride);
}

void attention_backward(float *dq, float *dk, float *dv, const float *dctx,
                        const struct attention *a)
{
    for (int number = 0; number < a->heads; number++) {
        struct head h = head_of(a, number);

        probabilities(&h);
        scores_backward(dv, dctx, &h);
        a->kernels->product(dq + h.at, a->hidden, h.ds, h.stride, 1, a->k + h.at,
                            a->hidden, a->tokens, a->tokens, h.width);
        a->kernels->product(dk + h.at, a->hidden, h.ds, 1, h.stride, a->q + h.at,
                            a->hidden, a->tokens, a->tokens, h.width);
    }
}
