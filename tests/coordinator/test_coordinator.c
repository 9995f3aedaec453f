/* The coordinator on rank 0 against ranks 1 and 2, which are no workers but say what
 * the test wants: one run a test, all ranks in step by a barrier. A run that loses a
 * worker loses its rank's later messages too, so it is the last of its process. */
#include "common/channels.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/coordinator.h"
#include "storage/results_file.h"
#include "tests/coordinator/sample_run.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 2 };

/* --- the pretended worker --- */

enum manner {
    MANNER_GOOD,
    MANNER_FAILS_TRIAL_2, /* with a numeric error */
    MANNER_BAD_DISK,      /* every trial fails once with ERR_IO */
    MANNER_OLD_LEASE,     /* says everything under another lease first */
    MANNER_ENDLESS,       /* never has a result: reports until it is stopped */
    MANNER_SHORT_ENDLESS, /* the same, but is gone after 300 reports */
    MANNER_ANOTHER_VERSION,
    MANNER_OTHER_NUMERICS,
    MANNER_UNFIT,   /* says so instead of its first report */
    MANNER_GARBAGE, /* instead of its first report */
    MANNER_ABSENT,  /* says nothing at all */
    MANNER_HANGS,   /* gives signs of life, but computes nothing */
};

struct pretender {
    struct channels *channels;
    enum manner manner;
    uint64_t trial, helped; /* 0: none */
    uint32_t lease, helped_lease;
    int epoch, failed;
    bool left;
    struct handed {
        uint64_t trial;
        uint32_t lease;
        int epoch;
    } waiting[64]; /* handed out ahead */
    int waiting_count;
};

static void say(struct pretender *p, struct bytes *message)
{
    struct error err;
    channels_send(p->channels, 0, message, &err);
}

static void say_hello(struct pretender *p)
{
    struct bytes out = {0};
    struct hello hello = {
        .version = p->manner == MANNER_ANOTHER_VERSION ? "9.9" : SHIFTWORK_VERSION,
        .host = "pretended",
        .boot_id = "-",
        .numerics = 1,
        .isa = p->manner == MANNER_OTHER_NUMERICS ? "other" : "none",
    };
    hello_encode(&out, &hello);
    say(p, &out);
}

static void say_report(struct pretender *p, uint32_t lease, double score)
{
    struct bytes out = {0};
    struct report m = sample_report(p->trial, lease, p->epoch, score);
    report_encode(&out, &m);
    say(p, &out);
}

static void say_result(struct pretender *p, uint32_t lease)
{
    struct bytes out = {0};
    struct result m = sample_result(p->trial, lease, 1);
    result_encode(&out, &m);
    say(p, &out);
}

static void say_failure(struct pretender *p, int status)
{
    struct bytes out = {0};
    failure_encode(&out, &(struct failure){p->trial, p->lease, status, "as pretended"});
    say(p, &out);
    p->trial = 0;
}

static void say_garbage(struct pretender *p)
{
    char garbage[64];
    memset(garbage, 0x5a, sizeof garbage);
    MPI_Send(garbage, sizeof garbage, MPI_BYTE, 0, MESSAGE_REPORT, MPI_COMM_WORLD);
    p->left = true;
}

static void say_unfit(struct pretender *p)
{
    struct bytes out = {0};
    unfit_encode(&out, &(struct unfit){"/enc: no such file"});
    say(p, &out);
    p->trial = 0;
}

static bool endless(const struct pretender *p)
{
    return p->manner == MANNER_ENDLESS || p->manner == MANNER_SHORT_ENDLESS;
}

static void begin_next(struct pretender *p)
{
    if (p->trial != 0 || p->waiting_count == 0)
        return;
    p->trial = p->waiting[0].trial;
    p->lease = p->waiting[0].lease;
    p->epoch = p->waiting[0].epoch;
    memmove(p->waiting, p->waiting + 1,
            (size_t)--p->waiting_count * sizeof p->waiting[0]);
}

static void say_heartbeat(struct pretender *p)
{
    struct bytes out = {0};
    heartbeat_encode(&out, &(struct heartbeat){p->trial, p->lease, 7, 0});
    say(p, &out);
    clock_sleep_s(0.02);
}

