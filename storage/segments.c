#include "storage/segments.h"

#include "storage/file_replace.h"
#include "storage/frame.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAME_OF_TRIAL = 1, TRIAL_FIELD = 8, PATH_SIZE = 4096 };

struct segment {
    uint32_t number;
    int64_t held;       /* things in it that count */
    uint64_t free_from; /* ticket of the last release */
};

struct segments {
    char *folder;
    uint64_t limit;
    struct segment *list; /* all that exist, in no order */
    int count, capacity;
    uint32_t last;              /* highest number ever seen */
    struct append_file current; /* path NULL: none yet */
    uint32_t current_number;
    struct append_file full; /* the one before, while something of it is pending */
    uint32_t full_number;
};

static void path_of(const struct segments *s, uint32_t number, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%06" PRIu32 ".seg", s->folder, number);
}

static struct segment *find(const struct segments *s, uint32_t number)
{
    for (int i = s->count - 1; i >= 0; i--) /* the newest are asked for most */
        if (s->list[i].number == number)
            return &s->list[i];
    return NULL;
}

static int add(struct segments *s, uint32_t number, struct error *err)
{
    if (s->count == s->capacity) {
        int capacity = 2 * s->capacity + 16;
        struct segment *grown = realloc(s->list, (size_t)capacity * sizeof *grown);
        if (!grown)
            return error_set(err, ERR_MEMORY, "%s: out of memory", s->folder);
        s->list = grown;
        s->capacity = capacity;
    }
    s->list[s->count++] = (struct segment){.number = number};
    if (number > s->last)
        s->last = number;
    return 0;
}

/* The number in "000012.seg"; 0 for any other name. */
static uint32_t number_of(const char *name)
{
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (end - name < 6 || strcmp(end, ".seg") != 0 || number > UINT32_MAX - 1)
        return 0;
    return (uint32_t)number;
}

static int list_folder(struct segments *s, struct error *err)
{
    DIR *folder = opendir(s->folder);
    struct dirent *entry;
    int rc = 0;

    if (!folder)
        return errno == ENOENT
                   ? 0
                   : error_set(err, ERR_IO, "%s: %s", s->folder, strerror(errno));
    while (!rc && (entry = readdir(folder))) {
        uint32_t number = number_of(entry->d_name);
        if (number > 0)
            rc = add(s, number, err);
    }
    closedir(folder);
    return rc;
}

int segments_open(struct segments **out, const char *folder, uint64_t limit,
                  struct error *err)
{
    struct segments *s = calloc(1, sizeof *s);

    if (!s || !(s->folder = strdup(folder))) {
        free(s);
        return error_set(err, ERR_MEMORY, "%s: out of memory", folder);
    }
    s->limit = limit;
    int rc = list_folder(s, err);
    if (rc)
        segments_close(s);
    else
        *out = s;
    return rc;
}

void segments_close(struct segments *segments)
{
    if (!segments)
        return;
    append_file_clear(&segments->current);
    append_file_clear(&segments->full);
    free(segments->list);
    free(segments->folder);
    free(segments);
}

static int make_folder(const struct segments *s, struct error *err)
{
    if (mkdir(s->folder, 0777) == 0)
        return file_sync_name(s->folder, err);
    return errno == EEXIST ? 0
                           : error_set(err, ERR_IO, "%s: cannot make this folder: %s",
                                       s->folder, strerror(errno));
}

void segments_pass(struct segments *segments, uint32_t number)
{
    if (number > segments->last)
        segments->last = number;
}

/* A new segment becomes the current one. Another coordinator may have taken a number:
 * then the next. */
static int begin_segment(struct segments *s, struct error *err)
{
    char path[PATH_SIZE];
    struct append_file file;
    int rc = make_folder(s, err);

    if (rc)
        return rc;
    if (s->last >= UINT32_MAX - 1000)
        return error_set(err, ERR_INPUT, "%s: no number is left for a segment",
                         s->folder);
    rc = 1;
    for (uint32_t number = s->last + 1; rc == 1; number++) {
        path_of(s, number, path);
        rc = append_file_create(&file, path, err);
        if (rc == 0)
            rc = add(s, number, err);
        else if (rc == 1)
            continue;
        if (rc) {
            append_file_clear(&file);
            return rc;
        }
        append_file_clear(&s->current);
        s->current = file;
        s->current_number = number;
    }
    return rc;
}

int segments_put(struct segments *segments, uint64_t trial, const void *data,
                 size_t size, struct segment_ref *ref, struct error *err)
{
    int rc = segments->current.path ? 0 : begin_segment(segments, err);
    if (rc)
        return rc;
    struct bytes *out = &segments->current.pending;
    uint64_t at = append_file_end(&segments->current);
    size_t begun = frame_begin(out, FRAME_OF_TRIAL, at);
    bytes_put_u64(out, trial);
    bytes_put(out, data, size);
    frame_end(out, begun);
    if (out->failed)
        return error_set(err, ERR_MEMORY, "%s: out of memory", segments->folder);
    *ref = (struct segment_ref){segments->current_number,
                                (uint32_t)(TRIAL_FIELD + size), at};
    find(segments, ref->segment)->held++;
    return 0;
}

