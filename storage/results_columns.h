/* The columns of results.h5's tables: one list for writing and reading. */
#ifndef STORAGE_RESULTS_COLUMNS_H
#define STORAGE_RESULTS_COLUMNS_H

#include "storage/h5_file.h"
#include "storage/results.h"

#include <stddef.h>

/* A field of a table's row; a list ends with a NULL name. Metrics are not in it. */
struct results_field {
    const char *name;
    enum h5_type type;
    size_t offset;
};

/* A task's row as the file has it: lists are one text. */
struct results_task_row {
    int64_t task, regression, labels, max_length, rows[SPLIT_COUNT];
    double majority;
    char *name, *label_names, *metrics, *selection, *selection_rows;
    char *dataset_digest, *tokenizer_digest;
};

void results_task_rows_free(struct results_task_row *rows, int64_t count);

extern const struct results_field results_trial_fields[],
    results_rung_fields[], /* of a trial too; older files have them not */
    results_epoch_fields[], results_lease_fields[], results_task_fields[],
    results_tensor_fields[];

extern const char *const results_selection_names[SELECT_SPLIT_TRAIN + 1];

#endif
