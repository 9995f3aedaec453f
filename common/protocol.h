/* Every message between the coordinator (MPI rank 0) and the workers.
 *
 * A message starts with version (u16), tag (u16) and its whole size (u32); then come
 * its fields, little-endian, in the order of the struct. The tag is the MPI tag too.
 * Tags are never reused. Messages about a trial carry the trial's number and the lease
 * under which it was handed out; one under an old lease is ignored.
 *
 *   worker                        coordinator
 *   HELLO            ->
 *                    <-           WELCOME, then TASK for each task
 *                    <-           GRANT (trials, settings, checkpoints)
 *   HEARTBEAT        ->                                    (every heartbeat_s)
 *                    <-           ALIVE                    (answers it)
 *   REPORT           ->                                    (each epoch, checkpoint)
 *                    <-           RECEIPT                  (the report is kept)
 *                    <-           STOP                     (if it must not go on)
 *   RESULT | FAILURE | STOPPED ->                          (the lease ends)
 *   UNFIT            ->                                    (all its leases end)
 *                    <-           FAREWELL                 (the worker leaves)
 *
 * Several workers on one trial: one leads it, by its lease, and others help it:
 *
 *   leader                        coordinator               helper
 *                    <-           CREW, HELP         ->
 *                    <----------- JOIN ---------------      (it is ready)
 *                    ------------ WORK -------------->      (part of a batch, rows)
 *                    <----------- PART ---------------      (gradients, outputs)
 *                    <-           CREW                      (a helper is gone)
 *                                 STOP               ->     (the lease has ended)
 *                                              <- STOPPED   (or FAILURE: it is free)
 *
 * With cluster.stage, workers get files from the coordinator:
 *
 *                    <-           STAGE, then FILE for each (after WELCOME)
 *   FETCH            ->                                    (at most FETCH_MAX ahead)
 *                    <-           CHUNK                    (answers it)
 *   STAGED           ->                                    (for the log)
 *
 * With cluster.profile, workers measure where their time goes:
 *
 *                    <-           MEASURE                   (after WELCOME)
 *   MEASURED         ->                                    (before RESULT and the like)
 *
 * Encoders append to bytes, whose failed says that memory ran out. Decoders trust
 * nothing: wrong version, tag or size, a count or text out of range are ERR_PROTOCOL
 * before anything is allocated. Texts and arrays of a decoded message point into the
 * buffer. */
#ifndef COMMON_PROTOCOL_H
#define COMMON_PROTOCOL_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/phase.h"
#include "common/task.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROTOCOL_VERSION = 2 };

enum message_tag {
    /* from a worker */
    MESSAGE_HELLO = 1,
    MESSAGE_HEARTBEAT = 2,
    MESSAGE_REPORT = 3,
    MESSAGE_RESULT = 4,
    MESSAGE_FAILURE = 5,
    MESSAGE_STOPPED = 6,
    MESSAGE_UNFIT = 7,
    MESSAGE_MEASURED = 8,
    MESSAGE_FETCH = 16,
    MESSAGE_STAGED = 17,
    /* from the coordinator */
    MESSAGE_WELCOME = 32,
    MESSAGE_TASK = 33,
    MESSAGE_GRANT = 34,
    MESSAGE_RECEIPT = 35,
    MESSAGE_STOP = 36,
    MESSAGE_ALIVE = 37,
    MESSAGE_FAREWELL = 38,
    MESSAGE_MEASURE = 39,
    MESSAGE_STAGE = 52,
    MESSAGE_FILE = 53,
    MESSAGE_CHUNK = 54,
    MESSAGE_CREW = 44,
    MESSAGE_HELP = 45,
    /* between workers */
    MESSAGE_JOIN = 48,
    MESSAGE_WORK = 49,
    MESSAGE_PART = 50,
    /* not a message: the MPI tag of the rest of one that is longer than MESSAGE_FIRST
     */
    MESSAGE_REST = 63,
};

