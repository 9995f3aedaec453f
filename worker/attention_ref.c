#include "worker/kernels_ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void softmax_forward_ref(double *p, const double *s, double scale, int rows, int n)
{
    for (int r = 0; r < rows; r++) {
        double sum = 0;

        for (int i = 0; i < n; i++)
            sum += exp(scale * s[r * n + i]);
        for (int i = 0; i < n; i++)
            p[r * n + i] = exp(scale * s[r * n + i]) / sum;
    }
}

void softmax_backward_ref(double *ds, const double *dp, const double *p, double scale,
                          int rows, int n)
{
    for (int r = 0; r < rows; r++) {
        double sum = 0;

        for (int i = 0; i < n; i++)
            sum += p[r * n + i] * dp[r * n + i];
        for (int i = 0; i < n; i++)
            ds[r * n + i] = scale * p[r * n + i] * (dp[r * n + i] - sum);
    }
}

/* p (queries, tokens) of one head, before dropout */
static void probabilities(double *p, const struct attention_ref *a, int head)
{
    int d = a->hidden / a->heads;

    for (int i = 0; i < a->queries; i++)
        for (int j = 0; j < a->tokens; j++) {
            p[i * a->tokens + j] = 0;
            for (int e = head * d; e < (head + 1) * d; e++)
                p[i * a->tokens + j] +=
                    a->q[i * a->hidden + e] * a->k[j * a->hidden + e];
        }
    softmax_forward_ref(p, p, 1 / sqrt(d), a->queries, a->tokens);
}

static double mask_at(const struct attention_ref *a, int head, int i, int j)
{
    return a->mask ? a->mask[(head * a->queries + i) * a->tokens + j] : 1;
}

static double *new_matrix(const struct attention_ref *a)
{
    return malloc(sizeof(double) * (size_t)a->queries * (size_t)a->tokens);
}

void attention_forward_ref(double *ctx, const struct attention_ref *a)
{
    int d = a->hidden / a->heads;
    double *p = new_matrix(a);

    memset(ctx, 0, sizeof *ctx * (size_t)a->queries * (size_t)a->hidden);
    for (int head = 0; head < a->heads; head++) {
        probabilities(p, a, head);
        for (int i = 0; i < a->queries; i++)
            for (int j = 0; j < a->tokens; j++)
                for (int e = head * d; e < (head + 1) * d; e++)
                    ctx[i * a->hidden + e] += p[i * a->tokens + j] *
                                              mask_at(a, head, i, j) *
                                              a->v[j * a->hidden + e];
    }
    free(p);
}

/* dp, and what it adds to dv. */
static void values_backward(double *dp, double *dv, const double *p, const double *dctx,
                            const struct attention_ref *a, int head)
{
    int d = a->hidden / a->heads;

    for (int i = 0; i < a->queries; i++)
        for (int j = 0; j < a->tokens; j++) {
            double mask = mask_at(a, head, i, j);

            dp[i * a->tokens + j] = 0;
            for (int e = head * d; e < (head + 1) * d; e++) {
                double dc = dctx[i * a->hidden + e] * mask;

                dp[i * a->tokens + j] += dc * a->v[j * a->hidden + e];
                dv[j * a->hidden + e] += dc * p[i * a->tokens + j];
            }
        }
}

static void scores_backward(double *dq, double *dk, const double *ds,
                            const struct attention_ref *a, int head)
{
    int d = a->hidden / a->heads;

    for (int i = 0; i < a->queries; i++)
        for (int j = 0; j < a->tokens; j++)
            for (int e = head * d; e < (head + 1) * d; e++) {
                dq[i * a->hidden + e] +=
                    ds[i * a->tokens + j] * a->k[j * a->hidden + e];
                dk[j * a->hidden + e] +=
                    ds[i * a->tokens + j] * a->q[i * a->hidden + e];
            }
}

void attention_backward_ref(double *dq, double *dk, double *dv, const double *dctx,
                            const struct attention_ref *a)
{
    size_t size = sizeof *dq * (size_t)a->hidden;
    double *p = new_matrix(a), *ds = new_matrix(a);
    int head_size = a->hidden / a->heads;

    memset(dq, 0, size * (size_t)a->queries);
    memset(dk, 0, size * (size_t)a->tokens);
    memset(dv, 0, size * (size_t)a->tokens);
    for (int head = 0; head < a->heads; head++) {
        probabilities(p, a, head);
        values_backward(ds, dv, p, dctx, a, head);
        softmax_backward_ref(ds, ds, p, 1 / sqrt(head_size), a->queries, a->tokens);
        scores_backward(dq, dk, ds, a, head);
    }
    free(ds);
    free(p);
}
