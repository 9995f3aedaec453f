/* Bytes of messages and file frames: little-endian, fixed width, bounds-checked.
 *
 * Neither side needs a check a field: a writer that ran out of memory and a reader that
 * ran past the end remember it, give zeros from then on, and are asked once at the end.
 */
#ifndef COMMON_BYTES_H
#define COMMON_BYTES_H

#include "common/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows on the heap. All zero is an empty one. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
    bool failed; /* out of memory: nothing was added since */
};

void bytes_clear(struct bytes *bytes);
/* Room for so many more, so that what follows does not allocate; false: no memory. */
bool bytes_reserve(struct bytes *bytes, size_t more);
void bytes_put(struct bytes *bytes, const void *data, size_t size);
void bytes_put_u8(struct bytes *bytes, uint8_t value);
void bytes_put_u16(struct bytes *bytes, uint16_t value);
void bytes_put_u32(struct bytes *bytes, uint32_t value);
void bytes_put_u64(struct bytes *bytes, uint64_t value);
void bytes_put_i32(struct bytes *bytes, int32_t value);
void bytes_put_i64(struct bytes *bytes, int64_t value);
void bytes_put_f64(struct bytes *bytes, double value); /* its bits, NaN's too */
void bytes_put_floats(struct bytes *bytes, const float *values, size_t count);
void bytes_put_digest(struct bytes *bytes, struct digest digest);
/* Length (u32), bytes, and a zero that the length does not count. */
void bytes_put_text(struct bytes *bytes, const char *text);
/* Overwrites 4 bytes that are there already. */
void bytes_set_u32(struct bytes *bytes, size_t at, uint32_t value);

/* Borrows the bytes. */
struct bytes_reader {
    const uint8_t *data;
    size_t size, at;
    bool failed; /* ran past the end, or a text is none */
};

void bytes_reader_init(struct bytes_reader *reader, const void *data, size_t size);
size_t bytes_left(const struct bytes_reader *reader);
/* Start of the next size bytes, which are skipped; NULL where there are fewer. */
const uint8_t *bytes_get(struct bytes_reader *reader, size_t size);
uint8_t bytes_get_u8(struct bytes_reader *reader);
uint16_t bytes_get_u16(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
int32_t bytes_get_i32(struct bytes_reader *reader);
int64_t bytes_get_i64(struct bytes_reader *reader);
double bytes_get_f64(struct bytes_reader *reader);
void bytes_get_floats(struct bytes_reader *reader, float *values, size_t count);
struct digest bytes_get_digest(struct bytes_reader *reader);
/* Points into the reader's bytes, closed by its zero; "" where the length passes max or
 * the end, or a zero is inside. */
const char *bytes_get_text(struct bytes_reader *reader, size_t max);
/* All read, nothing missing, nothing left. */
bool bytes_done(const struct bytes_reader *reader);

#endif
