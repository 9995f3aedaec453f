/* Pooling, classifier and loss. */
#include "worker/linear.h"
#include "worker/loss.h"
#include "worker/pooling.h"
#include "worker/workspace.h"

#include <math.h>
#include <string.h>

void pool_forward(const struct model *model, struct workspace *ws,
                  const struct microshard *shard)
{
    const struct encoder *e = model->encoder;
    int hidden = e->config.hidden, count = shard->sequences * hidden;

    switch (model->pooling) {
    case POOLING_MEAN:
        for (int s = 0; s < shard->sequences; s++)
            pooling_mean_forward(ws->pooled + (size_t)s * (size_t)hidden,
                                 ws->state + (size_t)shard->offsets[s] * (size_t)hidden,
                                 shard->offsets[s + 1] - shard->offsets[s], hidden);
        break;
    case POOLING_CLS:
        memcpy(ws->pooled, ws->state, sizeof(float) * (size_t)count);
        break;
    case POOLING_POOLER:
        linear_forward(ws->kernels, ws->pooled, ws->state,
                       &(struct linear){.w = e->pooler_weight, .stride = hidden}, false,
                       shard->sequences, hidden, hidden, NULL);
        ws->kernels->bias_add(ws->pooled, e->pooler_bias, shard->sequences, hidden);
        for (int i = 0; i < count; i++)
            ws->pooled[i] = tanhf(ws->pooled[i]);
        if (ws->training)
            memcpy(ws->tanh_out, ws->pooled, sizeof(float) * (size_t)count);
        break;
    }
}

/* The classifier's dropout in place on (sequences, hidden). */
static void head_dropout(const struct workspace *ws, float *x,
                         const struct microshard *shard, const struct dropout *dropout,
                         int hidden)
{
    if (!dropout || dropout->head == 0)
        return;
    for (int s = 0; s < shard->sequences; s++)
        ws->kernels->dropout(x + (size_t)s * (size_t)hidden, dropout->head,
                             (struct dropout_at){dropout->seed, dropout->step,
                                                 shard->examples[s], DROPOUT_HEAD, 0},
                             hidden);
}

void head_forward(const struct model *model, struct workspace *ws, const float *values,
                  const struct microshard *shard, const struct dropout *dropout)
{
    int hidden = model->encoder->config.hidden, labels = model->layout->shape.labels;

    if (shard->prefix && ws->lowest == model->encoder->config.layers)
        prefix_gather(model, shard, ws->pooled);
    else
        pool_forward(model, ws, shard);
    head_dropout(ws, ws->pooled, shard, dropout, hidden);
    linear_forward(ws->kernels, ws->logits, ws->pooled,
                   &(struct linear){.w = values + ws->head_weight, .stride = hidden},
                   false, shard->sequences, hidden, labels, NULL);
    ws->kernels->bias_add(ws->logits, values + ws->head_bias, shard->sequences, labels);
}

static double loss(const struct model *model, struct workspace *ws,
                   const struct microshard *shard, double scale)
{
    int labels = model->layout->shape.labels;
    double total = 0;

    for (int s = 0; s < shard->sequences; s++) {
        const float *logits = ws->logits + (size_t)s * (size_t)labels;
        float *dlogits = ws->dlogits + (size_t)s * (size_t)labels;

        total += model->regression
                     ? loss_squared(dlogits, logits[0], shard->labels[s], scale)
                     : loss_cross_entropy(dlogits, logits, (int)shard->labels[s],
                                          labels, scale);
    }
    return isfinite(total) ? total : NAN;
}

static void classifier_gradient(const struct workspace *ws,
                                const struct microshard *shard, int hidden, int labels,
                                float *grad)
{
    for (int s = 0; s < shard->sequences; s++)
        for (int j = 0; j < labels; j++) {
            float d = ws->dlogits[s * labels + j];
            const float *x = ws->pooled + (size_t)s * (size_t)hidden;
            float *dw = grad + ws->head_weight + (int64_t)j * hidden;

            grad[ws->head_bias + j] += d;
            for (int i = 0; i < hidden; i++)
                dw[i] += d * x[i];
        }
}

/* ws->dpooled to ws->dstate. */
static void pool_backward(const struct model *model, struct workspace *ws,
                          const struct microshard *shard)
{
    const struct encoder *e = model->encoder;
    int hidden = e->config.hidden, count = shard->sequences * hidden;
    float *out = ws->dstate;

    switch (model->pooling) {
    case POOLING_MEAN:
        for (int s = 0; s < shard->sequences; s++)
            pooling_mean_backward(out + (size_t)shard->offsets[s] * (size_t)hidden,
                                  ws->dpooled + (size_t)s * (size_t)hidden,
                                  shard->offsets[s + 1] - shard->offsets[s], hidden);
        break;
    case POOLING_CLS:
        memcpy(out, ws->dpooled, sizeof(float) * (size_t)count);
        break;
    case POOLING_POOLER:
        for (int i = 0; i < count; i++)
            ws->dpooled[i] *= 1 - ws->tanh_out[i] * ws->tanh_out[i];
        linear_backward(ws->kernels, out, ws->dpooled,
                        &(struct linear){.w = e->pooler_weight, .stride = hidden},
                        false, shard->sequences, hidden, hidden, NULL);
        break;
    }
}

double head_backward(const struct model *model, struct workspace *ws,
                     const float *values, const struct microshard *shard,
                     const struct dropout *dropout, float loss_scale, float *grad)
{
    int hidden = model->encoder->config.hidden, labels = model->layout->shape.labels;
    double total = loss(model, ws, shard, loss_scale);

    classifier_gradient(ws, shard, hidden, labels, grad);
    if (ws->lowest == model->encoder->config.layers)
        return total;
    linear_backward(ws->kernels, ws->dpooled, ws->dlogits,
                    &(struct linear){.w = values + ws->head_weight, .stride = hidden},
                    false, shard->sequences, hidden, labels, NULL);
    head_dropout(ws, ws->dpooled, shard, dropout, hidden);
    pool_backward(model, ws, shard);
    return total;
}
