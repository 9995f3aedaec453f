/* `shiftwork recover`: makes what can be made again from the journal. */
#include "cli/commands.h"
#include "cli/run_journal.h"
#include "coordinator/ledger_rewrite.h"
#include "storage/results_file.h"
#include "storage/run_lock.h"

#include <stdio.h>
#include <stdlib.h>

static const struct option_spec options_table[] = {{NULL, NULL, NULL}};

static void help(void)
{
    printf("Writes results.h5 and the outcome again, as the journal says: after a disk "
           "that was full\nor damaged, or where results.h5 was lost. A whole journal "
           "is only "
           "read; a damaged one\nis begun anew with all that can be read of it, beside "
           "the "
           "old one. Refused while the run\ngoes on.\n");
}

static int write_again(const struct run_setup *setup, struct run_journal *journal,
                       struct error *err)
{
    char path[SETTINGS_PATH + 16];
    snprintf(path, sizeof path, "%s/results.h5", setup->dir);
    int rc = results_write(path, &journal->results, err);
    if (!rc)
        rc = outcome_write(setup->dir, &journal->outcome, err);
    if (!rc)
        printf("%s: %d trials, %d reports; %lld done, %lld given up, %lld left\n", path,
               journal->results.trial_count, journal->results.epoch_count,
               (long long)journal->outcome.done, (long long)journal->outcome.given_up,
               (long long)journal->outcome.left);
    return rc;
}

static void say(const struct error *why, const struct journal_rewritten *counts)
{
    printf(
        "%s\na new journal: %lld records kept, %lld left out, %lld damaged place%s\n",
        why->text, (long long)counts->kept, (long long)counts->left_out,
        (long long)counts->damaged, counts->damaged == 1 ? "" : "s");
}

/* Bytes that are no records. *anew: nothing is left, and nothing was lost. */
static int mend_journal(const char *dir, bool *mended, bool *anew, struct error *err)
{
    struct journal_rewritten counts;
    struct journal_end end;
    struct error why;
    int rc = journal_read(dir, NULL, NULL, &end, &why);
    *mended = rc == ERR_INPUT;
    *anew = false;
    if (!*mended)
        return rc ? error_set(err, rc, "%s", why.text) : 0;
    rc = ledger_rewrite_jobs(dir, &counts, err);
    if (!rc)
        say(&why, &counts);
    *anew = !rc && counts.kept == 0;
    return rc;
}

/* Records that do not fit each other any more, or whose segments are lost. */
static int mend_trials(const struct run_setup *setup, const struct error *why,
                       struct error *err)
{
    struct journal_rewritten counts;
    struct findings_job job = run_journal_job(setup);
    int rc = ledger_rewrite_trials(setup->dir, &job, &counts, err);
    if (!rc)
        say(why, &counts);
    return rc;
}

static int recover_setup(const struct run_setup *setup, bool mended, struct error *err)
{
    static const struct error gaps = {"what came behind a lost record is looked at"};
    struct run_journal journal;
    int rc = mended ? mend_trials(setup, &gaps, err) : 0;
    if (!rc)
        rc = run_journal_read(&journal, setup, err);
    if (rc == ERR_INPUT) {
        struct error why = *err;
        rc = mend_trials(setup, &why, err);
        if (!rc)
            rc = run_journal_read(&journal, setup, err);
    }
    if (rc)
        return rc;
    rc = write_again(setup, &journal, err);
    run_journal_clear(&journal);
    return rc;
}

/* With the directory locked. */
static int recover_locked(const char *dir, struct error *err)
{
    struct run_setup setup;
    bool mended, anew;
    int rc = mend_journal(dir, &mended, &anew, err);
    if (!rc && anew) {
        printf("%s: nothing in it had been acknowledged; shiftwork run begins anew\n",
               dir);
        return 0;
    }
    if (!rc)
        rc = run_setup_reload(&setup, dir, err);
    if (rc)
        return rc;
    rc = recover_setup(&setup, mended, err);
    run_setup_clear(&setup);
    return rc;
}

static int recover(const char *dir, struct error *err)
{
    enum run_dir_state state;
    struct run_lock *lock;
    char *job;
    int rc = run_dir_inspect(dir, &state, &job, err);
    free(job);
    if (!rc && state == RUN_DIR_NEW)
        rc = error_set(err, ERR_INPUT, "%s: there is no journal in it", dir);
    if (!rc)
        rc = run_lock_take(&lock, dir, RUN_LOCK_LEASE_S, err);
    if (rc)
        return run_stopped_by(rc, err);
    rc = recover_locked(dir, err);
    run_lock_release(lock);
    return run_stopped_by(rc, err);
}

static int run(int count, char **args, struct error *err)
{
    const char *dir = NULL;
    int rc =
        arguments_read(&command_recover, count, args, NULL, &dir, "run directory", err);
    if (rc)
        return rc;
    return dir ? recover(dir, err) : command_misused(err, "a run directory is wanted");
}

const struct command command_recover = {
    .name = "recover",
    .synopsis = "RUN_DIR",
    .summary = "Makes results.h5 again from a run directory's journal",
    .options = options_table,
    .help = help,
    .run = run,
};