enum {
    MESSAGE_HEADER = 8,
    MESSAGE_FIRST = 4096, /* most that the first MPI message carries */
    PROTOCOL_NAME = 255,  /* host, version, task */
    PROTOCOL_PATH = 4095,
    PROTOCOL_TEXT = 4095, /* reasons */
    PROTOCOL_SETTINGS = 16383,
    GRANT_MAX = 32, /* trials a grant */
};

enum {
    CHUNK_MAX = 1 << 20, /* bytes of a file a message */
    FETCH_MAX = 4,       /* chunks that a worker may wait for */
    STAGE_FILES_MAX = 1 << 17,
};

/* Tag and whole size of the message that starts with these bytes, at least
 * MESSAGE_HEADER of them. The size is checked against the tag's own limit, so it may be
 * allocated. */
int message_header_decode(enum message_tag *tag, size_t *size, const uint8_t *buf,
                          size_t len, struct error *err);
const char *message_name(enum message_tag tag);

/* Floats inside a message, which may lie at any address. */
struct message_floats {
    const uint8_t *bytes; /* 4 · count */
    size_t count;
};
void message_floats_copy(float *out, struct message_floats floats);

struct hello {
    const char *version; /* program */
    const char *host, *boot_id;
    uint64_t pid, pid_started; /* clock ticks since boot: with pid, one process */
    uint32_t numerics;
    const char *isa; /* BLAS kernel in use */
    uint16_t cores;  /* that it may use */
};
void hello_encode(struct bytes *out, const struct hello *m);
int hello_decode(struct hello *m, const uint8_t *buf, size_t len, struct error *err);

struct heartbeat {
    uint64_t trial; /* 0 = idle */
    uint32_t lease;
    uint64_t microshards; /* done since the lease began, evaluation too */
    uint64_t examples;    /* trained on since the lease began */
};
void heartbeat_encode(struct bytes *out, const struct heartbeat *m);
int heartbeat_decode(struct heartbeat *m, const uint8_t *buf, size_t len,
                     struct error *err);

/* End of an epoch, or of report_steps inside one. */
struct report {
    uint64_t trial;
    uint32_t lease;
    int32_t epoch;
    int64_t step;
    double train_loss, dev_loss, score, learning_rate, seconds;
    int64_t tokens;
    uint64_t examples; /* trained on since the lease began */
    uint8_t metric_count;
    double metrics[TASK_METRICS_MAX];
    const uint8_t *checkpoint;
    size_t checkpoint_size;
};
void report_encode(struct bytes *out, const struct report *m);
int report_decode(struct report *m, const uint8_t *buf, size_t len, struct error *err);

/* Outputs for one split at the best epoch. */
struct result_split {
    enum split split;
    uint32_t rows;
    uint16_t labels;
    struct message_floats logits; /* (rows, labels) */
};

/* A trial is done. */
struct result {
    uint64_t trial;
    uint32_t lease;
    int32_t best_epoch;
    int64_t best_step; /* of the report that was best */
    double seconds;    /* computing, with the scoring of test sets */
    int64_t tokens;
    uint8_t test_metric_count; /* 0: no labelled test set */
    double test_metrics[TASK_METRICS_MAX];
    struct message_floats values; /* the flat vector at the best epoch */
    uint8_t split_count;
    struct result_split splits[SPLIT_COUNT];
};
void result_encode(struct bytes *out, const struct result *m);
int result_decode(struct result *m, const uint8_t *buf, size_t len, struct error *err);

/* A trial cannot be computed. */
struct failure {
    uint64_t trial;
    uint32_t lease;
    int32_t status; /* enum status: says whether it may succeed elsewhere */
    const char *text;
};
void failure_encode(struct bytes *out, const struct failure *m);
int failure_decode(struct failure *m, const uint8_t *buf, size_t len,
                   struct error *err);

/* A trial was left, as STOP asked; its last report holds its state. */
struct stopped {
    uint64_t trial;
    uint32_t lease;
};
void stopped_encode(struct bytes *out, const struct stopped *m);
int stopped_decode(struct stopped *m, const uint8_t *buf, size_t len,
                   struct error *err);

/* The worker cannot work: its node lacks the encoder or the data, say. No trial is at
 * fault. */
