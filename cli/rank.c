/* A rank of a run: MPI's start and end, signals, cores; rank 0 prepares and
 * coordinates, the others work. */
#include "cli/commands.h"
#include "cli/profile_table.h"
#include "cli/rank_report.h"
#include "cli/run.h"
#include "cli/run_setup.h"
#include "cli/slurm_allocation.h"
#include "common/log.h"
#include "coordinator/coordinator.h"
#include "storage/run_lock.h"
#include "worker/worker_loop.h"

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stops;
static int grace_s = -1; /* no limit */

/* The end of the grace counts as a second signal. */
static void count_stop(int number)
{
    if (stops++ > 0 || number == SIGALRM || grace_s < 0)
        return;
    if (grace_s == 0)
        stops++;
    else
        alarm((unsigned)grace_s);
}

static bool launched(void) { return getenv("SHIFTWORK_LAUNCHER") != NULL; }

static volatile sig_atomic_t has_launcher; /* for a signal handler */

/* Where a rank dies while MPI starts, the others would wait for it for ever. */
static void start_is_late(int number)
{
    static const char text[] =
        "shiftwork: MPI did not start in time: a process has died "
        "meanwhile, or a node cannot be reached\n";
    (void)number;
    if (has_launcher)
        /* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c): it only writes */
        rank_report_late(); /* the launcher says it once */
    else if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_REFUSED);
    _exit(EXIT_STOPPED);
}

static void limit_start(void)
{
    has_launcher = launched();
    signal(SIGALRM, start_is_late);
    alarm(rank_start_limit_s());
}

/* The coordinator decides when workers leave, so they do not heed signals: a launcher's
 * or Slurm's reach all ranks at once. A peer that dies while something is sent to it
 * must not end the sender (SIGPIPE): MPI finds out by itself. */
static void set_signals(bool coordinator)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = coordinator ? count_stop : SIG_IGN,
                               .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Which of the node's workers this is, and of how many. The only collective calls of a
 * run, before anybody can be lost. */
static int find_place(int mpi_rank, struct worker_place *place, struct error *err)
{
    MPI_Comm node;
    int size, at, first = mpi_rank;
    if (MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                            &node) ||
        MPI_Comm_size(node, &size) || MPI_Comm_rank(node, &at) ||
        MPI_Bcast(&first, 1, MPI_INT, 0, node) || MPI_Comm_free(&node))
        return error_set(err, ERR_IO, "MPI cannot tell who is on this node");
    int coordinators = first == 0; /* ranks keep their order on the node */
    place->index = at - coordinators;
    place->workers = size - coordinators;
    return 0;
}

/* Seconds since 1970 from the launcher, which may be on another host; 0: none. */
static double wall_time_of(const char *name)
{
    const char *text = getenv(name);
    return text ? strtod(text, NULL) : 0;
}

static void log_begin(const struct run_setup *setup, int workers)
{
    char trials[64];
    bool proposes = setup->spec.sweep.search == SEARCH_TPE;
    if (proposes && setup->spec.sweep.trials > 0)
        snprintf(trials, sizeof trials, "up to %d trials", setup->spec.sweep.trials);
    else if (proposes)
        snprintf(trials, sizeof trials, "trials until a limit is reached");
    else
        snprintf(trials, sizeof trials, "%lld trial%s (%d configuration%s)",
                 (long long)setup->sweep.trial_count,
                 setup->sweep.trial_count == 1 ? "" : "s", setup->sweep.config_count,
                 setup->sweep.config_count == 1 ? "" : "s");
    log_line("%s on %d worker%s, results in %s", trials, workers,
             workers == 1 ? "" : "s", setup->dir);
}

static int coordinate(struct run_setup *setup, const struct run_lock *lock, int workers,
                      struct outcome *outcome, struct coordinator_end *end,
                      struct error *err)
{
    struct coordinator_order order = {
        .job =
            {
                .spec = &setup->spec,
                .list = &setup->enrolment.list,
                .tasks = setup->tasks,
                .encoder = &setup->encoder,
                .encoder_digest = setup->encoder_digest,
                .job_digest = setup->job_digest,
            },
        .enrolment = &setup->enrolment,
        .earlier_job = setup->history.job,
        .accept_numerics = setup->accept_numerics,
        .retry = setup->retry,
        .datasets = (const char *const *)setup->dataset_paths,
        .run_dir = setup->dir,
        .lock = lock,
        .workers = workers,
        .stops = &stops,
        .begun_s = wall_time_of("SHIFTWORK_BEGUN"),
        .end_s = wall_time_of("SHIFTWORK_END_S"),
    };
    const struct job_cluster *cluster = &setup->spec.cluster;
    int64_t added = setup->enrolment.list.trial_count - setup->enrolment.first_new + 1;
    log_begin(setup, workers);
    if (cluster->shards > 1)
        log_line("shard %d/%d: %lld of them", cluster->shard, cluster->shards,
                 (long long)setup->enrolment.wanted_count);
    if (setup->history.job)
        log_line("going on with an earlier run: %lld trial%s new", (long long)added,
                 added == 1 ? " is" : "s are");
    return coordinator_run(&order, outcome, end, err);
}

/* True where the log is new. */
static bool open_log(char path[SETTINGS_PATH + 16], const char *dir)
{
    struct error err;
    const char *columns = getenv("SHIFTWORK_TERMINAL");
    snprintf(path, SETTINGS_PATH + 16, "%s/log", dir);
    bool created = access(path, F_OK) != 0;
    if (log_open(path, &err))
        log_line("%s", err.text);
    log_terminal(columns ? (int)strtol(columns, NULL, 10) : 0);
    return created;
}

