/* A journal from which records were lost, begun anew so that a start can go on from it.
 */
#ifndef COORDINATOR_LEDGER_REWRITE_H
#define COORDINATOR_LEDGER_REWRITE_H

#include "coordinator/findings.h"
#include "storage/journal_rewrite.h"

/* First: leaves out damaged places and what does not fit the jobs, configurations and
 * trials before it. ERR_INPUT: the job itself is lost; nothing has changed. Where
 * nothing was recorded besides a job whose commit never ended, nothing is kept:
 * out->kept is 0.
 */
int ledger_rewrite_jobs(const char *run_dir, struct journal_rewritten *out,
                        struct error *err);

/* Then: leaves out reports and results that do not fit their trials any more, and
 * results of trials to be kept whose outputs are lost; those trials are computed again
 * from their last checkpoint, or from their beginning where that is lost too. */
int ledger_rewrite_trials(const char *run_dir, const struct findings_job *job,
                          struct journal_rewritten *out, struct error *err);

#endif
