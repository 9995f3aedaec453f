/* Names, types and places of the columns. */
#include "storage/results_columns.h"

#include <stdlib.h>

#define COLUMN(row, field, type)                                                       \
    {                                                                                  \
#field, type, offsetof(struct row, field)                                      \
    }

const struct results_field results_trial_fields[] = {
    COLUMN(results_trial, trial, H5_INT64),
    COLUMN(results_trial, digest, H5_TEXT),
    COLUMN(results_trial, config, H5_INT64),
    COLUMN(results_trial, task, H5_INT64),
    COLUMN(results_trial, seed, H5_INT64),
    COLUMN(results_trial, status, H5_TEXT),
    COLUMN(results_trial, epochs, H5_INT64),
    COLUMN(results_trial, best_epoch, H5_INT64),
    COLUMN(results_trial, score, H5_REAL64),
    COLUMN(results_trial, report_score, H5_REAL64),
    COLUMN(results_trial, seconds, H5_REAL64),
    COLUMN(results_trial, tokens, H5_INT64),
    COLUMN(results_trial, attempts, H5_INT64),
    COLUMN(results_trial, host, H5_TEXT),
    COLUMN(results_trial, numerics, H5_TEXT),
    COLUMN(results_trial, error, H5_TEXT),
    {0},
};

const struct results_field results_rung_fields[] = {
    COLUMN(results_trial, bracket, H5_INT64),
    COLUMN(results_trial, rung, H5_INT64),
    {0},
};

const struct results_field results_lease_fields[] = {
    COLUMN(results_lease, trial, H5_INT64),
    COLUMN(results_lease, worker, H5_INT64),
    COLUMN(results_lease, host, H5_TEXT),
    COLUMN(results_lease, begun, H5_REAL64),
    COLUMN(results_lease, ended, H5_REAL64),
    COLUMN(results_lease, first_epoch, H5_INT64),
    COLUMN(results_lease, last_epoch, H5_INT64),
    COLUMN(results_lease, end, H5_TEXT),
    {0},
};

const struct results_field results_epoch_fields[] = {
    COLUMN(results_epoch, trial, H5_INT64),
    COLUMN(results_epoch, epoch, H5_INT64),
    COLUMN(results_epoch, step, H5_INT64),
    COLUMN(results_epoch, train_loss, H5_REAL64),
    COLUMN(results_epoch, dev_loss, H5_REAL64),
    COLUMN(results_epoch, score, H5_REAL64),
    COLUMN(results_epoch, learning_rate, H5_REAL64),
    COLUMN(results_epoch, tokens, H5_INT64),
    COLUMN(results_epoch, seconds, H5_REAL64),
    {0},
};

const struct results_field results_task_fields[] = {
    COLUMN(results_task_row, task, H5_INT64),
    COLUMN(results_task_row, name, H5_TEXT),
    COLUMN(results_task_row, metrics, H5_TEXT),
    COLUMN(results_task_row, selection, H5_TEXT),
    COLUMN(results_task_row, selection_rows, H5_TEXT),
    COLUMN(results_task_row, regression, H5_INT64),
    COLUMN(results_task_row, labels, H5_INT64),
    COLUMN(results_task_row, label_names, H5_TEXT),
    COLUMN(results_task_row, max_length, H5_INT64),
    COLUMN(results_task_row, majority, H5_REAL64),
    COLUMN(results_task_row, dataset_digest, H5_TEXT),
    COLUMN(results_task_row, tokenizer_digest, H5_TEXT),
    {0},
};

const struct results_field results_tensor_fields[] = {
    COLUMN(results_tensor, name, H5_TEXT),
    COLUMN(results_tensor, offset, H5_INT64),
    COLUMN(results_tensor, rows, H5_INT64),
    COLUMN(results_tensor, cols, H5_INT64),
    {0},
};

const char *const results_selection_names[SELECT_SPLIT_TRAIN + 1] = {
    [SELECT_DEV] = "dev",
    [SELECT_SPLIT_DEV] = "split_dev",
    [SELECT_SPLIT_TRAIN] = "split_train"};

void results_task_rows_free(struct results_task_row *rows, int64_t count)
{
    for (int64_t i = 0; rows && i < count; i++) {
        free(rows[i].name);
        free(rows[i].label_names);
        free(rows[i].metrics);
        free(rows[i].selection);
        free(rows[i].selection_rows);
        free(rows[i].dataset_digest);
        free(rows[i].tokenizer_digest);
    }
    free(rows);
}
