/* The learning rate's course over a trial (docs/design.md, "What is computed"). */
#ifndef WORKER_SCHEDULE_H
#define WORKER_SCHEDULE_H

#include "jobs/settings.h"

#include <stdint.h>

/* Steps S that the schedule spans: horizon (0: epochs) · ceil(rows / batch_size). */
int64_t schedule_steps(const struct settings *settings, int64_t rows);

/* Factor on the learning rate at step s = 0…S-1, with warm = floor(warmup · S):
 * (s+1)/warm while s < warm, then 1 (constant), f = (S-s)/(S-warm) (linear), or
 * (1 - cos(pi·f))/2 (cosine). 0 from S on, unless constant. */
double schedule_factor(const struct settings *settings, int64_t steps, int64_t step);

#endif
