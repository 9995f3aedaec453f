/* Private to the sources of findings: one entry a trial. */
#ifndef COORDINATOR_FINDINGS_PARTS_H
#define COORDINATOR_FINDINGS_PARTS_H

#include "coordinator/findings.h"

struct kept_split {
    enum split split;
    int64_t rows;
    int labels;
    float *logits; /* (rows, labels) */
};

/* What a finished trial handed over, while it may be among those that are kept. */
struct kept {
    float *values;
    int64_t count;
    int splits;
    struct kept_split split[SPLIT_COUNT];
};

struct entry {
    int epoch_count, epoch_capacity;
    struct report *epochs; /* without checkpoints */
    int best;              /* index in epochs, or -1 */
    struct kept *kept;
    double seconds;
    int64_t tokens;
    int test_count;
    double test[TASK_METRICS_MAX];
    const char *host, *numerics;
    char *error;
};

/* Of one task: its highest scores in falling order, and the best of each configuration
 * (trial numbers, 0: none). */
struct leaders {
    int64_t *top, *of_config;
    int top_count;
    double best;
};

struct findings {
    struct findings_job job;
    struct entry *entries; /* (trials) */
    struct leaders *leaders;
    int tasks;
};

struct entry *findings_entry(const struct findings *findings, int64_t trial);
int findings_task_of(const struct findings *findings, int64_t trial);
/* Score of the best report; NaN where there is none. */
double findings_score(const struct findings *findings, int64_t trial);
/* Whether score a beats b: an undefined one is beaten by any other. */
bool findings_better(double a, double b);

#endif