static void work(struct pretender *p)
{
    if (p->manner == MANNER_HANGS) {
        say_heartbeat(p);
        return;
    }
    if (p->manner == MANNER_GARBAGE) {
        say_garbage(p);
    } else if (p->manner == MANNER_UNFIT) {
        say_unfit(p);
    } else if (p->manner == MANNER_FAILS_TRIAL_2 && p->trial == 2) {
        say_failure(p, ERR_NUMERIC);
    } else if (p->manner == MANNER_BAD_DISK && !(p->failed & 1 << p->trial)) {
        p->failed |= 1 << p->trial;
        say_failure(p, ERR_IO);
    } else if (endless(p) || p->epoch < 2) {
        p->epoch++;
        p->left = p->manner == MANNER_SHORT_ENDLESS && p->epoch == 300;
        if (p->manner == MANNER_OLD_LEASE)
            say_report(p, p->lease + 7, 0.99);
        say_report(p, p->lease, 0.5 - 0.1 * p->epoch);
        clock_sleep_s(1e-3);
    } else {
        if (p->manner == MANNER_OLD_LEASE)
            say_result(p, p->lease + 7);
        say_result(p, p->lease);
        p->trial = 0;
    }
}

static void say_stopped(struct pretender *p, const struct stop *stop)
{
    struct bytes out = {0};
    stopped_encode(&out, &(struct stopped){stop->trial, stop->lease});
    say(p, &out);
}

static void hear(struct pretender *p, const struct channel_event *event)
{
    struct grant grant;
    struct stop stop;
    struct help help;
    if (event->tag == MESSAGE_GRANT &&
        grant_decode(&grant, event->data, event->size, NULL) == 0) {
        for (int i = 0; i < grant.count; i++)
            p->waiting[p->waiting_count++] =
                (struct handed){grant.trials[i].trial, grant.trials[i].lease,
                                grant.trials[i].checkpoint_size > 0 ? 1 : 0};
    } else if (event->tag == MESSAGE_STOP &&
               stop_decode(&stop, event->data, event->size, NULL) == 0 &&
               ((stop.trial == p->trial && stop.lease == p->lease) ||
                (stop.trial == p->helped && stop.lease == p->helped_lease))) {
        say_stopped(p, &stop);
        if (stop.trial == p->trial && stop.lease == p->lease)
            p->trial = 0;
        else
            p->helped = 0;
    } else if (event->tag == MESSAGE_HELP &&
               help_decode(&help, event->data, event->size, NULL) == 0) {
        p->helped = help.trial; /* as far as it goes: it never joins */
        p->helped_lease = help.lease;
    } else if (event->tag == MESSAGE_FAREWELL) {
        p->left = true;
    }
}

static void pretend(enum manner manner)
{
    struct pretender p = {.manner = manner};
    struct channel_event event;
    struct error err;
    double until = clock_monotonic_s() + (manner == MANNER_HANGS ? 4 : 20);
    if (manner == MANNER_ABSENT)
        return;
    if (channels_new(&p.channels, 0, 1, &err))
        return;
    say_hello(&p);
    while (!p.left && clock_monotonic_s() < until) {
        channels_next(p.channels, &event, &err);
        begin_next(&p);
        if (event.kind == CHANNEL_MESSAGE)
            hear(&p, &event);
        else if (p.trial != 0)
            work(&p);
        else
            clock_sleep_s(1e-4);
    }
    channels_free(p.channels);
}

/* --- rank 0 --- */

static volatile sig_atomic_t stops;
static struct sample_run sample;
static struct outcome outcome;
static struct results results;
static char lines[1 << 16]; /* of the log */
static struct coordinator_end end;

static void count_stop(int number)
{
    (void)number;
    stops++;
}

static void read_log(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(lines, 1, sizeof lines - 1, file) : 0;
    lines[size] = '\0';
    if (file)
        fclose(file);
}

