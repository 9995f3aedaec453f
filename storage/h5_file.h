/* HDF5 files as we use them: groups of datasets without filters, built in memory.
 *
 * A writer or reader carries its first failure: later calls do nothing, so a table is
 * one line a column and the outcome is asked for at the end. Not thread-safe: HDF5 is
 * not. */
#ifndef STORAGE_H5_FILE_H
#define STORAGE_H5_FILE_H

#include "common/error.h"
#include "storage/file_replace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h5_type { H5_INT64, H5_INT32, H5_UINT8, H5_REAL64, H5_REAL32, H5_TEXT };

/* HDF5's type of an element in memory, to be closed, and its bytes. */
int64_t h5_memory_type(enum h5_type type);
size_t h5_type_size(enum h5_type type);

struct h5_writer {
    const char *path; /* for messages */
    int64_t file;
    int rc;
    struct error *err;
    const struct file_gate *gate; /* before the file is replaced; NULL: none */
};

/* An empty file in memory. */
void h5_writer_open(struct h5_writer *w, const char *path, struct error *err);
/* Gathers a column: element i is at first + i · stride bytes, of H5_TEXT a char
 * pointer. Groups in name ("trials/score") are made. */
void h5_put_column(struct h5_writer *w, const char *name, enum h5_type type,
                   const void *first, size_t stride, int64_t rows);
/* An array of 2 or 3 dimensions, its first given as pointers to its slices. */
void h5_put_slices(struct h5_writer *w, const char *name, float *const *slices,
                   const int64_t *dims, int rank);
void h5_put_group(struct h5_writer *w, const char *name);
/* On the group or dataset at ("/": the file). */
void h5_put_text(struct h5_writer *w, const char *at, const char *name,
                 const char *text);
void h5_put_texts(struct h5_writer *w, const char *at, const char *name,
                  const char *const *texts, int64_t count);
void h5_put_integer(struct h5_writer *w, const char *at, const char *name,
                    int64_t value);
/* Puts the file in place of path (file_replace) and closes it, or only closes it after
 * a failure. Returns the outcome. */
int h5_writer_close(struct h5_writer *w);

struct h5_reader {
    const char *path;
    int64_t file;
    int64_t file_size;
    int rc;
    struct error *err;
};

/* Without file locks. */
void h5_reader_open(struct h5_reader *r, const char *path, struct error *err);
int h5_reader_close(struct h5_reader *r);
/* Records a failure and returns it. */
int h5_reader_fail(struct h5_reader *r, const char *name, const char *reason);

/* Whether there is a group or dataset of that name in this very file. */
bool h5_exists(struct h5_reader *r, const char *name);
/* Length of a 1-D dataset; 0 after a failure. */
int64_t h5_rows(struct h5_reader *r, const char *name);
/* Whether a dataset's elements can be read as type. */
bool h5_has_type(struct h5_reader *r, const char *name, enum h5_type type);
/* dims (rank): fails for another rank. */
void h5_dims(struct h5_reader *r, const char *name, int64_t *dims, int rank);
/* Scatters a column that must have rows elements; texts are allocated, one by one. */
void h5_get_column(struct h5_reader *r, const char *name, enum h5_type type,
                   void *first, size_t stride, int64_t rows);
/* All elements of a dataset of any rank, count of them, on the heap; NULL after a
 * failure. */
void *h5_get_array(struct h5_reader *r, const char *name, enum h5_type type,
                   int64_t count);
/* Attributes. Texts are on the heap; NULL after a failure. */
char *h5_get_text(struct h5_reader *r, const char *at, const char *name);
char **h5_get_texts(struct h5_reader *r, const char *at, const char *name,
                    int64_t *count);
int64_t h5_get_integer(struct h5_reader *r, const char *at, const char *name);
/* Names in a group, in alphabetical order; free each and the array. */
char **h5_get_names(struct h5_reader *r, const char *group, int64_t *count);

#endif
