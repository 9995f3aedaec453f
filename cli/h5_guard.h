/* HDF5 files that may be damaged. HDF5 1.10 crashes on some of them, so a child process
 * reads a file first, and if that is its end, ours is a message. It guards against
 * accidents: files of people you do not trust are not to be opened (docs/design.md). A
 * file is read twice then: 0.11 s more for 75 MB. */
#ifndef CLI_H5_GUARD_H
#define CLI_H5_GUARD_H

#include "common/error.h"

/* 0: reading it comes to an end, with or without an error. ERR_INPUT: it does not.
 * Only before threads are started. what: see results_read(). */
int h5_guard_results(const char *path, int what, struct error *err);
int h5_guard_dataset(const char *path, struct error *err);

#endif
