/* A file that the processes of one user on one machine make once and all map.
 *
 * It lies in a node-local directory ($TMPDIR, else /tmp, else /dev/shm), is named by
 * user, kind and a digest of what it is made from, has mode 0600, is made once under a
 * lock, renamed into place when whole, and checked (owner, mode, size, digest of its
 * bytes) before it is used by another process. The last one that uses it removes it;
 * one that was killed leaves that to the next. It is private to the machine, so it
 * holds numbers in the machine's own byte order. */
#ifndef STORAGE_NODE_FILE_H
#define STORAGE_NODE_FILE_H

#include "common/digest.h"
#include "storage/file_map.h"

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
    char *dir, *path;
    int use; /* open and locked as long as it is used */
};

/* ERR_IO: no directory can hold it, or another process has held the lock for long. */
int node_file_open(struct node_file *file, const struct node_file_plan *plan,
                   struct error *err);
void node_file_close(struct node_file *file); /* an all-zero one too */

#endif
