/* Brings the files that the coordinator has announced into the node's directory, once a
 * node: whichever worker gets a file's lock fetches it, the others wait for it.
 *
 * The compute thread wants files and waits for them; the thread that owns MPI passes
 * on what the coordinator says and takes what is to be sent. */
#ifndef WORKER_STAGE_H
#define WORKER_STAGE_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>

struct stage;

/* Another worker that fetches, but has written nothing for patience_s, is not waited
 * for.
 */
int stage_new(struct stage **out, const struct stage_order *m, double patience_s,
              struct error *err);
void stage_free(struct stage *stage); /* its compute thread has ended */

/* --- the thread that owns MPI; nothing here waits --- */

/* Notes a file that was announced, before anything is wanted. ERR_PROTOCOL. */
int stage_add(struct stage *stage, const struct stage_file *m, struct error *err);
/* Takes a chunk in. ERR_PROTOCOL: it was not asked for. */
int stage_chunk(struct stage *stage, const struct chunk *m, struct error *err);
/* The next message to be sent is moved to *out; false: none. */
bool stage_take(struct stage *stage, struct bytes *out);
/* Chunks are on their way: MPI moves them on only when it is looked at often. */
bool stage_expects(struct stage *stage);
/* Makes a heartbeat say what this is about: nothing is computed by a worker that waits
 * for another one's fetching; chunks count as progress of one that fetches. */
void stage_heartbeat(struct stage *stage, struct heartbeat *m);
/* The worker leaves the run: no more chunks will come. */
void stage_close(struct stage *stage);

/* --- the compute thread --- */

/* Asked now and then while it waits: true, and stage_bring() returns with ERR_IO. */
typedef bool stage_leave(void *context);

/* *path: the encoder's folder, the dataset of a task or the init file with this digest
 * on this node, until stage_free(); unchanged where no such thing was announced.
 * ERR_INPUT, ERR_IO: this node cannot have it. */
struct stage_want {
    enum stage_kind kind;
    int task;           /* of STAGE_DATASET */
    struct digest init; /* of STAGE_INIT */
};
int stage_bring(struct stage *stage, const struct stage_want *want, stage_leave *leave,
                void *context, const char **path, struct error *err);

#endif
