/* What a run directory's journal says, as results. */
#ifndef CLI_RUN_JOURNAL_H
#define CLI_RUN_JOURNAL_H

#include "cli/run_setup.h"
#include "storage/journal.h"
#include "storage/results.h"

struct run_journal {
    struct journal_end end;
    int64_t trials;         /* that it knows; results lack those that nobody wants */
    int64_t checkpoints;    /* that may be needed; all can be read */
    struct outcome outcome; /* as the trials' states say */
    struct results results;
};

/* setup: reloaded. ERR_INPUT: journal or segments are damaged. */
int run_journal_read(struct run_journal *out, const struct run_setup *setup,
                     struct error *err);
/* What the journal's records are about. */
struct findings_job run_journal_job(const struct run_setup *setup);
void run_journal_clear(struct run_journal *journal);

#endif
