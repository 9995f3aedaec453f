/* Starts mpirun as a child in a process group of its own and watches rank 0 through the
 * run directory: its lock says that it works, and when it is gone the outcome is there.
 * What mpirun itself returns says nothing: under --enable-recovery it may not end at
 * all, and loses exit codes. */
#include "cli/commands.h"
#include "cli/run.h"
#include "cli/run_setup.h"

#include "common/clock.h"
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double watch_s = 0.1;
static const double end_s = 3.0;  /* for mpirun to end by itself after rank 0 */
static const double term_s = 5.0; /* and after TERM */

struct launch {
    const struct run_setup *setup;
    pid_t mpirun;
    bool ended; /* mpirun is */
    int status; /* of mpirun, when it has ended */
    int stops, passed_on;
    bool seen;             /* rank 0 had the lock */
    bool killed;           /* and was gone without letting go of it */
    struct process rank_0; /* where seen */
};

/* Full path of a program on PATH; false: there is none. */
static bool find_program(char *out, size_t size, const char *name)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(out, size, "%.*s/%s", (int)length, at, name);
        if (access(out, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static int usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* Sum of Slurm's "4(x2),2" for all nodes; 0: not in an allocation. */
static int slurm_cores(void)
{
    const char *text = getenv("SLURM_JOB_CPUS_PER_NODE");
    int sum = 0;
    while (text && *text) {
        char *end;
        long cores = strtol(text, &end, 10), nodes = 1;
        if (end == text || cores < 1 || cores > 1 << 20)
            return 0;
        if (!strncmp(end, "(x", 2)) {
            nodes = strtol(end + 2, &end, 10);
            end += *end == ')';
        }
        sum += (int)(cores * nodes);
        text = end + (*end == ',');
        if (*end && *end != ',')
            return 0;
    }
    return sum;
}

/* One worker a task of the allocation, where it says how many; else one a core, or as
 * many as have their threads' cores. */
static int default_workers(int threads)
{
    const char *tasks = getenv("SLURM_NTASKS");
    int cores = slurm_cores();
    long given = tasks ? strtol(tasks, NULL, 10) : 0;
    if (cores > 0 && given > 1 && given < 1 << 20)
        return (int)given;
    if (cores == 0)
        cores = usable_cores();
    return cores / threads > 0 ? cores / threads : 1;
}

/* The command line of mpirun. */
struct command_line {
    char **args;
    int count, capacity;
    bool failed;
};

static void add(struct command_line *line, const char *arg)
{
    if (line->count + 2 > line->capacity) {
        int capacity = 2 * line->capacity + 32;
        char **grown = realloc(line->args, (size_t)capacity * sizeof *grown);
        if (!grown) {
            line->failed = true;
            return;
        }
        line->args = grown;
        line->capacity = capacity;
    }
    line->args[line->count] = strdup(arg);
    line->failed = line->failed || !line->args[line->count];
    line->args[++line->count] = NULL;
}

static void command_line_clear(struct command_line *line)
{
    for (int i = 0; i < line->count; i++)
        free(line->args[i]);
    free(line->args);
}

/* Variables that ranks on other nodes need too. OPENBLAS_CORETYPE is the user's. */
static void add_environment(struct command_line *line)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
                                        "OPENBLAS_CORETYPE",    "LD_LIBRARY_PATH",
                                        "SHIFTWORK_LAUNCHER",   "SHIFTWORK_TERMINAL"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i])) {
            add(line, "-x");
            add(line, names[i]);
        }
}

static void build_command(struct command_line *line, const char *mpirun,
                          const char *program, int workers,
                          const struct run_options *options)
{
    static const char *const flags[] = {
        "--enable-recovery", "--mca", "btl", "tcp,self", "--bind-to", "none",
        "--oversubscribe",
    };
    char ranks[16];
    snprintf(ranks, sizeof ranks, "%d", workers + 1);
    add(line, mpirun);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        add(line, flags[i]);
    if (geteuid() == 0)
        add(line, "--allow-run-as-root");
    add_environment(line);
    add(line, "-n");
    add(line, ranks);
    add(line, program);
    add(line, "run");
    for (int i = 0; i < options->arg_count; i++)
        add(line, options->args[i]);
}

/* Width of the terminal behind stderr; 0: there is none. */
static int terminal_columns(void)
{
    struct winsize size;
    if (!isatty(STDERR_FILENO))
        return 0;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0 ? 80
                                                                       : size.ws_col;
}

static void set_environment(void)
{
    char columns[16];
    snprintf(columns, sizeof columns, "%d", terminal_columns());
    setenv("SHIFTWORK_LAUNCHER", "1", 1);
    setenv("SHIFTWORK_TERMINAL", columns, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
}

/* In the child: becomes mpirun. It ends with the launcher; USR1 is ignored until it
 * passes it on itself. */
static void become_mpirun(char **args, const sigset_t *mask, pid_t launcher)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launcher)
        _exit(EXIT_REFUSED);
    signal(SIGUSR1, SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    execv(args[0], args);
    fprintf(stderr, "shiftwork: %s: %s\n", args[0], strerror(errno));
    _exit(EXIT_REFUSED);
}

static void check_mpirun(struct launch *launch)
{
    if (!launch->ended && waitpid(launch->mpirun, &launch->status, WNOHANG) != 0)
        launch->ended = true;
}

static void signal_mpirun(struct launch *launch, int number)
{
    if (!launch->ended)
        kill(launch->mpirun, number);
}

