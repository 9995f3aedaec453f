/* How far the trials of a start's job, or of its shard, are. The run directory may know
 * others, which an earlier job named or which are another shard's: they are never
 * handed out, so their states stay, and they count neither as done nor as given up nor
 * as left. */
#ifndef COORDINATOR_TALLY_H
#define COORDINATOR_TALLY_H

#include "coordinator/trial_table.h"
#include "storage/run_dir.h"

struct tally {
    int64_t trials;                    /* of the job */
    int64_t others[TRIAL_STATE_COUNT]; /* trials of earlier jobs only, by state */
};

/* After ledger_restore(), before anything is handed out. wanted (trials): of the job.
 */
struct tally tally_of(const struct trial_table *table, const bool *wanted,
                      int64_t trials);
/* Trials of the job in this state now. */
int64_t tally_count(const struct tally *tally, const struct trial_table *table,
                    enum trial_state state);
/* How the run would end now, as the states of the job's trials say. */
struct outcome tally_outcome(const struct tally *tally,
                             const struct trial_table *table);

#endif