/* How often a text stands in the log. */
static int logged(const char *text)
{
    int count = 0;
    for (const char *at = lines; (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

static void run_with(const char *cluster)
{
    static int number;
    static const char *const datasets[] = {"/data.h5"};
    char dir[512], path[600], log[600];
    struct run_dir_made made;
    struct error err = {""};
    snprintf(dir, sizeof dir, "%s/run%d", place_temporary(), number++);
    snprintf(path, sizeof path, "%s/results.h5", dir);
    snprintf(log, sizeof log, "%s/log", dir);
    CU_ASSERT_EQUAL_FATAL(run_dir_make(dir, &made, &err), 0);
    CU_ASSERT_EQUAL_FATAL(sample_run_init(&sample, cluster, &err), 0);
    struct coordinator_order order = {.job = sample.job,
                                      .enrolment = &sample.enrolment,
                                      .datasets = datasets,
                                      .run_dir = dir,
                                      .workers = WORKERS,
                                      .stops = &stops};
    struct outcome written;
    CU_ASSERT_EQUAL_FATAL(log_open(log, &err), 0);
    int rc = coordinator_run(&order, &outcome, &end, &err);
    MPI_Barrier(MPI_COMM_WORLD);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    log_close();
    read_log(log);
    CU_ASSERT_EQUAL_FATAL(outcome_read(&written, dir, &err), 0);
    CU_ASSERT_EQUAL(written.exit_code, outcome.exit_code);
    CU_ASSERT_EQUAL_FATAL(results_read(&results, path, RESULTS_ALL, &err), 0);
    stops = 0;
}

static void clear_run(void)
{
    results_clear(&results);
    sample_run_clear(&sample);
}

static void all_trials_are_done(void)
{
    run_with("");
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6 && outcome.left == 0);
    CU_ASSERT(!end.lost && !end.deposed);
    CU_ASSERT_EQUAL(results.epoch_count, 12);
    for (int i = 0; i < results.trial_count; i++) {
        CU_ASSERT_STRING_EQUAL(results.trials[i].status, "done");
        CU_ASSERT_STRING_EQUAL(results.trials[i].host, "pretended");
        CU_ASSERT_DOUBLE_EQUAL(results.trials[i].score, 0.4, 1e-12);
    }
    clear_run();
}

static void a_failing_trial_is_given_up_and_named(void)
{
    run_with("");
    CU_ASSERT(outcome.exit_code == 3 && outcome.done == 5 && outcome.given_up == 1);
    CU_ASSERT_STRING_EQUAL(results.trials[1].status, "failed");
    CU_ASSERT_STRING_EQUAL(results.trials[1].error, "as pretended");
    clear_run();
}

static void a_trial_that_a_disk_failed_is_tried_again(void)
{
    run_with("attempts = 3;");
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    for (int i = 0; i < results.trial_count; i++) {
        CU_ASSERT(results.trials[i].attempts >= 2 && results.trials[i].attempts <= 3);
        CU_ASSERT_STRING_EQUAL(results.trials[i].error, ""); /* it is done now */
    }
    clear_run();
}

static void messages_under_an_old_lease_are_ignored(void)
{
    run_with("");
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(results.epoch_count, 12);
    for (int i = 0; i < results.epoch_count; i++)
        CU_ASSERT(results.epochs[i].score < 0.9);
    clear_run();
}

static void a_stop_ends_the_run_at_the_next_reports(void)
{
    signal(SIGALRM, count_stop);
    alarm(1);
    run_with("");
    CU_ASSERT(outcome.exit_code == 75 && outcome.done == 0 && outcome.left == 6);
    CU_ASSERT(results.epoch_count > 0);
    for (int i = 0; i < results.trial_count; i++)
        CU_ASSERT_STRING_EQUAL(results.trials[i].status, "queued");
    clear_run();
}

static void an_unfit_worker_is_dismissed_and_its_trial_done_by_another(void)
{
    run_with("attempts = 1;");
    CU_ASSERT(!end.lost);
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(logged("worker 1 on pretended is dismissed: /enc: no such file"),
                    1);
    for (int i = 0; i < results.trial_count; i++)
        CU_ASSERT_STRING_EQUAL(results.trials[i].error, "");
    clear_run();
}

static void without_a_fit_worker_the_run_can_be_continued(void)
{
    run_with("attempts = 1;");
    CU_ASSERT(!end.lost);
    CU_ASSERT(outcome.exit_code == 75 && outcome.done == 0 && outcome.left == 6);
    CU_ASSERT_EQUAL(logged("is dismissed"), 2);
    CU_ASSERT_EQUAL(logged("no worker is left"), 1);
    clear_run();
}

static void a_worker_of_another_version_is_dismissed(void)
{
    run_with("");
    CU_ASSERT(!end.lost);
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(logged("worker 1 on pretended is dismissed: its version is 9.9"),
                    1);
    clear_run();
}

static void workers_of_different_numerics_are_warned_of_once(void)
{
    run_with("");
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(logged(" on pretended computes as "), 1);
    CU_ASSERT(logged("1 none") == 1 && logged("1 other") == 1);
    clear_run();
}

static void a_worker_of_garbage_is_lost(void)
{
    run_with("");
    CU_ASSERT(end.lost);
    CU_ASSERT(outcome.exit_code == 75 && outcome.done == 0 && outcome.left == 6);
    CU_ASSERT_EQUAL(logged("worker 2 on pretended is gone"), 1);
    clear_run();
}

static void a_worker_that_never_says_hello_is_not_waited_for(void)
{
    run_with("heartbeat_s = 0.5; lost_after_s = 1.0;");
    CU_ASSERT(end.lost);
    CU_ASSERT(outcome.exit_code == 75 && outcome.left == 6);
    CU_ASSERT_EQUAL(logged("worker 2 is gone: it has not said hello in time"), 1);
    clear_run();
}

static void a_worker_that_computes_nothing_is_lost(void)
{
    run_with("hang_s = 0.5;");
    CU_ASSERT(end.lost);
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(logged("is gone: it computes nothing any more"), 1);
    clear_run();
}

/* While failing, memory runs out for a receipt of many epochs: its worker is lost
 * long after the other has become idle. */
static bool failing;

int __real_channels_send(struct channels *channels, int peer, struct bytes *message,
                         struct error *err);
int __wrap_channels_send(struct channels *channels, int peer, struct bytes *message,
                         struct error *err);

int __wrap_channels_send(struct channels *channels, int peer, struct bytes *message,
                         struct error *err)
{
    struct receipt receipt;
    if (failing && !receipt_decode(&receipt, message->data, message->size, NULL) &&
        receipt.step > 2000)
        message->failed = true;
    return __real_channels_send(channels, peer, message, err);
}

static void a_failed_send_gives_the_trial_to_an_idle_worker(void)
{
    failing = true;
    run_with("heartbeat_s = 5; lost_after_s = 10.0;");
    CU_ASSERT(end.lost);
    CU_ASSERT(outcome.exit_code == 0 && outcome.done == 6);
    CU_ASSERT_EQUAL(logged("is gone: out of memory for a message"), 1);
    clear_run();
}

/* A test and what ranks 1 and 2 do in it. */
struct scene {
    struct suite_test test;
    enum manner manners[WORKERS];
};

static const struct scene peaceful[] = {
    {SUITE_TEST(all_trials_are_done), {MANNER_GOOD, MANNER_GOOD}},
    {SUITE_TEST(a_failing_trial_is_given_up_and_named),
     {MANNER_FAILS_TRIAL_2, MANNER_FAILS_TRIAL_2}},
    {SUITE_TEST(a_trial_that_a_disk_failed_is_tried_again),
     {MANNER_BAD_DISK, MANNER_BAD_DISK}},
    {SUITE_TEST(messages_under_an_old_lease_are_ignored),
     {MANNER_OLD_LEASE, MANNER_OLD_LEASE}},
    {SUITE_TEST(a_stop_ends_the_run_at_the_next_reports),
     {MANNER_ENDLESS, MANNER_ENDLESS}},
    {SUITE_TEST(an_unfit_worker_is_dismissed_and_its_trial_done_by_another),
     {MANNER_UNFIT, MANNER_GOOD}},
    {SUITE_TEST(without_a_fit_worker_the_run_can_be_continued),
     {MANNER_UNFIT, MANNER_UNFIT}},
    {SUITE_TEST(a_worker_of_another_version_is_dismissed),
     {MANNER_ANOTHER_VERSION, MANNER_GOOD}},
    {SUITE_TEST(workers_of_different_numerics_are_warned_of_once),
     {MANNER_OTHER_NUMERICS, MANNER_GOOD}},
    {SUITE_TEST(a_worker_of_garbage_is_lost), {MANNER_ANOTHER_VERSION, MANNER_GARBAGE}},
};
static const struct scene absent = {
    SUITE_TEST(a_worker_that_never_says_hello_is_not_waited_for),
    {MANNER_GARBAGE, MANNER_ABSENT}};
static const struct scene hanging = {SUITE_TEST(a_worker_that_computes_nothing_is_lost),
                                     {MANNER_HANGS, MANNER_GOOD}};
static const struct scene failed_send = {
    SUITE_TEST(a_failed_send_gives_the_trial_to_an_idle_worker),
    {MANNER_SHORT_ENDLESS, MANNER_GOOD}};

static int play(const struct scene *scenes, size_t count, int mpi_rank)
{
    struct suite_test tests[sizeof peaceful / sizeof *peaceful + 1] = {{NULL, NULL}};
    for (size_t i = 0; i < count; i++)
        tests[i] = scenes[i].test;
    if (mpi_rank == 0)
        return suite_run("coordinator", tests);
    for (size_t i = 0; i < count; i++) {
        pretend(scenes[i].manners[mpi_rank - 1]);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    int given, mpi_rank, failed;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    if (!strcmp(name, "absent"))
        failed = play(&absent, 1, mpi_rank);
    else if (!strcmp(name, "hanging"))
        failed = play(&hanging, 1, mpi_rank);
    else if (!strcmp(name, "failed_send"))
        failed = play(&failed_send, 1, mpi_rank);
    else
        failed = play(peaceful, sizeof peaceful / sizeof *peaceful, mpi_rank);
    MPI_Finalize();
    return failed;
}
