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
    *reader = (struct frame_reader){
        .fd = fd, .path = path, .at = begin, .begin = begin, .end = end};
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

/* Counts the bytes of a frame whose header is right and whose payload is not. Frames do
 * not overlap, so that a file claims no byte twice; left over from another file there
 * may be a few. So what is read in all stays within so many times the file. */
static int doubt(struct frame_reader *reader, size_t size, struct error *err)
{
    enum { TIMES = 4 };

    reader->doubted += size;
    if (reader->doubted / TIMES <= reader->end - reader->begin)
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: damaged frames lie over each other: it was not written by "
                     "shiftwork",
                     reader->path);
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
        return doubt(reader, size, err);
    *out = (struct frame){header.type, payload, header.length, at};
    reader->at = at + FRAME_HEADER + size;
    *state = FRAME_WHOLE;
    return 0;
}

enum { WINDOW = 1 << 16 };

/* What is in the buffer, read from this place on. */
struct window {
    uint64_t from;
    size_t at; /* in the buffer: where to go on */
};

static bool find_header(const struct frame_reader *reader, struct window *w,
                        struct header *out)
{
    const struct bytes *b = &reader->buffer;
    const uint8_t *hit;

    while ((hit = memmem(b->data + w->at, b->size - w->at, magic, sizeof magic))) {
        w->at = (size_t)(hit - b->data);
        if (b->size - w->at < FRAME_HEADER)
            return false;
        if (parse_header(out, hit, w->from + w->at))
            return true;
        w->at++;
    }
    w->at = b->size < sizeof magic ? b->size : b->size - sizeof magic + 1;
    return false;
}

/* Looks at the frame whose header was found. FRAME_NONE: it does not lie in the window
 * as a whole. */
static int look_at(struct frame_reader *reader, struct window *w,
                   const struct header *header, enum frame_state *state,
                   struct error *err)
{
    const uint8_t *payload = reader->buffer.data + w->at + FRAME_HEADER;
    size_t here = reader->buffer.size - w->at - FRAME_HEADER;
    uint64_t left = reader->end - (w->from + w->at) - FRAME_HEADER;
    size_t size = (size_t)header->length + FRAME_TRAILER;
    struct bytes_reader trailer;

    *state = FRAME_DAMAGED;
    if (header->length > FRAME_MOST || size > left)
        return 0;
    if (size > here) {
        *state = FRAME_NONE;
        return 0;
    }
    bytes_reader_init(&trailer, payload + header->length, FRAME_TRAILER);
    if (bytes_get_u32(&trailer) == crc32c(payload, header->length)) {
        *state = FRAME_WHOLE;
        return 0;
    }
    return doubt(reader, size, err);
}

/* Goes through a window, and gives the place of the next one. FRAME_DAMAGED: nothing
 * whole was found yet. */
static int search_window(struct frame_reader *reader, uint64_t *from,
                         enum frame_state *state, struct error *err)
{
    uint64_t rest = reader->end - *from;
    struct window w = {.from = *from};
    struct header header;
    struct frame frame;
    int rc = fill(reader, *from, rest < WINDOW ? (size_t)rest : WINDOW, err);

    *state = FRAME_DAMAGED;
    while (!rc && find_header(reader, &w, &header)) {
        rc = look_at(reader, &w, &header, state, err);
        reader->at = *from + w.at;
        if (rc || *state == FRAME_WHOLE)
            return rc;
        if (*state == FRAME_NONE && w.at > 0)
            break; /* the next window begins with it */
        if (*state == FRAME_NONE) {
            rc = frame_reader_next(reader, state, &frame, err);
            reader->at = *from;
            *from += *state == FRAME_DAMAGED;
            return rc;
        }
        w.at++;
    }
    *state = reader->buffer.size < WINDOW && w.at + FRAME_HEADER > reader->buffer.size
                 ? FRAME_NONE
                 : FRAME_DAMAGED;
    *from += w.at;
    return rc;
}

int frame_reader_resync(struct frame_reader *reader, enum frame_state *state,
                        struct error *err)
{
    uint64_t from = reader->at + 1;
    int rc = 0;

    *state = FRAME_DAMAGED;
    while (!rc && *state == FRAME_DAMAGED) {
        if (from >= reader->end)
            *state = FRAME_NONE;
        else
            rc = search_window(reader, &from, state, err);
    }
    if (*state == FRAME_NONE)
        reader->at = reader->end;
    return rc;
}
