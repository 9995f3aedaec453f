/* The coordinator with workers that answer at once: how many trials a second it hands
 * out and records durably, and how long a worker waits for its next one.
 *
 *   mpirun -n RANKS dispatch RUN_DIR TRIALS [PAUSE_US]
 *
 * Rank 0 is the coordinator as `shiftwork run` has it, with a job of one task; the
 * others report once a trial, with a checkpoint of 600 bytes, and send a result,
 * PAUSE_US after they began it. Latency: from a result to the next trial where none
 * had been handed out ahead. Prints one line. */
#include "common/channels.h"
#include "common/clock.h"
#include "coordinator/coordinator.h"

#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LAYERS = 1, HIDDEN = 2, FFN = 3, LABELS = 2, ROWS = 4, CHECKPOINT = 600 };
enum { VALUES = HIDDEN + FFN + 1 + LABELS * HIDDEN + LABELS, SAMPLES = 1 << 16 };

static const struct encoder_config encoder = {.layers = LAYERS,
                                              .hidden = HIDDEN,
                                              .ffn = FFN,
                                              .heads = 1,
                                              .vocab = 10,
                                              .positions = 16,
                                              .types = 2};

/* --- a worker --- */

struct answerer {
    struct channels *channels;
    double pause_s;
    struct grant_trial waiting[4 * GRANT_MAX]; /* trial and lease only */
    int count;
    bool left;
    double idle_since; /* 0: not idle */
    double latencies[SAMPLES];
    int latency_count;
};

static void say(struct answerer *a, struct bytes *message)
{
    struct error err;
    channels_send(a->channels, 0, message, &err);
}

static void say_hello(struct answerer *a)
{
    struct bytes out = {0};
    struct hello hello = {.version = SHIFTWORK_VERSION,
                          .host = "bench",
                          .boot_id = "-",
                          .numerics = 1,
                          .isa = "none"};
    hello_encode(&out, &hello);
    say(a, &out);
}

static void answer(struct answerer *a)
{
    static const uint8_t checkpoint[CHECKPOINT];
    static const float values[VALUES], logits[ROWS * LABELS];
    struct bytes report = {0}, result = {0};
    struct grant_trial t = a->waiting[0];
    if (a->pause_s > 0)
        clock_sleep_s(a->pause_s);
    report_encode(&report, &(struct report){.trial = t.trial,
                                            .lease = t.lease,
                                            .epoch = 1,
                                            .step = 1,
                                            .score = 0.5,
                                            .metric_count = 1,
                                            .metrics = {0.5},
                                            .tokens = 1,
                                            .checkpoint = checkpoint,
                                            .checkpoint_size = CHECKPOINT});
    result_encode(&result, &(struct result){
                               .trial = t.trial,
                               .lease = t.lease,
                               .best_epoch = 1,
                               .best_step = 1,
                               .tokens = 1,
                               .values = {(const uint8_t *)values, VALUES},
                               .split_count = 1,
                               .splits = {{SPLIT_DEV,
                                           ROWS,
                                           LABELS,
                                           {(const uint8_t *)logits, ROWS * LABELS}}},
                           });
    say(a, &report);
    say(a, &result);
    memmove(a->waiting, a->waiting + 1, (size_t)--a->count * sizeof a->waiting[0]);
    if (a->count == 0)
        a->idle_since = clock_monotonic_s();
}

static void take_grant(struct answerer *a, const struct channel_event *event)
{
    struct grant grant;
    if (grant_decode(&grant, event->data, event->size, NULL))
        return;
    if (a->idle_since > 0 && a->latency_count < SAMPLES)
        a->latencies[a->latency_count++] = clock_monotonic_s() - a->idle_since;
    a->idle_since = 0;
    for (int i = 0; i < grant.count; i++)
        a->waiting[a->count++] = grant.trials[i];
}

