#include "worker/workload.h"

#include <math.h>

/* What one layer takes a token, forwards. */
struct layer_work {
    double attention_block; /* four products and attention's own two */
    double whole;           /* and the feed-forward block */
    double last;            /* of which only the first tokens are wanted */
    double inner;           /* attention's own alone */
};

static struct layer_work layer_of(const struct encoder_config *e, bool first_only,
                                  double mean, double spread)
{
    double hidden = e->hidden, ffn = e->ffn, inner = 4 * spread * hidden;
    double square = 2 * hidden * hidden, up_down = 4 * hidden * ffn;
    double whole = 4 * square + up_down + inner;

    return (struct layer_work){
        .attention_block = 4 * square + inner,
        .whole = whole,
        .last = first_only ? 2 * square + (2 * square + up_down) / mean + 4 * hidden
                           : whole,
        .inner = inner,
    };
}

/* Nothing is computed below the first trained tensor: backwards all layers above the
 * first adapted one, and attention takes twice as many products. */
static double backward_of(const struct encoder_config *e, const struct settings *s,
                          const struct layer_work *w)
{
    bool through = s->train_layernorm >= LN_OUTPUT_EMBEDDINGS;
    double whole = e->layers - 2 - s->first_layer + through;
    double last = s->first_layer < e->layers - 1 || through ? w->last : 0;

    return fmax(whole, 0) * (w->whole + w->inner) + last;
}

/* Layers below first_layer and that one's attention; all where none is adapted. */
static double prefix_of(const struct encoder_config *e, const struct settings *s,
                        const struct layer_work *w)
{
    double all = (e->layers - 1) * w->whole + w->last;

    if (s->first_layer >= e->layers)
        return all;
    if (s->first_layer == e->layers - 1)
        return fmin(all, s->first_layer * w->whole + fmin(w->last, w->attention_block));
    return s->first_layer * w->whole + w->attention_block;
}

struct workload workload_of(const struct encoder_config *e, const struct settings *s,
                            double mean, double spread)
{
    struct layer_work w = layer_of(e, s->pooling != POOLING_MEAN, mean, spread);
    double forward = (e->layers - 1) * w.whole + w.last;
    double prefix = settings_keep_prefix(s) ? prefix_of(e, s, &w) : 0;
    double head =
        (s->pooling == POOLING_POOLER ? 2.0 * e->hidden : 4) * e->hidden / mean;
    double evaluate = forward - prefix + head;

    return (struct workload){evaluate + backward_of(e, s, &w) + head, evaluate, prefix};
}
