/* The encoder's backward pass over one microshard: from the gradient of the last
 * layer's output down to the lowest trained tensor, and no further. No gradient of a
 * frozen weight is formed. */
#include "worker/attention.h"
#include "worker/first_attention.h"
#include "worker/linear.h"
#include "worker/workspace.h"

#include <string.h>

/* One layer's computation: what its steps share. */
struct step {
    const struct model *model;
    struct workspace *ws;
    const float *values;
    const struct microshard *shard;
    const struct dropout *dropout;
    float *grad;
    int layer, rows;
    bool first;
};

static const float *trained(const float *values, int64_t offset, const float *frozen)
{
    return offset < 0 ? frozen : values + offset;
}

static float *gradient(float *grad, int64_t offset)
{
    return offset < 0 ? NULL : grad + offset;
}

/* The gradient of a sum in ws->dstate, as its dropped-out part sees it: in ws->product.
 */
static void through_dropout(const struct step *s, int place)
{
    size_t hidden = (size_t)s->model->encoder->config.hidden;

    memcpy(s->ws->product, s->ws->dstate, sizeof(float) * (size_t)s->rows * hidden);
    hidden_dropout(s->model, s->ws, s->ws->product, s->shard, s->dropout,
                   DROPOUT_LAYERS + 4 * (uint32_t)s->layer + (uint32_t)place, s->first);
    profile_mark(s->ws->profile, PHASE_DROPOUT_BACK, 0);
}

/* The output LayerNorm and the adapter's v: ws->dstate becomes the sum's gradient,
 * ws->dalpha that of alpha. */
static void output_norm_backward(const struct step *s)
{
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    const struct layer_offsets *at = &s->ws->offsets[s->layer];
    const struct layer_kept *kept = &s->ws->kept[s->layer];

    s->ws->kernels->norm_backward(
        &(struct norm_backward){
            .dx = s->ws->dstate,
            .dout = s->ws->dstate,
            .normed = kept->normed_output,
            .scale = kept->scale_output,
            .gamma = trained(s->values, at->output_gamma, w->output_ln_weight),
            .dgamma = gradient(s->grad, at->output_gamma),
            .dbeta = gradient(s->grad, at->output_beta),
            .alpha = kept->alpha,
            .shift = s->values + at->v,
            .dalpha = s->ws->dalpha,
            .dshift = s->grad + at->v,
        },
        s->rows, s->model->encoder->config.hidden);
}

/* Through both products and the activation, block by block of columns as in the forward
 * pass: from ws->product, added to ws->dstate. Without deeper, only the adapter's own
 * gradients. */
static void feed_forward_products_backward(const struct step *s, bool deeper)
{
    const struct encoder_config *c = &s->model->encoder->config;
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    struct linear inner =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, FROZEN_FFN);
    struct linear outer =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, FROZEN_OUTPUT);
    int64_t alpha_weight = s->ws->offsets[s->layer].alpha_weight;
    struct workspace *ws = s->ws;

    for (int i = 0; i < c->ffn; i += FFN_BLOCK) {
        int n = c->ffn - i < FFN_BLOCK ? c->ffn - i : FFN_BLOCK;

        struct linear up = linear_part(&inner, i, 0), down = linear_part(&outer, 0, i);
        double flop = profile_product(s->rows, n, c->hidden);

        if (deeper) {
            linear_backward(ws->kernels, ws->h, ws->product, &down, false, s->rows, n,
                            c->hidden, ws->rounded);
            profile_mark(ws->profile, PHASE_FFN_DOWN_BACK, flop);
        }
        ws->kernels->activation_backward(
            c->activation, deeper ? ws->h : NULL,
            ws->kept[s->layer].pre + (size_t)i * (size_t)s->rows, w->ffn_bias + i,
            ws->dalpha, s->values + alpha_weight + i, s->grad + alpha_weight + i,
            s->rows, n);
        profile_mark(ws->profile, PHASE_ACTIVATION_BACK, 0);
        if (deeper) {
            linear_backward(ws->kernels, ws->dstate, ws->h, &up, true, s->rows,
                            c->hidden, n, ws->rounded);
            profile_mark(ws->profile, PHASE_FFN_UP_BACK, flop);
        }
    }
}

/* ws->dstate from the gradient of the layer's output to that of its feed-forward
 * input, where deeper. */
static void feed_forward_backward(const struct step *s, bool deeper)
{
    const struct layer_offsets *at = &s->ws->offsets[s->layer];

    output_norm_backward(s);
    for (int r = 0; r < s->rows; r++)
        s->grad[at->alpha_bias] += s->ws->dalpha[r];
    profile_mark(s->ws->profile, PHASE_LAYERNORM_BACK, 0);
    if (deeper)
        through_dropout(s, DROPOUT_OUTPUT);
    feed_forward_products_backward(s, deeper);
}

/* ws->dstate from the feed-forward input to the sum before attention's LayerNorm. */
static void attention_norm_backward(const struct step *s)
{
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    const struct layer_offsets *at = &s->ws->offsets[s->layer];
    const struct layer_kept *kept = &s->ws->kept[s->layer];

    s->ws->kernels->norm_backward(
        &(struct norm_backward){
            .dx = s->ws->dstate,
            .dout = s->ws->dstate,
            .normed = kept->normed_attention,
            .scale = kept->scale_attention,
            .gamma = trained(s->values, at->attention_gamma, w->attention_ln_weight),
            .dgamma = gradient(s->grad, at->attention_gamma),
            .dbeta = gradient(s->grad, at->attention_beta),
        },
        s->rows, s->model->encoder->config.hidden);
}

