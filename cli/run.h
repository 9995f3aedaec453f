/* `shiftwork run`, as the user typed it. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "common/error.h"

#include <stdbool.h>

struct run_options {
    const char *job;  /* file */
    const char **set; /* (set_count) "path=value", -o and --threads among them */
    int set_count;
    int workers; /* 0: one a core */
    int grace_s; /* between a first signal and what a second one does; -1: no limit */
    bool accept_numerics;
    bool retry;         /* trials that failed or were given up */
    bool sharded;       /* --shard: its settings are in set */
    bool dir_given;     /* -o is in set */
    bool threads_given; /* of a worker: is in set */
    char **args;        /* (arg_count) what stands behind "shiftwork run" */
    int arg_count;
};

/* Starts mpirun with this program as its ranks, passes signals on, waits for the
 * outcome. Returns an exit code or an ERR_ status. */
int launcher_run(const struct run_options *options, struct error *err);

/* Workers that the launcher starts where no number is given. */
int launcher_workers(int threads);
/* Cores that this process may use. */
int launcher_cores(void);

/* Whether mpirun or srun has started this process as a rank. */
bool run_is_rank(void);

/* One rank of the run: rank 0 coordinates, the others work. */
int rank_run(const struct run_options *options, struct error *err);

#endif