int segments_files(struct segments *segments, struct append_file *files[SEGMENTS_FILES])
{
    int count = 0;

    if (segments->full.path)
        files[count++] = &segments->full;
    if (segments->current.path)
        files[count++] = &segments->current;
    return count;
}

int segments_hold(struct segments *segments, struct segment_ref ref, struct error *err)
{
    struct segment *segment = find(segments, ref.segment);
    if (!segment)
        return error_set(err, ERR_INPUT, "%s/%06" PRIu32 ".seg: is missing",
                         segments->folder, ref.segment);
    segment->held++;
    return 0;
}

void segments_release(struct segments *segments, struct segment_ref ref,
                      uint64_t ticket)
{
    struct segment *segment = ref.segment ? find(segments, ref.segment) : NULL;
    if (!segment)
        return;
    segment->held--;
    segment->free_from = ticket;
}

/* There is always something pending where many report, so a full segment waits aside
 * for the commit of its last bytes. */
static int rotate(struct segments *s, struct error *err)
{
    if (s->full.path && append_file_end(&s->full) == s->full.committed)
        append_file_clear(&s->full);
    if (s->full.path || !s->current.path || s->current.committed <= s->limit)
        return 0;
    s->full = s->current;
    s->full_number = s->current_number;
    s->current = (struct append_file){.fd = -1};
    return begin_segment(s, err);
}

int segments_tidy(struct segments *segments, uint64_t committed, struct error *err)
{
    char path[PATH_SIZE];
    int rc = rotate(segments, err);

    for (int i = segments->count - 1; i >= 0; i--) {
        struct segment *segment = &segments->list[i];
        if (segment->held > 0 || segment->free_from > committed ||
            segment->number == segments->current_number ||
            (segments->full.path && segment->number == segments->full_number))
            continue;
        path_of(segments, segment->number, path);
        unlink(path); /* what stays is tried again at the next start */
        segments->list[i] = segments->list[--segments->count];
    }
    return rc;
}

/* From memory where no commit has landed yet. */
static const uint8_t *in_flight(const struct segments *s, struct segment_ref ref)
{
    bool full = s->full.path && ref.segment == s->full_number;
    const struct append_file *f = full ? &s->full : &s->current;
    if (!f->path || (!full && ref.segment != s->current_number) ||
        ref.at < f->committed)
        return NULL;
    uint64_t offset = ref.at - f->committed;
    return offset < f->flying.size ? f->flying.data + offset
                                   : f->pending.data + (offset - f->flying.size);
}

static int read_frame(const struct segments *s, struct segment_ref ref, uint64_t trial,
                      struct bytes *out, struct error *err)
{
    char path[PATH_SIZE];
    struct frame_reader reader;
    struct frame frame = {0};
    struct bytes_reader in;
    enum frame_state state;

    path_of(s, ref.segment, path);
    if (ref.size < TRIAL_FIELD || ref.at > INT64_MAX - FRAME_MOST - 1024)
        return error_set(err, ERR_INPUT, "%s: nothing can lie at byte %" PRIu64, path,
                         ref.at);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERR_INPUT : ERR_IO, "%s: %s", path,
                         strerror(errno));
    uint64_t end = ref.at + FRAME_HEADER + ref.size + FRAME_TRAILER;
    frame_reader_init(&reader, fd, path, ref.at, end);
    int rc = frame_reader_next(&reader, &state, &frame, err);
    bytes_reader_init(&in, frame.payload, frame.size);
    if (!rc &&
        (state != FRAME_WHOLE || frame.size != ref.size || bytes_get_u64(&in) != trial))
        rc = error_set(err, ERR_INPUT,
                       "%s: damaged at byte %" PRIu64 ": trial %" PRIu64
                       " should be there",
                       path, ref.at, trial);
    if (!rc)
        bytes_put(out, frame.payload + TRIAL_FIELD, frame.size - TRIAL_FIELD);
    frame_reader_clear(&reader);
    close(fd);
    return rc;
}

int segments_read(struct segments *segments, struct segment_ref ref, uint64_t trial,
                  struct bytes *out, struct error *err)
{
    const uint8_t *here = in_flight(segments, ref);
    int rc = 0;

    if (here)
        bytes_put(out, here + FRAME_HEADER + TRIAL_FIELD, ref.size - TRIAL_FIELD);
    else
        rc = read_frame(segments, ref, trial, out, err);
    if (!rc && out->failed)
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", segments->folder);
    return rc;
}

int segments_read_committed(const struct segments *segments, struct segment_ref ref,
                            uint64_t trial, struct bytes *out, struct error *err)
{
    int rc = read_frame(segments, ref, trial, out, err);

    return !rc && out->failed
               ? error_set(err, ERR_MEMORY, "%s: out of memory", segments->folder)
               : rc;
}

void segment_ref_put(struct bytes *out, struct segment_ref ref)
{
    bytes_put_u32(out, ref.segment);
    bytes_put_u32(out, ref.size);
    bytes_put_u64(out, ref.at);
}

struct segment_ref segment_ref_get(struct bytes_reader *in)
{
    struct segment_ref ref = {0};

    ref.segment = bytes_get_u32(in);
    ref.size = bytes_get_u32(in);
    ref.at = bytes_get_u64(in);
    return ref;
}
