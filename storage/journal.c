#include "storage/journal_part.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int damaged(const struct frame_reader *reader, uint64_t at, struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "%s: damaged at byte %" PRIu64 ", with whole frames behind it; "
                     "shiftwork recover says what can be had",
                     reader->path, at);
}

/* Whether anything whole lies behind a damaged place: then it is no incomplete end. */
static int check_rest(struct frame_reader *reader, struct error *err)
{
    enum frame_state state;
    uint64_t at = reader->at;
    int rc = frame_reader_resync(reader, &state, err);

    if (!rc && state == FRAME_WHOLE)
        rc = damaged(reader, at, err);
    reader->at = at;
    return rc;
}

/* Reads START. *began: false where there is none and nothing else either. */
static int read_start(struct journal_part *part, bool *began, struct error *err)
{
    struct frame_reader reader;
    struct frame frame;
    enum frame_state state;

    *began = false;
    frame_reader_init(&reader, part->fd, part->path, 0, part->size);
    int rc = frame_reader_next(&reader, &state, &frame, err);
    if (!rc && state == FRAME_DAMAGED)
        rc = check_rest(&reader, err);
    if (!rc && state == FRAME_WHOLE) {
        *began = journal_head_get(&part->start, &frame);
        if (!*began || part->start.after >= part->number)
            rc = error_set(err, ERR_INPUT, "%s: does not begin as a journal does",
                           part->path);
    }
    frame_reader_clear(&reader);
    return rc;
}

/* The chain of files that count, the last one first. */
struct chain {
    struct journal_part *parts; /* closed, with START read */
    int count;
};

static int chain_add(struct chain *chain, const struct journal_part *part,
                     struct error *err)
{
    struct journal_part *grown =
        realloc(chain->parts, (size_t)(chain->count + 1) * sizeof *grown);

    if (!grown)
        return error_set(err, ERR_MEMORY, "%s: out of memory", part->path);
    chain->parts = grown;
    chain->parts[chain->count++] = *part;
    return 0;
}

/* The file that must be there and have begun. */
static int open_named(struct journal_part *part, const char *dir, uint32_t number,
                      struct error *err)
{
    bool began = true;
    int rc = journal_part_open(part, dir, number, err);

    if (rc == 1)
        return error_set(err, ERR_INPUT, "%s: is missing", part->path);
    if (!rc)
        rc = read_start(part, &began, err);
    if (!rc && !began)
        rc = error_set(err, ERR_INPUT, "%s: its beginning is damaged", part->path);
    journal_part_close(part);
    return rc;
}

/* The newest file below limit that has begun; number 0: none. */
static int find_last(struct journal_part *part, const char *dir, uint32_t limit,
                     struct error *err)
{
    for (uint32_t number = limit; number-- > 1;) {
        bool began = false;
        int rc = journal_part_open(part, dir, number, err);
        if (rc == 1)
            continue;
        if (!rc)
            rc = read_start(part, &began, err);
        journal_part_close(part);
        if (rc || began)
            return rc;
    }
    *part = (struct journal_part){.fd = -1};
    return 0;
}

static int find_chain(struct chain *chain, const char *dir, uint32_t limit,
                      struct error *err)
{
    struct journal_part *part = malloc(sizeof *part);
    int rc = part ? find_last(part, dir, limit, err)
                  : error_set(err, ERR_MEMORY, "%s: out of memory", dir);

    while (!rc && part->number > 0) {
        uint32_t before = part->start.after;
        rc = chain_add(chain, part, err);
        if (rc || before == 0)
            break;
        rc = open_named(part, dir, before, err);
    }
    free(part);
    return rc;
}

/* Frames of one file, up to end; last: its end may be incomplete. Gives what counts. */
static int read_part(struct journal_part *part, uint64_t end, bool last,
                     journal_visit *visit, void *arg, uint64_t *length,
                     struct error *err)
{
    struct frame_reader reader;
    struct frame frame;
    enum frame_state state;

    part->fd = open(part->path, O_RDONLY | O_CLOEXEC);
    if (part->fd < 0)
        return error_set(err, ERR_IO, "%s: %s", part->path, strerror(errno));
    frame_reader_init(&reader, part->fd, part->path, 0, end);
    int rc = frame_reader_next(&reader, &state, &frame, err); /* START */
    while (!rc && state == FRAME_WHOLE) {
        rc = frame_reader_next(&reader, &state, &frame, err);
        if (!rc && state == FRAME_WHOLE && frame.type == JOURNAL_START)
            rc = error_set(err, ERR_INPUT, "%s: a second START at byte %" PRIu64,
                           part->path, frame.at);
        if (!rc && state == FRAME_WHOLE && visit)
            rc = visit(arg, &frame, err);
    }
    if (!rc && state == FRAME_DAMAGED && last)
        rc = check_rest(&reader, err);
    else if (!rc && state == FRAME_DAMAGED)
        rc = error_set(err, ERR_INPUT,
                       "%s: damaged at byte %" PRIu64
                       ": the next journal counts %" PRIu64
                       " bytes; shiftwork recover says what can be had",
                       part->path, reader.at, end);
    *length = reader.at;
    frame_reader_clear(&reader);
    journal_part_close(part);
    return rc;
}

