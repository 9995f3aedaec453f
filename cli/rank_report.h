/* What rank 0 tells its launcher: lines on its standard output, which mpirun passes on
 * to a pipe. Neither a full disk nor another run in the same directory can come between
 * them, as with a file. */
#ifndef CLI_RANK_REPORT_H
#define CLI_RANK_REPORT_H

#include "storage/run_dir.h"

/* How long MPI may take to start: $SHIFTWORK_START_S, else so many seconds that a
 * thousand ranks have time. */
unsigned rank_start_limit_s(void);

/* Rank 0: it has started, before MPI has; it holds the lock; it has let go of it and
 * leaves. */
void rank_report_here(void);
/* Any rank: MPI does not start. Safe in a signal handler. */
void rank_report_late(void);
void rank_report_begun(void);
void rank_report_ended(const struct outcome *outcome);

/* The launcher's side. */
struct rank_reports {
    int fd; /* of the pipe, not blocking */
    char line[RUN_DIR_LINE + 64];
    size_t size;
    bool here, late, begun, ended;
    struct process rank_0;  /* where here or begun */
    struct outcome outcome; /* where ended */
};

/* Takes in what there is; other lines go to standard output. Does not wait. */
void rank_reports_read(struct rank_reports *reports);

#endif
