/* Reads parts of files on a thread of its own, so that whoever wants them never waits
 * for a disk or a server. One at a time. */
#ifndef STORAGE_CHUNK_READER_H
#define STORAGE_CHUNK_READER_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk_reader;

/* For parts of at most so many bytes. */
int chunk_reader_new(struct chunk_reader **out, size_t most, struct error *err);
void chunk_reader_free(struct chunk_reader *reader); /* waits for one under way */

bool chunk_reader_busy(const struct chunk_reader *reader);
/* path is borrowed until the part was polled. Not while busy. */
void chunk_reader_start(struct chunk_reader *reader, const char *path, uint64_t offset,
                        size_t size);
/* True once it is read: *data is valid until the next start, *size is less than was
 * asked for where the file cannot be read that far, for the reason in err. */
bool chunk_reader_poll(struct chunk_reader *reader, const uint8_t **data, size_t *size,
                       struct error *err);

#endif
