/* results.h5 on disk: tables of struct results (docs/formats.md).
 *
 * A table is a group, a column a 1-D dataset in it; texts are variable-length UTF-8. */
#ifndef STORAGE_RESULTS_FILE_H
#define STORAGE_RESULTS_FILE_H

#include "storage/file_replace.h"
#include "storage/results.h"

enum { RESULTS_SCHEMA = 1 };

/* Builds the file in memory, writes it beside path, syncs, renames. On ERR_IO path is
 * as it was. Only one thread at a time may be in this and other functions that use
 * HDF5. */
int results_write(const char *path, const struct results *results, struct error *err);

/* The same, but asks gate right before the file takes its place: see file_replace.h. */
int results_write_through(const char *path, const struct results *results,
                          const struct file_gate *gate, struct error *err);

enum { /* what to read beside trials, tasks, configs and attributes */
       RESULTS_EPOCHS = 1,
       RESULTS_PREDICTIONS = 2,
       RESULTS_ADAPTERS = 4,
       RESULTS_LEASES = 8,
       RESULTS_ALL = 15,
};
/* Any time, also while another process writes a newer one. ERR_INPUT: not such a file,
 * another schema, columns of unequal length. */
int results_read(struct results *out, const char *path, int what, struct error *err);

#endif
