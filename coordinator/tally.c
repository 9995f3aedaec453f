#include "coordinator/tally.h"

struct tally tally_of(const struct trial_table *table, const bool *wanted,
                      int64_t trials)
{
    struct tally tally = {0};

    for (int64_t i = 1; i <= trials; i++) {
        if (wanted[i - 1])
            tally.trials++;
        else
            tally.others[trial_table_state(table, i)]++;
    }
    return tally;
}

int64_t tally_count(const struct tally *tally, const struct trial_table *table,
                    enum trial_state state)
{
    return trial_table_count(table, state) - tally->others[state];
}

struct outcome tally_outcome(const struct tally *tally, const struct trial_table *table)
{
    struct outcome outcome = {
        .done = tally_count(tally, table, TRIAL_DONE) +
                tally_count(tally, table, TRIAL_STOPPED),
        .given_up = tally_count(tally, table, TRIAL_FAILED) +
                    tally_count(tally, table, TRIAL_GIVEN_UP),
    };

    outcome.left = tally->trials - outcome.done - outcome.given_up;
    outcome.exit_code = outcome.left > 0 ? 75 : outcome.given_up > 0 ? 3 : 0;
    return outcome;
}
