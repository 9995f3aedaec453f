/* Products over sequences for each head, products over heads for each sequence. */
#include "worker/first_attention.h"

#include <math.h>
#include <string.h>

/* Whole registers of any instruction set. */
static int padded(int n) { return (n + 15) / 16 * 16; }

/* The parts of scratch. */
struct scratch {
    float *p, *ds;  /* (heads, stride), one behind the other */
    float *columns; /* (tokens, padded heads) */
    float *turned;  /* (hidden, padded heads or d) */
    int stride;
};

size_t first_attention_scratch(int tokens, int hidden, int heads)
{
    size_t d = (size_t)(hidden / heads), columns = (size_t)padded(heads);

    return 2 * (size_t)heads * (size_t)padded(tokens) + (size_t)tokens * columns +
           (size_t)hidden * (columns > d ? columns : d);
}

static struct scratch scratch_of(const struct first_attention *a, int tokens)
{
    size_t rows = (size_t)a->heads * (size_t)padded(tokens);
    float *columns = a->scratch + 2 * rows;

    return (struct scratch){a->scratch, a->scratch + rows, columns,
                            columns + (size_t)tokens * (size_t)padded(a->heads),
                            padded(tokens)};
}

enum { Z, U };

/* z or u of a sequence: (heads, hidden). */
static float *part(const struct first_attention *a, int sequence, int which)
{
    return a->zu + ((ptrdiff_t)2 * sequence + which) * a->heads * a->hidden;
}

/* z or u = in (sequences, hidden) through each head's rows of w. */
static void spread(int which, const float *in, const float *w,
                   const struct first_attention *a)
{
    int d = a->hidden / a->heads;

    for (int h = 0; h < a->heads; h++)
        a->kernels->product(part(a, 0, which) + (ptrdiff_t)h * a->hidden,
                            2 * a->heads * a->hidden, in + h * d, a->hidden, 1,
                            w + (ptrdiff_t)h * d * a->hidden, a->hidden, a->sequences,
                            d, a->hidden);
}

/* out (sequences, hidden) = z or u through the same, transposed. */
static void gather(float *out, int which, const float *w,
                   const struct first_attention *a)
{
    int d = a->hidden / a->heads;
    float *turned = scratch_of(a, 0).turned;

    for (int h = 0; h < a->heads; h++) {
        a->kernels->transpose(turned, d, w + (ptrdiff_t)h * d * a->hidden, a->hidden, d,
                              a->hidden);
        a->kernels->product(
            out + h * d, a->hidden, part(a, 0, which) + (ptrdiff_t)h * a->hidden,
            2 * a->heads * a->hidden, 1, turned, d, a->sequences, a->hidden, d);
    }
}

/* out (heads, stride) = u (heads, hidden) xᵀ, by its columns: x has more rows than u.
 * Columns of padding hold whatever they hold. */
static void scores(float *out, const float *u, const float *x, int tokens,
                   const struct scratch *s, const struct first_attention *a)
{
    int columns = padded(a->heads);

    a->kernels->transpose(s->turned, columns, u, a->hidden, a->heads, a->hidden);
    a->kernels->product(s->columns, columns, x, a->hidden, 1, s->turned, columns,
                        tokens, a->hidden, columns);
    a->kernels->transpose(out, s->stride, s->columns, columns, tokens, a->heads);
}

static void drop(float *p, int sequence, int tokens, int stride,
                 const struct first_attention *a)
{
    struct dropout_at at = a->at;

    at.example = a->examples[sequence];
    for (int h = 0; a->dropout > 0 && h < a->heads; h++) {
        at.element = (uint32_t)h * (uint32_t)tokens * (uint32_t)tokens;
        a->kernels->dropout(p + (ptrdiff_t)h * stride, a->dropout, at, tokens);
    }
}

static float scale_of(const struct first_attention *a)
{
    int d = a->hidden / a->heads;

    return 1.0f / sqrtf((float)d);
}

/* One sequence, and its part of x. */
struct sequence {
    int number, begin, tokens;
    const float *x;
    struct scratch s;
};

static struct sequence sequence_of(const struct first_attention *a, int number)
{
    int begin = a->offsets[number], tokens = a->offsets[number + 1] - begin;

    return (struct sequence){number, begin, tokens, a->x + (ptrdiff_t)begin * a->hidden,
                             scratch_of(a, tokens)};
}

/* s.p before dropout */
static void probabilities(const struct sequence *q, const struct first_attention *a)
{
    scores(q->s.p, part(a, q->number, U), q->x, q->tokens, &q->s, a);
    a->kernels->softmax_forward(q->s.p, scale_of(a), a->heads, q->tokens, q->s.stride);
}

static void mix(const struct sequence *q, const struct first_attention *a)
{
    probabilities(q, a);
    drop(q->s.p, q->number, q->tokens, q->s.stride, a);
    a->kernels->product(part(a, q->number, Z), a->hidden, q->s.p, q->s.stride, 1, q->x,
                        a->hidden, a->heads, q->tokens, a->hidden);
    for (int h = 0; h < a->heads; h++) {
        float *read = &a->read[q->number * a->heads + h];

        *read = 0;
        for (int i = 0; i < q->tokens; i++)
            *read += q->s.p[h * q->s.stride + i];
    }
}

void first_attention_forward(float *ctx, const struct first_attention *a)
{
    int d = a->hidden / a->heads;

    spread(U, a->q, a->key_weight, a);
    for (int i = 0; i < a->sequences; i++) {
        struct sequence q = sequence_of(a, i);

        mix(&q, a);
    }
    gather(ctx, Z, a->value_weight, a);
    for (int i = 0; i < a->sequences; i++)
        for (int e = 0; e < a->hidden; e++)
            ctx[(ptrdiff_t)i * a->hidden + e] +=
                a->read[i * a->heads + e / d] * a->value_bias[e];
}

/* The gradient of the scores in s.ds, the dropped probabilities in s.p. */
static void scores_backward(const struct sequence *q, const float *dctx,
                            const struct first_attention *a)
{
    int d = a->hidden / a->heads, stride = q->s.stride;

    probabilities(q, a);
    scores(q->s.ds, part(a, q->number, Z), q->x, q->tokens, &q->s, a);
    for (int h = 0; h < a->heads; h++) {
        float bias = 0;

        for (int e = h * d; e < (h + 1) * d; e++)
            bias += dctx[e] * a->value_bias[e];
        for (int i = 0; i < q->tokens; i++)
            q->s.ds[h * stride + i] += bias;
    }
    drop(q->s.ds, q->number, q->tokens, stride, a);
    a->kernels->softmax_backward(q->s.ds, q->s.p, scale_of(a), a->heads, q->tokens,
                                 stride);
    drop(q->s.p, q->number, q->tokens, stride, a);
}

void first_attention_backward(float *dq, float *dx, const float *dctx,
                              const struct first_attention *a)
{
    spread(Z, dctx, a->value_weight, a);
    for (int i = 0; i < a->sequences; i++) {
        struct sequence q = sequence_of(a, i);

        scores_backward(&q, dctx + (ptrdiff_t)i * a->hidden, a);
        /* p and ds lie one behind the other, as z and u do */
        a->kernels->product(dx + (ptrdiff_t)q.begin * a->hidden, a->hidden, q.s.p, 1,
                            q.s.stride, part(a, i, Z), a->hidden, q.tokens,
                            2 * a->heads, a->hidden);
        a->kernels->product(part(a, i, U), a->hidden, q.s.ds, q.s.stride, 1, q.x,
                            a->hidden, a->heads, q.tokens, a->hidden);
    }
    gather(dq, U, a->key_weight, a);
}
