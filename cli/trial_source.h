/* RUN_DIR[:TRIAL] on a command line: a trained trial of a run, with all that is needed
 * to compute with it again. */
#ifndef CLI_TRIAL_SOURCE_H
#define CLI_TRIAL_SOURCE_H

#include "common/dataset.h"
#include "jobs/job_spec.h"
#include "report/ranking.h"
#include "storage/encoder.h"
#include "storage/results.h"

struct trial_source {
    char *run_dir;
    struct results results;
    struct ranking ranking;
    struct job_spec spec;
    const struct results_trial *trial;
    const struct results_task *task_row;
    const struct task *task; /* of spec */
    struct settings settings;
    const char *encoder_dir;
    struct encoder encoder;
    struct adapter_layout layout;
    const float *values;
};

/* name: RUN_DIR or RUN_DIR:TRIAL, TRIAL a number, d and at least 8 digits of a digest,
 * best (the default) or TASK/best. encoder: folder to use in the place of the job's, or
 * NULL; it must hold the same weights.
 *
 * ERR_INPUT says what there is to choose from. On failure out is cleared. */
int trial_source_open(struct trial_source *out, const char *name, const char *encoder,
                      struct error *err);
void trial_source_clear(struct trial_source *source);

/* The data that the trial was trained on, from the run directory. */
int trial_source_dataset(struct dataset *out, const struct trial_source *source,
                         struct error *err);

/* Reads RUN_DIR/results.h5; what: see results_read(). */
int run_results_read(struct results *out, const char *run_dir, int what,
                     struct error *err);

#endif