struct unfit {
    const char *text;
};
void unfit_encode(struct bytes *out, const struct unfit *m);
int unfit_decode(struct unfit *m, const uint8_t *buf, size_t len, struct error *err);

/* What holds for the whole run. */
struct welcome {
    const char *encoder; /* directory */
    struct digest encoder_digest;
    double heartbeat_s, lost_after_s;
    uint16_t threads; /* of a worker */
    uint16_t tasks;   /* TASK messages that follow */
};
void welcome_encode(struct bytes *out, const struct welcome *m);
int welcome_decode(struct welcome *m, const uint8_t *buf, size_t len,
                   struct error *err);

/* What a worker needs to train and score a task. */
struct task_order {
    uint16_t index; /* from 0 */
    const char *name;
    const char *dataset; /* file */
    struct digest digest;
    bool regression;
    uint16_t labels;
    uint8_t metric_count, selection_count; /* 1…TASK_METRICS_MAX */
    enum metric metrics[TASK_METRICS_MAX], selection[TASK_METRICS_MAX];
    enum selection_rows selection_rows;
};
void task_order_encode(struct bytes *out, const struct task_order *m);
int task_order_decode(struct task_order *m, const uint8_t *buf, size_t len,
                      struct error *err);

struct grant_trial {
    uint64_t trial;
    uint32_t lease;
    uint16_t task;
    const char *settings; /* every setting, as jobs/ writes them */
    struct digest init;   /* of the file that their init names; zero: none */
    const uint8_t *checkpoint;
    size_t checkpoint_size; /* 0: from the beginning */
};
/* Trials to be done one after the other. */
struct grant {
    uint16_t count; /* 1…GRANT_MAX */
    struct grant_trial trials[GRANT_MAX];
};
void grant_encode(struct bytes *out, const struct grant *m);
int grant_decode(struct grant *m, const uint8_t *buf, size_t len, struct error *err);

/* A report is kept. */
struct receipt {
    uint64_t trial;
    uint32_t lease;
    int64_t step;
};
void receipt_encode(struct bytes *out, const struct receipt *m);
int receipt_decode(struct receipt *m, const uint8_t *buf, size_t len,
                   struct error *err);

/* Leave a trial before the next batch. One that has reported its last epoch is
 * finished, unless at_once. */
struct stop {
    uint64_t trial;
    uint32_t lease;
    bool at_once;
};
void stop_encode(struct bytes *out, const struct stop *m);
int stop_decode(struct stop *m, const uint8_t *buf, size_t len, struct error *err);

/* The coordinator hears and lives: nothing but the header. */
void alive_encode(struct bytes *out);
int alive_decode(const uint8_t *buf, size_t len, struct error *err);

/* Leave the run. */
struct farewell {
    const char *text; /* why, where it is not the plain end; else "" */
};
void farewell_encode(struct bytes *out, const struct farewell *m);
int farewell_decode(struct farewell *m, const uint8_t *buf, size_t len,
                    struct error *err);

/* A worker joins those who compute a trial, or leaves them; to the one that leads. */
struct crew_change {
    uint64_t trial;
    uint32_t lease;
    uint32_t helper; /* MPI rank */
    bool joins;
};
void crew_change_encode(struct bytes *out, const struct crew_change *m);
int crew_change_decode(struct crew_change *m, const uint8_t *buf, size_t len,
                       struct error *err);

/* Help another worker with its trial, until STOP. */
struct help {
    uint64_t trial;
    uint32_t lease;  /* the leader's */
    uint32_t leader; /* MPI rank */
    uint16_t task;
    const char *settings; /* as in a grant; init is the leader's matter */
};
void help_encode(struct bytes *out, const struct help *m);
int help_decode(struct help *m, const uint8_t *buf, size_t len, struct error *err);

/* A helper is ready for work. */
struct join {
    uint64_t trial;
    uint32_t lease;
};
void join_encode(struct bytes *out, const struct join *m);
int join_decode(struct join *m, const uint8_t *buf, size_t len, struct error *err);

