/* A small dataset that stands for a large one: its rows are taken evenly over the
 * lengths of all, so that means over lengths, and over their squares, are about the
 * same. */
#ifndef WORKER_DATASET_SAMPLE_H
#define WORKER_DATASET_SAMPLE_H

#include "common/dataset.h"
#include "worker/batches.h"

/* train and dev rows, in the file's order, as many as there are at most; of train those
 * that `rows` names. Other splits are absent. ERR_MEMORY; release with dataset_clear().
 */
int dataset_sample(struct dataset *out, const struct dataset *dataset,
                   const struct row_list *rows, int64_t train, int64_t dev,
                   struct error *err);

#endif