/* Waits for a signal, and counts those that ask to stop. */
static void wait_signal(struct launch *launch, const sigset_t *wanted, double seconds)
{
    struct timespec wait = {.tv_sec = (time_t)seconds,
                            .tv_nsec =
                                (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int number = sigtimedwait(wanted, NULL, &wait);
    if (number == SIGINT || number == SIGTERM || number == SIGUSR1)
        launch->stops++;
    check_mpirun(launch);
}

/* Rank 0 hears of a stop only once it is there: before, nobody would heed it. One at a
 * time, so that two do not become one on the way. On another host only mpirun reaches
 * it. */
static void pass_on(struct launch *launch)
{
    if (!launch->seen || launch->passed_on >= launch->stops)
        return;
    launch->passed_on++;
    if (process_is_here(&launch->rank_0))
        kill((pid_t)launch->rank_0.pid, SIGUSR1);
    else
        signal_mpirun(launch, SIGUSR1);
}

/* Rank 0 has come and gone. */
static bool rank_0_gone(struct launch *launch)
{
    struct process holder;
    bool held = run_dir_holder(launch->setup->dir, &holder);
    if (!held)
        return launch->seen;
    launch->seen = true;
    launch->rank_0 = holder;
    launch->killed = !process_alive(&holder);
    return launch->killed;
}

static void wait_for_mpirun(struct launch *launch, const sigset_t *wanted,
                            double seconds)
{
    double end = clock_monotonic_s() + seconds;
    while (!launch->ended && clock_monotonic_s() < end)
        wait_signal(launch, wanted, watch_s);
}

static void end_mpirun(struct launch *launch, const sigset_t *wanted)
{
    if (!launch->killed)
        wait_for_mpirun(launch, wanted, end_s);
    signal_mpirun(launch, SIGTERM);
    wait_for_mpirun(launch, wanted, term_s);
    signal_mpirun(launch, SIGKILL);
    wait_for_mpirun(launch, wanted, term_s);
}

static int take_outcome(const struct launch *launch, struct error *err)
{
    const char *dir = launch->setup->dir;
    struct outcome outcome;
    struct process holder;
    struct error why;
    if (outcome_read(&outcome, dir, &why)) {
        if (launch->stops > 0)
            return EXIT_STOPPED;
        return error_set(err, ERR_IO, "mpirun ended before the run began");
    }
    if (run_dir_holder(dir, &holder)) {
        run_dir_unlock(dir); /* of a coordinator that is no more */
        fprintf(stderr,
                "shiftwork: the coordinator ended unexpectedly; %s holds what it has "
                "published\n",
                dir);
        return EXIT_STOPPED;
    }
    if (outcome.done + outcome.given_up + outcome.left == 0)
        run_dir_remove_unused(dir); /* it did not get to work */
    else if (outcome.exit_code == EXIT_DONE || outcome.exit_code == EXIT_GIVEN_UP) {
        if (run_print_table(dir, &why))
            fprintf(stderr, "shiftwork: %s\n", why.text);
    }
    return outcome.exit_code;
}

static int watch(struct launch *launch, const sigset_t *wanted, struct error *err)
{
    while (!launch->ended && !rank_0_gone(launch)) {
        pass_on(launch);
        wait_signal(launch, wanted, watch_s);
    }
    end_mpirun(launch, wanted);
    return take_outcome(launch, err);
}

static int start(const struct run_setup *setup, char **args, struct error *err)
{
    struct launch launch = {.setup = setup};
    sigset_t wanted, before;
    pid_t launcher = getpid();
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGUSR1);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, &before);
    fflush(NULL);
    launch.mpirun = fork();
    if (launch.mpirun == 0)
        become_mpirun(args, &before, launcher);
    if (launch.mpirun < 0)
        return error_set(err, ERR_IO, "cannot start mpirun: %s", strerror(errno));
    int rc = watch(&launch, &wanted, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static int launch_new(const struct run_setup *setup, const struct run_options *options,
                      struct error *err)
{
    char mpirun[4096], program[4096];
    struct command_line line = {0};
    struct process holder;
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size > 0 ? size : 0] = '\0';
    if (access(program, X_OK)) /* mpirun would wait for ever */
        return error_set(err, ERR_INPUT, "%s: %s", program, strerror(errno));
    if (!find_program(mpirun, sizeof mpirun, "mpirun"))
        return error_set(err, ERR_INPUT, "mpirun is not on PATH: Open MPI is wanted");
    if (run_dir_holder(setup->dir, &holder) && process_alive(&holder))
        return error_set(err, ERR_INPUT, "%s: process %lld on %s works on it",
                         setup->dir, (long long)holder.pid, holder.host);
    run_dir_unlock(setup->dir); /* of a process that is no more */
    run_dir_remove_unused(setup->dir);
    int workers = options->workers > 0 ? options->workers
                                       : default_workers(setup->spec.cluster.threads);
    set_environment();
    build_command(&line, mpirun, program, workers, options);
    int rc = line.failed ? error_set(err, ERR_MEMORY, "out of memory")
                         : start(setup, line.args, err);
    command_line_clear(&line);
    return rc;
}

int launcher_run(const struct run_options *options, struct error *err)
{
    struct run_setup setup;
    int rc = run_setup_read(&setup, options, err);
    if (rc)
        return rc;
    rc = setup.state == RUN_DIR_FINISHED ? run_finished(&setup, err)
                                         : launch_new(&setup, options, err);
    run_setup_clear(&setup);
    return rc;
}
