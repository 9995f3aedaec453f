/* A job with made-up data: 1 task, 3 configurations, 2 seeds, so 6 trials. */
#ifndef TESTS_COORDINATOR_SAMPLE_RUN_H
#define TESTS_COORDINATOR_SAMPLE_RUN_H

#include "common/protocol.h"
#include "coordinator/enrolment.h"
#include "coordinator/findings.h"

enum { SAMPLE_TRIALS = 6, SAMPLE_ROWS = 4, SAMPLE_LABELS = 2, SAMPLE_KEEP = 2 };

struct sample_run {
    struct job_spec spec;
    struct sweep sweep;
    struct enrolment enrolment;
    struct findings_task task;
    struct encoder_config encoder;
    float gold[SAMPLE_ROWS];
    struct findings_job job;
};

/* With these lines of the job's cluster; 0, or the status of what refused it. */
int sample_run_init(struct sample_run *run, const char *cluster, struct error *err);
/* The same behind what an earlier start has left, whose list is taken, with these lines
 * in the places of the sample's training and sweep. */
struct sample_change {
    const char *cluster, *training, *sweep; /* NULL: the sample's */
    int keep;                               /* 0: the sample's */
};
int sample_run_again(struct sample_run *run, const struct sample_change *change,
                     struct history *history, struct error *err);
void sample_run_clear(struct sample_run *run);

/* Messages about a trial as a worker would send them: epoch 1, 2… with a score. */
struct report sample_report(uint64_t trial, uint32_t lease, int epoch, double score);
/* values and logits lie in the module. */
struct result sample_result(uint64_t trial, uint32_t lease, int best_epoch);
/* Numbers of a trial: layout of the sample's encoder. */
int sample_values(void);

#endif
