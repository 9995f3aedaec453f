/* Starts mpirun as a child in a process group of its own and listens to rank 0: it says
 * when it holds the run directory and how it ended. What mpirun itself returns says
 * nothing: under --enable-recovery it may not end at all, and loses exit codes. */
#include "cli/commands.h"
#include "cli/mpirun_command.h"
#include "cli/rank_report.h"
#include "cli/run.h"
#include "cli/run_setup.h"
#include "cli/slurm_allocation.h"

#include "common/clock.h"
#include "common/process.h"
#include "storage/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const double watch_s = 0.1;
static const double end_s = 3.0;    /* for mpirun to end by itself after rank 0 */
static const double word_s = 1.0;   /* for the last word of a rank 0 that is gone */
static const double term_s = 5.0;   /* for mpirun to end after TERM */
static const double leave_s = 15.0; /* for rank 0 to leave at a second signal */

struct launch {
    const struct run_setup *setup;
    pid_t mpirun;
    bool ended; /* mpirun is */
    int status; /* of mpirun, when it has ended */
    int stops, passed_on;
    double leave_at; /* 0: no second signal yet */
    struct rank_reports reports;
    struct run_dir_made made; /* by this launcher */
    double here_by;           /* rank 0 must have said that it is there */
    bool late;                /* it has not, or MPI did not start */
};

int launcher_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* How many workers of how many threads. */
struct shape {
    int workers, threads;
};

/* The user's word counts, then the allocation's, then the machine's cores. A job file's
 * one thread is its default, so it says nothing. */
static struct shape choose_shape(const struct slurm_allocation *allocation,
                                 const struct job_spec *spec,
                                 const struct run_options *options)
{
    struct shape shape = {options->workers, spec->cluster.threads};
    if (shape.threads == 1 && !options->threads_given && allocation->threads > 0)
        shape.threads = allocation->threads;
    if (shape.workers == 0 && allocation->inside)
        shape.workers = slurm_allocation_workers(allocation, shape.threads);
    if (shape.workers == 0)
        shape.workers = launcher_cores() / shape.threads;
    if (shape.workers == 0)
        shape.workers = 1;
    return shape;
}

int launcher_workers(int threads)
{
    struct slurm_allocation allocation;
    slurm_allocation_read(&allocation);
    int workers = allocation.inside ? slurm_allocation_workers(&allocation, threads)
                                    : launcher_cores() / threads;
    return workers > 0 ? workers : 1;
}

static int64_t encoder_bytes(const char *encoder)
{
    char path[SETTINGS_PATH + 32];
    struct stat info;
    snprintf(path, sizeof path, "%s/model.safetensors", encoder);
    return stat(path, &info) ? 0 : (int64_t)info.st_size;
}

static void say(const struct slurm_allocation_warning *warning)
{
    if (warning->text[0])
        fprintf(stderr, "shiftwork: %s\n", warning->text);
}

static int check_shape(const struct slurm_allocation *allocation, struct shape shape,
                       const char *encoder, struct error *err)
{
    struct slurm_allocation_warning warning;
    int rc = slurm_allocation_check_cores(allocation, shape.workers, shape.threads,
                                          &warning, err);
    if (rc)
        return rc;
    say(&warning);
    slurm_allocation_check_memory(allocation, shape.workers, encoder_bytes(encoder),
                                  &warning);
    say(&warning);
    return 0;
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

static void set_environment(const struct job_cluster *cluster)
{
    char columns[16];
    slurm_allocation_export_end();
    snprintf(columns, sizeof columns, "%d", terminal_columns());
    setenv("SHIFTWORK_LAUNCHER", "1", 1);
    setenv("SHIFTWORK_TERMINAL", columns, 1);
    mpirun_environment(cluster->isa);
}

/* In the child: becomes mpirun, with output as its standard output. It ends with the
 * launcher; USR1 is ignored until it passes it on itself. */
static void become_mpirun(char **args, int output, const sigset_t *mask, pid_t launcher)
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
    dup2(output, STDOUT_FILENO);
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
    if (launch->stops >= 2 && launch->leave_at == 0)
        launch->leave_at = clock_monotonic_s() + leave_s;
    check_mpirun(launch);
    rank_reports_read(&launch->reports);
}

/* One at a time, so that two do not become one on the way. On another host only mpirun
 * reaches rank 0. */
static void pass_on(struct launch *launch)
{
    const struct process *rank_0 = &launch->reports.rank_0;
    if (!launch->reports.begun || launch->passed_on >= launch->stops)
        return;
    launch->passed_on++;
    if (process_is_here(rank_0))
        kill((pid_t)rank_0->pid, SIGUSR1);
    else
        signal_mpirun(launch, SIGUSR1);
}

