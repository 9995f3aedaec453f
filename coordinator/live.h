/* How a run is just now, as its coordinator tells those who look on: the file
 * RUN_DIR/progress, JSON, replaced as a whole (docs/formats.md).
 *
 * live_text() and live_parse() are pure. Nothing depends on the file: it is not synced,
 * and where it cannot be written the run goes on. */
#ifndef COORDINATOR_LIVE_H
#define COORDINATOR_LIVE_H

#include "common/error.h"
#include "common/process.h"
#include "coordinator/trial_table.h"

#include <stddef.h>

/* So many workers are told one by one; the others are counted. */
enum { LIVE_WORKERS = 500, LIVE_RUNGS = 64, LIVE_NAME = 128, LIVE_FILE = 1 << 20 };

enum live_activity {
    LIVE_EXPECTED, /* not there yet */
    LIVE_IDLE,
    LIVE_COMPUTES,
    LIVE_HELPS,
    LIVE_GONE,
    LIVE_ACTIVITY_COUNT
};
const char *live_activity_name(enum live_activity activity);

struct live_worker {
    int number; /* from 1 */
    char host[LIVE_NAME];
    enum live_activity activity;
    /* with LIVE_COMPUTES and LIVE_HELPS; trial 0 otherwise */
    int64_t trial;
    char task[LIVE_NAME];
    int config, epoch, epochs; /* epoch: the one that it computes, from 1 */
    uint32_t seed;
    double for_s; /* since it began with this trial */
};

/* Trials that were judged at this rung of a scheduler last. */
struct live_rung {
    int bracket, rung;           /* from 0 */
    int epochs;                  /* at which it judges */
    int64_t paused, stopped, on; /* on: they go on above it, or have done so */
};

struct live_task {
    char name[LIVE_NAME];
    double best; /* NaN: no score yet */
};

struct live {
    struct process writer;
    double
        time_s;   /* when this was written, seconds since 1970, by the writer's clock */
    double ran_s; /* since this start began */
    bool stopping;
    int64_t trials; /* of the job */
    int64_t states[TRIAL_STATE_COUNT];
    double per_second;                       /* training examples; NaN: not known yet */
    double examples_left;                    /* if no trial ends early */
    int64_t activities[LIVE_ACTIVITY_COUNT]; /* of all workers */
    int worker_count, task_count, rung_count;
    struct live_worker *workers; /* (worker_count) LIVE_WORKERS at most */
    struct live_task *tasks;     /* (task_count) */
    struct live_rung *rungs;     /* (rung_count) LIVE_RUNGS at most */
};

void live_clear(struct live *live); /* frees its arrays */

/* The file's text, on the heap; NULL: out of memory. */
char *live_text(const struct live *live);
/* ERR_INPUT: not such a text. out is all zero on failure. */
int live_parse(struct live *out, const char *text, size_t size, struct error *err);

/* ERR_IO. */
int live_write(const char *dir, const struct live *live, struct error *err);
/* ERR_INPUT: there is none, or it holds something else. */
int live_read(struct live *out, const char *dir, struct error *err);

#endif
