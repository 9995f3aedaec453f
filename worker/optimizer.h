/* AdamW with decoupled weight decay, as torch.optim.AdamW.
 *
 *   m = b1 m + (1-b1) g;   u = b2 u + (1-b2) g²
 *   x = x (1 - lr·decay) - lr/(1-b1^t) · m / (sqrt(u) / sqrt(1-b2^t) + eps)
 *
 * Decay is on w and the head's weight; on v and the head's bias by decay_v and
 * decay_head_bias; never on beta and LayerNorms. The head may have its own rate.
 * Source: Loshchilov, Hutter, arXiv 1711.05101. */
#ifndef WORKER_OPTIMIZER_H
#define WORKER_OPTIMIZER_H

#include "common/adapter_layout.h"
#include "jobs/settings.h"

#include <stdint.h>

struct optimizer {
    const struct adapter_layout *layout; /* borrowed, as are the settings */
    const struct settings *settings;
    float *moment1, *moment2; /* (layout->values) */
};

/* Moments start at zero. ERR_MEMORY. */
int optimizer_init(struct optimizer *optimizer, const struct adapter_layout *layout,
                   const struct settings *settings, struct error *err);
void optimizer_clear(struct optimizer *optimizer); /* an all-zero one too */

/* Scales grad (values) so that its global norm is at most clip_norm (0: as it is), as
 * torch.nn.utils.clip_grad_norm_. Returns the norm before; not finite where a value is
 * not: nothing is scaled then. */
double optimizer_clip(float *grad, int64_t values, double clip_norm);

/* One update. step: from 1. factor: of the schedule. */
void optimizer_step(struct optimizer *optimizer, float *values, const float *grad,
                    int64_t step, double factor);

#endif
