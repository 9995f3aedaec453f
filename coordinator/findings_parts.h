/* Private to the sources of findings: one entry a trial.
 *
 * A view shares what entries point to: while there is one, nothing of that is freed or
 * written over, only replaced. */
#ifndef COORDINATOR_FINDINGS_PARTS_H
#define COORDINATOR_FINDINGS_PARTS_H

#include "coordinator/epochs.h"
#include "coordinator/findings.h"

struct kept_split {
    enum split split;
    int64_t rows;
    int labels;
    float *logits; /* (rows, labels) */
};

/* What a finished trial handed over, while it may be among those that are kept: one
 * piece of memory. */
struct kept {
    int64_t count;
    int splits;
    struct kept_split split[SPLIT_COUNT];
    float values[]; /* (count), and the logits behind them */
};

struct entry {
    struct epochs epochs;
    struct kept *kept;
    double *test; /* metrics of labelled test sets; NULL: none */
    const char *host, *numerics;
    char *error;
    double seconds;
    int64_t tokens;
    int best;      /* index in epochs, or -1 */
    int32_t lease; /* 1 + row of what it has now; 0: no worker */
    int16_t bracket, rung;
};

/* Of one task: its highest scores in falling order, and the best of each configuration
 * (trial numbers, 0: none). */
struct leaders {
    int64_t *top, *of_config;
    int top_count;
    int64_t best; /* trial with the highest score, done or not; 0: none is known */
};

struct lease_row {
    const char *host, *end;
    double begun, ended; /* NaN: it has not ended */
    int32_t trial, worker, first_epoch, last_epoch;
};
struct lease_rows {
    struct lease_row *rows;
    int32_t count, capacity;
};
int lease_rows_copy(struct lease_rows *out, const struct lease_rows *from);

struct findings {
    struct findings_job job;
    struct entry *entries; /* (trials) */
    struct leaders *leaders;
    struct lease_rows leases;
    struct findings_store store; /* read NULL: all that is kept is held here */
    int tasks;
    int64_t trials; /* of the list, when it was last looked at */
    int configs;
    bool viewed;
    void **retired; /* what to free when nobody looks any more */
    size_t retired_count, retired_capacity;
};

/* What is shared with findings, and copies of what changes in place. */
struct findings_view {
    struct findings then;
    struct trial_list list; /* then.job.list: what was added since is not in it */
    uint8_t *states;        /* (trials) */
    uint16_t *attempts;     /* (trials) */
};

struct entry *findings_entry(const struct findings *findings, int64_t trial);
int findings_task_of(const struct findings *findings, int64_t trial);
int findings_metrics_of(const struct findings *findings, int64_t trial);
/* The best report; NULL where there is none. */
const struct epoch *findings_best_epoch(const struct findings *findings, int64_t trial);
int findings_add_leases(const struct findings *findings, struct results *out);
/* Its score; NaN where there is none. */
double findings_score(const struct findings *findings, int64_t trial);
/* Whether score a beats b: an undefined one is beaten by any other. */
bool findings_better(double a, double b);
/* Frees it, as soon as no view can see it. NULL is fine. */
void findings_retire(struct findings *findings, void *memory);

/* One piece of memory; NULL when out of it. */
struct kept *findings_copy_outputs(const struct result *result);

/* Who is kept. */
int leaders_init(struct leaders *leaders, int keep, int configs);
/* Room for configurations that were added. */
int leaders_grow(struct leaders *leaders, int before, int configs);
void leaders_clear(struct leaders *leaders);
void leaders_add(struct findings *findings, int64_t trial,
                 struct findings_dropped *dropped);
void leaders_remove(struct findings *findings, int64_t trial);

#endif
