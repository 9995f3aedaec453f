/* What a trial takes, found by making one. */
#ifndef WORKER_TRIAL_SIZE_H
#define WORKER_TRIAL_SIZE_H

#include "common/dataset.h"
#include "common/task.h"
#include "jobs/settings.h"
#include "storage/encoder.h"

#include <stddef.h>
#include <stdint.h>

struct trial_size {
    int64_t batches; /* of an epoch */
    int64_t steps;   /* of all, if nothing stops it early */
    int64_t values;  /* trained numbers */
    size_t bytes;    /* of a worker's buffers */
    bool token_rows; /* a kept prefix has a row for each token, not each example */
    double setup_s;  /* to make it */
};

/* Without panels, which take room on the node: buffers are the same but for some of
 * bfloat16's. Errors are trial_new()'s. */
int trial_size_find(struct trial_size *out, const struct encoder *encoder,
                    const struct dataset *dataset, const struct task *task,
                    const struct settings *settings, int threads, struct error *err);

#endif
