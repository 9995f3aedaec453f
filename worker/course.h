/* What a trial computes, and with what: all that follows from encoder, data, task and
 * settings alone. Who leads a trial has one, and so has who helps with it. */
#ifndef WORKER_COURSE_H
#define WORKER_COURSE_H

#include "common/adapter_layout.h"
#include "common/dataset.h"
#include "common/task.h"
#include "jobs/settings.h"
#include "storage/encoder.h"
#include "worker/batch_runner.h"
#include "worker/batches.h"
#include "worker/model.h"
#include "worker/prefix.h"

#include <stdbool.h>
#include <stdint.h>

struct course {
    const struct encoder *encoder; /* these four are borrowed */
    const struct panels *panels;   /* of the settings' precision; NULL: none */
    const struct dataset *dataset;
    const struct task *task;
    struct settings settings;
    struct adapter_layout layout;
    struct model model;
    struct batch_runner *runner;
    struct profile *profiles; /* of its threads; NULL: nobody measures */
    struct row_choice rows;
    int64_t batches;           /* of an epoch */
    int64_t span;              /* steps of the schedule */
    float *shuffled_labels;    /* of train; NULL: its own */
    uint32_t *order;           /* rows of epoch `ordered` */
    int ordered;               /* -1: none yet */
    struct prefix *own_prefix; /* where nobody lends one */
    struct prefix *prefix;     /* in use; NULL: computed inline, or not open yet */
};

/* Must not be moved until course_clear(), which takes an all-zero one too.
 *
 * ERR_INPUT: settings that the encoder cannot follow or that do not go together, data
 * without a train or labelled dev split or with ids that the encoder does not have.
 * ERR_MEMORY. */
int course_init(struct course *course, const struct encoder *encoder,
                const struct panels *panels, const struct dataset *dataset,
                const struct task *task, const struct settings *settings, int threads,
                struct error *err);
void course_clear(struct course *course);
/* As batch_runner_use_profiles(). */
void course_use_profiles(struct course *course, struct profile *profiles);

/* Where the prefix is kept (settings_keep_prefix()), opens it: into *slot, which is the
 * caller's and must outlive the course, and may hold that of an earlier one; NULL: the
 * course's own. Does nothing where it is open. Errors are prefix_open()'s. */
int course_open_prefix(struct course *course, struct prefix **slot, struct error *err);
/* Makes sure of the prefix of the rows of train that are used. False where the runner
 * was stopped. */
bool course_fill_prefix(struct course *course);

bool course_labelled(const struct course *course, enum split split);

/* One batch of training: all from 0, epoch_step < batches. */
struct course_step {
    int epoch;
    int64_t epoch_step;
    int64_t step; /* since the start of training */
};
/* Rows of train, until the next call. */
const uint32_t *course_batch(struct course *course, const struct course_step *at,
                             int *count);
struct dropout course_dropout(const struct course *course,
                              const struct course_step *at);

/* Rows to be scored: chosen, those of train that choose the epoch; otherwise the
 * split's, in file order. */
struct course_rows {
    enum split split;
    bool chosen;
};
int64_t course_row_count(const struct course *course, struct course_rows rows);
/* Logits (end - first, labels) of rows first…end-1, as batch_runner_evaluate(); their
 * prefix is made sure of first. */
bool course_score(struct course *course, const float *values, struct course_rows rows,
                  int64_t first, int64_t end, float *logits);

#endif
