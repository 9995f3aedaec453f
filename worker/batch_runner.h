/* Runs batches over compute threads: cut, microshards heaviest first, gradients summed
 * over their tree. */
#ifndef WORKER_BATCH_RUNNER_H
#define WORKER_BATCH_RUNNER_H

#include "common/dataset.h"
#include "worker/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch_runner;

enum { EVALUATION_BATCH = 32 };

struct batch_sizes {
    int batch_size; /* of training; ignored without it */
    int max_length; /* of any sequence, in tokens */
    int microshard_tokens;
    int threads;
    bool training; /* false: evaluation only */
};

/* All memory that running needs. The model is borrowed. ERR_MEMORY. */
int batch_runner_new(struct batch_runner **out, const struct model *model,
                     const struct batch_sizes *sizes, struct error *err);
void batch_runner_free(struct batch_runner *runner);
size_t batch_runner_bytes(const struct batch_runner *runner); /* of its buffers */
struct profile;
/* profiles (threads), borrowed: where the threads note their time from now on. The
 * first is also that of the thread that drives the runner. NULL: nowhere. */
void batch_runner_use_profiles(struct batch_runner *runner, struct profile *profiles);

/* Labels (rows of the split that is trained on) that training reads from now on in the
 * place of the split's own; borrowed, NULL: those. */
void batch_runner_use_labels(struct batch_runner *runner, const float *labels);

struct shifts;
/* Evaluation of whole splits writes its shifts there from now on, borrowed. */
void batch_runner_note_shifts(struct batch_runner *runner, struct shifts *shifts);

/* Loss and gradient of one batch, rows[0…count-1] of split, count <= batch_size.
 *
 * grad  (layout->values) points into the runner, until its next call
 * Returns the batch's mean loss. */
double batch_runner_train(struct batch_runner *runner, const float *values,
                          const struct dataset_split *split, const uint32_t *rows,
                          int count, const struct dropout *dropout, float **grad);

/* Logits (end - first, labels) of rows[first…end-1], or of these rows where rows is
 * NULL, in batches of EVALUATION_BATCH, of which first is a multiple. False where
 * batch_runner_stop() came first. */
bool batch_runner_evaluate(struct batch_runner *runner, const float *values,
                           const struct dataset_split *split, const uint32_t *rows,
                           int64_t first, int64_t end, float *logits);

/* batch_runner_train() in parts, so that others can do some: cut, each range once,
 * here or put in from elsewhere, then their sum. */

/* Returns the number of microshards. */
int batch_runner_cut(struct batch_runner *runner, const struct dataset_split *split,
                     const uint32_t *rows, int count);
/* Microshards bounds[i]…bounds[i+1]-1 for each of ranges, about as many tokens in each;
 * some may be empty, but not the first. */
void batch_runner_share(const struct batch_runner *runner, int64_t *bounds, int ranges);
/* Share of the batch's tokens that microshards first…end-1 have. */
double batch_runner_weight(const struct batch_runner *runner, int64_t first,
                           int64_t end);
void batch_runner_train_range(struct batch_runner *runner, const float *values,
                              const struct dropout *dropout, int64_t first,
                              int64_t end);
/* A range's results, to be read or written: the losses of its microshards, and its
 * gradients, one where each of tree_sum_nodes() begins.
 *
 * losses  (microshards)
 * grads   (microshards, layout->values) */
struct batch_parts {
    double *losses;
    float *grads;
};
struct batch_parts batch_runner_parts(struct batch_runner *runner);
/* Counts a range that was put in from elsewhere. */
void batch_runner_count(struct batch_runner *runner, int64_t first, int64_t end);
double batch_runner_sum(struct batch_runner *runner, const int64_t *bounds, int ranges,
                        float **grad);

/* Rows of a split from which its forward passes begin from now on; borrowed, NULL: at
 * the ids. The model's frozen part must be the one that they were computed with. */
void batch_runner_begin_at(struct batch_runner *runner, enum split split,
                           const struct dataset_split *data,
                           const struct prefix_rows *rows);
/* Computes such rows, all of first…end-1, cut as batch_runner_evaluate() does, of which
 * first is a multiple: out has the first of them at its beginning. At most
 * PREFIX_CHUNK examples. */
enum { PREFIX_CHUNK = 8 * EVALUATION_BATCH };
void batch_runner_prefix(struct batch_runner *runner, const struct dataset_split *split,
                         int64_t first, int64_t end, float *out);

/* The next three may be called from any thread. */
void batch_runner_stop(struct batch_runner *runner);
void batch_runner_go_on(struct batch_runner *runner); /* takes the stop back */
bool batch_runner_stopped(const struct batch_runner *runner);

/* Since the start; tokens and examples are those trained on. Any thread. */
struct batch_counters {
    uint64_t microshards, tokens, examples;
};
struct batch_counters batch_runner_counters(const struct batch_runner *runner);

#endif
