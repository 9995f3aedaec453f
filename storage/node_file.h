/* A file that one process of a machine makes, and all processes of its user there map
 * (storage/node_place.h).
 *
 * It is whole when it is there, and checked (owner, mode, size, digest of its bytes)
 * before it is used by another process. It is private to the machine, so it holds
 * numbers in the machine's own byte order. */
#ifndef STORAGE_NODE_FILE_H
#define STORAGE_NODE_FILE_H

#include "common/digest.h"
#include "storage/file_map.h"
#include "storage/node_place.h"

struct node_writer;
/* Appends; -1 where it cannot, with errno. */
int node_writer_put(struct node_writer *writer, const void *data, size_t size);

struct node_file_plan {
    const char *kind;     /* the end of its name: "f32" */
    struct digest source; /* of all that its bytes follow from */
    size_t size;          /* of its bytes */
    /* Puts size bytes; -1 where it cannot. Called in one process of the node only. */
    int (*write)(const void *context, struct node_writer *writer);
    const void *context;
};

struct node_file {
    const uint8_t *data; /* at a multiple of 64, until node_file_close() */

    struct file_map map; /* the rest is private */
    struct node_place place;
};

/* ERR_IO: no directory can hold it, or another process has held the lock for long. */
int node_file_open(struct node_file *file, const struct node_file_plan *plan,
                   struct error *err);
void node_file_close(struct node_file *file); /* an all-zero one too */

#endif
