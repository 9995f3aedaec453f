/* The trials of a job: task × configuration × seed, in an order that never changes.
 *
 * A configuration is a point of the grid, whatever the task and the seed; the last line
 * of sweep.space turns fastest. Trials go through tasks, then configurations, then
 * seeds. Numbers start at 1. Points that differ only in settings without effect (say
 * share_alpha where no layer is adapted) are one configuration. */
#ifndef COORDINATOR_SWEEP_H
#define COORDINATOR_SWEEP_H

#include "common/error.h"
#include "jobs/job_spec.h"

#include <stdint.h>

struct sweep_trial {
    int task;   /* index in spec->tasks */
    int config; /* number */
    uint32_t seed;
};

struct sweep {
    const struct job_spec *spec; /* borrowed */
    int config_count;
    int64_t *points; /* (config_count) of the grid */
    int64_t trial_count;
    int64_t merged; /* points of the grid left out as equal to others */
};

/* layers: of the encoder. ERR_INPUT: a configuration that cannot be trained
 * (first_layer above layers, embeddings' LayerNorm with first_layer > 0, epochs above
 * horizon), two that differ in epochs only where the schedule is constant, more than 10
 * million trials. */
int sweep_init(struct sweep *out, const struct job_spec *spec, int layers,
               struct error *err);
void sweep_clear(struct sweep *sweep);

/* trial: 1…trial_count. */
struct sweep_trial sweep_trial(const struct sweep *sweep, int64_t trial);
/* config: 1…config_count. */
void sweep_settings(const struct sweep *sweep, int config, uint32_t seed,
                    struct settings *out);

#endif
