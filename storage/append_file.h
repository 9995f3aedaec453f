/* A file that only grows: what is appended waits in memory until it is flushed, written
 * and synced as one. */
#ifndef STORAGE_APPEND_FILE_H
#define STORAGE_APPEND_FILE_H

#include "common/bytes.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct append_file {
    char *path;
    int fd;
    uint64_t committed;           /* bytes that are on disk for certain */
    struct bytes pending, flying; /* appended; being flushed */
};

/* Creates it, with its name synced. 1: a file of this name is there already. */
int append_file_create(struct append_file *f, const char *path, struct error *err);
/* Closes it; what is pending is dropped. Fine on an all-zero one. */
void append_file_clear(struct append_file *f);

/* Where the next byte appended will lie. */
uint64_t append_file_end(const struct append_file *f);

/* What is pending becomes what the next flush writes. Not while one is under way. */
void append_file_take(struct append_file *f);
/* Writes and syncs what was taken; may run on another thread, as long as only pending
 * is touched meanwhile. After a failure (ERR_IO) the file is cut to what was committed,
 * and must not be flushed again: what the disk holds is not known. */
int append_file_flush(struct append_file *f, struct error *err);
/* After a flush that succeeded. */
void append_file_landed(struct append_file *f);

#endif
