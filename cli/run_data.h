/* The data of a run's tasks: read or tokenised, and kept in the run directory under its
 * digest, from where the workers read it. */
#ifndef CLI_RUN_DATA_H
#define CLI_RUN_DATA_H

#include "cli/run_setup.h"

/* Fills datasets, dataset_paths, datasets_made and tasks of setup, whose encoder and
 * spec are there. Data that the directory has already is not written again; of a setup
 * that is planning, nothing is. */
int run_data_prepare(struct run_setup *setup, struct error *err);

/* Lets every task of spec take its data from the run directory, where an earlier start
 * has kept it. ERR_INPUT: that of a task is not there. */
int run_data_find(struct run_setup *setup, struct error *err);

#endif
