/* Reads what journal_read() refuses: the same chain of files, but over damaged places
 * and over a START that cannot be read, whose file is taken to follow the one before.
 */
#include "storage/journal_rewrite.h"

#include "storage/file_replace.h"
#include "storage/journal_part.h"

#include <stdlib.h>
#include <string.h>

struct rewrite {
    const char *dir;
    journal_judge *judge;
    void *arg;
    struct bytes file; /* the new one */
    struct bytes payload;
    struct journal_rewritten counts;
};

/* A part of the chain, and how many of its bytes count. */
struct link {
    uint32_t number;
    uint64_t end;
};

/* The first whole frame from here on; *skipped: something was no frame. */
static int next_whole(struct frame_reader *reader, struct frame *frame,
                      enum frame_state *state, bool *skipped, struct error *err)
{
    int rc = frame_reader_next(reader, state, frame, err);

    *skipped = !rc && *state == FRAME_DAMAGED;
    if (*skipped)
        rc = frame_reader_resync(reader, state, err);
    if (!rc && *skipped && *state == FRAME_WHOLE)
        rc = frame_reader_next(reader, state, frame, err);
    return rc;
}

/* What the beginning of a file says. *holds: some whole frame is in it. */
static int look(struct journal_part *part, bool *holds, bool *start, struct error *err)
{
    struct frame_reader reader;
    struct frame frame;
    enum frame_state state;
    bool skipped;

    frame_reader_init(&reader, part->fd, part->path, 0, part->size);
    int rc = next_whole(&reader, &frame, &state, &skipped, err);
    *holds = !rc && state == FRAME_WHOLE;
    *start = *holds && !skipped && journal_head_get(&part->start, &frame);
    frame_reader_clear(&reader);
    return rc;
}

/* The chain from the newest file back, into links (highest + 1). */
static int find_links(const char *dir, uint32_t highest, struct link *links, int *count,
                      struct error *err)
{
    struct journal_part *part = malloc(sizeof *part);
    uint64_t end = UINT64_MAX; /* all of it */
    int rc = part ? 0 : error_set(err, ERR_MEMORY, "%s: out of memory", dir);

    *count = 0;
    for (uint32_t number = highest; !rc && number > 0;) {
        bool holds = false, start = false;
        rc = journal_part_open(part, dir, number, err);
        if (!rc)
            rc = look(part, &holds, &start, err);
        if (rc == 1)
            rc = 0;
        else
            journal_part_close(part);
        uint32_t before = number - 1;
        uint64_t counts = UINT64_MAX;
        if (holds)
            links[(*count)++] =
                (struct link){number, end < part->size ? end : part->size};
        if (start && part->start.after < number) {
            before = part->start.after;
            counts = part->start.length;
        }
        if (holds || end != UINT64_MAX)
            end = counts;
        number = before;
    }
    free(part);
    return rc;
}

static int take_frame(struct rewrite *r, const struct frame *frame, struct error *err)
{
    if (frame->type == JOURNAL_START)
        return 0;
    r->payload.size = 0;
    int kept = r->judge(r->arg, frame, &r->payload, err);
    if (kept < 0)
        return kept;
    if (kept == 0) {
        r->counts.left_out++;
        return 0;
    }
    size_t begun = frame_begin(&r->file, frame->type, r->file.size);
    bytes_put(&r->file, r->payload.data, r->payload.size);
    frame_end(&r->file, begun);
    r->counts.kept++;
    return r->file.failed || r->payload.failed
               ? error_set(err, ERR_MEMORY, "%s: out of memory", r->dir)
               : 0;
}

static int take_file(struct rewrite *r, const struct link *link, struct error *err)
{
    struct journal_part *part = malloc(sizeof *part);
    struct frame_reader reader;
    struct frame frame;
    enum frame_state state = FRAME_WHOLE;

    if (!part)
        return error_set(err, ERR_MEMORY, "%s: out of memory", r->dir);
    int rc = journal_part_open(part, r->dir, link->number, err);
    frame_reader_init(&reader, part->fd, part->path, 0, link->end);
    while (!rc && state == FRAME_WHOLE) {
        bool skipped;
        rc = next_whole(&reader, &frame, &state, &skipped, err);
        r->counts.damaged += skipped;
        if (!rc && state == FRAME_WHOLE)
            rc = take_frame(r, &frame, err);
    }
    frame_reader_clear(&reader);
    if (rc != 1)
        journal_part_close(part);
    free(part);
    return rc == 1 ? 0 : rc;
}

static int write_file(struct rewrite *r, uint32_t number, struct error *err)
{
    char path[JOURNAL_PATH];

    journal_part_path(r->dir, number, path);
    return file_replace(path, r->file.data, r->file.size, err);
}

/* The name is there before anything is read, so that an older coordinator that still
 * lives acknowledges nothing more. */
static int take_number(const char *dir, uint32_t number, struct error *err)
{
    struct append_file file;
    char path[JOURNAL_PATH];

    journal_part_path(dir, number, path);
    int rc = append_file_create(&file, path, err);
    append_file_clear(&file);
    return rc == 1 ? error_set(err, ERR_IO, "%s: has come to be meanwhile", path) : rc;
}

int journal_rewrite(const char *dir, journal_judge *judge, void *arg,
                    struct journal_rewritten *out, struct error *err)
{
    struct rewrite r = {.dir = dir, .judge = judge, .arg = arg};
    uint32_t highest;
    int count = 0, rc = journal_highest(dir, &highest, err);

    if (rc)
        return rc;
    struct link *links = malloc((highest + (size_t)1) * sizeof *links);
    rc = links ? find_links(dir, highest, links, &count, err)
               : error_set(err, ERR_MEMORY, "%s: out of memory", dir);
    if (!rc)
        rc = take_number(dir, highest + 1, err);
    size_t begun = frame_begin(&r.file, JOURNAL_START, 0);
    journal_head_put(&r.file, 0, 0);
    frame_end(&r.file, begun);
    for (int i = count - 1; !rc && i >= 0; i--)
        rc = take_file(&r, &links[i], err);
    if (!rc)
        rc = write_file(&r, highest + 1, err);
    if (!rc)
        *out = r.counts;
    free(links);
    bytes_clear(&r.file);
    bytes_clear(&r.payload);
    return rc;
}
