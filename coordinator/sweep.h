/* The trials of a job: task × configuration × seed, in an order that never changes.
 *
 * A configuration is what the job's search proposes, whatever the task and the seed, in
 * its order, as many as there are or sweep.trials allow. Trials go through tasks, then
 * configurations, then seeds. Numbers start at 1. Points that differ only in settings
 * without effect (say share_alpha where no layer is adapted) are one configuration. An
 * adaptive search proposes while trials run: then there is no configuration here. */
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
    /* (config_count, axis_count) of the settings; of paths their index */
    double *values;
    int64_t trial_count;
    int64_t merged; /* points left out as equal to others */
};

/* How many configurations sweep.trials allow; INT_MAX where nothing is said. */
int sweep_most_configs(const struct job_spec *spec);

/* layers: of the encoder. ERR_INPUT: a configuration that cannot be trained
 * (search/check.h), two that differ in epochs only where the schedule is constant, more
 * than 10 million trials. */
int sweep_init(struct sweep *out, const struct job_spec *spec, int layers,
               struct error *err);
void sweep_clear(struct sweep *sweep);

/* trial: 1…trial_count. */
struct sweep_trial sweep_trial(const struct sweep *sweep, int64_t trial);
/* config: 1…config_count. */
void sweep_settings(const struct sweep *sweep, int config, uint32_t seed,
                    struct settings *out);

#endif
