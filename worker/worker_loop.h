/* The worker's side of MPI: every rank but 0. */
#ifndef WORKER_WORKER_LOOP_H
#define WORKER_WORKER_LOOP_H

#include "common/error.h"

#include <stdbool.h>

/* Which of its node's workers a process is. */
struct worker_place {
    int index, workers;
    int ranks; /* of the whole run */
};

/* Works for the coordinator (MPI rank 0) until it says farewell, on the thread that
 * owns MPI; a thread of its own computes. Looks for messages every 50 µs to 5 ms and
 * sleeps in between.
 *
 * *lost: the coordinator fell silent or its messages could not be read, so MPI_Finalize
 * would wait for it. An error is what the coordinator will not hear of. */
int worker_run(const struct worker_place *place, bool *lost, struct error *err);

#endif
