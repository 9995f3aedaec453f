/* Which rows of a dataset train, choose and report; their order; a batch's cut into
 * microshards. All of it is part of a trial's definition. */
#ifndef WORKER_BATCHES_H
#define WORKER_BATCHES_H

#include "common/dataset.h"
#include "jobs/settings.h"
#include "worker/model.h"

#include <stdint.h>

enum { SELECTION_ROWS = 1000 }; /* that SELECT_SPLIT_TRAIN takes from train */

/* Row numbers within a split, ascending. */
struct row_list {
    int64_t count;
    uint32_t *rows;
};

/* train    rows of train that are trained on: limit, then without those that choose,
 *          then subsample
 * choose   rows that choose the epoch: of dev, or of train with SELECT_SPLIT_TRAIN
 * report   rows of dev whose metrics are reported
 *
 * Draws are stratified by class (regression: one stratum) and take the rows with the
 * smallest numbers (PHILOX_SUBSAMPLE, PHILOX_SELECTION). */
struct row_choice {
    struct row_list train, choose, report;
};

/* The dataset has labelled train and dev splits. ERR_INPUT where nothing is left to
 * train on or to choose by; ERR_MEMORY. */
int row_choice_init(struct row_choice *out, const struct dataset *dataset,
                    enum selection_rows selection, const struct settings *settings,
                    struct error *err);
void row_choice_clear(struct row_choice *choice); /* an all-zero one too */

/* Order of an epoch (from 0): out (rows->count) is a permutation of rows. */
void batches_order(uint32_t *out, const struct row_list *rows, bool shuffle,
                   uint32_t seed, int epoch);

/* Labels of all rows of a split in which those of `rows` have changed places with each
 * other: a permutation drawn by seed (PHILOX_LABELS). On the heap; NULL when out of
 * memory. */
float *batches_shuffled_labels(const struct dataset_split *split,
                               const struct row_list *rows, uint32_t seed);

/* Sequences of one or more batches, packed, and their microshards. */
struct batch {
    int capacity_sequences, capacity_tokens;
    int sequences, tokens, count; /* count: microshards */
    int32_t *ids;
    uint8_t *types;
    int32_t *offsets; /* of each microshard from 0, one after the other */
    uint32_t *examples;
    float *labels;
    struct microshard *shards; /* in batch order; room for one a sequence */
};

int batch_init(struct batch *batch, int sequences, int tokens, struct error *err);
void batch_clear(struct batch *batch); /* an all-zero one too */
void batch_empty(struct batch *batch);

/* Appends one batch, the split's rows[0…count-1], or from `first` on where rows is
 * NULL, and cuts it:
 *
 * n = 2·floor(tokens/(2m) + 1/2) microshards, at least 1, at most the sequences; a
 * sequence of l tokens that starts at token t of the batch goes to the microshard
 * floor((t + floor(l/2))·n / tokens); empty ones are removed.
 *
 * There is room. */
void batch_add(struct batch *batch, const struct dataset_split *split,
               const uint32_t *rows, int64_t first, int count, int microshard_tokens);

/* The most tokens that one microshard of such batches can have, and the most
 * microshards. */
int batches_shard_tokens(int batch_size, int max_length, int microshard_tokens);
int batches_shards(int batch_size, int max_length, int microshard_tokens);

#endif
