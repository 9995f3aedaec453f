/* The coordinator with workers that answer at once: how many trials a second it hands
 * out and records durably, and how long a worker waits for its next one.
 *
 *   mpirun -n RANKS dispatch RUN_DIR TRIALS [PAUSE_US [ENCODER]]
 *
 * Rank 0 is the coordinator as `shiftwork run` has it, with a job of one task; the
 * others report once a trial, with a checkpoint of 600 bytes, and send a result,
 * PAUSE_US after they began it. Latency: from a result to the next trial where none
 * had been handed out ahead. With the folder of an encoder the first worker also
 * fetches its weights, over and over, as one of a node does with cluster.stage. Prints
 * one line. */
#include "common/channels.h"
#include "common/clock.h"
#include "coordinator/coordinator.h"

#include <limits.h>
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
    bool fetches;
    struct fetch next; /* part to ask for */
    uint64_t size;     /* of the file that is fetched: the largest */
    double fetched;    /* bytes */
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

static void ask(struct answerer *a)
{
    struct bytes out = {0};
    uint64_t left = a->size - a->next.offset;
    a->next.size = left < CHUNK_MAX ? (uint32_t)left : CHUNK_MAX;
    fetch_encode(&out, &a->next);
    say(a, &out);
    a->next.offset = (a->next.offset + a->next.size) % a->size;
}

/* The files are announced before the task. */
static void hear_of_files(struct answerer *a, const struct channel_event *event)
{
    struct stage_file file;
    struct chunk chunk;
    if (event->tag == MESSAGE_FILE &&
        stage_file_decode(&file, event->data, event->size, NULL) == 0 &&
        file.size > a->size) {
        a->size = file.size;
        a->next.file = file.file;
    } else if (event->tag == MESSAGE_TASK && a->fetches && a->size > 0) {
        for (int i = 0; i < FETCH_MAX; i++)
            ask(a);
    } else if (event->tag == MESSAGE_CHUNK &&
               chunk_decode(&chunk, event->data, event->size, NULL) == 0) {
        a->fetched += chunk.size;
        ask(a);
    }
}

static void hear(struct answerer *a, const struct channel_event *event)
{
    if (event->tag == MESSAGE_GRANT)
        take_grant(a, event);
    else if (event->tag == MESSAGE_FAREWELL)
        a->left = true;
    else
        hear_of_files(a, event);
}

static void be_worker(double pause_s, bool fetches)
{
    struct answerer *a = calloc(1, sizeof *a);
    struct channel_event event;
    struct error err;
    double pause = 50e-6;
    if (!a || channels_new(&a->channels, 0, 1, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    a->pause_s = pause_s;
    a->fetches = fetches;
    say_hello(a);
    while (!a->left) {
        channels_next(a->channels, &event, &err);
        if (event.kind == CHANNEL_LOST)
            break;
        if (event.kind == CHANNEL_MESSAGE) {
            hear(a, &event);
        } else if (a->count > 0) {
            answer(a);
        } else { /* as a worker waits */
            clock_sleep_s(pause);
            pause = a->fetches ? pause : fmin(2 * pause, 5e-3);
            continue;
        }
        pause = 50e-6;
    }
    channels_free(a->channels);
    MPI_Barrier(MPI_COMM_WORLD); /* the coordinator's channels take in no more */
    int count = a->latency_count;
    MPI_Send(&count, 1, MPI_INT, 0, 100, MPI_COMM_WORLD);
    MPI_Send(a->latencies, count, MPI_DOUBLE, 0, 101, MPI_COMM_WORLD);
    if (fetches)
        MPI_Send(&a->fetched, 1, MPI_DOUBLE, 0, 102, MPI_COMM_WORLD);
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

/* staged: the encoder's folder, or NULL. */
static int make_job(struct job_spec *spec, int64_t trials, const char *staged,
                    struct error *err)
{
    char text[PATH_MAX + 512];
    snprintf(text, sizeof text,
             "encoder = \"%s\";\n"
             "tasks = ( { name = \"cola\"; data = \"d\"; max_length = 16; } );\n"
             "training = { epochs = 1; };\n"
             "sweep = { seeds = %lld; };\n"
             "output = { dir = \"run\"; keep = 2; };\n"
             "cluster = { stage = \"%s\"; };\n",
             staged ? staged : "enc", (long long)trials, staged ? "/stage" : "");
    return job_spec_parse(spec, "job.cfg", "/", text, NULL, 0, err);
}

static int coordinate(const char *dir, int64_t trials, int workers, const char *staged,
                      struct outcome *outcome, struct error *err)
{
    char data_file[PATH_MAX + 16]; /* some file: nobody reads it as data */
    snprintf(data_file, sizeof data_file, "%s/config.json", staged ? staged : "");
    const char *const datasets[] = {data_file};
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
    int rc = make_job(&spec, trials, staged, err);
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

static void print_fetched(double seconds)
{
    double bytes;
    MPI_Recv(&bytes, 1, MPI_DOUBLE, 1, 102, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    printf("; %.0f MB/s of files were sent meanwhile", bytes / seconds * 1e-6);
}

static void be_coordinator(const char *dir, int64_t trials, int workers,
                           const char *staged)
{
    struct outcome outcome = {0};
    struct error err = {""};
    double begun = clock_monotonic_s();
    mkdir(dir, 0777);
    if (coordinate(dir, trials, workers, staged, &outcome, &err)) {
        fprintf(stderr, "dispatch: %s\n", err.text);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    double seconds = clock_monotonic_s() - begun;
    MPI_Barrier(MPI_COMM_WORLD);
    int waits;
    double longest, latency = median_latency(workers, &waits, &longest);
    printf("%d workers, %lld trials in %.2f s: %.0f trials/s; idle workers had their "
           "next trial after %.3f ms (median of %d, longest %.1f ms)",
           workers, (long long)outcome.done, seconds, (double)outcome.done / seconds,
           1e3 * latency, waits, 1e3 * longest);
    if (staged)
        print_fetched(seconds);
    printf("\n");
}

int main(int argc, char **argv)
{
    int given, mpi_rank, ranks;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (argc < 3 || ranks < 2) {
        fprintf(stderr, "usage: mpirun -n RANKS dispatch RUN_DIR TRIALS [PAUSE_US "
                        "[ENCODER]]\n");
        MPI_Finalize();
        return 2;
    }
    const char *staged = argc > 4 ? argv[4] : NULL;
    if (mpi_rank == 0)
        be_coordinator(argv[1], strtoll(argv[2], NULL, 10), ranks - 1, staged);
    else
        be_worker(argc > 3 ? 1e-6 * strtod(argv[3], NULL) : 0, staged && mpi_rank == 1);
    MPI_Finalize();
    return 0;
}