/* With the directory locked. A run that does not get to work leaves nothing; one whose
 * directory was taken over leaves everything as it is. */
static int run_in_directory(struct run_setup *setup, const struct run_lock *lock,
                            int workers, struct outcome *outcome,
                            struct coordinator_end *end, struct error *err)
{
    char log[SETTINGS_PATH + 16];
    int rc = run_setup_look(setup, err); /* again: another may have worked on it */
    if (rc || setup->state == RUN_DIR_FINISHED)
        return rc;
    bool is_new = setup->state == RUN_DIR_NEW;
    if (is_new)
        run_dir_forget(setup->dir);
    bool created = open_log(log, setup->dir);
    rc = run_setup_prepare(setup, err);
    if (!rc)
        rc = run_lock_check(lock, err);
    if (!rc)
        rc = coordinate(setup, lock, workers, outcome, end, err);
    log_close();
    if (!rc || run_lock_check(lock, NULL))
        return rc;
    run_setup_remove_data(setup);
    if (is_new)
        run_dir_forget(setup->dir);
    if (created)
        unlink(log);
    return rc;
}

static int lock_and_run(struct run_setup *setup, int workers, struct outcome *outcome,
                        struct coordinator_end *end, struct error *err)
{
    struct run_lock *lock;
    struct run_dir_made made; /* nothing where there is a launcher: it made them */
    int rc = run_dir_make(setup->dir, &made, err);
    if (rc)
        return rc;
    rc = run_lock_take(&lock, setup->dir, setup->spec.cluster.lost_after_s, err);
    if (!rc) {
        if (launched())
            rank_report_begun();
        rc = run_in_directory(setup, lock, workers, outcome, end, err);
        run_lock_release(lock);
    }
    run_dir_unmake(setup->dir, &made);
    return rc;
}

static int run_or_show(struct run_setup *setup, int workers, struct outcome *outcome,
                       struct coordinator_end *end, struct error *err)
{
    int rc = setup->state != RUN_DIR_FINISHED
                 ? lock_and_run(setup, workers, outcome, end, err)
                 : 0;
    if (rc || setup->state == RUN_DIR_FINISHED)
        coordinator_dismiss(workers, rc ? "the run cannot begin" : "");
    if (!rc && setup->state != RUN_DIR_FINISHED &&
        profile_table_print(stdout, &end->profile, setup->history.job != NULL, err))
        log_line("%s", err->text); /* the run has ended all the same */
    if (!rc && setup->state == RUN_DIR_FINISHED)
        rc = outcome_read(outcome, setup->dir, err);
    if (!rc && !launched() &&
        (outcome->exit_code == EXIT_DONE || outcome->exit_code == EXIT_GIVEN_UP))
        rc = run_print_table(setup->dir, err);
    return rc ? run_stopped_by(rc, err) : outcome->exit_code;
}

static int run_coordinator(const struct run_options *options, int workers,
                           struct outcome *outcome, struct coordinator_end *end,
                           struct error *err)
{
    struct run_setup setup;
    if (workers < 1)
        return error_set(
            err, ERR_INPUT,
            "one rank is not enough: a coordinator and a worker are wanted");
    int rc = run_setup_read(&setup, options, err);
    if (rc) {
        coordinator_dismiss(workers, "the run cannot begin");
        return run_stopped_by(rc, err);
    }
    rc = run_or_show(&setup, workers, outcome, end, err);
    run_setup_clear(&setup);
    return rc;
}

/* MPI_Finalize waits for all ranks, so it is left out where one was lost. */
static void leave(bool lost, int code)
{
    if (!lost) {
        MPI_Finalize();
        return;
    }
    fflush(NULL);
    _exit(code);
}

/* Known before MPI is: by what mpirun and Slurm give their processes. */
static bool will_be_rank_0(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (!rank)
        rank = getenv("PMIX_RANK");
    return rank && !strcmp(rank, "0");
}

int rank_run(const struct run_options *options, struct error *err)
{
    int given, mpi_rank, ranks;
    struct coordinator_end end = {0};
    struct worker_place place;
    struct outcome outcome = {0};
    if (launched() && will_be_rank_0())
        rank_report_here(); /* so that its death is noticed from here on */
    if (!launched() && will_be_rank_0())
        slurm_allocation_export_end();
    limit_start();
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given) ||
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) ||
        MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank) ||
        MPI_Comm_size(MPI_COMM_WORLD, &ranks))
        return error_set(err, ERR_IO, "MPI does not start");
    set_signals(mpi_rank == 0);
    int rc = find_place(mpi_rank, &place, err);
    place.ranks = ranks;
    alarm(0);
    signal(SIGALRM, count_stop); /* set off by a first stop, in rank 0 only */
    grace_s = options->grace_s;
    if (!rc)
        rc = mpi_rank == 0 ? run_coordinator(options, ranks - 1, &outcome, &end, err)
                           : worker_run(&place, &end.lost, err);
    if (rc < 0 && (launched() || end.lost))
        fprintf(stderr, "shiftwork: %s\n", err->text);
    int code = rc < 0 ? EXIT_REFUSED : rc;
    outcome.exit_code = code;
    if (launched() && mpi_rank == 0)
        rank_report_ended(&outcome);
    /* mpirun would only add its own lines about a rank that failed. */
    leave(end.lost, launched() ? EXIT_DONE : code);
    return launched() ? EXIT_DONE : rc;
}
