/* What would make trials fail one by one, found before the first of them. */
#ifndef CLI_RUN_CHECK_H
#define CLI_RUN_CHECK_H

#include "cli/run_setup.h"

/* A split of a task that cannot be trained on or read by the encoder. ERR_INPUT names
 * the task, the split and the reason. */
int run_check_data(const struct dataset *dataset, const struct task *task,
                   const struct encoder_config *encoder, struct error *err);

/* Rows that selection_rows, limit and the data leave, and the files that adapter.init
 * names, for every configuration of every task. Reads encoder, sweep and datasets of
 * setup. ERR_INPUT names the task or the file, and the reason. */
int run_check_trials(const struct run_setup *setup, struct error *err);

#endif
