/* The encoder's forward pass over one microshard.
 *
 * Matrix products run over all tokens, attention over each sequence. Where pooling
 * reads first tokens only, the last layer computes keys and values for all tokens and
 * the rest for first tokens. */
#include "worker/attention.h"
#include "worker/first_attention.h"
#include "worker/linear.h"
#include "worker/shifts.h"
#include "worker/workspace.h"

#include <math.h>
#include <string.h>

void hidden_dropout(const struct model *model, const struct workspace *ws, float *x,
                    const struct microshard *shard, const struct dropout *dropout,
                    uint32_t place, bool first)
{
    int hidden = model->encoder->config.hidden;

    if (!dropout || dropout->hidden == 0)
        return;
    for (int s = 0; s < shard->sequences; s++) {
        int n = first ? 1 : shard->offsets[s + 1] - shard->offsets[s];

        for (int i = 0; i < n; i++, x += hidden)
            ws->kernels->dropout(x, dropout->hidden,
                                 (struct dropout_at){dropout->seed, dropout->step,
                                                     shard->examples[s], place,
                                                     (uint32_t)i * (uint32_t)hidden},
                                 hidden);
    }
}

static void set_dropout(float *p, struct dropout_at *at, const struct dropout *dropout,
                        int layer)
{
    if (!dropout || dropout->attention == 0)
        return;
    *p = dropout->attention;
    at->seed = dropout->seed;
    at->step = dropout->step;
    at->place = DROPOUT_LAYERS + 4 * (uint32_t)layer + DROPOUT_PROBABILITIES;
}

struct attention attention_of(const struct model *model, const struct workspace *ws,
                              const struct microshard *shard,
                              const struct dropout *dropout, int layer, int s)
{
    const struct encoder_config *c = &model->encoder->config;
    const struct layer_kept *kept = &ws->kept[layer];
    int begin = shard->offsets[s], tokens = shard->offsets[s + 1] - begin;
    size_t at = (size_t)begin * (size_t)c->hidden;
    struct attention a = {
        .kernels = ws->kernels,
        .tokens = tokens,
        .hidden = c->hidden,
        .heads = c->heads,
        .q = kept->q + at,
        .k = kept->k + at,
        .v = kept->v + at,
        .at.example = shard->examples[s],
        .scratch = ws->scratch,
    };

    set_dropout(&a.dropout, &a.at, dropout, layer);
    return a;
}

struct first_attention first_attention_of(const struct model *model,
                                          const struct workspace *ws,
                                          const struct microshard *shard,
                                          const struct dropout *dropout)
{
    const struct encoder_config *c = &model->encoder->config;
    int layer = c->layers - 1;
    const struct encoder_layer *w = &model->encoder->layers[layer];
    struct first_attention a = {
        .kernels = ws->kernels,
        .sequences = shard->sequences,
        .hidden = c->hidden,
        .heads = c->heads,
        .offsets = shard->offsets,
        .examples = shard->examples,
        .q = ws->kept[layer].q,
        .x = ws->kept[layer].k,
        .key_weight = w->key_weight,
        .value_weight = w->value_weight,
        .value_bias = w->value_bias,
        .zu = ws->zu,
        .read = ws->read,
        .scratch = ws->scratch,
    };

    set_dropout(&a.dropout, &a.at, dropout, layer);
    return a;
}

double attention_product(const struct model *model, const struct workspace *ws,
                         const struct microshard *shard)
{
    double flop = 0;

    for (int s = 0; ws->profile && s < shard->sequences; s++) {
        int n = shard->offsets[s + 1] - shard->offsets[s];

        flop += profile_product(n, model->encoder->config.hidden, n);
    }
    return flop;
}

double first_attention_product(const struct model *model,
                               const struct microshard *shard)
{
    const struct encoder_config *c = &model->encoder->config;

    return profile_product(shard->tokens, c->hidden, c->heads);
}

double first_attention_weights(const struct model *model,
                               const struct microshard *shard)
{
    int hidden = model->encoder->config.hidden;

    return 2 * profile_product(shard->sequences, hidden, hidden);
}