/* All files with numbers below limit. */
static int read_below(const char *dir, uint32_t limit, journal_visit *visit, void *arg,
                      struct journal_end *end, struct error *err)
{
    struct chain chain = {0};
    int rc = find_chain(&chain, dir, limit, err);

    *end = (struct journal_end){0};
    for (int i = chain.count - 1; !rc && i >= 0; i--) {
        struct journal_part *part = &chain.parts[i];
        bool last = i == 0;
        uint64_t counts = last ? part->size : chain.parts[i - 1].start.length;
        rc = read_part(part, counts, last, visit, arg, &end->length, err);
        end->files++;
        end->last = part->number;
        end->ignored = part->size > end->length ? part->size - end->length : 0;
    }
    free(chain.parts);
    return rc;
}

int journal_read(const char *dir, journal_visit *visit, void *arg,
                 struct journal_end *end, struct error *err)
{
    uint32_t highest;
    int rc = journal_highest(dir, &highest, err);

    return rc ? rc : read_below(dir, highest + 1, visit, arg, end, err);
}

struct journal {
    char *dir;
    uint32_t number;
    struct append_file file;
    size_t begun;
    uint64_t ticket;
    dev_t device;
    ino_t inode;
};

/* A file of its own, with the next number that is free. */
static int create_file(struct journal *journal, struct error *err)
{
    char path[JOURNAL_PATH];
    struct stat st;
    int rc = journal_highest(journal->dir, &journal->number, err);

    if (rc)
        return rc;
    do {
        journal_part_path(journal->dir, ++journal->number, path);
        rc = append_file_create(&journal->file, path, err);
    } while (rc == 1);
    if (!rc && fstat(journal->file.fd, &st))
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (!rc) {
        journal->device = st.st_dev;
        journal->inode = st.st_ino;
    }
    return rc;
}

static int write_start(struct journal *journal, const struct journal_end *end,
                       struct error *err)
{
    journal_head_put(journal_begin(journal, JOURNAL_START), end->last, end->length);
    journal_append(journal);
    journal->ticket = 0;
    append_file_take(&journal->file);
    if (journal->file.flying.failed)
        return error_set(err, ERR_MEMORY, "%s: out of memory", journal->dir);
    int rc = append_file_flush(&journal->file, err);
    if (!rc)
        append_file_landed(&journal->file);
    return rc ? rc : journal_check(journal, err);
}

int journal_start(struct journal **out, const char *dir, journal_visit *visit,
                  void *arg, struct journal_end *end, struct error *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    struct journal_end before;

    if (!journal || !(journal->dir = strdup(dir))) {
        free(journal);
        return error_set(err, ERR_MEMORY, "%s: out of memory", dir);
    }
    int rc = create_file(journal, err);
    if (!rc)
        rc = read_below(dir, journal->number, visit, arg, &before, err);
    if (!rc)
        rc = write_start(journal, &before, err);
    /* A file that did not begin stays: were its name used again, an older coordinator
     * could miss that it is no longer the last. */
    if (rc) {
        journal_close(journal);
        return rc;
    }
    if (end)
        *end = before;
    *out = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    append_file_clear(&journal->file);
    free(journal->dir);
    free(journal);
}

struct bytes *journal_begin(struct journal *journal, uint16_t type)
{
    struct bytes *pending = &journal->file.pending;

    journal->begun = frame_begin(pending, type, append_file_end(&journal->file));
    return pending;
}

uint64_t journal_append(struct journal *journal)
{
    frame_end(&journal->file.pending, journal->begun);
    return ++journal->ticket;
}

struct append_file *journal_file(struct journal *journal) { return &journal->file; }

uint64_t journal_ticket(const struct journal *journal) { return journal->ticket; }

int journal_check(const struct journal *journal, struct error *err)
{
    char next[JOURNAL_PATH];
    struct stat st;

    journal_part_path(journal->dir, journal->number + 1, next);
    if (stat(journal->file.path, &st) || st.st_dev != journal->device ||
        st.st_ino != journal->inode)
        return error_set(err, ERR_IO,
                         "%s: was removed or replaced while the run went on",
                         journal->file.path);
    if (access(next, F_OK) == 0)
        return error_set(err, ERR_IO, "%s: another coordinator has taken over (%s)",
                         journal->dir, next);
    return 0;
}
