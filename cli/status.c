/* `shiftwork status`: what a run directory holds. */
#include "cli/commands.h"
#include "cli/trial_source.h"
#include "report/summary.h"
#include "storage/results_file.h"
#include "storage/run_dir.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_ROWS, OPTION_EXIT_CODE };

static const struct option_spec options_table[] = {
    [OPTION_ROWS] = {"rows", "N", "configurations to show a task; 0: all; default 20"},
    [OPTION_EXIT_CODE] = {"exit-code", NULL, "print only the run's exit code"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Prints whether the run is running, finished or stopped, how far it is, and a "
        "table of\nthe best configurations a task, ranked by their mean over seeds. "
        "Works "
        "at any time,\nalso while it runs.\n");
}

static const char *ended(const char *dir, bool abandoned)
{
    struct outcome outcome;

    if (outcome_read(&outcome, dir, NULL))
        outcome.exit_code = EXIT_STOPPED;
    if (outcome.exit_code == EXIT_DONE)
        return "finished";
    if (outcome.exit_code == EXIT_GIVEN_UP)
        return "finished, some trials given up";
    return abandoned ? "stopped: its coordinator is gone" : "stopped before its end";
}

static void print_state(const char *dir, bool running, const struct process *holder)
{
    if (running && !holder->host[0])
        printf("%s: locked, by whom its lock does not say\n", dir);
    else if (running)
        printf("%s: running, coordinated by process %lld on %s%s\n", dir,
               (long long)holder->pid, holder->host,
               process_is_here(holder) ? "" : ", as its lock says");
    else
        printf("%s: %s\n", dir, ended(dir, holder->host[0]));
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
    static const char *const states[] = {"done",    "running", "queued",
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
    printf("\n\n");
}

static int print_exit_code(const char *dir, struct error *err)
{
    struct outcome outcome;
    int rc = outcome_read(&outcome, dir, err);

    if (!rc)
        printf("%d\n", outcome.exit_code);
    return rc;
}

static int print_status(const char *dir, int rows, struct error *err)
{
    struct results results = {0};
    struct process holder;
    bool running;
    int rc = run_dir_holder(dir, &holder, err);

    if (rc < 0)
        return rc;
    running = rc == 1 && process_alive(&holder);
    if (running && !has_results(dir)) {
        print_state(dir, running, &holder);
        printf("nothing is published yet\n");
        return 0;
    }
    if ((rc = run_results_read(&results, dir, 0, err)))
        return rc;
    print_state(dir, running, &holder);
    print_states(&results);
    rc = summary_print(stdout, &results, rows, err);
    results_clear(&results);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    const char *dir = NULL;
    bool exit_code = false;
    int rows = 20, rc;
    const struct option_place places[] = {
        [OPTION_ROWS] = {.number = &rows, .min = 0, .max = 1000000},
        [OPTION_EXIT_CODE] = {.given = &exit_code},
    };

    rc = arguments_read(&command_status, count, args, places, &dir, "run directory",
                        err);
    if (rc)
        return rc;
    if (!dir)
        return command_misused(err, "a run directory is wanted");
    return exit_code ? print_exit_code(dir, err) : print_status(dir, rows, err);
}

const struct command command_status = {
    .name = "status",
    .synopsis = "RUN_DIR [--rows N] [--exit-code]",
    .summary = "Shows how far a run is and its best configurations",
    .options = options_table,
    .help = help,
    .run = run,
};
