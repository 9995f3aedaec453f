/* A tokenised task in memory: what text/ makes, storage/ keeps, worker/ trains on. */
#ifndef COMMON_DATASET_H
#define COMMON_DATASET_H

#include "common/digest.h"
#include "common/error.h"
#include "common/task.h"

#include <stdbool.h>
#include <stdint.h>

/* Sequences one after the other, with [CLS] and [SEP], never padded.
 *
 * input_ids       (offsets[rows])
 * token_type_ids  (offsets[rows])
 * offsets         (rows + 1), offsets[0] = 0
 * labels          (rows) class number or value; NULL where labelled is false */
struct dataset_split {
    bool present, labelled;
    int64_t rows;
    int32_t *input_ids;
    uint8_t *token_type_ids;
    int64_t *offsets;
    float *labels;
    int64_t rows_read, rows_skipped, rows_truncated;
};

struct dataset {
    char *task; /* name */
    bool regression;
    int labels;         /* classes, or 1 */
    char **label_names; /* labels; NULL for regression */
    int max_length;
    struct digest tokenizer; /* of what decides the ids */
    struct dataset_split splits[SPLIT_COUNT];
};

void dataset_clear(struct dataset *dataset); /* an all-zero one too */

/* Ids, types, offsets, labels of all splits: the data's part of a trial's identity. */
int dataset_digest(struct digest *out, const struct dataset *dataset,
                   struct error *err);

#endif
