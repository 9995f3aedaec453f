/* The thread of a worker that computes trials, or helps with another worker's. It never
 * calls MPI; its messages wait until the thread that owns MPI takes them. */
#ifndef WORKER_COMPUTE_H
#define WORKER_COMPUTE_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/protocol.h"
#include "worker/mail.h"
#include "worker/stage.h"

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

/* Takes files through it from now on, before a trial is added; it must outlive the
 * thread. */
void compute_use_stage(struct compute *compute, struct stage *stage);
/* Measures where the time goes from now on; before a trial is added. ERR_PROTOCOL:
 * twice. */
int compute_measure(struct compute *compute, struct error *err);
/* Copies what TASK said; before a trial of that task is added. */
int compute_task(struct compute *compute, const struct task_order *task,
                 struct error *err);
/* Queues a copy of the trial behind those that are there. */
int compute_add(struct compute *compute, const struct grant_trial *trial,
                struct error *err);
/* The same for help with another worker's trial. */
int compute_help(struct compute *compute, const struct help *help, struct error *err);
/* Leaves the trial, under way or queued, if it is there under this lease: STOPPED comes
 * when its turn has come; RESULT where it has made its last report
 * and need not be left at once. */
void compute_stop(struct compute *compute, const struct stop *stop);
/* What a rank has sent about a crew, copied; NULL: the rank is gone. */
int compute_deliver(struct compute *compute, int peer, const uint8_t *message,
                    size_t size, struct error *err);
/* The trial under way, as a heartbeat; help is none. */
void compute_progress(struct compute *compute, struct heartbeat *out);
/* As mail_take(). */
bool compute_take(struct compute *compute, bool to_coordinator, struct letter *out,
                  double timeout_s);

#endif
