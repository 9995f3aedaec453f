/* Places are multiples of CHUNK_MAX but for the end, so bytes say how many chunks. */
#include "worker/fetch_window.h"

#include <inttypes.h>

static uint32_t part_at(const struct fetch_window *window, uint64_t offset)
{
    uint64_t left = window->size - offset;

    return left < CHUNK_MAX ? (uint32_t)left : CHUNK_MAX;
}

void fetch_window_begin(struct fetch_window *window, uint32_t file, uint64_t size)
{
    *window = (struct fetch_window){.file = file, .size = size};
}

bool fetch_window_next(struct fetch_window *window, struct fetch *out)
{
    if (window->asked == window->size ||
        window->asked - window->used >= (uint64_t)FETCH_MAX * CHUNK_MAX)
        return false;
    *out = (struct fetch){window->file, window->asked, part_at(window, window->asked)};
    window->asked += out->size;
    return true;
}

int fetch_window_arrived(struct fetch_window *window, const struct chunk *m,
                         struct error *err)
{
    bool due = window->got < window->asked;
    uint32_t wanted = due ? part_at(window, window->got) : 0;

    if (!due || m->file != window->file || m->offset != window->got || m->size > wanted)
        return error_set(err, ERR_PROTOCOL,
                         "CHUNK of file %" PRIu32 " at %" PRIu64
                         ", which was not asked for",
                         m->file, m->offset);
    window->got += wanted;
    return m->size == wanted
               ? 0
               : error_set(err, ERR_IO, "the coordinator cannot read it any more");
}

uint32_t fetch_window_use(struct fetch_window *window)
{
    uint32_t size = part_at(window, window->used);

    window->used += size;
    return size;
}

void fetch_window_stop(struct fetch_window *window) { window->size = window->asked; }

bool fetch_window_drained(const struct fetch_window *window)
{
    return window->got == window->asked;
}
