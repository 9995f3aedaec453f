/* A file that the processes of a machine fill together and all map
 * (storage/node_place.h).
 *
 * Its bytes are divided into chunks. A process claims a chunk, writes it and says that
 * it is done; a claim ends with the process. What is done has a digest, which each
 * process checks before it first uses the chunk; a damaged one can be claimed again.
 * Whoever writes a chunk writes the same bytes, so two that write one do no harm. Files
 * of an earlier boot are not trusted. Numbers are in the machine's own byte order.
 *
 * One thread of a process at a time. */
#ifndef STORAGE_NODE_CHUNKS_H
#define STORAGE_NODE_CHUNKS_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct node_chunks;

struct node_chunks_plan {
    const char *kind;     /* the end of its name: "prefix" */
    struct digest source; /* of all that its bytes follow from */
    int64_t count;
    const uint64_t *ends; /* (count) where each chunk ends, the first begins at 0 */
    const bool *wanted;   /* (count) those that are going to be claimed */
};

/* Finds or makes the file, with room for what is wanted. ERR_IO: no directory has it;
 * the reason says how much is needed and free. ERR_MEMORY. */
int node_chunks_open(struct node_chunks **out, const struct node_chunks_plan *plan,
                     struct error *err);
/* Makes room for other chunks of an open file; ERR_IO. */
int node_chunks_want(struct node_chunks *chunks, const bool *wanted, struct error *err);
void node_chunks_close(struct node_chunks *chunks);

/* The bytes of all chunks, from a multiple of 4096 on, until node_chunks_close(). Only
 * those that are wanted may be touched. */
uint8_t *node_chunks_data(struct node_chunks *chunks);

enum node_chunk {
    NODE_CHUNK_READY, /* its bytes are there */
    NODE_CHUNK_MINE,  /* the caller is to write them, then node_chunks_done() */
    NODE_CHUNK_TAKEN, /* another process is writing them */
};
enum node_chunk node_chunks_claim(struct node_chunks *chunks, int64_t chunk);
void node_chunks_done(struct node_chunks *chunks, int64_t chunk);

#endif
