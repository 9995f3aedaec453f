/* Little-endian by shifts, so the host's order does not matter; floats are the only
 * values that are copied as they lie, which is right on little-endian hosts only. */
#include "common/bytes.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "arrays of floats are copied as they lie");

void bytes_clear(struct bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

bool bytes_reserve(struct bytes *bytes, size_t more)
{
    if (bytes->failed || more > SIZE_MAX / 2 - bytes->size)
        bytes->failed = true;
    if (bytes->failed || bytes->size + more <= bytes->capacity)
        return !bytes->failed;
    size_t capacity = bytes->size + more;
    if (capacity < 2 * bytes->capacity)
        capacity = 2 * bytes->capacity;
    if (capacity < 64)
        capacity = 64;
    uint8_t *data = realloc(bytes->data, capacity);
    if (!data) {
        bytes->failed = true;
        return false;
    }
    bytes->data = data;
    bytes->capacity = capacity;
    return true;
}

void bytes_put(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0 || !bytes_reserve(bytes, size))
        return;
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_number(struct bytes *bytes, uint64_t value, int width)
{
    uint8_t out[8];
    for (int i = 0; i < width; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    bytes_put(bytes, out, (size_t)width);
}

void bytes_put_u8(struct bytes *bytes, uint8_t value) { put_number(bytes, value, 1); }
void bytes_put_u16(struct bytes *bytes, uint16_t value) { put_number(bytes, value, 2); }
void bytes_put_u32(struct bytes *bytes, uint32_t value) { put_number(bytes, value, 4); }
void bytes_put_u64(struct bytes *bytes, uint64_t value) { put_number(bytes, value, 8); }

void bytes_put_i32(struct bytes *bytes, int32_t value)
{
    put_number(bytes, (uint32_t)value, 4);
}

void bytes_put_i64(struct bytes *bytes, int64_t value)
{
    put_number(bytes, (uint64_t)value, 8);
}

void bytes_put_f64(struct bytes *bytes, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(bytes, bits, 8);
}

void bytes_put_floats(struct bytes *bytes, const float *values, size_t count)
{
    if (count > SIZE_MAX / sizeof *values)
        bytes->failed = true;
    else
        bytes_put(bytes, values, count * sizeof *values);
}

void bytes_put_digest(struct bytes *bytes, struct digest digest)
{
    bytes_put_u64(bytes, digest.high);
    bytes_put_u64(bytes, digest.low);
}

void bytes_put_text(struct bytes *bytes, const char *text)
{
    size_t size = strlen(text);
    if (size > UINT32_MAX) {
        bytes->failed = true;
        return;
    }
    bytes_put_u32(bytes, (uint32_t)size);
    bytes_put(bytes, text, size + 1);
}

void bytes_set_u32(struct bytes *bytes, size_t at, uint32_t value)
{
    if (bytes->failed || at > bytes->size || bytes->size - at < 4)
        return;
    for (int i = 0; i < 4; i++)
        bytes->data[at + (size_t)i] = (uint8_t)(value >> (8 * i));
}

void bytes_reader_init(struct bytes_reader *reader, const void *data, size_t size)
{
    *reader = (struct bytes_reader){.data = data ? data : (const void *)"",
                                    .size = data ? size : 0};
}

size_t bytes_left(const struct bytes_reader *reader)
{
    return reader->failed ? 0 : reader->size - reader->at;
}

const uint8_t *bytes_get(struct bytes_reader *reader, size_t size)
{
    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *start = reader->data + reader->at;
    reader->at += size;
    return start;
}

static uint64_t get_number(struct bytes_reader *reader, int width)
{
    const uint8_t *in = bytes_get(reader, (size_t)width);
    uint64_t value = 0;
    for (int i = 0; in && i < width; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    return (uint8_t)get_number(reader, 1);
}

uint16_t bytes_get_u16(struct bytes_reader *reader)
{
    return (uint16_t)get_number(reader, 2);
}

uint32_t bytes_get_u32(struct bytes_reader *reader)
{
    return (uint32_t)get_number(reader, 4);
}

uint64_t bytes_get_u64(struct bytes_reader *reader) { return get_number(reader, 8); }

int32_t bytes_get_i32(struct bytes_reader *reader)
{
    return (int32_t)bytes_get_u32(reader);
}

int64_t bytes_get_i64(struct bytes_reader *reader)
{
    return (int64_t)bytes_get_u64(reader);
}

double bytes_get_f64(struct bytes_reader *reader)
{
    uint64_t bits = bytes_get_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void bytes_get_floats(struct bytes_reader *reader, float *values, size_t count)
{
    if (count > SIZE_MAX / sizeof *values) {
        reader->failed = true;
        return;
    }
    const uint8_t *in = bytes_get(reader, count * sizeof *values);
    if (in && count > 0)
        memcpy(values, in, count * sizeof *values);
}

struct digest bytes_get_digest(struct bytes_reader *reader)
{
    struct digest digest;
    digest.high = bytes_get_u64(reader);
    digest.low = bytes_get_u64(reader);
    return digest;
}

const char *bytes_get_text(struct bytes_reader *reader, size_t max)
{
    size_t size = bytes_get_u32(reader);
    if (size > max || size >= bytes_left(reader)) {
        reader->failed = true;
        return "";
    }
    const char *text = (const char *)bytes_get(reader, size + 1);
    if (!text || memchr(text, '\0', size + 1) != text + size) {
        reader->failed = true;
        return "";
    }
    return text;
}

bool bytes_done(const struct bytes_reader *reader)
{
    return !reader->failed && reader->at == reader->size;
}
