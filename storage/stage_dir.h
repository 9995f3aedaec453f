/* The node-local directory in which workers keep files that came from the coordinator.
 *
 * A file grows as DIR/<digest>-<size>.part, whose lock says who is at it: a process
 * that dies leaves a part without a lock, which the next one takes. A whole file is
 * renamed to its own name, so what has that name was whole once; its digest is checked
 * all the same before a process uses it. Any number of runs may share a directory. */
#ifndef STORAGE_STAGE_DIR_H
#define STORAGE_STAGE_DIR_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes dir (mode 0700, the folder above must be there) where it is missing, and
 * removes the parts of dead processes. ERR_INPUT: it cannot be made, is no directory,
 * belongs to another user, or others may write into it. */
int stage_dir_open(const char *dir, struct error *err);
/* A folder in it. */
int stage_dir_folder(const char *path, struct error *err);

enum stage_state { STAGE_ABSENT, STAGE_WHOLE, STAGE_DAMAGED };

/* What stage_dir_look() has seen. */
struct stage_look {
    enum stage_state state;
    dev_t device; /* of the file; with inode, which one it was */
    ino_t inode;
};

/* Reads the file. step (may be NULL) is called now and then, so that others see that
 * something goes on. */
void stage_dir_look(struct stage_look *out, const char *path, uint64_t size,
                    struct digest digest, void (*step)(void *), void *context);
/* Whether another file, or none, has the name now. */
bool stage_dir_changed(const struct stage_look *look, const char *path);

struct stage_part {
    int fd;
    char *path;
};

/* Which part of which file: turns count those whose process does nothing more. */
struct stage_place {
    const char *dir;
    uint64_t size;
    struct digest digest;
    int turn; /* from 0 */
};

/* 1: the part is this process' now, empty and with room for all of the file. 0: another
 * process is at it. ERR_IO: the directory cannot hold it. */
int stage_part_take(struct stage_part *out, const struct stage_place *place,
                    struct error *err);
/* For how long nobody has written to it; 0 where it is not there. */
double stage_part_idle_s(const struct stage_place *place);
/* Adds to the end. ERR_IO. */
int stage_part_write(struct stage_part *part, const void *data, size_t size,
                     struct error *err);
/* Gives it its name, in the place of what has it, and closes it. ERR_IO. */
int stage_part_finish(struct stage_part *part, const char *path, struct error *err);
/* Removes and closes it, unless it is finished; frees what belongs to it. */
void stage_part_drop(struct stage_part *part);

#endif
