/* What the trials have found so far: epochs and results, and the snapshot of it that is
 * published.
 *
 * Adapters and outputs are kept of those trials that may be published in the end: of
 * each task the output.keep highest scores, and the best trial of each configuration.
 * Only the first are held in memory where somebody else holds all of them. */
#ifndef COORDINATOR_FINDINGS_H
#define COORDINATOR_FINDINGS_H

#include "common/digest.h"
#include "common/protocol.h"
#include "coordinator/trial_list.h"
#include "coordinator/trial_table.h"
#include "jobs/job_spec.h"
#include "storage/encoder.h"
#include "storage/results.h"

/* A task's data, as far as the results need it. */
struct findings_task {
    struct digest dataset, tokenizer;
    int labels;
    int64_t rows[SPLIT_COUNT];
    const float *gold[SPLIT_COUNT]; /* (rows); NULL where not labelled */
    double majority; /* selection score of the majority class or mean; NaN */
};

/* All borrowed. */
struct findings_job {
    const struct job_spec *spec;
    const struct trial_list *list;
    const struct findings_task *tasks; /* (spec->task_count) */
    const struct encoder_config *encoder;
    struct digest encoder_digest, job_digest;
};

struct findings;

int findings_new(struct findings **out, const struct findings_job *job,
                 struct error *err);
void findings_free(struct findings *findings);
/* The list has more trials or configurations than it had. ERR_MEMORY: nothing changed.
 */
int findings_grow(struct findings *findings, struct error *err);

/* Who computes the trial from now on; texts are borrowed. ERR_MEMORY. */
struct findings_grant {
    int worker; /* from 1; 0: not known */
    const char *host, *numerics;
    double unix_s; /* seconds since 1970 */
};
int findings_begun(struct findings *findings, int64_t trial,
                   const struct findings_grant *grant, struct error *err);
/* It has left its worker; end as in /leases of results.h5, a constant. Nothing happens
 * where it has none. */
void findings_left(struct findings *findings, int64_t trial, const char *end,
                   double unix_s);
/* The same of all. */
void findings_all_left(struct findings *findings, const char *end, double unix_s);
/* Where its scheduler has it; rung -1: none. */
void findings_judged(struct findings *findings, int64_t trial, int bracket, int rung);
/* Both copy what they keep. A report at a step that was reported before takes the place
 * of that one and of all later ones. ERR_PROTOCOL: a message that does not fit the
 * trial. */
int findings_report(struct findings *findings, const struct report *report,
                    struct error *err);
/* dropped: trials that are no longer among those to keep, this one maybe. A result
 * without values is not among them before findings_outputs(). */
struct findings_dropped {
    int count;
    int64_t trials[3];
};
int findings_result(struct findings *findings, const struct result *result,
                    struct findings_dropped *dropped, struct error *err);
int findings_failure(struct findings *findings, int64_t trial, const char *text,
                     struct error *err);

/* Who holds the outputs of all trials that are kept. read fills values and splits of
 * out, which point into scratch; 1: this trial's are no longer kept. Called on the
 * thread of findings_view_tables(), for what was committed before it began. */
struct findings_store {
    int (*read)(void *arg, int64_t trial, struct bytes *scratch, struct result *out,
                struct error *err);
    void *arg;
};
void findings_set_store(struct findings *findings, struct findings_store store);

/* Values and outputs of a result that came without them. */
int findings_outputs(struct findings *findings, const struct result *result,
                     struct findings_dropped *dropped, struct error *err);
/* A finished trial goes on, with more epochs: it has no result until the next one. */
void findings_reopen(struct findings *findings, int64_t trial);

/* The best score of a task's finished or running trials; NaN where there is none. */
double findings_best(const struct findings *findings, int task);

/* Seconds that an epoch of the trial has taken, with its scoring; 0: none is known. */
double findings_epoch_s(const struct findings *findings, int64_t trial);

/* The trial, which has no report yet, goes on from parent's: those are its own too.
 * ERR_MEMORY. */
int findings_fork(struct findings *findings, int64_t trial, int64_t parent,
                  struct error *err);

/* Everything as it is now, for another thread to make tables of while findings go on:
 * one at a time. Costs a copy of 80 bytes a trial and nothing a report, since reports,
 * outputs and texts are shared. */
struct findings_view;
int findings_freeze(struct findings *findings, const struct trial_table *table,
                    struct findings_view **out, struct error *err);
/* Without trials that nobody wants and nobody has begun; out is all zero on failure. */
int findings_view_tables(const struct findings_view *view, struct results *out,
                         struct error *err);
void findings_thaw(struct findings *findings, struct findings_view *view);

/* Freezes, makes tables, thaws. */
int findings_snapshot(struct findings *findings, const struct trial_table *table,
                      struct results *out, struct error *err);

#endif
