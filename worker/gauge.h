/* How fast this machine trains and evaluates a kind of trial: the worker's own code on
 * a sample of the real data, for a few seconds, on as many workers at once as there
 * will be. They are threads of this process, which share memory and cores as processes
 * do. */
#ifndef WORKER_GAUGE_H
#define WORKER_GAUGE_H

#include "common/dataset.h"
#include "common/task.h"
#include "jobs/settings.h"
#include "storage/encoder.h"
#include "worker/batches.h"
#include "worker/panels.h"
#include "worker/workload.h"

/* All borrowed. */
struct gauge_order {
    const struct encoder *encoder;
    const struct panels *panels; /* of the settings' precision */
    const struct dataset *dataset;
    const struct task *task;
    const struct settings *settings;
    const struct row_list *rows; /* of train */
    struct workload work;
    int workers, threads; /* threads of each */
    double seconds;       /* about; at least one batch is trained */
};

/* Seconds a token of one worker, while the others work too. */
struct gauge {
    double train_s, evaluate_s;
    double prefix_s;  /* of filling it, 0 without one */
    double processor; /* share of the cores that they got while training, 0…1 */
};

/* ERR_INPUT and ERR_IO as a trial's; ERR_MEMORY. */
int gauge_measure(struct gauge *out, const struct gauge_order *order,
                  struct error *err);

#endif
