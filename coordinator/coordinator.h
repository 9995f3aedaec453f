/* The coordinator: receives, lets trial_table and findings change, then acts.
 *
 * MPI rank 0 runs it, on the thread that owns MPI. It never blocks: while there is
 * nothing to do it sleeps between two looks, 50 µs at first, 5 ms at most. */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "common/error.h"
#include "coordinator/enrolment.h"
#include "coordinator/findings.h"
#include "coordinator/profile_sum.h"
#include "storage/run_dir.h"
#include "storage/run_lock.h"

#include <signal.h>
#include <stdbool.h>

/* All borrowed. */
struct coordinator_order {
    struct findings_job job;
    struct enrolment *enrolment; /* its list is job.list */
    const char *earlier_job;     /* resolved text of the last start's; NULL: none */
    bool accept_numerics; /* of workers who compute otherwise than earlier starts */
    bool retry;           /* queue trials again that failed or were given up */
    const char *const *datasets; /* (tasks) files that the workers read */
    const char *run_dir;         /* made, locked, job.cfg in it */
    const struct run_lock *lock; /* of run_dir; NULL: nobody else can come */
    int workers;                 /* MPI ranks 1…workers */
    /* How often it was asked to stop: once, at the next reports; twice, at once. */
    const volatile sig_atomic_t *stops;
    double begun_s; /* wall time at which the user's command began; 0: unknown */
    double end_s;   /* wall time at which the allocation ends; 0: never */
};

/* How it went, besides the outcome. */
struct coordinator_end {
    bool lost;    /* a worker was: MPI_Finalize would wait for it */
    bool deposed; /* another coordinator has taken over, or the directory is gone: the
                     directory is not ours any more, lock and outcome included */
    struct profile_total profile; /* with cluster.profile; workers 0: nothing known */
};

/* Goes on from what the journal holds and runs what is to be run; writes the journal,
 * results.h5 and outcome, with cluster.profile profile.csv. Fails only where it cannot
 * begin; whatever comes later is in the outcome. */
int coordinator_run(const struct coordinator_order *order, struct outcome *outcome,
                    struct coordinator_end *end, struct error *err);

/* Instead of a run: tells all workers to leave, for this reason. */
void coordinator_dismiss(int workers, const char *reason);

#endif
