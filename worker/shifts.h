/* What a forward pass shifts: AdapterBias's y of each token in each layer, and how
 * large the state is that y·v is added to. */
#ifndef WORKER_SHIFTS_H
#define WORKER_SHIFTS_H

#include "common/dataset.h"
#include "worker/model.h"

/* Where they go: entry (layer, token) at layer · tokens + token, tokens those of a
 * whole split, one sequence after the other. NaN: the layer has no adapter, or is the
 * last one and pooling does not read the token, which then gets no gradient either.
 *
 * y      h·w + β
 * state  Euclidean norm of dropout(h W2ᵀ + b2) + y·v + x, what LayerNorm reads */
struct shifts {
    int layers;
    int64_t tokens;
    float *y, *state;
};

void shifts_clear(struct shifts *shifts); /* an all-zero one too */

/* Of all rows of a split, with their logits (rows, labels), which are
 * evaluate_split()'s bit for bit. Fills out, to be cleared. Errors as there. */
int shifts_evaluate(struct shifts *out, float *logits, const struct model *model,
                    const float *values, const struct dataset_split *split,
                    const char *name, int microshard_tokens, int threads,
                    struct error *err);

/* ‖v‖ and β of a layer; NaN where it has no adapter. */
struct shift_layer {
    double v_norm, beta;
};
struct shift_layer shift_layer_of(const struct adapter_layout *layout,
                                  const float *values, int layer);

#endif
