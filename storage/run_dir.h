/* The run directory's own files: job.cfg, outcome, lock (docs/formats.md). */
#ifndef STORAGE_RUN_DIR_H
#define STORAGE_RUN_DIR_H

#include "common/error.h"
#include "common/process.h"

#include <stdbool.h>
#include <stdint.h>

/* How a run ended, or would have if it ended now. */
struct outcome {
    int exit_code;
    int64_t done, given_up, left; /* trials */
};

/* One line, "exit=75 done=3 given_up=0 left=9", written over the old one in place, so
 * that a full disk does not keep a run from saying how it ended. */
int outcome_write(const char *dir, const struct outcome *outcome, struct error *err);
/* ERR_INPUT: there is none, or no such line. */
int outcome_read(struct outcome *out, const char *dir, struct error *err);

enum run_dir_state {
    RUN_DIR_NEW, /* not there, empty, or left by a run that did not get to work */
    RUN_DIR_UNFINISHED, /* trials are left */
    RUN_DIR_FINISHED,
};

/* job: text of its job.cfg, on the heap; NULL where the state is RUN_DIR_NEW.
 * ERR_INPUT: a folder that holds other things. */
int run_dir_inspect(const char *dir, enum run_dir_state *state, char **job,
                    struct error *err);

/* The lock names the process that coordinates. ERR_INPUT names the one that holds it;
 * that of a dead process of this host is taken over. Makes dir and its datasets/. */
int run_dir_lock(const char *dir, struct error *err);
void run_dir_unlock(const char *dir);
/* False where nobody holds it. */
bool run_dir_holder(const char *dir, struct process *holder);

/* Takes away what a run that did not get to work has made: job.cfg, log and outcome,
 * then the folders if they are empty. Prepared data stays for the next try. */
void run_dir_remove_unused(const char *dir);

#endif
