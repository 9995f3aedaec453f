/* dataset.h5: a tokenised task on disk (docs/formats.md). */
#ifndef STORAGE_DATASET_FILE_H
#define STORAGE_DATASET_FILE_H

#include "common/dataset.h"

/* Writes beside path, syncs, renames; on failure path is as it was. */
int dataset_file_write(const char *path, const struct dataset *dataset,
                       struct error *err);

/* ERR_INPUT: not such a file, or one whose parts contradict each other: offsets that do
 * not rise, a row longer than max_length, an id below 0, a label that is no class.
 * Release with dataset_clear(). */
int dataset_file_read(struct dataset *out, const char *path, struct error *err);

#endif
