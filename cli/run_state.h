/* What a run directory says about its run now, to anybody who can read it: nothing is
 * written and no lock is taken. */
#ifndef CLI_RUN_STATE_H
#define CLI_RUN_STATE_H

#include "common/error.h"
#include "coordinator/live.h"
#include "storage/run_dir.h"

#include <stdbool.h>
#include <stddef.h>

enum run_phase {
    RUN_ENDED, /* nobody works on it */
    RUN_RUNNING,
    RUN_SILENT, /* its coordinator has given no sign for long: dead or cut off, maybe */
    RUN_GONE,   /* its coordinator was a process of this host, and is no more */
};

/* All zero before the first look. */
struct run_state {
    enum run_phase phase;
    struct process holder; /* all zero where the lock does not say */
    bool here;             /* it is on this host */
    int exit_code;         /* as its outcome says; 75 where there is none */
    double silent_s;       /* since its last sign */
    bool told;             /* live is this coordinator's */
    struct live live;
    /* Of the look before. */
    char sign[RUN_DIR_LINE + 64];
    double sign_at; /* when it changed; 0: no look yet */
};

void run_state_clear(struct run_state *state);

/* now: by clock_monotonic_s(). ERR_INPUT: no run directory; ERR_IO. */
int run_state_look(struct run_state *state, const char *dir, double now,
                   struct error *err);

/* A run that nobody works on has ended; else what is known of its coordinator. */
enum run_phase run_phase_of(bool held, bool here, bool alive, double silent_s);

/* Somebody works on it, as far as is known. */
bool run_state_goes_on(const struct run_state *state);

/* "runs/a: running, coordinated by process 12 on node1" */
void run_state_text(char *out, size_t size, const struct run_state *state,
                    const char *dir);

#endif