/* mpirun itself may hang while it starts the ranks. */
static bool is_late(const struct launch *launch, double now)
{
    const struct rank_reports *reports = &launch->reports;
    return reports->late ||
           (!reports->here && !reports->begun && now > launch->here_by);
}

/* It has said so, it is no more, or it does not hold the run directory yet and is to
 * stop: before that nobody would heed a signal. Nor does one that prepares data for
 * long heed a second; its death does no harm. */
static bool rank_0_over(const struct launch *launch)
{
    const struct rank_reports *reports = &launch->reports;
    bool gone = (reports->here || reports->begun) && !process_alive(&reports->rank_0);
    double now = clock_monotonic_s();
    bool overdue = launch->leave_at > 0 && now > launch->leave_at;
    return reports->ended || gone || overdue || is_late(launch, now) ||
           (!reports->begun && launch->stops > 0);
}

static void wait_for_mpirun(struct launch *launch, const sigset_t *wanted,
                            double seconds)
{
    double end = clock_monotonic_s() + seconds;
    while (!launch->ended && clock_monotonic_s() < end)
        wait_signal(launch, wanted, watch_s);
}

static bool lives_here(const struct process *process)
{
    return process_is_here(process) && process_alive(process);
}

/* A rank 0 whose mpirun is no more leaves a little later. */
static void wait_for_rank_0(struct launch *launch, const sigset_t *wanted)
{
    const struct rank_reports *reports = &launch->reports;
    double end = clock_monotonic_s() + term_s;
    while (reports->begun && !reports->ended && lives_here(&reports->rank_0) &&
           clock_monotonic_s() < end)
        wait_signal(launch, wanted, watch_s);
}

static void end_mpirun(struct launch *launch, const sigset_t *wanted)
{
    const struct rank_reports *reports = &launch->reports;
    if (reports->ended)
        wait_for_mpirun(launch, wanted, end_s);
    else if (reports->begun)
        wait_for_mpirun(launch, wanted, word_s);
    signal_mpirun(launch, SIGTERM);
    wait_for_mpirun(launch, wanted, term_s);
    signal_mpirun(launch, SIGKILL);
    wait_for_mpirun(launch, wanted, term_s);
    wait_for_rank_0(launch, wanted);
}

/* Of a rank 0 that said how it ended. */
static int take_outcome(const struct launch *launch)
{
    const struct outcome *outcome = &launch->reports.outcome;
    struct error why;
    bool table =
        outcome->done + outcome->given_up > 0 &&
        (outcome->exit_code == EXIT_DONE || outcome->exit_code == EXIT_GIVEN_UP);
    if (table && run_print_table(launch->setup->dir, &why))
        fprintf(stderr, "shiftwork: %s\n", why.text);
    return outcome->exit_code;
}

static int take_end(const struct launch *launch, struct error *err)
{
    const char *dir = launch->setup->dir;
    const struct process *rank_0 = &launch->reports.rank_0;
    if (launch->reports.ended)
        return take_outcome(launch);
    if (launch->reports.begun) {
        if (!lives_here(rank_0))
            run_lock_remove_dead(dir, rank_0, NULL);
        fprintf(stderr, "shiftwork: %s; the same command goes on with %s\n",
                launch->leave_at > 0 ? "stopped at once"
                                     : "the coordinator ended unexpectedly",
                dir);
        return EXIT_STOPPED;
    }
    if (launch->late) {
        fprintf(
            stderr,
            "shiftwork: MPI did not start in time: a process has died meanwhile, or "
            "a node cannot be reached\n");
        return EXIT_STOPPED;
    }
    if (launch->reports.here && launch->stops == 0) {
        fprintf(stderr, "shiftwork: the coordinator ended before the run began\n");
        return EXIT_STOPPED;
    }
    if (launch->stops == 0)
        return error_set(err, ERR_INPUT, "mpirun ended before the run began");
    fprintf(stderr, "shiftwork: stopped before the run began\n");
    return EXIT_STOPPED;
}

static int watch(struct launch *launch, const sigset_t *wanted, struct error *err)
{
    launch->here_by = clock_monotonic_s() + rank_start_limit_s() + word_s;
    while (!launch->ended && !rank_0_over(launch)) {
        pass_on(launch);
        wait_signal(launch, wanted, watch_s);
    }
    launch->late = is_late(launch, clock_monotonic_s());
    end_mpirun(launch, wanted);
    rank_reports_read(&launch->reports);
    return take_end(launch, err);
}

