/* The frozen prefix of a trial: what lies below its first trained tensor, computed once
 * for each row of the data and kept in a file that the workers of a node fill together
 * and share (storage/node_chunks.h).
 *
 * Without dropout in the encoder these numbers are the same in every epoch, trial and
 * seed. They are computed as an evaluation in file order computes them, in chunks of
 * PREFIX_CHUNK rows of a split, whoever computes them. Which rows there are:
 * model_prefix() of worker/model.h. */
#ifndef WORKER_PREFIX_H
#define WORKER_PREFIX_H

#include "common/dataset.h"
#include "worker/batch_runner.h"
#include "worker/batches.h"
#include "worker/model.h"

#include <stdbool.h>
#include <stdint.h>

struct prefix;

/* What its numbers follow from, and which rows are going to be used: all of the
 * labelled splits but train, of which those that rows names; from_train: `choose` too.
 */
struct prefix_plan {
    const struct model *model;
    const struct dataset *dataset;
    int microshard_tokens;
    const struct row_choice *rows;
    bool from_train;
};

/* *prefix is NULL or open: it is kept where it is the one that is wanted, else closed
 * and another is opened. On failure it is NULL. ERR_IO: the node has no room for it,
 * and the reason says how much is needed; ERR_MEMORY. The dataset is borrowed until the
 * next call or prefix_close(). */
int prefix_open(struct prefix **prefix, const struct prefix_plan *plan,
                struct error *err);
void prefix_close(struct prefix *prefix);

/* Forward passes of the runner, which is of the plan's model, begin at its rows. */
void prefix_use(const struct prefix *prefix, struct batch_runner *runner);

/* Makes sure of the rows first…end-1 of a split, as far as they were named: computes
 * them on all of the runner's threads, unless others have or do. False where
 * batch_runner_stop() came first. */
bool prefix_fill(struct prefix *prefix, struct batch_runner *runner, enum split split,
                 int64_t first, int64_t end);

#endif
