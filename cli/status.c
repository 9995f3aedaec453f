/* `shiftwork status`: what a run directory holds. */
#include "cli/commands.h"
#include "cli/trial_source.h"
#include "report/summary.h"
#include "storage/results_file.h"
#include "storage/run_dir.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_ROWS, OPTION_EXIT_CODE };

static const struct option_spec options_table[] = {
    [OPTION_ROWS] = {"rows", "N", "configurations to show a task; 0: all; default 20"},
    [OPTION_EXIT_CODE] = {"exit-code", NULL, "print only the run's exit code"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Prints how far the run is and a table of the best configurations a task, "
        "ranked by\ntheir mean over seeds. Works at any time, also while it runs.\n");
}

static void print_states(const struct results *results)
{
    static const char *const states[] = {"done",    "running", "queued",
                                         "stopped", "failed",  "given up"};

    printf("%d trials:", results->trial_count);
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
    int rc = run_results_read(&results, dir, 0, err);

    if (rc)
        return rc;
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