static void set_wanted(sigset_t *wanted)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1, SIGCHLD};
    sigemptyset(wanted);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(wanted, numbers[i]);
}

/* The run is over; one more signal is not to keep its outcome from being told. */
static void ignore_stops(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
}

static int start(struct launch *launch, char **args, struct error *err)
{
    sigset_t wanted, before;
    pid_t launcher = getpid();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return error_set(err, ERR_IO, "cannot start mpirun: %s", strerror(errno));
    set_wanted(&wanted);
    sigprocmask(SIG_BLOCK, &wanted, &before);
    fflush(NULL);
    launch->mpirun = fork();
    if (launch->mpirun == 0)
        become_mpirun(args, ends[1], &before, launcher);
    close(ends[1]);
    launch->reports.fd = ends[0];
    int rc = launch->mpirun < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK)
                 ? error_set(err, ERR_IO, "cannot start mpirun: %s", strerror(errno))
                 : watch(launch, &wanted, err);
    close(ends[0]);
    ignore_stops();
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Early and by name; the lock is what counts, and of another host's holder only rank 0
 * finds out whether it lives. */
static int refuse_if_held(const char *dir, struct error *err)
{
    struct process holder;
    int rc = run_dir_holder(dir, &holder, err);
    if (rc <= 0 || !lives_here(&holder))
        return rc < 0 ? rc : 0;
    return error_set(err, ERR_INPUT, "%s: process %lld on %s works on it", dir,
                     (long long)holder.pid, holder.host);
}

/* Rather than an mpirun that hangs: what it says itself tells nobody what to do. */
static int find_session(struct session_base *session, struct error *err)
{
    session_base_find(session);
    double needed = SESSION_ROOM / 1e6, room = (double)session->room / 1e6;
    if (!session->dir)
        return error_set(
            err, ERR_IO,
            "%s: Open MPI needs %.0f MB there, %.1f MB are free: free some, "
            "or name another folder in TMPDIR",
            session->usual, needed, room);
    if (session->dir != session->usual)
        fprintf(stderr,
                "shiftwork: %s has %.1f MB free: Open MPI's files go to %s instead\n",
                session->usual, room, session->dir);
    return 0;
}

/* Without a word on tasks, Slurm's places are cores, and the first node would get more
 * workers than have their threads there. */
static void add_ranks_place(struct command_line *line,
                            const struct slurm_allocation *allocation, int threads)
{
    if (!allocation->inside || allocation->tasks_given || threads == 1)
        return;
    command_line_add(line, "--map-by");
    command_line_add(line, "node");
}

static void rank_command(struct command_line *line, const char *program,
                         struct shape shape, const struct run_options *options)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%d", shape.threads);
    command_line_add(line, program);
    command_line_add(line, "run");
    command_line_add(line, "--threads");
    command_line_add(line, threads);
    for (int i = 0; i < options->arg_count; i++)
        command_line_add(line, options->args[i]);
}

static int launch_new(const struct run_setup *setup, const struct run_options *options,
                      struct error *err)
{
    char mpirun[4096], program[4096];
    struct command_line line = {0};
    struct session_base session;
    struct launch launch = {.setup = setup};
    struct slurm_allocation allocation;
    slurm_allocation_read(&allocation);
    struct shape shape = choose_shape(&allocation, &setup->spec, options);
    int rc = check_shape(&allocation, shape, setup->spec.encoder, err);
    if (!rc)
        rc = program_self(program, sizeof program, err);
    if (!rc && !program_find(mpirun, sizeof mpirun, "mpirun"))
        rc = error_set(err, ERR_INPUT, "mpirun is not on PATH: Open MPI is wanted");
    if (!rc)
        rc = refuse_if_held(setup->dir, err);
    if (!rc)
        rc = find_session(&session, err);
    if (!rc)
        rc = run_dir_make(setup->dir, &launch.made, err);
    if (rc)
        return rc;
    set_environment(&setup->spec.cluster);
    mpirun_command(&line, mpirun, shape.workers + 1, &session);
    add_ranks_place(&line, &allocation, shape.threads);
    rank_command(&line, program, shape, options);
    rc = line.failed ? error_set(err, ERR_MEMORY, "out of memory")
                     : start(&launch, line.args, err);
    command_line_clear(&line);
    run_dir_unmake(setup->dir, &launch.made); /* where nothing was put into it */
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
    return run_stopped_by(rc, err);
}
