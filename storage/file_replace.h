/* Writing a file so that its name always holds a whole one: write beside the name,
 * sync, rename, sync the folder. */
#ifndef STORAGE_FILE_REPLACE_H
#define STORAGE_FILE_REPLACE_H

#include "common/error.h"

#include <stddef.h>
#include <stdio.h>

struct file_replace {
    char *path, *temporary;
    int fd;
};

/* Creates "<path>.tmp.<process>". ERR_INPUT: path is a device, a folder, a link or the
 * like, which a rename would destroy. Every function below that fails leaves f usable
 * only for file_replace_abandon, and path as it was. */
int file_replace_begin(struct file_replace *f, const char *path, struct error *err);
int file_replace_write(struct file_replace *f, const void *data, size_t size,
                       struct error *err);
/* Releases f. On failure the temporary is removed. */
int file_replace_commit(struct file_replace *f, struct error *err);
/* The same, but asks right before the file takes its place: other than 0, it does not,
 * and that is the outcome. */
struct file_gate {
    int (*ask)(void *arg, struct error *err);
    void *arg;
};
int file_replace_commit_through(struct file_replace *f, const struct file_gate *gate,
                                struct error *err);
/* Removes the temporary, releases f. Fine after commit and on an all-zero one. */
void file_replace_abandon(struct file_replace *f);

/* Whether path could be written now: makes the temporary and removes it. For commands
 * that compute long before they write. */
int file_replace_check(const char *path, struct error *err);

/* All of it at once. */
int file_replace(const char *path, const void *data, size_t size, struct error *err);

/* The same of what was written to out, an open_memstream() of *text and *size, which is
 * closed and released. */
int file_replace_stream(const char *path, FILE *out, char *const *text,
                        const size_t *size, struct error *err);

/* Makes the entry of path in its folder last: after creating, renaming, removing. */
int file_sync_name(const char *path, struct error *err);

/* The same without a sync: after a crash of the machine the old one, the new one or an
 * empty one is there. For what is written often and nobody depends on. */
int file_replace_unsynced(const char *path, const void *data, size_t size,
                          struct error *err);

/* A new folder of files, which appears under its name when it is whole. */
struct folder_create {
    char *path, *temporary;
};

/* ERR_INPUT: path exists. Files are written into f->temporary. */
int folder_create_begin(struct folder_create *f, const char *path, struct error *err);
/* Releases f. ERR_INPUT: path has come to exist meanwhile. On failure the temporary is
 * removed. */
int folder_create_commit(struct folder_create *f, struct error *err);
void folder_create_abandon(struct folder_create *f);

#endif
