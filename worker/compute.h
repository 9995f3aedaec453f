/* The thread of a worker that computes trials, and the mailbox between it and the
 * thread that owns MPI. It never calls MPI; messages to be sent lie in the mailbox. */
#ifndef WORKER_COMPUTE_H
#define WORKER_COMPUTE_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>

struct compute;

/* What WELCOME said; path is copied. */
struct compute_setup {
    const char *encoder;
    struct digest encoder_digest;
    int threads, tasks;
};

int compute_new(struct compute **out, const struct compute_setup *setup,
                struct error *err);
/* Stops what is computed between two batches, then ends the thread. */
void compute_free(struct compute *compute);

/* The rest is called by the other thread, and never waits for a computation. */

/* Copies what TASK said; before a trial of that task is added. */
int compute_task(struct compute *compute, const struct task_order *task,
                 struct error *err);
/* Queues a copy of the trial behind those that are there. */
int compute_add(struct compute *compute, const struct grant_trial *trial,
                struct error *err);
/* Leaves the trial, under way or queued, if it is there under this lease: STOPPED will
 * lie in the mailbox when its turn has come; RESULT where it has made its last report
 * and need not be left at once. */
void compute_stop(struct compute *compute, const struct stop *stop);
/* The trial under way, as a heartbeat. */
void compute_progress(struct compute *compute, struct heartbeat *out);
/* The next message to send is moved to *out; false: none. Waits up to timeout_s for
 * one. */
bool compute_take(struct compute *compute, struct bytes *out, double timeout_s);

#endif