static void be_worker(double pause_s)
{
    struct answerer *a = calloc(1, sizeof *a);
    struct channel_event event;
    struct error err;
    double pause = 50e-6;
    if (!a || channels_new(&a->channels, 0, 1, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    a->pause_s = pause_s;
    say_hello(a);
    while (!a->left) {
        channels_next(a->channels, &event, &err);
        if (event.kind == CHANNEL_LOST)
            break;
        if (event.kind == CHANNEL_MESSAGE && event.tag == MESSAGE_GRANT)
            take_grant(a, &event);
        else if (event.kind == CHANNEL_MESSAGE && event.tag == MESSAGE_FAREWELL)
            a->left = true;
        else if (event.kind == CHANNEL_NOTHING && a->count > 0)
            answer(a);
        else if (event.kind == CHANNEL_NOTHING) { /* as a worker waits */
            clock_sleep_s(pause);
            pause = fmin(2 * pause, 5e-3);
            continue;
        }
        pause = 50e-6;
    }
    channels_free(a->channels);
    int count = a->latency_count;
    MPI_Send(&count, 1, MPI_INT, 0, 100, MPI_COMM_WORLD);
    MPI_Send(a->latencies, count, MPI_DOUBLE, 0, 101, MPI_COMM_WORLD);
    free(a);
}

/* --- rank 0 --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median, and the longest. */
static double median_latency(int workers, int *count, double *longest)
{
    double *all = malloc((size_t)workers * SAMPLES * sizeof *all);
    *count = 0;
    *longest = NAN;
    for (int i = 1; all && i <= workers; i++) {
        int n;
        MPI_Recv(&n, 1, MPI_INT, i, 100, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Recv(all + *count, n, MPI_DOUBLE, i, 101, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        *count += n;
    }
    if (!all || *count == 0)
        return NAN;
    qsort(all, (size_t)*count, sizeof *all, by_value);
    double median = all[*count / 2];
    *longest = all[*count - 1];
    free(all);
    return median;
}

static int make_job(struct job_spec *spec, int64_t trials, struct error *err)
{
    char text[512];
    snprintf(text, sizeof text,
             "encoder = \"enc\";\n"
             "tasks = ( { name = \"cola\"; data = \"d\"; max_length = 16; } );\n"
             "training = { epochs = 1; };\n"
             "sweep = { seeds = %lld; };\n"
             "output = { dir = \"run\"; keep = 2; };\n",
             (long long)trials);
    return job_spec_parse(spec, "job.cfg", "/", text, NULL, 0, err);
}

static int coordinate(const char *dir, int64_t trials, int workers,
                      struct outcome *outcome, struct error *err)
{
    static const char *const datasets[] = {"/data.h5"};
    static volatile sig_atomic_t stops;
    static float gold[ROWS];
    static const struct digest dataset = {1, 2};
    struct enrolment_data data = {&dataset, {3, 4}, LAYERS, false};
    struct job_spec spec;
    struct sweep sweep = {0};
    struct history history = {0};
    struct enrolment enrolment = {0};
    struct coordinator_end end;
    struct findings_task task = {.dataset = dataset, .labels = LABELS, .majority = NAN};
    int rc = make_job(&spec, trials, err);
    task.rows[SPLIT_TRAIN] = 10;
    task.rows[SPLIT_DEV] = ROWS;
    task.gold[SPLIT_DEV] = gold;
    if (!rc)
        rc = sweep_init(&sweep, &spec, LAYERS, err);
    if (!rc)
        rc = enrolment_init(&enrolment, &history, &sweep, &data, err);
    struct coordinator_order order = {
        .job = {.spec = &spec,
                .list = &enrolment.list,
                .tasks = &task,
                .encoder = &encoder,
                .encoder_digest = data.encoder},
        .enrolment = &enrolment,
        .datasets = datasets,
        .run_dir = dir,
        .workers = workers,
        .stops = &stops,
    };
    if (!rc)
        rc = coordinator_run(&order, outcome, &end, err);
    enrolment_clear(&enrolment);
    sweep_clear(&sweep);
    job_spec_clear(&spec);
    return rc;
}

static void be_coordinator(const char *dir, int64_t trials, int workers)
{
    struct outcome outcome = {0};
    struct error err = {""};
    double begun = clock_monotonic_s();
    mkdir(dir, 0777);
    if (coordinate(dir, trials, workers, &outcome, &err)) {
        fprintf(stderr, "dispatch: %s\n", err.text);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    double seconds = clock_monotonic_s() - begun;
    int waits;
    double longest, latency = median_latency(workers, &waits, &longest);
    printf("%d workers, %lld trials in %.2f s: %.0f trials/s; idle workers had their "
           "next trial after %.3f ms (median of %d, longest %.1f ms)\n",
           workers, (long long)outcome.done, seconds, (double)outcome.done / seconds,
           1e3 * latency, waits, 1e3 * longest);
}

int main(int argc, char **argv)
{
    int given, mpi_rank, ranks;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc < 3 || ranks < 2) {
        fprintf(stderr, "usage: mpirun -n RANKS dispatch RUN_DIR TRIALS [PAUSE_US]\n");
        MPI_Finalize();
        return 2;
    }
    if (mpi_rank == 0)
        be_coordinator(argv[1], strtoll(argv[2], NULL, 10), ranks - 1);
    else
        be_worker(argc > 3 ? 1e-6 * strtod(argv[3], NULL) : 0);
    MPI_Finalize();
    return 0;
}
