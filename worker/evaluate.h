/* Outputs and losses of whole splits. */
#ifndef WORKER_EVALUATE_H
#define WORKER_EVALUATE_H

#include "common/dataset.h"
#include "worker/batch_runner.h"

/* Whether an encoder can read a split: at least one token a row, at most its positions,
 * ids and types that it has, and labels that are classes or finite values.
 * ERR_INPUT names split, row (from 1) and reason. */
int evaluate_check(const struct dataset_split *split, const char *name,
                   const struct encoder_config *config, bool regression, int labels,
                   struct error *err);

/* Tokens of the longest row; 0 for an absent split. */
int evaluate_longest(const struct dataset_split *split);

/* Logits (rows, labels) of all rows, in file order: what a trial's results hold for the
 * same values and microshard_tokens, bit for bit. Checks the split first. */
int evaluate_split(float *logits, const struct model *model, const float *values,
                   const struct dataset_split *split, const char *name,
                   int microshard_tokens, int threads, struct error *err);

/* Mean over rows of the cross entropy, or of the squared error with regression, in
 * double. NaN for no rows. */
double evaluate_loss(const float *logits, const float *labels, int64_t rows,
                     int label_count, bool regression);

#endif
