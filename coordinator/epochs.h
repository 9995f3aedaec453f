/* The reports of one trial, without their checkpoints: 56 bytes and 8 a metric each.
 *
 * A run may have millions of trials, so rows hold the task's own metrics only, and room
 * is made for as many as the trial is to have. Rows are never moved or freed in place:
 * whoever looks at them may go on to do so until the old memory is given back. */
#ifndef COORDINATOR_EPOCHS_H
#define COORDINATOR_EPOCHS_H

#include "common/protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct epoch {
    double train_loss, dev_loss, score, learning_rate, seconds;
    int64_t tokens;
    int32_t epoch, step;
    double metrics[]; /* of the task */
};

/* All zero is an empty one. */
struct epochs {
    void *rows;
    int32_t count, capacity;
};

const struct epoch *epochs_at(const struct epochs *epochs, int metrics, int index);
/* NULL where there is none. */
const struct epoch *epochs_last(const struct epochs *epochs, int metrics);

/* Takes away the reports from this step on; whether there was one. */
bool epochs_cut(struct epochs *epochs, int metrics, int64_t step);
/* Makes room for one more where there is none, or in any case with move. likely: how
 * many there will be. *old: to be freed, maybe NULL. ERR_MEMORY: nothing changed. */
int epochs_reserve(struct epochs *epochs, int metrics, int likely, bool move,
                   void **old);
/* out, which is empty, gets the same rows, and room for likely. ERR_MEMORY. */
int epochs_copy(struct epochs *out, const struct epochs *from, int metrics, int likely);
/* There is room; step and metric_count of the report were checked. */
void epochs_add(struct epochs *epochs, const struct report *report);

#endif
