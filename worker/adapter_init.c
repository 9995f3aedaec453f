#include "worker/adapter_init.h"

#include "common/philox.h"

#include <math.h>
#include <string.h>

static void draw(uint32_t x[4], const struct adapter_tensor *t, int64_t element,
                 uint32_t seed)
{
    philox(x, seed, PHILOX_INIT, (uint32_t)t->kind, (uint32_t)(t->layer + 1),
           (uint32_t)(element / 4), 0);
}

static void fill_uniform(float *out, const struct adapter_tensor *t, int ffn,
                         uint32_t seed)
{
    int64_t n = adapter_tensor_size(t);
    uint32_t x[4];

    for (int64_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            draw(x, t, i, seed);
        out[i] =
            (float)((2.0 * (double)philox_uniform(x[i % 4]) - 1) / sqrt((double)ffn));
    }
}

static void normal_pair(double out[2], uint32_t a, uint32_t b)
{
    double u = ((double)a + 0.5) * 0x1p-32, w = ((double)b + 0.5) * 0x1p-32;
    double r = sqrt(-2 * log(u));

    out[0] = r * cos(2 * M_PI * w);
    out[1] = r * sin(2 * M_PI * w);
}

static void fill_normal(float *out, const struct adapter_tensor *t, double deviation,
                        uint32_t seed)
{
    int64_t n = adapter_tensor_size(t);
    double pairs[4];
    uint32_t x[4];

    for (int64_t i = 0; i < n; i++) {
        if (i % 4 == 0) {
            draw(x, t, i, seed);
            normal_pair(pairs, x[0], x[1]);
            normal_pair(pairs + 2, x[2], x[3]);
        }
        out[i] = (float)(deviation * pairs[i % 4]);
    }
}

static const float *layernorm_of(const struct encoder *encoder,
                                 const struct adapter_tensor *t)
{
    const struct encoder_layer *l = t->layer < 0 ? NULL : &encoder->layers[t->layer];
    bool weight = t->kind == ADAPTER_LN_WEIGHT;

    if (!l)
        return weight ? encoder->embeddings_ln_weight : encoder->embeddings_ln_bias;
    if (t->place == PLACE_ATTENTION)
        return weight ? l->attention_ln_weight : l->attention_ln_bias;
    return weight ? l->output_ln_weight : l->output_ln_bias;
}

void adapter_init(float *values, const struct adapter_layout *layout,
                  const struct encoder *encoder, uint32_t seed)
{
    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];
        size_t size = (size_t)adapter_tensor_size(t) * sizeof *values;
        float *out = values + t->offset;

        switch (t->kind) {
        case ADAPTER_ALPHA_WEIGHT:
        case ADAPTER_ALPHA_BIAS:
            fill_uniform(out, t, layout->shape.ffn, seed);
            break;
        case ADAPTER_HEAD_WEIGHT:
            fill_normal(out, t, (double)encoder->config.initializer_range, seed);
            break;
        case ADAPTER_LN_WEIGHT:
        case ADAPTER_LN_BIAS:
            memcpy(out, layernorm_of(encoder, t), size);
            break;
        default:
            memset(out, 0, size);
        }
    }
}