/* Rows of first tokens added at their places. */
static void scatter_first(float *state, const float *rows,
                          const struct microshard *shard, int hidden)
{
    for (int s = 0; s < shard->sequences; s++)
        for (int i = 0; i < hidden; i++)
            state[(size_t)shard->offsets[s] * (size_t)hidden + (size_t)i] +=
                rows[(size_t)s * (size_t)hidden + (size_t)i];
}

/* dx = dy W, or added to dx. */
static void project_backward(const struct step *s, float *dx, const float *dy,
                             enum frozen_matrix which, bool add, int rows)
{
    int hidden = s->model->encoder->config.hidden;
    struct linear w =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, which);

    linear_backward(s->ws->kernels, dx, dy, &w, add, rows, hidden, hidden,
                    s->ws->rounded);
    profile_mark(s->ws->profile,
                 which == FROZEN_ATTENTION ? PHASE_ATTENTION_OUTPUT_BACK
                                           : PHASE_QUERY_KEY_VALUE_BACK,
                 profile_product(rows, hidden, hidden));
}

/* ws->context, the gradient of attention's output, to ws->dstate. */
static void attend_backward(const struct step *s)
{
    struct workspace *ws = s->ws;
    size_t hidden = (size_t)s->model->encoder->config.hidden;

    for (int i = 0; i < s->shard->sequences; i++) {
        struct attention a =
            attention_of(s->model, ws, s->shard, s->dropout, s->layer, i);
        size_t at = (size_t)s->shard->offsets[i] * hidden;

        attention_backward(ws->dq + at, ws->dk + at, ws->dv + at, ws->context + at, &a);
    }
    profile_mark(ws->profile, PHASE_ATTENTION_BACK,
                 5 * attention_product(s->model, ws, s->shard));
    project_backward(s, ws->dstate, ws->dq, FROZEN_QUERY, true, s->rows);
    project_backward(s, ws->dstate, ws->dk, FROZEN_KEY, true, s->rows);
    project_backward(s, ws->dstate, ws->dv, FROZEN_VALUE, true, s->rows);
}

/* The same from first tokens, whose rows ws->dstate has, to the rows of all. */
static void attend_first_backward(const struct step *s)
{
    struct workspace *ws = s->ws;
    int hidden = s->model->encoder->config.hidden;
    struct first_attention a = first_attention_of(s->model, ws, s->shard, s->dropout);

    memcpy(ws->first, ws->dstate, sizeof(float) * (size_t)s->rows * (size_t)hidden);
    first_attention_backward(ws->dq, ws->dstate, ws->context, &a);
    profile_mark(ws->profile, PHASE_ATTENTION_BACK,
                 first_attention_weights(s->model, s->shard) +
                     5 * first_attention_product(s->model, s->shard));
    project_backward(s, ws->first, ws->dq, FROZEN_QUERY, true, s->rows);
    scatter_first(ws->dstate, ws->first, s->shard, hidden);
}

/* ws->dstate from the feed-forward input to the layer's input. */
static void attention_block_backward(const struct step *s)
{
    attention_norm_backward(s);
    profile_mark(s->ws->profile, PHASE_LAYERNORM_BACK, 0);
    through_dropout(s, DROPOUT_ATTENTION);
    project_backward(s, s->ws->context, s->ws->product, FROZEN_ATTENTION, false,
                     s->rows);
    if (s->first)
        attend_first_backward(s);
    else
        attend_backward(s);
}

static void embeddings_backward(const struct model *model, struct workspace *ws,
                                const float *values, const struct microshard *shard,
                                const struct dropout *dropout, float *grad)
{
    hidden_dropout(model, ws, ws->dstate, shard, dropout, DROPOUT_EMBEDDINGS, false);
    ws->kernels->norm_backward(
        &(struct norm_backward){
            .dout = ws->dstate,
            .normed = ws->normed_embeddings,
            .scale = ws->scale_embeddings,
            .gamma = values + ws->embeddings_gamma,
            .dgamma = grad + ws->embeddings_gamma,
            .dbeta = grad + ws->embeddings_beta,
        },
        shard->tokens, model->encoder->config.hidden);
    profile_mark(ws->profile, PHASE_EMBEDDINGS_BACK, 0);
}

void encoder_backward(const struct model *model, struct workspace *ws,
                      const float *values, const struct microshard *shard,
                      const struct dropout *dropout, float *grad)
{
    int layers = model->encoder->config.layers;

    for (int l = layers - 1; l >= ws->lowest; l--) {
        bool deeper = l > ws->lowest || ws->through;
        struct step s = {
            model,
            ws,
            values,
            shard,
            dropout,
            grad,
            l,
            workspace_rows(ws, model, shard, l),
            ws->first_only && l == layers - 1,
        };

        feed_forward_backward(&s, deeper);
        if (deeper)
            attention_block_backward(&s);
    }
    if (ws->through)
        embeddings_backward(model, ws, values, shard, dropout, grad);
}
