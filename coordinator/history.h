/* What a run directory's journal says about the jobs so far: read before anything is
 * started, to number the trials and to check that the new job goes with the old ones.
 */
#ifndef COORDINATOR_HISTORY_H
#define COORDINATOR_HISTORY_H

#include "coordinator/trial_list.h"
#include "storage/journal.h"

struct history {
    char *job; /* resolved text of the last job; NULL: there was none yet */
    struct digest encoder;
    int tasks; /* of the last job, in the order of their numbers */
    char **names;
    struct digest *digests; /* identity_task_digest() */
    struct trial_list list;
    struct journal_end end;
};

/* ERR_INPUT: the journal is damaged, or says what cannot be. out is all zero then. */
int history_read(struct history *out, const char *run_dir, struct error *err);
void history_clear(struct history *history);
/* Takes in one record; others than those of jobs, configurations and trials are passed
 * over. ERR_INPUT: it says what cannot be. */
int history_take(struct history *history, const struct frame *frame, struct error *err);

#endif
