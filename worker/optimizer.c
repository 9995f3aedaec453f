/* Element by element in float, with per-step constants computed in double; a vector of
 * any width gives the same bits. */
#include "worker/optimizer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

int optimizer_init(struct optimizer *o, const struct adapter_layout *layout,
                   const struct settings *settings, struct error *err)
{
    size_t n = (size_t)layout->values;

    *o = (struct optimizer){.layout = layout, .settings = settings};
    o->moment1 = calloc(n, sizeof *o->moment1);
    o->moment2 = calloc(n, sizeof *o->moment2);
    if (o->moment1 && o->moment2)
        return 0;
    optimizer_clear(o);
    return error_set(err, ERR_MEMORY, "out of memory");
}

void optimizer_clear(struct optimizer *o)
{
    free(o->moment1);
    free(o->moment2);
    *o = (struct optimizer){0};
}

double optimizer_clip(float *grad, int64_t values, double clip_norm)
{
    double squares = 0, norm, scale;

    for (int64_t i = 0; i < values; i++)
        squares += (double)grad[i] * (double)grad[i];
    norm = sqrt(squares);
    scale = clip_norm / (norm + 1e-6);
    if (clip_norm > 0 && isfinite(norm) && scale < 1)
        for (int64_t i = 0; i < values; i++)
            grad[i] *= (float)scale;
    return norm;
}

static bool is_head(const struct adapter_tensor *t)
{
    return t->kind == ADAPTER_HEAD_WEIGHT || t->kind == ADAPTER_HEAD_BIAS;
}

static double decay_of(const struct settings *s, const struct adapter_tensor *t)
{
    switch (t->kind) {
    case ADAPTER_ALPHA_WEIGHT:
    case ADAPTER_HEAD_WEIGHT:
        return s->weight_decay;
    case ADAPTER_V:
        return s->decay_v ? s->weight_decay : 0;
    case ADAPTER_HEAD_BIAS:
        return s->decay_head_bias ? s->weight_decay : 0;
    default:
        return 0;
    }
}

/* Constants of one tensor's update. */
struct update {
    float beta1, beta2, rest1, rest2; /* rest: 1 - beta */
    float shrink;                     /* 1 - lr·decay */
    float rate;                       /* lr / (1 - beta1^t) */
    float root;                       /* sqrt(1 - beta2^t) */
    float eps;
};

static void update_tensor(float *restrict x, float *restrict m, float *restrict u,
                          const float *restrict g, int64_t n, const struct update *c)
{
    const struct update k = *c;

    for (int64_t i = 0; i < n; i++) {
        m[i] = k.beta1 * m[i] + k.rest1 * g[i];
        u[i] = k.beta2 * u[i] + k.rest2 * (g[i] * g[i]);
        x[i] = x[i] * k.shrink - k.rate * (m[i] / (sqrtf(u[i]) / k.root + k.eps));
    }
}

void optimizer_step(struct optimizer *o, float *values, const float *grad, int64_t step,
                    double factor)
{
    const struct settings *s = o->settings;
    double head = s->head_learning_rate > 0 ? s->head_learning_rate : s->learning_rate;
    struct update c = {
        .beta1 = (float)s->beta1,
        .beta2 = (float)s->beta2,
        .rest1 = (float)(1 - s->beta1),
        .rest2 = (float)(1 - s->beta2),
        .root = (float)sqrt(1 - pow(s->beta2, (double)step)),
        .eps = (float)s->eps,
    };

    for (int i = 0; i < o->layout->count; i++) {
        const struct adapter_tensor *t = &o->layout->tensors[i];
        double rate = factor * (is_head(t) ? head : s->learning_rate);

        c.shrink = (float)(1 - rate * decay_of(s, t));
        c.rate = (float)(rate / (1 - pow(s->beta1, (double)step)));
        update_tensor(values + t->offset, o->moment1 + t->offset,
                      o->moment2 + t->offset, grad + t->offset, adapter_tensor_size(t),
                      &c);
    }
}
