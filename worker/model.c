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
    assert(!shard->prefix || !ws->through);
    (void)model, (void)ws, (void)shard;
}

static void copy_logits(const struct model *model, const struct workspace *ws,
                        const struct microshard *shard, float *logits)
{
    memcpy(logits, ws->logits,
           sizeof *logits * (size_t)shard->sequences *
               (size_t)model->layout->shape.labels);
}

/* Operations of the pooler and of the classifier. */
static double pooler_product(const struct model *model, const struct microshard *shard)
{
    int hidden = model->encoder->config.hidden;

    return model->pooling == POOLING_POOLER
               ? profile_product(shard->sequences, hidden, hidden)
               : 0;
}

static double classifier_product(const struct model *model,
                                 const struct microshard *shard)
{
    return profile_product(shard->sequences, model->encoder->config.hidden,
                           model->layout->shape.labels);
}

static void forward(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard,
                    const struct dropout *dropout)
{
    encoder_forward(model, ws, values, shard, dropout);
    head_forward(model, ws, values, shard, dropout);
    profile_mark(ws->profile, PHASE_HEAD,
                 pooler_product(model, shard) + classifier_product(model, shard));
}

/* Returns the loss; deeper: the encoder has trained tensors. */
static double backward_head(const struct model *model, struct workspace *ws,
                            const float *values, const struct microshard *shard,
                            const struct dropout *dropout, float loss_scale,
                            float *grad, bool deeper)
{
    double loss = head_backward(model, ws, values, shard, dropout, loss_scale, grad);
    double classifier = classifier_product(model, shard);

    profile_mark(ws->profile, PHASE_HEAD_BACK,
                 classifier + (deeper ? classifier + pooler_product(model, shard) : 0));
    return loss;
}

void model_evaluate(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard, float *logits)
{
    check(model, ws, shard);
    forward(model, ws, values, shard, NULL);
    copy_logits(model, ws, shard, logits);
}

bool model_prefix_of_tokens(const struct model *model)
{
    int layers = model->encoder->config.layers,
        lowest = model->layout->shape.first_layer;

    return lowest < layers - (model->pooling != POOLING_MEAN);
}

void model_prefix(const struct model *model, struct workspace *ws,
                  const struct microshard *shard, float *rows)
{
    bool head_only = ws->lowest == model->encoder->config.layers;
    size_t hidden = (size_t)model->encoder->config.hidden;
    int count = model_prefix_of_tokens(model) ? shard->tokens : shard->sequences;

    check(model, ws, shard);
    assert(!ws->through && !shard->prefix);
    prefix_forward(model, ws, NULL, shard, NULL);
    if (head_only)
        pool_forward(model, ws, shard);
    memcpy(rows, head_only ? ws->pooled : ws->between,
           sizeof *rows * (size_t)count * hidden);
}

double model_train(const struct model *model, struct workspace *ws, const float *values,
                   const struct microshard *shard, const struct dropout *dropout,
                   float loss_scale, float *grad, float *logits)
{
    bool deeper = ws->lowest < model->encoder->config.layers;
    double total;

    check(model, ws, shard);
    assert(ws->training);
    memset(grad, 0, sizeof *grad * (size_t)model->layout->values);
    profile_mark(ws->profile, PHASE_GRADIENT_SUM, 0);
    forward(model, ws, values, shard, dropout);
    if (logits)
        copy_logits(model, ws, shard, logits);
    total = backward_head(model, ws, values, shard, dropout, loss_scale, grad, deeper);
    if (deeper)
        encoder_backward(model, ws, values, shard, dropout, grad);
    return total;
}