/* Sum of the three embeddings in ws->product. */
static void embed(const struct encoder *e, struct workspace *ws,
                  const struct microshard *shard)
{
    size_t hidden = (size_t)e->config.hidden;
    float *out = ws->product;

    for (int s = 0; s < shard->sequences; s++)
        for (int t = shard->offsets[s]; t < shard->offsets[s + 1]; t++, out += hidden) {
            size_t position = (size_t)(t - shard->offsets[s]);
            const float *word = e->word_embeddings + (size_t)shard->ids[t] * hidden;
            const float *type = e->type_embeddings + shard->types[t] * hidden;
            const float *place = e->position_embeddings + position * hidden;

            for (size_t i = 0; i < hidden; i++)
                out[i] = word[i] + type[i] + place[i];
        }
}

static const float *trained(const float *values, int64_t offset, const float *frozen)
{
    return offset < 0 ? frozen : values + offset;
}

static void embeddings_forward(const struct model *model, struct workspace *ws,
                               const float *values, const struct microshard *shard,
                               const struct dropout *dropout)
{
    const struct encoder *e = model->encoder;

    embed(e, ws, shard);
    ws->kernels->norm_forward(
        &(struct norm_forward){
            .out = ws->state,
            .normed = ws->normed_embeddings,
            .scale = ws->scale_embeddings,
            .x = ws->product,
            .gamma = trained(values, ws->embeddings_gamma, e->embeddings_ln_weight),
            .beta = trained(values, ws->embeddings_beta, e->embeddings_ln_bias),
            .eps = e->config.layer_norm_eps,
        },
        shard->tokens, e->config.hidden);
    profile_mark(ws->profile, PHASE_EMBEDDINGS, 0);
    hidden_dropout(model, ws, ws->state, shard, dropout, DROPOUT_EMBEDDINGS, false);
    profile_mark(ws->profile, PHASE_DROPOUT, 0);
}

/* Rows of each sequence's first token, one after the other. */
static void gather_first(float *out, const float *state, const struct microshard *shard,
                         int hidden)
{
    for (int s = 0; s < shard->sequences; s++)
        memcpy(out + (size_t)s * (size_t)hidden,
               state + (size_t)shard->offsets[s] * (size_t)hidden,
               sizeof(float) * (size_t)hidden);
}

/* One layer's computation: what its steps share. */
struct step {
    const struct model *model;
    struct workspace *ws;
    const float *values;
    const struct microshard *shard;
    const struct dropout *dropout;
    int layer, rows;
    bool first;
};

/* The bias and dropout of a block's output in ws->product; what remains to be added. */
static const float *finish_product(const struct step *s, const float *bias, int place)
{
    int hidden = s->model->encoder->config.hidden;

    if (!s->dropout || s->dropout->hidden == 0)
        return bias;
    s->ws->kernels->bias_add(s->ws->product, bias, s->rows, hidden);
    hidden_dropout(s->model, s->ws, s->ws->product, s->shard, s->dropout,
                   DROPOUT_LAYERS + 4 * (uint32_t)s->layer + (uint32_t)place, s->first);
    profile_mark(s->ws->profile, PHASE_DROPOUT, 0);
    return NULL;
}

/* y = x Wᵀ + b */
static void project(const struct step *s, float *y, const float *x,
                    enum frozen_matrix which, const float *b, int rows)
{
    int hidden = s->model->encoder->config.hidden;
    struct linear w =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, which);

    linear_forward(s->ws->kernels, y, x, &w, false, rows, hidden, hidden,
                   s->ws->rounded);
    s->ws->kernels->bias_add(y, b, rows, hidden);
    profile_mark(s->ws->profile, PHASE_QUERY_KEY_VALUE,
                 profile_product(rows, hidden, hidden));
}

/* ws->state and queries to ws->context */
static void attend(const struct step *s, const struct encoder_layer *w)
{
    const struct layer_kept *kept = &s->ws->kept[s->layer];
    struct workspace *ws = s->ws;
    size_t hidden = (size_t)s->model->encoder->config.hidden;

    project(s, kept->k, ws->state, FROZEN_KEY, w->key_bias, s->rows);
    project(s, kept->v, ws->state, FROZEN_VALUE, w->value_bias, s->rows);
    for (int i = 0; i < s->shard->sequences; i++) {
        struct attention a =
            attention_of(s->model, ws, s->shard, s->dropout, s->layer, i);

        attention_forward(ws->context + (size_t)s->shard->offsets[i] * hidden, &a);
    }
    profile_mark(ws->profile, PHASE_ATTENTION,
                 2 * attention_product(s->model, ws, s->shard));
}

