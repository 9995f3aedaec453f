/* `shiftwork plan`: what a job would take, before anything is submitted. */
#include "cli/commands.h"
#include "cli/plan_text.h"
#include "cli/run.h"
#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    OPTION_WORKERS,
    OPTION_THREADS,
    OPTION_NODES,
    OPTION_SET,
    OPTION_RATE,
};

static const struct option_spec options_table[] = {
    [OPTION_WORKERS] = {"workers", "N", "workers of the run; default: as run's"},
    [OPTION_THREADS] = {"threads", "N",
                        "compute threads of a worker; default: the job's"},
    [OPTION_NODES] = {"nodes", "N",
                      "that share the workers; default: as many as cores like this "
                      "machine's ask for"},
    [OPTION_SET] = {"set", "path=value", "changes a setting of the job; repeatable"},
    [OPTION_RATE] = {"rate", "TOKENS_PER_S",
                     "that a worker trains, in the place of a measurement"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Reads job and data as run does, and refuses what run would; writes nothing. "
        "Measures\nsome steps of each kind of trial on as many workers at once as "
        "there will be on a\nmachine like this one, so nothing else should run here "
        "meanwhile. docs/plan.md has what\nis assumed and how far it was from real "
        "runs.\n");
}

struct plan_options {
    struct run_options run;
    int nodes;   /* 0: not said */
    double rate; /* 0: measure */
};

static int take_rate(double *rate, const char *value, struct error *err)
{
    char *end;

    errno = 0;
    *rate = strtod(value, &end);
    if (end == value || *end || errno || !(*rate > 0) || isinf(*rate))
        return command_misused(err, "--rate: '%s' is not a number above 0", value);
    return 0;
}

static int keep_setting(struct run_options *run, const char *name, const char *value,
                        struct error *err)
{
    char *text;

    if (asprintf(&text, "%s%s", name, value) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    run->set[run->set_count++] = text;
    return 0;
}

static int take_option(struct plan_options *o, int option, const char *value,
                       struct error *err)
{
    int threads;

    switch (option) {
    case OPTION_WORKERS:
        return argument_int(&o->run.workers, "--workers", value, 1, 1000000, err);
    case OPTION_THREADS:
        if (argument_int(&threads, "--threads", value, 1, 1024, err))
            return COMMAND_MISUSED;
        return keep_setting(&o->run, "cluster.threads=", value, err);
    case OPTION_NODES:
        return argument_int(&o->nodes, "--nodes", value, 1, 1000000, err);
    case OPTION_SET:
        if (!strchr(value, '='))
            return command_misused(err, "--set %s: path=value is wanted", value);
        return keep_setting(&o->run, "", value, err);
    case OPTION_RATE:
        return take_rate(&o->rate, value, err);
    case ARGUMENTS_PLAIN:
        if (o->run.job)
            return command_misused(err, "one job file only, not %s too", value);
        o->run.job = value;
        return 0;
    default:
        return COMMAND_MISUSED;
    }
}

static int read_options(struct plan_options *o, int count, char **args,
                        struct error *err)
{
    struct arguments arguments;
    const char *value;
    int option, rc = 0;

    arguments_init(&arguments, &command_plan, count, args);
    while (!rc && (option = arguments_next(&arguments, &value, err)) != ARGUMENTS_END)
        rc = take_option(o, option, value, err);
    if (!rc && !o->run.job)
        rc = command_misused(err, "a job file is wanted");
    return rc;
}

/* How many workers there are, and on how many nodes: without a word as few nodes of
 * this machine's kind as have a core for each thread. */
static int place_workers(struct plan *p, const struct plan_options *o,
                         struct error *err)
{
    int threads = p->setup->spec.cluster.threads, here = launcher_cores() / threads;

    here = here > 0 ? here : 1;
    p->workers = o->run.workers > 0 ? o->run.workers : launcher_workers(threads);
    p->nodes = o->nodes > 0 ? o->nodes : (p->workers + here - 1) / here;
    if (p->nodes > p->workers)
        return error_set(err, ERR_INPUT,
                         "--nodes %d: there are only %d workers for them; give more "
                         "with --workers",
                         p->nodes, p->workers);
    p->node_workers = (p->workers + p->nodes - 1) / p->nodes;
    p->pace.workers = p->node_workers < here ? p->node_workers : here;
    return 0;
}

static void find_terminal(void)
{
    struct winsize size;

    if (isatty(STDERR_FILENO) && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
        log_terminal(size.ws_col);
}

/* read_s: what reading job, encoder and data has taken. */
static int find_time(struct plan *p, struct plan_kinds *kinds,
                     const struct encoder *encoder, const struct plan_options *o,
                     double read_s, struct error *err)
{
    struct plan_start start = {.data_s = read_s, .node_workers = p->node_workers};

    p->rate = o->rate;
    if (o->rate > 0) {
        plan_pace_state(kinds, o->rate);
        return plan_time_find(&p->time, kinds, p->setup, &start, p->workers, err);
    }
    find_terminal();
    int rc = plan_pace_measure(&p->pace, kinds, p->setup, encoder, err);
    start.panels_s = p->pace.panels_s;
    return rc ? rc : plan_time_find(&p->time, kinds, p->setup, &start, p->workers, err);
}

static int make_plan(struct plan *p, const struct plan_options *o,
                     const struct run_setup *setup, const struct encoder *encoder,
                     double read_s, struct error *err)
{
    struct plan_kinds kinds;
    int rc = plan_kinds_init(&kinds, setup, encoder, err);

    if (rc)
        return rc;
    p->kinds = &kinds;
    rc = find_time(p, &kinds, encoder, o, read_s, err);
    if (!rc) {
        plan_memory_of(&p->memory, &kinds, setup, encoder);
        plan_disk_of(&p->disk, &kinds, setup, p->workers, (double)p->time.epochs);
        plan_print(stdout, p);
    }
    plan_kinds_clear(&kinds);
    return rc;
}

static int plan_job(const struct plan_options *o, struct error *err)
{
    struct run_setup setup;
    struct encoder encoder;
    double start = clock_monotonic_s();
    int rc = run_setup_plan(&setup, &o->run, err);

    if (rc)
        return rc;
    struct plan plan = {.job = o->run.job, .setup = &setup};
    double read_s = clock_monotonic_s() - start;
    if ((rc = place_workers(&plan, o, err))) {
        run_setup_clear(&setup);
        return rc;
    }
    rc = encoder_open(&encoder, setup.spec.encoder, err);
    if (!rc) {
        rc = make_plan(&plan, o, &setup, &encoder, read_s, err);
        encoder_close(&encoder);
    }
    run_setup_clear(&setup);
    return rc;
}

static int run(int count, char **args, struct error *err)
{
    struct plan_options o = {0};

    o.run.set = calloc((size_t)count + 1, sizeof *o.run.set);
    if (!o.run.set)
        return error_set(err, ERR_MEMORY, "out of memory");
    int rc = read_options(&o, count, args, err);
    if (!rc)
        rc = plan_job(&o, err);
    for (int i = 0; i < o.run.set_count; i++)
        free((char *)o.run.set[i]);
    free(o.run.set);
    return rc;
}

const struct command command_plan = {
    .name = "plan",
    .synopsis = "JOB.cfg [--workers N] [--threads N] [--nodes N] "
                "[--rate TOKENS_PER_S] [--set path=value]...",
    .summary = "Tells what a job would take: epochs, hours, workers, memory, disk",
    .options = options_table,
    .help = help,
    .computes = true,
    .run = run,
};
