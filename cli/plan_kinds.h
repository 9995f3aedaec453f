/* The kinds of trials that a job has: those that cost the same are one. */
#ifndef CLI_PLAN_KINDS_H
#define CLI_PLAN_KINDS_H

#include "cli/run_setup.h"
#include "storage/encoder.h"
#include "worker/batches.h"
#include "worker/workload.h"

struct plan_kind {
    int task;
    struct settings settings; /* of the first such trial; what costs nothing differs */
    int64_t trials;           /* of the plan's shard */
    int pace; /* the first kind that is computed in the same way, if on other rows */

    /* of one trial */
    struct row_list rows;               /* of train, on the heap */
    int64_t steps, batches, epochs;     /* in all; of an epoch; begun at most */
    int64_t reports;                    /* in all */
    int64_t train_tokens;               /* of an epoch */
    int64_t score_rows, score_tokens;   /* of a report */
    int64_t test_tokens;                /* of labelled test sets, at its end */
    int64_t prefix_rows, prefix_tokens; /* kept once a node; 0: inline */
    uint64_t prefix_bytes;              /* of its file */
    int shards;                         /* microshards of a batch */
    int64_t values;                     /* trained numbers */
    size_t bytes;                       /* of a worker's buffers */
    double setup_s;                     /* to make them */
    struct workload work;

    /* seconds a token, by measurement, statement or operations */
    bool measured;
    double train_s, evaluate_s, prefix_s;
};

struct plan_kinds {
    int count;
    struct plan_kind *kinds;
    int *of;        /* (tasks, configurations) */
    int64_t trials; /* of the plan's shard */
};

/* encoder: setup's. ERR_INPUT: as a worker would refuse. */
int plan_kinds_init(struct plan_kinds *out, const struct run_setup *setup,
                    const struct encoder *encoder, struct error *err);
void plan_kinds_clear(struct plan_kinds *kinds); /* an all-zero one too */

/* Trial 1…: its kind. */
int plan_kinds_of(const struct plan_kinds *kinds, const struct run_setup *setup,
                  int64_t trial);
/* Whether a trial is of the plan's shard. */
bool plan_kinds_wants(const struct run_setup *setup, int64_t trial);
/* Whether two kinds share a kept prefix. */
bool plan_kinds_same_prefix(const struct plan_kind *a, const struct plan_kind *b);

#endif
