/* `shiftwork run`: reads its arguments and becomes the launcher or, under mpirun or
 * srun, a rank. */
#include "cli/run.h"
#include "cli/commands.h"
#include "jobs/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_WORKERS,
    OPTION_THREADS,
    OPTION_SET,
    OPTION_DIR,
    OPTION_SHARD,
    OPTION_ACCEPT,
    OPTION_RETRY,
    OPTION_GRACE,
    OPTION_PROFILE
};

static const struct option_spec options_table[] = {
    [OPTION_WORKERS] = {"workers", "N", "workers to start; default: one a core"},
    [OPTION_THREADS] = {"threads", "N",
                        "compute threads of a worker; default: the job's"},
    [OPTION_SET] = {"set", "path=value", "changes a setting of the job; repeatable"},
    [OPTION_DIR] = {"o", "RUN_DIR", "run directory; default: the job's output.dir"},
    [OPTION_SHARD] = {"shard", "i/n",
                      "only every n-th trial from number i on; merge joins the parts"},
    [OPTION_ACCEPT] = {"accept-numerics", NULL,
                       "go on although the processors compute otherwise"},
    [OPTION_RETRY] = {"retry", NULL, "try trials again that failed or were given up"},
    [OPTION_GRACE] = {"grace", "SECONDS",
                      "for running epochs to end after a signal; default: no limit"},
    [OPTION_PROFILE] = {"profile", NULL,
                        "measure where the workers' time goes: profile.csv, a table"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "JOB.cfg is a libconfig file; docs/job-file.md describes it. The run "
        "directory gets\nresults.h5 and all else. INT, TERM and USR1 stop the run "
        "at the next reports (exit\ncode 75); a second one, or the end of --grace, "
        "stops at once: trials go on from their\nlast reports. A finished "
        "run directory is not worked on again: its table is printed,\nand the exit "
        "code is the run's, 3 where trials were given up; --retry tries those "
        "again.\n--shard 2/8 "
        "runs the second of eight parts of the job's trials, in output.dir with\n"
        ".shard-2-of-8 behind it; shiftwork merge makes one run directory of the "
        "parts.\nUnder mpirun or srun "
        "--mpi=pmix the command is a rank: rank 0 coordinates, the\nothers work.\n\n");
    settings_table_print(stdout);
}

/* Keeps "name=value" as one more --set. */
static int add_setting(struct run_options *options, const char *name, const char *value,
                       struct error *err)
{
    size_t size = strlen(name) + strlen(value) + 1;
    char *text = malloc(size);
    if (!text)
        return error_set(err, ERR_MEMORY, "out of memory");
    snprintf(text, size, "%s%s", name, value);
    options->set[options->set_count++] = text;
    return 0;
}

/* "2/8": digits alone, so that what strtol would forgive is refused. */
static bool parse_shard(const char *text, int *shard, int *shards)
{
    size_t first = strspn(text, "0123456789");
    size_t second = text[first] == '/' ? strspn(text + first + 1, "0123456789") : 0;
    if (first < 1 || first > 7 || second < 1 || second > 7 || text[first + 1 + second])
        return false;
    *shard = (int)strtol(text, NULL, 10);
    *shards = (int)strtol(text + first + 1, NULL, 10);
    return *shard >= 1 && *shard <= *shards && *shards <= 1000000;
}

static int take_shard(struct run_options *options, const char *value, struct error *err)
{
    char number[16];
    int shard, shards;
    if (!parse_shard(value, &shard, &shards))
        return command_misused(err, "--shard %s: i/n with i from 1 to n is wanted",
                               value);
    options->sharded = true;
    snprintf(number, sizeof number, "%d", shard);
    int rc = add_setting(options, "cluster.shard=", number, err);
    snprintf(number, sizeof number, "%d", shards);
    return rc ? rc : add_setting(options, "cluster.shards=", number, err);
}

static int take_option(struct run_options *options, int option, const char *value,
                       struct error *err)
{
    int threads;
    switch (option) {
    case OPTION_WORKERS:
        return argument_int(&options->workers, "--workers", value, 1, 1000000, err);
    case OPTION_GRACE:
        return argument_int(&options->grace_s, "--grace", value, 0, 1000000, err);
    case OPTION_THREADS:
        if (argument_int(&threads, "--threads", value, 1, 1024, err))
            return COMMAND_MISUSED;
        options->threads_given = true;
        return add_setting(options, "cluster.threads=", value, err);
    case OPTION_SET:
        if (!strchr(value, '='))
            return command_misused(err, "--set %s: path=value is wanted", value);
        options->threads_given |= !strncmp(value, "cluster.threads=", 16);
        return add_setting(options, "", value, err);
    case OPTION_ACCEPT:
        options->accept_numerics = true;
        return 0;
    case OPTION_RETRY:
        options->retry = true;
        return 0;
    case OPTION_PROFILE:
        return add_setting(options, "cluster.profile=", "true", err);
    case OPTION_SHARD:
        return take_shard(options, value, err);
    case OPTION_DIR:
        options->dir_given = true;
        return add_setting(options, "output.dir=", value, err);
    case ARGUMENTS_PLAIN:
        if (options->job)
            return command_misused(err, "one job file only, not %s too", value);
        options->job = value;
        return 0;
    default:
        return COMMAND_MISUSED;
    }
}

static void options_clear(struct run_options *options)
{
    for (int i = 0; i < options->set_count; i++)
        free((char *)options->set[i]);
    free(options->set);
}

static bool variable_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

bool run_is_rank(void)
{
    return variable_set("PMIX_RANK") || variable_set("OMPI_COMM_WORLD_RANK");
}

/* A process of a Slurm step that was started without PMIx would be alone. Batch scripts
 * and interactive shells have no step number or one of Slurm's own, above 2^31. */
static bool slurm_step_without_pmix(void)
{
    const char *step = getenv("SLURM_STEP_ID");
    return step && *step && strtoul(step, NULL, 10) < 0x80000000ul;
}

static int run_role(const struct run_options *options, struct error *err)
{
    if (run_is_rank())
        return rank_run(options, err);
    if (slurm_step_without_pmix())
        return error_set(err, ERR_INPUT,
                         "this Slurm step has no PMIx: start it with srun --mpi=pmix, "
                         "or run without srun");
    return launcher_run(options, err);
}

static int run(int count, char **args, struct error *err)
{
    struct run_options options = {.args = args, .arg_count = count, .grace_s = -1};
    struct arguments arguments;
    const char *value;
    int option, rc = 0;
    options.set = calloc(2 * (size_t)count + 1, sizeof *options.set);
    if (!options.set)
        return error_set(err, ERR_MEMORY, "out of memory");
    arguments_init(&arguments, &command_run, count, args);
    while (!rc && (option = arguments_next(&arguments, &value, err)) != ARGUMENTS_END)
        rc = take_option(&options, option, value, err);
    if (!rc && !options.job)
        rc = command_misused(err, "a job file is wanted");
    if (!rc)
        rc = run_role(&options, err);
    options_clear(&options);
    return rc;
}

const struct command command_run = {
    .name = "run",
    .synopsis =
        "JOB.cfg [--workers N] [--threads N] [--set path=value]... [-o RUN_DIR] "
        "[--shard i/n] [--grace SECONDS] [--profile]",
    .summary = "Runs the trials of a job with a coordinator and its workers",
    .options = options_table,
    .help = help,
    .computes = true,
    .run = run,
};
