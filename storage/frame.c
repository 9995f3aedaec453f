#include "storage/frame.h"

#include "common/crc32c.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const uint8_t magic[4] = {'S', 'W', 'F', 'R'};
enum { AT_LENGTH = 8, AT_CRC = 20 };

size_t frame_begin(struct bytes *out, uint16_t type, uint64_t at)
{
    size_t begun = out->size;

    bytes_put(out, magic, sizeof magic);
    bytes_put_u16(out, FRAME_VERSION);
    bytes_put_u16(out, type);
    bytes_put_u32(out, 0); /* length and CRC are known at the end */
    bytes_put_u64(out, at);
    bytes_put_u32(out, 0);
    return begun;
}

void frame_end(struct bytes *out, size_t begun)
{
    if (out->failed || out->size - begun - FRAME_HEADER > FRAME_MOST) {
        out->failed = true;
        return;
    }
    size_t length = out->size - begun - FRAME_HEADER;
    bytes_set_u32(out, begun + AT_LENGTH, (uint32_t)length);
    bytes_set_u32(out, begun + AT_CRC, crc32c(out->data + begun, AT_CRC));
    bytes_put_u32(out, crc32c(out->data + begun + FRAME_HEADER, length));
}

void frame_reader_init(struct frame_reader *reader, int fd, const char *path,
                       uint64_t begin, uint64_t end)
{
    *reader = (struct frame_reader){.fd = fd, .path = path, .at = begin, .end = end};
}

void frame_reader_clear(struct frame_reader *reader) { bytes_clear(&reader->buffer); }

/* Bytes [at, at + size) into the buffer; fewer where the file ends before. */
static int fill(struct frame_reader *reader, uint64_t at, size_t size,
                struct error *err)
{
    struct bytes *buffer = &reader->buffer;

    buffer->size = 0;
    if (!bytes_reserve(buffer, size))
        return error_set(err, ERR_MEMORY, "%s: out of memory for a frame of %zu bytes",
                         reader->path, size);
    while (buffer->size < size) {
        ssize_t n = pread(reader->fd, buffer->data + buffer->size, size - buffer->size,
                          (off_t)(at + buffer->size));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, ERR_IO, "%s: %s", reader->path, strerror(errno));
        if (n == 0)
            break;
        buffer->size += (size_t)n;
    }
    return 0;
}

struct header {
    uint16_t version, type;
    uint32_t length;
};

/* Whether these bytes are the header of a frame at this place. */
static bool parse_header(struct header *out, const uint8_t *bytes, uint64_t at)
{
    struct bytes_reader in;

    bytes_reader_init(&in, bytes, FRAME_HEADER);
    if (memcmp(bytes_get(&in, sizeof magic), magic, sizeof magic) != 0)
        return false;
    out->version = bytes_get_u16(&in);
    out->type = bytes_get_u16(&in);
    out->length = bytes_get_u32(&in);
    return bytes_get_u64(&in) == at && bytes_get_u32(&in) == crc32c(bytes, AT_CRC);
}

int frame_reader_next(struct frame_reader *reader, enum frame_state *state,
                      struct frame *out, struct error *err)
{
    uint64_t at = reader->at, left = reader->end - at;
    struct header header;
    struct bytes_reader in;

    *state = left == 0 ? FRAME_NONE : FRAME_DAMAGED;
    if (left < FRAME_HEADER + FRAME_TRAILER)
        return 0;
    int rc = fill(reader, at, FRAME_HEADER, err);
    if (rc)
        return rc;
    if (reader->buffer.size < FRAME_HEADER ||
        !parse_header(&header, reader->buffer.data, at))
        return 0;
    if (header.version > FRAME_VERSION)
        return error_set(err, ERR_INPUT,
                         "%s: written by a newer program (frames of version %d)",
                         reader->path, header.version);
    size_t size = (size_t)header.length + FRAME_TRAILER;
    if (header.length > FRAME_MOST || size > left - FRAME_HEADER)
        return 0;
    rc = fill(reader, at + FRAME_HEADER, size, err);
    if (rc || reader->buffer.size < size)
        return rc;
    bytes_reader_init(&in, reader->buffer.data, size);
    const uint8_t *payload = bytes_get(&in, header.length);
    if (bytes_get_u32(&in) != crc32c(payload, header.length))
        return 0;
    *out = (struct frame){header.type, payload, header.length, at};
    reader->at = at + FRAME_HEADER + size;
    *state = FRAME_WHOLE;
    return 0;
}

/* Where the magic is in [from, end); end where it is not. */
static int find_magic(struct frame_reader *reader, uint64_t from, uint64_t *found,
                      struct error *err)
{
    enum { WINDOW = 1 << 16 };

    *found = reader->end;
    while (from < reader->end) {
        int rc = fill(reader, from, WINDOW, err);
        if (rc)
            return rc;
        const uint8_t *start = reader->buffer.data;
        const uint8_t *hit = memmem(start, reader->buffer.size, magic, sizeof magic);
        if (hit) {
            *found = from + (uint64_t)(hit - start);
            return 0;
        }
        if (reader->buffer.size < WINDOW)
            return 0;
        from += WINDOW - sizeof magic + 1; /* it may lie across two windows */
    }
    return 0;
}

int frame_reader_resync(struct frame_reader *reader, enum frame_state *state,
                        struct error *err)
{
    struct frame frame;

    *state = FRAME_DAMAGED;
    while (*state == FRAME_DAMAGED) {
        uint64_t found;
        int rc = find_magic(reader, reader->at + 1, &found, err);
        if (rc)
            return rc;
        reader->at = found < reader->end ? found : reader->end;
        rc = frame_reader_next(reader, state, &frame, err);
        if (rc)
            return rc;
        if (*state == FRAME_WHOLE)
            reader->at = found;
    }
    return 0;
}