static void attend_first(const struct step *s)
{
    struct workspace *ws = s->ws;
    size_t size = (size_t)s->shard->tokens * (size_t)s->model->encoder->config.hidden;

    memcpy(ws->kept[s->layer].k, ws->state, size * sizeof *ws->state);
    struct first_attention a = first_attention_of(s->model, ws, s->shard, s->dropout);
    first_attention_forward(ws->context, &a);
    profile_mark(ws->profile, PHASE_ATTENTION,
                 first_attention_weights(s->model, s->shard) +
                     2 * first_attention_product(s->model, s->shard));
}

/* ws->state to ws->between */
static void attention_block(const struct step *s)
{
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    const struct layer_offsets *at = &s->ws->offsets[s->layer];
    const struct layer_kept *kept = &s->ws->kept[s->layer];
    struct workspace *ws = s->ws;
    int hidden = s->model->encoder->config.hidden;
    struct linear output =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, FROZEN_ATTENTION);
    const float *input = ws->state;

    if (s->first) {
        gather_first(ws->first, ws->state, s->shard, hidden);
        input = ws->first;
    }
    project(s, kept->q, input, FROZEN_QUERY, w->query_bias, s->rows);
    if (s->first)
        attend_first(s);
    else
        attend(s, w);
    linear_forward(ws->kernels, ws->product, ws->context, &output, false, s->rows,
                   hidden, hidden, ws->rounded);
    profile_mark(ws->profile, PHASE_ATTENTION_OUTPUT,
                 profile_product(s->rows, hidden, hidden));
    ws->kernels->norm_forward(
        &(struct norm_forward){
            .out = ws->between,
            .normed = kept->normed_attention,
            .scale = kept->scale_attention,
            .x = ws->product,
            .bias = finish_product(s, w->attention_bias, DROPOUT_ATTENTION),
            .residual = input,
            .gamma = trained(s->values, at->attention_gamma, w->attention_ln_weight),
            .beta = trained(s->values, at->attention_beta, w->attention_ln_bias),
            .eps = s->model->encoder->config.layer_norm_eps,
        },
        s->rows, hidden);
    profile_mark(ws->profile, PHASE_LAYERNORM, 0);
}

/* ws->between to ws->product and alpha, block by block of columns. */
static void feed_forward_products(const struct step *s)
{
    const struct encoder_config *c = &s->model->encoder->config;
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    const struct layer_offsets *at = &s->ws->offsets[s->layer];
    const struct layer_kept *kept = &s->ws->kept[s->layer];
    struct workspace *ws = s->ws;
    struct linear inner =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, FROZEN_FFN);
    struct linear outer =
        panels_matrix(s->model->panels, s->model->encoder, s->layer, FROZEN_OUTPUT);
    const float *alpha_weight = at->v < 0 ? NULL : s->values + at->alpha_weight;

    for (int r = 0; alpha_weight && r < s->rows; r++)
        kept->alpha[r] = s->values[at->alpha_bias];
    for (int i = 0; i < c->ffn; i += FFN_BLOCK) {
        int n = c->ffn - i < FFN_BLOCK ? c->ffn - i : FFN_BLOCK;
        float *pre = kept->pre ? kept->pre + (size_t)i * (size_t)s->rows : ws->h;

        struct linear up = linear_part(&inner, i, 0), down = linear_part(&outer, 0, i);

        linear_forward(ws->kernels, pre, ws->between, &up, false, s->rows, c->hidden, n,
                       ws->rounded);
        profile_mark(ws->profile, PHASE_FFN_UP, profile_product(s->rows, c->hidden, n));
        ws->kernels->activation_forward(c->activation, pre, ws->h, w->ffn_bias + i,
                                        alpha_weight ? alpha_weight + i : NULL,
                                        kept->alpha, s->rows, n);
        profile_mark(ws->profile, PHASE_ACTIVATION, 0);
        linear_forward(ws->kernels, ws->product, ws->h, &down, i > 0, s->rows, n,
                       c->hidden, ws->rounded);
        profile_mark(ws->profile, PHASE_FFN_DOWN,
                     profile_product(s->rows, n, c->hidden));
    }
}

