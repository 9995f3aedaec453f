/* A trial's resumable state, and its versioned bytes.
 *
 * What a checkpoint holds is all that the next step depends on besides the trial's
 * identity: numbers that come from counters (order, dropout) need no state. It also
 * carries the best epoch so far with its outputs on dev, so that a trial that ends
 * early still has its result. */
#ifndef STORAGE_CHECKPOINT_H
#define STORAGE_CHECKPOINT_H

#include "common/adapter_layout.h"
#include "common/bytes.h"
#include "common/error.h"
#include "common/task.h"

#include <stdbool.h>
#include <stdint.h>

/* One report of a trial. */
struct epoch_record {
    int epoch;         /* from 1; the one under way where a report comes within it */
    int64_t step;      /* steps done since the start */
    double train_loss; /* mean over the epoch's steps so far of the batch's mean loss */
    double dev_loss;   /* mean over the rows of dev that report */
    double score; /* task's selection score on the rows that choose; NaN: undefined */
    double metrics[TASK_METRICS_MAX]; /* task's metrics on the rows that report */
    double learning_rate;             /* of the last step */
    int64_t tokens;                   /* trained on since the start */
    double seconds;                   /* computing since the start */
};

/* Outputs of one split: logits (rows, labels). */
struct checkpoint_outputs {
    int64_t rows;
    int labels;
    float *logits; /* NULL where rows = 0 */
};

enum { CHECKPOINT_OUTPUTS = 2 }; /* dev, dev_mismatched */

/* Owned by whoever called checkpoint_decode() or made it; released together. */
struct checkpoint {
    char layout[9]; /* adapter_layout_tag(): whose values these are */
    int64_t values; /* numbers in each of the four vectors */
    float *last;    /* trained tensors after the last step */
    float *moment1; /* AdamW's running mean of gradients, and of their squares */
    float *moment2;
    int64_t step;       /* steps done */
    int epoch;          /* epochs finished */
    int64_t epoch_step; /* steps done in the epoch under way */
    int64_t reported;   /* step of the last report; 0: none yet */
    double epoch_loss;  /* sum of their batches' mean losses */
    int64_t tokens;
    double seconds;
    bool done; /* nothing left to train */
    bool has_best;
    struct epoch_record best;
    float *best_values; /* NULL where has_best is false */
    struct checkpoint_outputs outputs[CHECKPOINT_OUTPUTS]; /* at the best report */
};

void checkpoint_clear(struct checkpoint *checkpoint); /* an all-zero one too */

/* Appends the bytes; ERR_MEMORY. */
int checkpoint_encode(struct bytes *out, const struct checkpoint *checkpoint,
                      struct error *err);

/* Everything is checked before anything is allocated. ERR_PROTOCOL for bytes that are
 * no whole checkpoint of this version; out is all zero then. */
int checkpoint_decode(struct checkpoint *out, const void *data, size_t size,
                      struct error *err);

/* Fixed width, for messages and journal frames. */
void epoch_record_put(struct bytes *out, const struct epoch_record *record);
void epoch_record_get(struct epoch_record *out, struct bytes_reader *in);

#endif
