/* `shiftwork merge`: several run directories of one job become one. */
#include "cli/commands.h"
#include "cli/merge_write.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_DIR };

static const struct option_spec options_table[] = {
    [OPTION_DIR] = {"o", "RUN_DIR", "the new run directory: not there yet, or empty"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Joins run directories of the same job: its shards, or runs on several "
        "machines. They are\nonly read. Of a trial that several hold, the one that is "
        "done counts, or is further along;\nwhere two are done with the same "
        "numerics, their numbers must be the same bits. The new\ndirectory is like "
        "one of a single run: run goes on with it where trials are missing.\nExit 0 "
        "where all trials are done, 3 where some were given up, 75 where some are "
        "missing,\n1 where the directories are not of one job.\n");
}

struct merge_options {
    const char **dirs; /* (count) */
    int count;
    const char *out;
};

/* A list of numbers that does not get longer than a line. */
struct number_list {
    char text[256];
    size_t size;
    int count;
};

static void number_add(struct number_list *list, int64_t number, const char *after)
{
    enum { SHOWN = 10 };
    if (list->count++ < SHOWN)
        list->size += (size_t)snprintf(
            list->text + list->size, sizeof list->text - list->size, "%s%lld%s",
            list->size ? ", " : "", (long long)number, after);
    else if (list->count == SHOWN + 1)
        snprintf(list->text + list->size, sizeof list->text - list->size, "\u2026");
}

/* Into how many shards all directories that are shards have cut the job; 1: none is
 * one, or they do not agree. */
static int common_shards(const struct merge_plan *plan)
{
    int shards = 1;
    for (int i = 0; i < plan->count; i++) {
        if (plan->shards[i] > 1 && shards > 1 && plan->shards[i] != shards)
            return 1;
        if (plan->shards[i] > 1)
            shards = plan->shards[i];
    }
    return shards;
}

/* " (of shard 2/3)" where the missing ones are of few of the shards. */
static void print_shards(const bool *missing, int shards)
{
    struct number_list list = {.text = ""};
    char after[32];
    snprintf(after, sizeof after, "/%d", shards);
    for (int i = 0; i < shards; i++)
        if (missing[i])
            number_add(&list, i + 1, after);
    printf(" (of shard%s %s)", list.count == 1 ? "" : "s", list.text);
}

static int print_missing(const struct merge_plan *plan,
                         const struct run_journal *journal, struct error *err)
{
    struct number_list list = {.text = ""};
    int shards = common_shards(plan);
    bool *missing = calloc((size_t)shards, sizeof *missing);
    if (!missing)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int i = 0; i < journal->results.trial_count; i++) {
        const struct results_trial *trial = &journal->results.trials[i];
        if (strcmp(trial->status, trial_state_name(TRIAL_QUEUED)) != 0)
            continue;
        number_add(&list, trial->trial, "");
        missing[(trial->trial - 1) % shards] = true;
    }
    const struct outcome *outcome = &journal->outcome;
    int64_t all = outcome->done + outcome->given_up + outcome->left;
    printf("%lld of %lld trials %s missing: %s", (long long)outcome->left,
           (long long)all, outcome->left == 1 ? "is" : "are", list.text);
    if (shards > 1)
        print_shards(missing, shards);
    printf("; run goes on with them\n");
    free(missing);
    return 0;
}

static int print_end(const struct merge_options *options, const struct merge_plan *plan,
                     const struct run_journal *journal, struct error *err)
{
    const struct outcome *outcome = &journal->outcome;
    printf("%s: %d trials of %d run director%s; %lld done, %lld given up, %lld left; "
           "%lld duplicate%s left out\n",
           options->out, journal->results.trial_count, plan->count,
           plan->count == 1 ? "y" : "ies", (long long)outcome->done,
           (long long)outcome->given_up, (long long)outcome->left,
           (long long)plan->duplicates, plan->duplicates == 1 ? "" : "s");
    int rc = outcome->left > 0 ? print_missing(plan, journal, err) : 0;
    return rc ? rc : outcome->exit_code;
}

static volatile sig_atomic_t stops;

static void count_stop(int number)
{
    (void)number;
    stops++;
}

/* What was begun is removed at a first signal; a second one does not wait for that. */
static void set_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = count_stop,
                               .sa_flags = SA_RESTART | SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

static int merge(const struct merge_options *options, struct error *err)
{
    struct merge_plan plan;
    struct run_journal journal;
    set_signals();
    int rc = merge_write_check(options->out, err);
    if (!rc)
        rc = merge_plan_init(&plan, options->dirs, options->count, &stops, err);
    if (rc)
        return run_stopped_by(rc, err);
    rc = merge_write(&plan, options->out, &journal, err);
    if (!rc) {
        rc = print_end(options, &plan, &journal, err);
        run_journal_clear(&journal);
    }
    merge_plan_clear(&plan);
    return run_stopped_by(rc, err);
}

static int run(int count, char **args, struct error *err)
{
    struct merge_options options = {
        .dirs = calloc((size_t)count + 1, sizeof *options.dirs)};
    if (!options.dirs)
        return error_set(err, ERR_MEMORY, "out of memory");
    int rc = arguments_read_dirs(&command_merge, count, args, options.dirs,
                                 &options.count, &options.out,
                                 "run directories and -o RUN_DIR are wanted", err);
    if (!rc)
        rc = merge(&options, err);
    free(options.dirs);
    return rc;
}

const struct command command_merge = {
    .name = "merge",
    .synopsis = "RUN_DIR... -o RUN_DIR",
    .summary = "Joins run directories of one job, say its shards, to one",
    .options = options_table,
    .help = help,
    .run = run,
};
