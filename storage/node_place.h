/* Where the processes of one user on one machine keep a file that they share.
 *
 * It lies in a node-local directory ($TMPDIR, else /tmp, else /dev/shm), is named by
 * user, digest and kind, has mode 0600, is made under a lock of the directory and
 * renamed into place. The last one that uses it removes it; one that was killed leaves
 * that to the next, or to node_place_list(). What is in it is the caller's. */
#ifndef STORAGE_NODE_PLACE_H
#define STORAGE_NODE_PLACE_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct node_place_plan {
    const char *kind;     /* the end of its name: "f32" */
    struct digest source; /* of all that its bytes follow from */
    /* Looks at the file, this user's own, open for reading and writing, and begins to
     * use it. ERR_INPUT: it is no good and is to be made anew. Others: nor is the
     * directory. */
    int (*take)(void *context, const char *path, int fd, struct error *err);
    /* Writes a new one. */
    int (*make)(void *context, const char *path, int fd, struct error *err);
    void *context;
};

struct node_place {
    char *dir, *path;
    int use; /* the file, open for reading and writing and locked as long as it is used
              */
};

/* Both calls are made under the directory's lock. ERR_IO names each directory and why
 * not there; ERR_MEMORY. */
int node_place_open(struct node_place *place, const struct node_place_plan *plan,
                    struct error *err);
void node_place_close(struct node_place *place); /* an all-zero one too */

/* What lies in those directories of this user. */
struct node_entry {
    const char *path;
    uint64_t bytes; /* on the disk */
    bool used;      /* by a process that lives */
    bool removed;
};

/* Calls say for each, and with clean removes those that nobody uses. ERR_IO: the first
 * file that could not be removed, or directory whose lock has been held for long. */
int node_place_list(bool clean, void (*say)(void *context, const struct node_entry *),
                    void *context, struct error *err);

#endif