enum work_kind { WORK_TRAIN, WORK_SCORE };
/* A helper's share: gradients of microshards first…end-1 of a batch, or outputs of rows
 * first…end-1 of a split, both at the values given. */
struct work {
    uint64_t trial;
    uint32_t lease;
    uint64_t serial; /* the answer repeats it */
    enum work_kind kind;
    int32_t epoch; /* WORK_TRAIN: the batch epoch_step of this epoch, both from 0 */
    int64_t epoch_step;
    int64_t step;     /* since the start of training */
    enum split split; /* WORK_SCORE */
    bool chosen;      /* rows of train that choose the epoch, not file order */
    int64_t first, end;
    struct message_floats values; /* the flat vector of trained tensors */
};
void work_encode(struct bytes *out, const struct work *m);
int work_decode(struct work *m, const uint8_t *buf, size_t len, struct error *err);

/* What came of it. WORK_TRAIN: the losses of the microshards, and the flat gradients of
 * the largest nodes of the sum's tree that lie in the share. WORK_SCORE: the rows'
 * outputs. */
struct part {
    uint64_t trial;
    uint32_t lease;
    uint64_t serial;
    uint32_t loss_count;
    const uint8_t *losses; /* loss_count doubles, at any address */
    struct message_floats floats;
};
void part_encode(struct bytes *out, const struct part *m);
int part_decode(struct part *m, const uint8_t *buf, size_t len, struct error *err);

/* Where a worker keeps the files that it gets, and how many there are. */
struct stage_order {
    const char *dir; /* on its node */
    uint32_t files;  /* FILE messages that follow, 1…STAGE_FILES_MAX */
};
void stage_order_encode(struct bytes *out, const struct stage_order *m);
int stage_order_decode(struct stage_order *m, const uint8_t *buf, size_t len,
                       struct error *err);

enum stage_kind { STAGE_ENCODER, STAGE_DATASET, STAGE_INIT };

/* One of them. */
struct stage_file {
    uint32_t file; /* from 0, in order */
    enum stage_kind kind;
    uint16_t task;    /* of a dataset */
    const char *name; /* in the encoder's folder; "" for the others */
    uint64_t size;
    struct digest digest; /* of its bytes */
};
void stage_file_encode(struct bytes *out, const struct stage_file *m);
int stage_file_decode(struct stage_file *m, const uint8_t *buf, size_t len,
                      struct error *err);

struct fetch {
    uint32_t file;
    uint64_t offset;
    uint32_t size; /* 1…CHUNK_MAX */
};
void fetch_encode(struct bytes *out, const struct fetch *m);
int fetch_decode(struct fetch *m, const uint8_t *buf, size_t len, struct error *err);

/* What a FETCH asked for; fewer bytes where the coordinator cannot read more. */
struct chunk {
    uint32_t file;
    uint64_t offset;
    const uint8_t *data;
    uint32_t size; /* 0…CHUNK_MAX */
};
void chunk_encode(struct bytes *out, const struct chunk *m);
int chunk_decode(struct chunk *m, const uint8_t *buf, size_t len, struct error *err);

/* What the worker wanted is on its node. */
struct staged {
    enum stage_kind kind;
    uint16_t task;
    uint64_t fetched;    /* bytes; 0: it was there */
    double seconds;      /* with waiting */
    const char *damaged; /* a file that was there, but not whole; else "" */
};
void staged_encode(struct bytes *out, const struct staged *m);
int staged_decode(struct staged *m, const uint8_t *buf, size_t len, struct error *err);

/* Measure from now on: nothing but the header. */
void measure_encode(struct bytes *out);
int measure_decode(const uint8_t *buf, size_t len, struct error *err);

/* Where the time of a worker's compute threads has gone since MEASURE: sums over all of
 * them, so that the last such message says all. */
struct measured {
    uint16_t threads;
    double peak; /* floating point operations a second of one thread, at best */
    struct phase_sum sums[PHASE_COUNT];
};
void measured_encode(struct bytes *out, const struct measured *m);
int measured_decode(struct measured *m, const uint8_t *buf, size_t len,
                    struct error *err);

#endif
