/* The files that workers get from the coordinator (cluster.stage), who waits for which
 * part, and the thread that reads them. */
#ifndef COORDINATOR_STAGING_H
#define COORDINATOR_STAGING_H

#include "common/bytes.h"
#include "common/digest.h"
#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>

struct staging;

/* All borrowed, for the call only. */
struct staging_order {
    const char *dir;             /* on the workers' nodes */
    const char *encoder;         /* folder */
    const char *const *datasets; /* (tasks) files */
    int task_count;
    const char *const *inits; /* (inits) files; one that cannot be read is left out */
    int init_count;
    int workers;
};

/* Reads every file once, for its digest. ERR_INPUT, ERR_IO: one cannot be read. */
int staging_new(struct staging **out, const struct staging_order *order,
                struct error *err);
void staging_free(struct staging *staging);

/* STAGE (index 0), then FILE for each; false: that was all. */
bool staging_announce(const struct staging *staging, uint32_t index, struct bytes *out);

/* Puts what a worker asks for behind what others wait for. ERR_PROTOCOL: no such part,
 * or too many at once. */
int staging_ask(struct staging *staging, int worker, const struct fetch *m,
                struct error *err);
/* Nothing is for this worker any more. */
void staging_forget(struct staging *staging, int worker);

/* True where *out is a CHUNK for *worker. Begins to read the next part, if may_read.
 * Never waits. A file that cannot be read any more is said in the log, once. */
bool staging_turn(struct staging *staging, bool may_read, struct bytes *out,
                  int *worker);
/* Somebody waits for something. */
bool staging_busy(const struct staging *staging);

#endif
