/* `shiftwork verify`: journal, segments and results against each other. */
#include "cli/commands.h"
#include "cli/run_journal.h"
#include "cli/trial_source.h"
#include "storage/results_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct option_spec options_table[] = {{NULL, NULL, NULL}};

static void help(void)
{
    printf("Reads all that a run directory holds: every record of its journal, every "
           "checkpoint and\noutput that counts, and results.h5, which must say what "
           "the journal says. Changes\nnothing. Exit 0 where all is well, else 1. "
           "Where only results.h5 is wrong or missing,\nshiftwork recover makes it "
           "again.\n");
}

/* The first thing that differs; empty: nothing does. */
struct difference {
    char text[256];
    int64_t older; /* reports that results.h5 does not have yet */
};

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static void note(struct difference *d, int64_t trial, const char *what)
{
    if (!d->text[0])
        snprintf(d->text, sizeof d->text, "trial %lld: %s", (long long)trial, what);
}

static void compare_trial(const struct results_trial *a, const struct results_trial *b,
                          struct difference *d)
{
    if (strcmp(a->digest, b->digest) != 0 || a->config != b->config ||
        a->task != b->task || a->seed != b->seed)
        note(d, a->trial, "it is another trial in the journal");
    else if (!strcmp(a->status, "done") && !strcmp(b->status, "done") &&
             (!same(a->score, b->score) || a->best_epoch != b->best_epoch))
        note(d, a->trial, "its best epoch or score differ");
}

/* Both in the order of numbers. A trial that was never begun is not in the journal's
 * results any more where a later job or shard does not want it. */
static void compare_trials(const struct results *file,
                           const struct run_journal *journal, struct difference *d)
{
    const struct results *known = &journal->results;
    for (int i = 0, at = 0; i < file->trial_count; i++) {
        const struct results_trial *a = &file->trials[i];
        while (at < known->trial_count && known->trials[at].trial < a->trial)
            at++;
        if (at < known->trial_count && known->trials[at].trial == a->trial)
            compare_trial(a, &known->trials[at], d);
        else if (a->attempts > 0 || a->trial > journal->trials)
            note(d, a->trial, "the journal does not know it");
    }
}

static bool same_epoch(const struct results_epoch *a, const struct results_epoch *b)
{
    bool equal = a->epoch == b->epoch && a->tokens == b->tokens &&
                 same(a->train_loss, b->train_loss) && same(a->dev_loss, b->dev_loss) &&
                 same(a->score, b->score) && same(a->learning_rate, b->learning_rate);
    for (int i = 0; i < METRIC_COUNT; i++)
        equal = equal && same(a->metrics[i], b->metrics[i]);
    return equal;
}

/* Both in the order of trials and steps. */
static void compare_epochs(const struct results *file, const struct results *journal,
                           struct difference *d)
{
    int at = 0;
    for (int i = 0; i < journal->epoch_count; i++) {
        const struct results_epoch *b = &journal->epochs[i];
        const struct results_epoch *a =
            at < file->epoch_count ? &file->epochs[at] : NULL;
        if (!a || a->trial != b->trial || a->step != b->step) {
            d->older++;
            continue;
        }
        if (!same_epoch(a, b))
            note(d, a->trial, "a report differs");
        at++;
    }
    if (at < file->epoch_count)
        note(d, file->epochs[at].trial, "it has a report that the journal has not");
}

static void compare_adapters(const struct results *file, const struct results *journal,
                             struct difference *d)
{
    for (int i = 0; i < file->trial_count; i++) {
        const struct results_adapters *table, *other;
        int64_t trial = file->trials[i].trial;
        const float *a = results_find_adapter(file, trial, &table);
        const float *b = results_find_adapter(journal, trial, &other);
        if (a && b &&
            (table->values != other->values ||
             memcmp(a, b, (size_t)table->values * sizeof *a) != 0))
            note(d, trial, "its trained values differ");
    }
}

static int check_results(const char *dir, const struct run_journal *journal,
                         struct error *err)
{
    struct results file = {0};
    struct difference d = {0};
    char path[SETTINGS_PATH + 16];
    snprintf(path, sizeof path, "%s/results.h5", dir);
    if (access(path, F_OK))
        return error_set(err, ERR_INPUT,
                         "%s: is missing; shiftwork recover makes it again", path);
    int rc = run_results_read(&file, dir, RESULTS_ALL, err);
    if (rc)
        return rc;
    compare_trials(&file, journal, &d);
    compare_epochs(&file, &journal->results, &d);
    compare_adapters(&file, &journal->results, &d);
    results_clear(&file);
    if (d.text[0])
        return error_set(err, ERR_INPUT,
                         "%s/results.h5: is not what the journal says: %s; shiftwork "
                         "recover makes it again",
                         dir, d.text);
    if (d.older > 0)
        printf("results.h5: agrees with the journal, but is older by %lld report%s\n",
               (long long)d.older, d.older == 1 ? "" : "s");
    else
        printf("results.h5: agrees with the journal\n");
    return 0;
}

static void print_journal(const struct run_journal *journal)
{
    const struct journal_end *end = &journal->end;
    printf("journal: %u file%s, %d trials, %d reports", end->files,
           end->files == 1 ? "" : "s", journal->results.trial_count,
           journal->results.epoch_count);
    if (end->ignored > 0)
        printf("; the last %llu bytes are no whole record and do not count",
               (unsigned long long)end->ignored);
    printf("\ncheckpoints: %lld, all whole\n", (long long)journal->checkpoints);
}

static int verify(const char *dir, struct error *err)
{
    struct run_setup setup;
    struct run_journal journal;
    int rc = run_setup_reload(&setup, dir, err);
    if (rc)
        return rc;
    rc = run_journal_read(&journal, &setup, err);
    if (!rc) {
        print_journal(&journal);
        rc = check_results(dir, &journal, err);
        run_journal_clear(&journal);
    }
    run_setup_clear(&setup);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    const char *dir = NULL;
    int rc =
        arguments_read(&command_verify, count, args, NULL, &dir, "run directory", err);
    if (rc)
        return rc;
    return dir ? verify(dir, err) : command_misused(err, "a run directory is wanted");
}

const struct command command_verify = {
    .name = "verify",
    .synopsis = "RUN_DIR",
    .summary = "Checks a run directory's journal, checkpoints and results",
    .options = options_table,
    .help = help,
    .run = run,
};
