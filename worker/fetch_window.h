/* Which parts of a file a worker asks for, and which are due: at most FETCH_MAX chunks
 * ahead of what it has used, so that neither side holds more. Chunks come in the order
 * in which they were asked for. */
#ifndef WORKER_FETCH_WINDOW_H
#define WORKER_FETCH_WINDOW_H

#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero: nothing is fetched. */
struct fetch_window {
    uint32_t file;
    uint64_t size;
    uint64_t asked, got, used; /* bytes from the start of the file */
};

/* Only once the last one is drained. */
void fetch_window_begin(struct fetch_window *window, uint32_t file, uint64_t size);
/* The next part to ask for; false: none now. */
bool fetch_window_next(struct fetch_window *window, struct fetch *out);
/* A chunk has arrived. ERR_PROTOCOL: another than was due. ERR_IO: it is shorter than
 * asked for, so the coordinator cannot read the file. */
int fetch_window_arrived(struct fetch_window *window, const struct chunk *m,
                         struct error *err);
/* The oldest chunk that has arrived was used: its bytes. */
uint32_t fetch_window_use(struct fetch_window *window);
/* Asks for no more. */
void fetch_window_stop(struct fetch_window *window);
bool fetch_window_drained(const struct fetch_window *window); /* nothing is due */

#endif
