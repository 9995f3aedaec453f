/* `shiftwork status`: what a run directory holds. */
#include "cli/commands.h"
#include "cli/live_view.h"
#include "cli/run_state.h"
#include "cli/trial_source.h"
#include "cli/watch.h"
#include "common/clock.h"
#include "report/summary.h"
#include "storage/results_file.h"
#include "storage/run_dir.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_ROWS, OPTION_EXIT_CODE, OPTION_EPOCHS, OPTION_WATCH };

static const struct option_spec options_table[] = {
    [OPTION_ROWS] = {"rows", "N", "configurations to show a task; 0: all; default 20"},
    [OPTION_EXIT_CODE] = {"exit-code", NULL, "print only the run's exit code"},
    [OPTION_EPOCHS] = {"epochs", NULL, "print only how many epochs have ended"},
    [OPTION_WATCH] = {"watch", "[SECONDS]", "show it anew so often; default 2"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Prints whether the run is running, finished or stopped, how far it is, and a "
        "table of\nthe best configurations a task, ranked by their mean over seeds. "
        "Works at any time,\nalso while it runs, on any machine that sees the run "
        "directory; it only reads.\n\n--watch shows trials, rungs of a scheduler, "
        "workers, rate, best scores and time left anew\nuntil the run has ended; then "
        "the table. q or Ctrl-C leaves it; the run goes on. Into a\npipe it prints "
        "blocks with the time above.\n");
}

static bool has_results(const char *dir)
{
    char path[SETTINGS_PATH + 16];

    snprintf(path, sizeof path, "%s/results.h5", dir);
    return access(path, F_OK) == 0;
}

/* " of shard 2/3", or nothing; results.h5 holds the job's text. */
static void print_shard(const struct results *results)
{
    struct job_spec spec;

    if (job_spec_parse(&spec, "job.cfg", "/", results->job_text, NULL, 0, NULL))
        return;
    if (spec.cluster.shards > 1)
        printf(" of shard %d/%d", spec.cluster.shard, spec.cluster.shards);
    job_spec_clear(&spec);
}

static void print_states(const struct results *results)
{
    static const char *const states[] = {"done",    "running", "queued",  "paused",
                                         "stopped", "failed",  "given up"};

    printf("%d trial%s", results->trial_count, results->trial_count == 1 ? "" : "s");
    print_shard(results);
    printf(":");
    for (size_t s = 0, shown = 0; s < sizeof states / sizeof *states; s++) {
        int n = 0;

        for (int i = 0; i < results->trial_count; i++)
            n += !strcmp(results->trials[i].status, states[s]);
        if (n)
            printf("%s %d %s", shown++ ? "," : "", n, states[s]);
    }
    printf("\n");
}

static int print_exit_code(const char *dir, struct error *err)
{
    struct outcome outcome;
    int rc = outcome_read(&outcome, dir, err);

    if (!rc)
        printf("%d\n", outcome.exit_code);
    return rc;
}

/* As published: a run that goes on may be some further. */
static int print_epochs(const char *dir, struct error *err)
{
    struct results results = {0};
    long long epochs = 0;
    int rc = run_results_read(&results, dir, 0, err);

    if (rc)
        return rc;
    for (int i = 0; i < results.trial_count; i++)
        epochs += results.trials[i].epochs;
    printf("%lld\n", epochs);
    results_clear(&results);
    return 0;
}

/* What the coordinator tells is newer than what it has published. */
static int print_found(const struct run_state *state, const char *dir, int rows,
                       struct error *err)
{
    struct results results = {0};
    char text[1024];
    int rc = run_results_read(&results, dir, 0, err);
    if (rc)
        return rc;
    run_state_text(text, sizeof text, state, dir);
    printf("%s\n", text);
    if (state->told && run_state_goes_on(state))
        live_view_summary(stdout, &state->live, (struct view_size){0});
    else
        print_states(&results);
    printf("\n");
    rc = summary_print(stdout, &results, rows, err);
    results_clear(&results);
    return rc;
}

static int print_status(const char *dir, int rows, struct error *err)
{
    struct run_state state = {0};
    char text[1024];
    int rc = run_state_look(&state, dir, clock_monotonic_s(), err);
    if (!rc && run_state_goes_on(&state) && !has_results(dir)) {
        run_state_text(text, sizeof text, &state, dir);
        printf("%s\nnothing is published yet\n", text);
    } else if (!rc)
        rc = print_found(&state, dir, rows, err);
    run_state_clear(&state);
    return rc;
}

static int watch_and_print(const char *dir, int seconds, int rows, struct error *err)
{
    int rc = watch_run(dir, seconds, err);
    return rc ? (rc < 0 ? rc : 0) : print_status(dir, rows, err);
}

static int run(int count, char **args, struct error *err)
{
    const char *dir = NULL;
    bool exit_code = false, epochs = false;
    int rows = 20, seconds = 0, rc;
    const struct option_place places[] = {
        [OPTION_ROWS] = {.number = &rows, .min = 0, .max = 1000000},
        [OPTION_EXIT_CODE] = {.given = &exit_code},
        [OPTION_EPOCHS] = {.given = &epochs},
        [OPTION_WATCH] = {.number = &seconds, .min = 1, .max = 86400, .otherwise = 2},
    };

    rc = arguments_read(&command_status, count, args, places, &dir, "run directory",
                        err);
    if (rc)
        return rc;
    if (!dir)
        return command_misused(err, "a run directory is wanted");
    if (epochs)
        return print_epochs(dir, err);
    if (exit_code)
        return print_exit_code(dir, err);
    return seconds > 0 ? watch_and_print(dir, seconds, rows, err)
                       : print_status(dir, rows, err);
}

const struct command command_status = {
    .name = "status",
    .synopsis = "RUN_DIR [--watch [SECONDS]] [--rows N] [--exit-code | --epochs]",
    .summary = "Shows how far a run is and its best configurations",
    .options = options_table,
    .help = help,
    .run = run,
};
