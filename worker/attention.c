/* Attention of one sequence. */
#include "worker/attention.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static int stride_of(int tokens) { return (tokens + 15) / 16 * 16; }

size_t attention_scratch(int tokens)
{
    return 2 * (size_t)tokens * (size_t)stride_of(tokens);
}

static void drop(float *p, const struct attention *a, int head)
{
    struct dropout_at at = a->at;
    uint32_t n = (uint32_t)a->tokens;

    if (a->dropout == 0)
        return;
    for (int i = 0; i < a->queries; i++) {
        at.element = ((uint32_t)head * n + (uint32_t)i) * n;
        a->kernels->dropout(p + (size_t)i * (size_t)stride_of(a->tokens), a->dropout,
                            at, a->tokens);
    }
}

/* p (queries, tokens) = softmax(q kᵀ/√d) of one head */
static void probabilities(float *p, const struct attention *a, int head)
{
    int d = a->hidden / a->heads, stride = stride_of(a->tokens);

    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, a->queries, a->tokens, d, 1,
                a->q + head * d, a->hidden, a->k + head * d, a->hidden, 0, p, stride);
    a->kernels->softmax_forward(p, 1.0f / sqrtf((float)d), a->queries, a->tokens,
                                stride);
}

void attention_forward(float *ctx, const struct attention *a)
{
    int d = a->hidden / a->heads, stride = stride_of(a->tokens);

    for (int head = 0; head < a->heads; head++) {
        probabilities(a->scratch, a, head);
        drop(a->scratch, a, head);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, a->queries, d, a->tokens,
                    1, a->scratch, stride, a->v + head * d, a->hidden, 0,
                    ctx + head * d, a->hidden);
    }
}

/* From p: dv, then the gradient of the scores in ds. */
static void scores_backward(float *ds, float *dv, const float *p, const float *dctx,
                            const struct attention *a, int head)
{
    int d = a->hidden / a->heads, stride = stride_of(a->tokens);

    memcpy(ds, p, sizeof *p * (size_t)a->queries * (size_t)stride);
    drop(ds, a, head);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, a->tokens, d, a->queries, 1,
                ds, stride, dctx + head * d, a->hidden, 0, dv + head * d, a->hidden);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, a->queries, a->tokens, d, 1,
                dctx + head * d, a->hidden, a->v + head * d, a->hidden, 0, ds, stride);
    drop(ds, a, head);
    a->kernels->softmax_backward(ds, p, 1.0f / sqrtf((float)d), a->queries, a->tokens,
                                 stride);
}

void attention_backward(float *dq, float *dk, float *dv, const float *dctx,
                        const struct attention *a)
{
    int d = a->hidden / a->heads, stride = stride_of(a->tokens);
    float *p = a->scratch;
    float *ds = p + (size_t)a->tokens * (size_t)stride;

    for (int head = 0; head < a->heads; head++) {
        probabilities(p, a, head);
        scores_backward(ds, dv, p, dctx, a, head);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, a->queries, d, a->tokens,
                    1, ds, stride, a->k + head * d, a->hidden, 0, dq + head * d,
                    a->hidden);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, a->tokens, d, a->queries,
                    1, ds, stride, a->q + head * d, a->hidden, 0, dk + head * d,
                    a->hidden);
    }
}
