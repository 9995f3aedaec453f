/* `shiftwork report`: tables, figures and a page of what runs have found. */
#include "cli/commands.h"
#include "cli/trial_source.h"
#include "report/report_write.h"
#include "storage/results_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_DIR };

static const struct option_spec options_table[] = {
    [OPTION_DIR] = {"o", "DIR", "where to write index.html, tables/ and figures/"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Writes one page (index.html, no network needed), tables (CSV, Markdown, "
        "LaTeX) "
        "and figures\n(SVG, PDF, with their data and gnuplot scripts) of one or "
        "several "
        "run directories: finished,\ninterrupted, still running, or shards of a job. "
        "Several are put together by configuration\nand seed; those with other data or "
        "another encoder are refused.\n");
}

struct report_options {
    const char **dirs; /* (count) */
    int count;
    const char *out;
};

/* Runs together were sampled as the least kind of them. */
static enum sampling sampling_of(const char *job_text)
{
    struct job_spec spec;
    enum sampling sampling = SAMPLING_ADAPTIVE;

    if (job_spec_parse(&spec, "job.cfg", "/", job_text ? job_text : "", NULL, 0, NULL))
        return sampling;
    if (spec.sweep.scheduler == 0 && spec.sweep.search == SEARCH_GRID)
        sampling = SAMPLING_GRID;
    else if (spec.sweep.scheduler == 0 && spec.sweep.search == SEARCH_RANDOM)
        sampling = SAMPLING_RANDOM;
    job_spec_clear(&spec);
    return sampling;
}

static int gather(struct gathered *runs, const struct report_options *options,
                  enum sampling *sampling, struct error *err)
{
    int rc = 0;

    for (int i = 0; !rc && i < options->count; i++) {
        struct results results;
        enum sampling own;

        rc = run_results_read(&results, options->dirs[i], RESULTS_ALL, err);
        if (rc)
            return rc;
        own = sampling_of(results.job_text);
        *sampling = i == 0 || own == *sampling ? own : SAMPLING_ADAPTIVE;
        rc = gathered_add(runs, options->dirs[i], &results, err);
    }
    return rc;
}

static int threads_here(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count < 1 ? 1 : count > 16 ? 16 : (int)count;
}

static int report(const struct report_options *options, struct error *err)
{
    struct gathered runs = {0};
    enum sampling sampling = SAMPLING_ADAPTIVE;
    char *missing = NULL;
    int rc = gather(&runs, options, &sampling, err);

    if (!rc)
        rc = report_write(options->out, &runs, sampling, threads_here(), &missing, err);
    if (!rc) {
        printf("%s/index.html: %d trials, %d configurations, %d task%s\n", options->out,
               runs.results.trial_count, runs.results.config_count,
               runs.results.task_count, runs.results.task_count == 1 ? "" : "s");
        if (runs.notes && runs.notes[0])
            fputs(runs.notes, stderr);
    }
    free(missing);
    gathered_clear(&runs);
    return rc ? rc : EXIT_DONE;
}

static int run(int count, char **args, struct error *err)
{
    struct report_options options = {
        .dirs = calloc((size_t)count + 1, sizeof *options.dirs)};
    int rc;

    if (!options.dirs)
        return error_set(err, ERR_MEMORY, "out of memory");
    rc =
        arguments_read_dirs(&command_report, count, args, options.dirs, &options.count,
                            &options.out, "run directories and -o DIR are wanted", err);
    if (!rc)
        rc = report(&options, err);
    free(options.dirs);
    return rc;
}

const struct command command_report = {
    .name = "report",
    .synopsis = "RUN_DIR... -o DIR",
    .summary = "Writes tables, figures and a page of what runs have found",
    .options = options_table,
    .help = help,
    .run = run,
};
