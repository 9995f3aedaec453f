/* What a run has found, as tables: results.h5 in memory (docs/formats.md).
 *
 * struct results is a snapshot that rows are appended to. A row's texts and
 * arrays are copied by the call that appends it, so the caller keeps its own. Every
 * call that appends returns 0 or ERR_MEMORY (ERR_INPUT where stated) and leaves the
 * snapshot as it was when it fails. */
#ifndef STORAGE_RESULTS_H
#define STORAGE_RESULTS_H

#include "common/adapter_layout.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/metrics.h"
#include "common/task.h"

#include <stdbool.h>
#include <stdint.h>

/* Numbers that are not known (no epoch yet, no such metric) are NaN for reals and 0 for
 * trial, config, task and epoch, which count from 1. Texts may be NULL: then "". */
struct results_trial {
    int64_t trial;
    const char *digest; /* 32 hex digits */
    int64_t config, task;
    int64_t seed;
    const char *status; /* as coordinator/ names the state: done, paused, given up… */
    int64_t epochs, best_epoch;
    double score;                /* selection score of the best epoch */
    double report_score;         /* the same of the rows that report */
    double report[METRIC_COUNT]; /* metrics at the best epoch, rows that report */
    double test[METRIC_COUNT];   /* and of a labelled test set */
    double seconds;
    int64_t tokens, attempts;
    const char *host, *numerics, *error;
    int64_t bracket; /* of Hyperband; 0 elsewhere */
    int64_t rung;    /* of the scheduler, from 0, the last that it came to; -1: none */
};

struct results_epoch {
    int64_t trial, epoch, step;
    double train_loss, dev_loss, score;
    double metrics[METRIC_COUNT]; /* NaN where the task has not this metric */
    double learning_rate;
    int64_t tokens;
    double seconds;
};

/* One hand-out of a trial to a worker. */
struct results_lease {
    int64_t trial, worker;
    const char *host;
    double begun, ended; /* seconds since 1970; ended NaN: it still runs */
    int64_t first_epoch; /* epochs that the trial had when it began */
    int64_t last_epoch;  /* that it came to */
    const char *end;     /* done, paused, stopped, failed, lost, released; "": runs */
};

struct results_task {
    int64_t task;
    const char *name; /* no '/' */
    bool regression;
    int64_t labels;                 /* classes, or 1 */
    const char *const *label_names; /* labels; NULL for regression */
    int metric_count, selection_count;
    enum metric metrics[TASK_METRICS_MAX], selection[TASK_METRICS_MAX];
    enum selection_rows selection_rows;
    int64_t max_length;
    int64_t rows[SPLIT_COUNT]; /* 0: no such split */
    double majority;           /* selection score of the majority class or mean; NaN */
    const char *dataset_digest, *tokenizer_digest; /* hex */
};

enum results_type { RESULTS_INT, RESULTS_REAL, RESULTS_TEXT };

/* One setting of a configuration: a column of /configs. A bool is an int 0 or 1. */
struct results_setting {
    const char *name;
    enum results_type type;
    int64_t integer;
    double real;
    const char *text;
};

/* A column of /configs in memory; values by row. */
struct results_column {
    char *name;
    enum results_type type;
    int64_t *integers;
    double *reals;
    char **texts;
};

/* /predictions/<task>/<split>: at each trial's best epoch. */
struct results_predictions {
    char *task;
    enum split split;
    int64_t rows;
    int labels;
    int trial_count;
    int64_t *trials; /* (trial_count) */
    float **logits;  /* (trial_count), each (rows, labels) */
    float *gold;     /* (rows), NULL: not labelled */
};

/* /adapters/<task>-<tag of the layout>: best tensors. */
struct results_tensor {
    char *name;
    int64_t offset, rows, cols;
};
struct results_adapters {
    char *name; /* <task>-<tag> */
    int64_t values;
    int tensor_count;
    struct results_tensor *tensors;
    int trial_count;
    int64_t *trials;
    float **vectors; /* (trial_count), each (values) */
};

/* All texts are owned by the snapshot and never NULL, but the attributes not yet set.
 */
struct results {
    char *program_version, *job_text, *job_digest, *encoder_digest;
    int trial_count, epoch_count, lease_count, task_count, config_count;
    struct results_trial *trials;
    struct results_epoch *epochs;
    struct results_lease *leases;
    struct results_task *tasks;
    int64_t *configs; /* (config_count) number of each row */
    int column_count;
    struct results_column *columns; /* of /configs */
    int predictions_count;
    struct results_predictions *predictions;
    int adapters_count;
    struct results_adapters *adapters;
};

/* An all-zero struct results is an empty snapshot. */
void results_clear(struct results *results);

/* The attributes; NULL leaves one as it is. */
int results_set_attributes(struct results *results, const char *job_text,
                           const char *job_digest, const char *encoder_digest);
int results_add_trial(struct results *results, const struct results_trial *row);
int results_add_epoch(struct results *results, const struct results_epoch *row);
int results_add_lease(struct results *results, const struct results_lease *row);
/* From a task as jobs/ resolved it; rows (SPLIT_COUNT). ERR_INPUT: a name that cannot
 * be a group's. */
int results_add_task(struct results *results, int64_t number, const struct task *task,
                     const int64_t *rows, double majority, struct digest dataset,
                     struct digest tokenizer, struct error *err);
/* Every configuration brings the same settings in the same order; ERR_INPUT if not. */
int results_add_config(struct results *results, int64_t config,
                       const struct results_setting *settings, int count,
                       struct error *err);
/* logits (rows, labels), gold (rows) or NULL. ERR_INPUT: another trial of the task had
 * another number of rows or labels. */
int results_add_predictions(struct results *results, const char *task, enum split split,
                            int64_t trial, const float *logits, int64_t rows,
                            int labels, const float *gold, struct error *err);
int results_add_adapter(struct results *results, const char *task, int64_t trial,
                        const struct adapter_layout *layout, const float *values,
                        struct error *err);

/* Rows by number, or NULL. */
const struct results_trial *results_find_trial(const struct results *results,
                                               int64_t trial);
const struct results_task *results_find_task(const struct results *results,
                                             int64_t task);
int results_find_config(const struct results *results, int64_t config); /* row, or -1 */
const struct results_column *results_find_column(const struct results *results,
                                                 const char *name);
/* The trial's flat vector, and its table in *table; NULL where it is not kept. */
const float *results_find_adapter(const struct results *results, int64_t trial,
                                  const struct results_adapters **table);
/* Whether table holds exactly the tensors of layout. */
bool results_adapters_match(const struct results_adapters *table,
                            const struct adapter_layout *layout);

#endif
