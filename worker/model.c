/* One microshard: encoder and head, forward alone or with loss and backward. */
#include "worker/model.h"

#include "worker/workspace.h"

#include <assert.h>
#include <string.h>

static void check(const struct model *model, const struct workspace *ws,
                  const struct microshard *shard)
{
    assert(shard->sequences > 0 && shard->sequences <= ws->max_sequences);
    assert(shard->tokens <= ws->max_tokens);
    assert(shard->offsets[shard->sequences] == shard->tokens);
    assert(model->pooling != POOLING_POOLER || model->encoder->pooler_weight);
    (void)model, (void)ws, (void)shard;
}

static void copy_logits(const struct model *model, const struct workspace *ws,
                        const struct microshard *shard, float *logits)
{
    memcpy(logits, ws->logits,
           sizeof *logits * (size_t)shard->sequences *
               (size_t)model->layout->shape.labels);
}

void model_evaluate(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard, float *logits)
{
    check(model, ws, shard);
    encoder_forward(model, ws, values, shard, NULL);
    head_forward(model, ws, values, shard, NULL);
    copy_logits(model, ws, shard, logits);
}

double model_train(const struct model *model, struct workspace *ws, const float *values,
                   const struct microshard *shard, const struct dropout *dropout,
                   float loss_scale, float *grad, float *logits)
{
    double total;

    check(model, ws, shard);
    assert(ws->training);
    memset(grad, 0, sizeof *grad * (size_t)model->layout->values);
    encoder_forward(model, ws, values, shard, dropout);
    head_forward(model, ws, values, shard, dropout);
    if (logits)
        copy_logits(model, ws, shard, logits);
    total = head_backward(model, ws, values, shard, dropout, loss_scale, grad);
    if (ws->lowest < model->encoder->config.layers)
        encoder_backward(model, ws, values, shard, dropout, grad);
    return total;
}
