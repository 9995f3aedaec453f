/* The run directory's own files: job.cfg, outcome, what the lock says
 * (docs/formats.md). */
#ifndef STORAGE_RUN_DIR_H
#define STORAGE_RUN_DIR_H

#include "common/error.h"
#include "common/process.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a run ended, or would have if it ended now. */
struct outcome {
    int exit_code;
    int64_t done, given_up, left; /* trials */
};

/* One line, "exit=75 done=3 given_up=0 left=9". Replaced as a whole; where a full disk
 * does not let it, written over the old one in place, so that the run can say how it
 * ended. There is no outcome rather than half of one. */
int outcome_write(const char *dir, const struct outcome *outcome, struct error *err);
/* ERR_INPUT: there is none, or no such line. */
int outcome_read(struct outcome *out, const char *dir, struct error *err);

enum { RUN_DIR_LINE = 1024 };
void outcome_text(char out[RUN_DIR_LINE], const struct outcome *outcome);
bool outcome_parse(struct outcome *out, const char *line); /* without its end of line */

enum run_dir_state {
    RUN_DIR_NEW, /* not there, empty, or left by a run whose journal never began */
    RUN_DIR_UNFINISHED, /* trials are left */
    RUN_DIR_FINISHED,
};

/* job: text of its job.cfg, on the heap; NULL where there is none. ERR_INPUT: a folder
 * that holds other things. */
int run_dir_inspect(const char *dir, enum run_dir_state *state, char **job,
                    struct error *err);

/* Which folders a run has made: those of its path from this length on; 0: none. */
struct run_dir_made {
    size_t from;
};

/* Makes dir, its datasets/ and the folders above where they are missing. On failure
 * none is left. ERR_IO: there is no room. */
int run_dir_make(const char *dir, struct run_dir_made *made, struct error *err);
/* The same for the folders above alone. */
int run_dir_make_above(const char *dir, struct run_dir_made *made, struct error *err);
/* Removes those folders again that are empty. */
void run_dir_unmake(const char *dir, const struct run_dir_made *made);

/* 1: it is held; holder is all zero where the lock does not say by whom. 0: nobody
 * holds it. ERR_IO: it cannot be read. */
int run_dir_holder(const char *dir, struct process *holder, struct error *err);
/* The same with the lock's whole line, which changes while its holder lives. */
int run_dir_lock_line(const char *dir, char line[RUN_DIR_LINE], struct error *err);
/* "host=… boot=… pid=… started=…" */
void holder_text(char out[RUN_DIR_LINE], const struct process *holder);
bool holder_parse(struct process *out, const char *line);

/* ERR_IO for an errno of what a busy machine or server lacks for a while, room among
 * it: that is not the user's fault. Else ERR_INPUT. */
int run_dir_status_of(int number);

/* Removes job.cfg, outcome and what is empty of a run that did not get to work, whose
 * state was RUN_DIR_NEW. For the lock's holder. */
void run_dir_forget(const char *dir);

#endif
