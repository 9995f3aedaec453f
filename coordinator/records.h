/* What the journal's frames hold, field by field (docs/formats.md gives the bytes).
 *
 * A record's type never changes its meaning: one that needs other fields gets a new
 * type. Encoders append to bytes. Decoders check everything; ERR_INPUT where bytes are
 * no such record. Texts and arrays of a decoded record point into the bytes. */
#ifndef COORDINATOR_RECORDS_H
#define COORDINATOR_RECORDS_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/protocol.h"
#include "coordinator/trial_list.h"
#include "coordinator/trial_table.h"
#include "storage/segments.h"

#include <stdint.h>

enum record_type {
    /* 1 is JOURNAL_START */
    RECORD_JOB = 2, /* this start's job, where it is another than the last one's */
    RECORD_OLD_CONFIG = 3, /* with another key: refused */
    RECORD_TRIALS = 4,     /* trials that are new, in the order of their numbers */
    RECORD_OLD_GRANT = 5,  /* without the worker */
    RECORD_REPORT = 6,
    RECORD_RESULT = 7,
    RECORD_LEFT = 8,     /* a lease ended without a result */
    RECORD_END = 9,      /* the coordinator ended by itself */
    RECORD_DROPPED = 10, /* outputs of a trial that are no longer kept */
    RECORD_CONFIG = 11,  /* a configuration, or new settings of a known one */
    RECORD_CLOCK = 12,   /* what follows happened then */
    RECORD_FORK = 13,    /* a new trial that goes on from another one's state */
    RECORD_GRANT = 14,
    RECORD_LAST = RECORD_GRANT,
};

enum { RECORD_TASKS_MAX = 4096, RECORD_JOB_MAX = 16 << 20, RECORD_BATCH = 4096 };

struct record_task {
    const char *name;
    struct digest digest; /* identity_task_digest() */
};
struct record_job {
    struct digest encoder;
    int tasks;            /* in the order of their numbers */
    const uint8_t *bytes; /* of tasks: record_job_tasks() */
    size_t size;
    const char *text; /* the resolved job */
};
void record_job_put(struct bytes *out, struct digest encoder,
                    const struct record_task *tasks, int count, const char *text);
int record_job_get(struct record_job *m, const void *data, size_t size,
                   struct error *err);
void record_job_tasks(const struct record_job *m, struct record_task *tasks);

struct record_config {
    struct digest key;
    const char *settings; /* canonical text, checked to be one */
};
void record_config_put(struct bytes *out, const struct record_config *m);
int record_config_get(struct record_config *m, const void *data, size_t size,
                      struct error *err);

struct record_trials {
    int64_t first; /* number of the first; the others follow */
    int count;     /* at most RECORD_BATCH */
    const uint8_t *entries;
};
void record_trials_put(struct bytes *out, int64_t first,
                       const struct trial_list_entry *entries, int count);
int record_trials_get(struct record_trials *m, const void *data, size_t size,
                      struct error *err);
struct trial_list_entry record_trials_entry(const struct record_trials *m, int index);

struct record_grant {
    uint64_t trial;
    uint32_t lease;
    int32_t epochs;  /* that its settings ask for */
    uint32_t worker; /* from 1 */
    const char *host, *numerics;
};
void record_grant_put(struct bytes *out, const struct record_grant *m);
/* worker is 0 then. */
int record_old_grant_get(struct record_grant *m, const void *data, size_t size,
                         struct error *err);
int record_grant_get(struct record_grant *m, const void *data, size_t size,
                     struct error *err);

/* A report without its checkpoint, which lies at ref. */
struct record_report {
    struct segment_ref ref;
    struct report report;
};
void record_report_put(struct bytes *out, const struct record_report *m);
int record_report_get(struct record_report *m, const void *data, size_t size,
                      struct error *err);

/* A result without values and outputs, which lie at ref as record_outputs. */
struct record_result {
    struct segment_ref ref;
    struct result result;
};
void record_result_put(struct bytes *out, const struct record_result *m);
int record_result_get(struct record_result *m, const void *data, size_t size,
                      struct error *err);
/* Values and splits of a result: what a segment holds. get fills only those. */
void record_outputs_put(struct bytes *out, const struct result *m);
int record_outputs_get(struct result *m, const void *data, size_t size,
                       struct error *err);

struct record_left {
    uint64_t trial;
    uint32_t lease;
    uint8_t state;    /* enum trial_state: queued, stopped, failed, given up */
    uint16_t losses;  /* workers lost with it since its last report */
    const char *text; /* why, for people; "" */
};
void record_left_put(struct bytes *out, const struct record_left *m);
int record_left_get(struct record_left *m, const void *data, size_t size,
                    struct error *err);

struct record_dropped {
    uint64_t trial;
};
void record_dropped_put(struct bytes *out, const struct record_dropped *m);
int record_dropped_get(struct record_dropped *m, const void *data, size_t size,
                       struct error *err);

struct record_fork {
    uint64_t trial, parent, loser; /* loser: stopped, its place is taken */
    int32_t epoch;                 /* of parent, from which it goes on */
    struct segment_ref ref;        /* its checkpoint: a copy of parent's */
    struct record_config config;
    struct trial_list_entry entry; /* but the number of config */
};
void record_fork_put(struct bytes *out, const struct record_fork *m);
int record_fork_get(struct record_fork *m, const void *data, size_t size,
                    struct error *err);

struct record_clock {
    double unix_s; /* since 1970 */
    double ran_s;  /* all starts so far together */
};
void record_clock_put(struct bytes *out, const struct record_clock *m);
int record_clock_get(struct record_clock *m, const void *data, size_t size,
                     struct error *err);

struct record_end {
    int32_t exit_code;
    int64_t done, given_up, left;
};
void record_end_put(struct bytes *out, const struct record_end *m);
int record_end_get(struct record_end *m, const void *data, size_t size,
                   struct error *err);

#endif
