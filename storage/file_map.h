/* A whole file, mapped read-only or read as text. */
#ifndef STORAGE_FILE_MAP_H
#define STORAGE_FILE_MAP_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct file_map {
    const uint8_t *data;
    size_t size;
};

/* Pages are shared with every other process that maps the file. ERR_INPUT: missing,
 * not a regular file, empty. */
int file_map_open(struct file_map *out, const char *path, struct error *err);
void file_map_close(struct file_map *map); /* an all-zero one too */

/* The file's bytes and a closing zero, on the heap. ERR_INPUT also for more than limit
 * bytes. size may be NULL. */
int file_read(char **out, size_t *size, const char *path, size_t limit,
              struct error *err);

/* "dir/name" on the heap, or NULL. */
char *path_join(const char *dir, const char *name);

#endif
