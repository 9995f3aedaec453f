/* Records of other run directories, taken into a journal under its own numbers. */
#ifndef COORDINATOR_LEDGER_TAKE_H
#define COORDINATOR_LEDGER_TAKE_H

#include "coordinator/ledger.h"

/* Appends what the journal of run_dir says of its trials, with the checkpoints and
 * outputs that count in the end, and flushes it. numbers (trials of job->list): what
 * each is called in ledger; 0: it is left out. Of what no longer counts only the bare
 * records come along. end: how far run_dir was read. ERR_INPUT: it is damaged. */
int ledger_take(struct ledger *ledger, const char *run_dir,
                const struct findings_job *job, const int64_t *numbers,
                struct journal_end *end, struct error *err);

#endif
