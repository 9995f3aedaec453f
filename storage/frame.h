/* Frames: what journals and checkpoint segments consist of, one behind the other.
 *
 *   at  size  field
 *    0     4  magic, "SWFR"
 *    4     2  version
 *    6     2  type: what the payload is, the file's own affair
 *    8     4  length of the payload
 *   12     8  where in its file the frame begins
 *   20     4  CRC-32C of bytes 0…19
 *   24     n  payload
 * 24+n     4  CRC-32C of the payload
 *
 * Little-endian. Since a frame names its place, bytes that were copied or left over
 * from another file are no frame. */
#ifndef STORAGE_FRAME_H
#define STORAGE_FRAME_H

#include "common/bytes.h"
#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FRAME_VERSION = 1,
    FRAME_HEADER = 24,
    FRAME_TRAILER = 4,
    FRAME_MOST = 1 << 30, /* bytes of payload */
};

/* Appends a frame that will begin at this place of its file: begin, append the payload,
 * end. The result of begin is for end. */
size_t frame_begin(struct bytes *out, uint16_t type, uint64_t at);
void frame_end(struct bytes *out, size_t begun);

struct frame {
    uint16_t type;
    const uint8_t *payload; /* valid until the next call */
    size_t size;
    uint64_t at;
};

enum frame_state {
    FRAME_WHOLE,
    FRAME_NONE,    /* the end of the file or of what counts of it */
    FRAME_DAMAGED, /* begins here, but is torn or not what was written */
};

/* Reads frames in order from a file that is open. */
struct frame_reader {
    int fd;
    uint64_t at, begin, end; /* next frame; first, end of what counts */
    uint64_t doubted;        /* bytes of payloads that are not what was written */
    const char *path;        /* borrowed, for errors */
    struct bytes buffer;
};

void frame_reader_init(struct frame_reader *reader, int fd, const char *path,
                       uint64_t begin, uint64_t end);
void frame_reader_clear(struct frame_reader *reader); /* not fd */
/* 0 and the state; at stays before a damaged frame. ERR_IO, ERR_MEMORY. ERR_INPUT:
 * frames of a newer version, or headers without end over the same bytes. */
int frame_reader_next(struct frame_reader *reader, enum frame_state *state,
                      struct frame *out, struct error *err);
/* Goes on to the next whole frame behind a damaged one: FRAME_WHOLE or FRAME_NONE; at
 * is before it. */
int frame_reader_resync(struct frame_reader *reader, enum frame_state *state,
                        struct error *err);

#endif