/* ws->between to ws->state */
static void feed_forward_block(const struct step *s)
{
    const struct encoder_config *c = &s->model->encoder->config;
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    const struct layer_offsets *at = &s->ws->offsets[s->layer];
    const struct layer_kept *kept = &s->ws->kept[s->layer];
    struct workspace *ws = s->ws;
    bool adapter = at->v >= 0;

    feed_forward_products(s);
    ws->kernels->norm_forward(
        &(struct norm_forward){
            .out = ws->state,
            .normed = kept->normed_output,
            .scale = kept->scale_output,
            .x = ws->product,
            .bias = finish_product(s, w->output_bias, DROPOUT_OUTPUT),
            .residual = ws->between,
            .alpha = adapter ? kept->alpha : NULL,
            .shift = adapter ? s->values + at->v : NULL,
            .gamma = trained(s->values, at->output_gamma, w->output_ln_weight),
            .beta = trained(s->values, at->output_beta, w->output_ln_bias),
            .eps = c->layer_norm_eps,
        },
        s->rows, c->hidden);
    profile_mark(ws->profile, PHASE_LAYERNORM, 0);
}

/* The norm of a row of what LayerNorm read, which it does not keep. */
static float sum_norm(const struct step *s, int row)
{
    const struct encoder_layer *w = &s->model->encoder->layers[s->layer];
    int64_t v = s->ws->offsets[s->layer].v;
    int hidden = s->model->encoder->config.hidden;
    const float *x = s->ws->product + (size_t)row * (size_t)hidden;
    const float *residual = s->ws->between + (size_t)row * (size_t)hidden;
    double sum = 0;

    for (int i = 0; i < hidden; i++) {
        double value = (double)x[i] + (double)w->output_bias[i] + (double)residual[i];

        if (v >= 0)
            value +=
                (double)s->ws->kept[s->layer].alpha[row] * (double)s->values[v + i];
        sum += value * value;
    }
    return (float)sqrt(sum);
}

/* After a feed-forward block without dropout. */
static void note_shifts(const struct step *s)
{
    struct shifts *out = s->ws->shifts;
    bool adapter = s->ws->offsets[s->layer].v >= 0;

    for (int r = 0; r < s->rows; r++) {
        int64_t token = s->ws->shifts_first + (s->first ? s->shard->offsets[r] : r);
        int64_t at = (int64_t)s->layer * out->tokens + token;

        if (adapter)
            out->y[at] = s->ws->kept[s->layer].alpha[r];
        out->state[at] = sum_norm(s, r);
    }
}

static struct step step_of(const struct model *model, struct workspace *ws,
                           const float *values, const struct microshard *shard,
                           const struct dropout *dropout, int layer)
{
    return (struct step){
        model,
        ws,
        values,
        shard,
        dropout,
        layer,
        workspace_rows(ws, model, shard, layer),
        ws->first_only && layer == model->encoder->config.layers - 1,
    };
}

void prefix_forward(const struct model *model, struct workspace *ws,
                    const float *values, const struct microshard *shard,
                    const struct dropout *dropout)
{
    embeddings_forward(model, ws, values, shard, dropout);
    for (int l = 0; l <= ws->lowest && l < model->encoder->config.layers; l++) {
        struct step s = step_of(model, ws, values, shard, dropout, l);

        attention_block(&s);
        if (l < ws->lowest)
            feed_forward_block(&s);
        if (l < ws->lowest && ws->shifts)
            note_shifts(&s);
    }
}

void prefix_gather(const struct model *model, const struct microshard *shard,
                   float *out)
{
    const struct prefix_rows *prefix = shard->prefix;
    size_t hidden = (size_t)model->encoder->config.hidden;

    for (int s = 0; s < shard->sequences; s++) {
        int64_t row = shard->examples[s];
        size_t at = (size_t)(prefix->offsets ? prefix->offsets[row] : row) * hidden;
        int count = prefix->offsets ? shard->offsets[s + 1] - shard->offsets[s] : 1;

        memcpy(out, prefix->rows + at, sizeof *out * (size_t)count * hidden);
        out += (size_t)count * hidden;
    }
}

void encoder_forward(const struct model *model, struct workspace *ws,
                     const float *values, const struct microshard *shard,
                     const struct dropout *dropout)
{
    int layers = model->encoder->config.layers;

    if (!shard->prefix) {
        prefix_forward(model, ws, values, shard, dropout);
    } else if (ws->lowest < layers) {
        prefix_gather(model, shard, ws->between);
        profile_mark(ws->profile, PHASE_EMBEDDINGS, 0);
    }
    for (int l = ws->lowest; l < layers; l++) {
        struct step s = step_of(model, ws, values, shard, dropout, l);

        if (l > ws->lowest)
            attention_block(&s);
        feed_forward_block(&s);
        if (ws->shifts)
            note_shifts(&s);
    }
}
