/* Operations that a trial needs: matrix products with the frozen weights and those of
 * attention, multiplications and additions (docs/performance.md, "Needed operations").
 */
#ifndef WORKER_WORKLOAD_H
#define WORKER_WORKLOAD_H

#include "jobs/settings.h"
#include "storage/encoder.h"

/* Of one token, the mean over rows. */
struct workload {
    double train;    /* a step, from the kept prefix on where there is one */
    double evaluate; /* likewise */
    double prefix;   /* to fill it; 0 without one */
};

/* mean: tokens of a row. spread: the mean of their squares by that mean, so the mean
 * length of the row that a token is in. */
struct workload workload_of(const struct encoder_config *encoder,
                            const struct settings *settings, double mean,
                            double spread);

#endif
