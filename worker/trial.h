/* Training of one trial, from its settings to its best epoch.
 *
 * A result depends on encoder, data, task and settings only, bit for bit: not on the
 * threads, nor on interruptions between which a checkpoint carried the state. Buffers
 * are sized in trial_new(); the training loop does not allocate.
 *
 * One thread at a time drives a trial; trial_stop() and trial_progress() may be called
 * from any other thread meanwhile. */
#ifndef WORKER_TRIAL_H
#define WORKER_TRIAL_H

#include "common/adapter_layout.h"
#include "common/dataset.h"
#include "common/task.h"
#include "jobs/settings.h"
#include "storage/checkpoint.h"
#include "storage/encoder.h"
#include "worker/crew.h"
#include "worker/prefix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trial;

/* All parts but the settings, which are copied, are borrowed until trial_free(); panels
 * may be NULL.
 *
 * ERR_INPUT: settings that the encoder cannot follow, data without a train or labelled
 * dev split or with ids that the encoder does not have, an init file that does not fit.
 * ERR_MEMORY. */
int trial_new(struct trial **out, const struct encoder *encoder,
              const struct panels *panels, const struct dataset *dataset,
              const struct task *task, const struct settings *settings, int threads,
              struct error *err);
void trial_free(struct trial *trial);

/* Those who help from now on, borrowed; NULL: nobody. */
void trial_set_crew(struct trial *trial, struct crew *crew);

/* What it computes with, for course_open_prefix() and course_use_profiles() before it
 * begins. */
struct course *trial_course(struct trial *trial);

const struct adapter_layout *trial_layout(const struct trial *trial);
size_t trial_bytes(const struct trial *trial);  /* of memory, but for the data */
int64_t trial_steps(const struct trial *trial); /* of the whole training, if nothing
                                                   stops it early */

/* Goes on from a checkpoint of the same trial; ERR_INPUT where it is another's. */
int trial_restore(struct trial *trial, const struct checkpoint *checkpoint,
                  struct error *err);

enum trial_event {
    TRIAL_REPORT,  /* record is written */
    TRIAL_STOPPED, /* trial_stop() was called: no record */
};

/* Trains up to the next report: an epoch's end, or report_steps within it. Must not be
 * called when trial_done(). ERR_NUMERIC names the step at which a loss or a gradient
 * was not finite; the trial cannot go on then. ERR_IO: no room for its prefix. */
int trial_run_to_report(struct trial *trial, enum trial_event *event,
                        struct epoch_record *record, struct error *err);
bool trial_done(const struct trial *trial); /* by epochs, max_steps or patience */

/* Makes trial_run_to_report() and trial_finish() return between two batches. A
 * checkpoint taken then goes on with the same bits. */
void trial_stop(struct trial *trial);
/* Takes trial_stop() back, for a trial that is to be finished all the same. */
void trial_go_on(struct trial *trial);

/* Since trial_new(); training and evaluation, but examples and tokens of training. */
struct trial_progress {
    uint64_t microshards, tokens, examples, steps;
};
struct trial_progress trial_progress(const struct trial *trial);

/* The state now, its vectors borrowed from the trial: valid until the next call, never
 * cleared. */
void trial_checkpoint(const struct trial *trial, struct checkpoint *out);

/* What a finished trial hands over, borrowed until trial_free().
 *
 * logits (rows, labels) of a split at the best report; NULL where it was not computed:
 * training data, and test sets without labels, which predict computes with the same
 * bits. metrics (task's order) of the labelled test sets: accuracy_mismatched is that
 * of test_mismatched, the others are of test. */
struct trial_result {
    struct epoch_record best;
    int64_t count;
    const float *values;
    struct {
        int64_t rows;
        const float *logits;
    } splits[SPLIT_COUNT];
    bool tested;
    double test_metrics[TASK_METRICS_MAX]; /* NaN where there are no labelled rows */
};

/* Scores the labelled test sets at the best report. event is TRIAL_STOPPED when
 * trial_stop() came first: no result then. ERR_INPUT where there was no report. */
int trial_finish(struct trial *trial, enum trial_event *event,
                 struct trial_result *result, struct error *err);

#endif
