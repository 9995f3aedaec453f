/* File: 64 bytes of header, 32 bytes of table a chunk, zeros up to a multiple of 4096,
 * then the chunks. A claim is a lock of the open file on a chunk's line of the table.
 */
#include "storage/node_chunks.h"

#include "storage/node_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct header {
    char magic[16];
    struct digest source, boot;
    uint64_t chunks, size; /* of the whole file */
};
static const char magic[16] = "shiftwork node2";
_Static_assert(sizeof(struct header) == 64, "the table starts at 64");

struct line {
    struct digest values;
    _Atomic uint64_t done;
    uint64_t zero;
};
_Static_assert(sizeof(struct line) == 32, "32 bytes of table a chunk");

enum { PAGE = 4096 };

struct node_chunks {
    struct node_place place;
    struct node_chunks_plan plan; /* wanted is the caller's, of the last call */
    uint64_t *ends;
    bool *checked; /* by this process */
    uint8_t *map;
    uint64_t front, size; /* of header and table; of all */
};

static uint64_t begin_of(const struct node_chunks *c, int64_t chunk)
{
    return chunk ? c->ends[chunk - 1] : 0;
}

static struct line *line_of(const struct node_chunks *c, int64_t chunk)
{
    return (struct line *)(void *)(c->map + sizeof(struct header)) + chunk;
}

static struct digest digest_in_file(const struct node_chunks *c, int64_t chunk)
{
    uint64_t begin = begin_of(c, chunk);

    return digest_of(c->map + c->front + begin, c->ends[chunk] - begin);
}

/* Zero where the system does not say. */
static struct digest this_boot(void)
{
    char text[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    return size > 0 ? digest_of(text, (size_t)size) : (struct digest){0, 0};
}

static struct header header_of(const struct node_chunks *c)
{
    struct header header = {.source = c->plan.source,
                            .boot = this_boot(),
                            .chunks = (uint64_t)c->plan.count,
                            .size = c->size};

    memcpy(header.magic, magic, sizeof magic);
    return header;
}

/* ---- room ---- */

static int refuse_room(const char *path, uint64_t needed, uint64_t free_bytes,
                       struct error *err)
{
    return error_set(err, ERR_IO, "%s: %.1f MB are needed, %.1f MB are free", path,
                     (double)needed / 1e6, (double)free_bytes / 1e6);
}

static uint64_t bytes_wanted(const struct node_chunks *c)
{
    uint64_t bytes = c->front;

    for (int64_t i = 0; i < c->plan.count; i++)
        bytes += c->plan.wanted[i] ? c->ends[i] - begin_of(c, i) : 0;
    return bytes;
}

/* posix_fallocate() would write into blocks that another process fills where a file
 * system cannot reserve them; that one is not used. */
static int reserve_range(int fd, uint64_t from, uint64_t to)
{
    int rc;

    while ((rc = fallocate(fd, 0, (off_t)from, (off_t)(to - from))) < 0 &&
           errno == EINTR)
        ;
    return rc;
}

/* Chunks side by side at once. */
static int reserve_chunks(const struct node_chunks *c, int fd)
{
    int64_t i = 0;

    if (reserve_range(fd, 0, c->front))
        return -1;
    while (i < c->plan.count) {
        int64_t first = i;

        while (i < c->plan.count && c->plan.wanted[i])
            i++;
        if (i > first && c->ends[i - 1] > begin_of(c, first) &&
            reserve_range(fd, c->front + begin_of(c, first), c->front + c->ends[i - 1]))
            return -1;
        i += i == first;
    }
    return 0;
}

/* A file with holes: what is used has blocks of its own first, so that writing to the
 * mapping cannot fail. */
static int reserve(const struct node_chunks *c, const char *path, int fd,
                   struct error *err)
{
    uint64_t needed = bytes_wanted(c), there, left;
    struct statvfs system;
    struct stat st;

    if (fstat(fd, &st) || fstatvfs(fd, &system))
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    there = (uint64_t)st.st_blocks * 512;
    left = (uint64_t)system.f_bavail * system.f_frsize;
    if (needed > there && needed - there > left)
        return refuse_room(path, needed, left, err);
    if (!reserve_chunks(c, fd))
        return 0;
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        return refuse_room(path, needed, left, err);
    return error_set(err, ERR_IO, "%s: cannot reserve %.1f MB: %s", path,
                     (double)needed / 1e6, strerror(errno));
}

/* ---- the file ---- */

static int make(void *context, const char *path, int fd, struct error *err)
{
    const struct node_chunks *c = context;
    struct header header = header_of(c);

    if (ftruncate(fd, (off_t)c->size) < 0 ||
        pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header)
        return error_set(err, ERR_IO, "%s: cannot write %.1f MB: %s", path,
                         (double)c->size / 1e6, strerror(errno));
    return 0;
}

static void unmap(struct node_chunks *c)
{
    if (c->map)
        munmap(c->map, c->size);
    c->map = NULL;
}

static int map(struct node_chunks *c, const char *path, int fd, struct error *err)
{
    struct header header = header_of(c);
    struct stat st;
    void *at;

    if (fstat(fd, &st) || (uint64_t)st.st_size != c->size)
        return error_set(err, ERR_INPUT, "%s: has another size", path);
    at = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return error_set(err, ERR_IO, "%s: cannot map: %s", path, strerror(errno));
    c->map = at;
    if (!memcmp(c->map, &header, sizeof header))
        return 0;
    unmap(c);
    return error_set(err, ERR_INPUT, "%s: is another's, or of an earlier boot", path);
}

static int take(void *context, const char *path, int fd, struct error *err)
{
    struct node_chunks *c = context;
    int rc = map(c, path, fd, err);

    if (!rc && (rc = reserve(c, path, fd, err)))
        unmap(c);
    return rc;
}

static int open_place(struct node_chunks *c, struct error *err)
{
    uint64_t front =
        sizeof(struct header) + sizeof(struct line) * (uint64_t)c->plan.count;

    c->front = (front + PAGE - 1) / PAGE * PAGE;
    c->size = c->front + (c->plan.count ? c->ends[c->plan.count - 1] : 0);
    return node_place_open(&c->place,
                           &(struct node_place_plan){.kind = c->plan.kind,
                                                     .source = c->plan.source,
                                                     .take = take,
                                                     .make = make,
                                                     .context = c},
                           err);
}

int node_chunks_open(struct node_chunks **out, const struct node_chunks_plan *plan,
                     struct error *err)
{
    size_t count = (size_t)plan->count;
    struct node_chunks *c = calloc(1, sizeof *c);
    int rc = ERR_MEMORY;

    *out = NULL;
    if (c)
        c->plan = *plan;
    if (c && (c->ends = malloc((count + 1) * sizeof *c->ends)) &&
        (c->checked = calloc(count + 1, sizeof *c->checked))) {
        memcpy(c->ends, plan->ends, count * sizeof *c->ends);
        rc = open_place(c, err);
    } else {
        error_set(err, rc, "out of memory");
    }
    if (rc)
        node_chunks_close(c);
    else
        *out = c;
    return rc;
}

int node_chunks_want(struct node_chunks *c, const bool *wanted, struct error *err)
{
    c->plan.wanted = wanted;
    return reserve(c, c->place.path, c->place.use, err);
}

void node_chunks_close(struct node_chunks *c)
{
    if (!c)
        return;
    unmap(c);
    node_place_close(&c->place);
    free(c->checked);
    free(c->ends);
    free(c);
}

uint8_t *node_chunks_data(struct node_chunks *c) { return c->map + c->front; }

/* ---- chunks ---- */

static bool set_lock(const struct node_chunks *c, int64_t chunk, short type)
{
    struct flock lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)(sizeof(struct header) + sizeof(struct line) * (size_t)chunk),
        .l_len = sizeof(struct line),
    };

    return !fcntl(c->place.use, F_OFD_SETLK, &lock);
}

/* Its bytes are there, as they were written. */
static bool is_whole(struct node_chunks *c, int64_t chunk)
{
    struct line *line = line_of(c, chunk);

    if (!c->checked[chunk] &&
        atomic_load_explicit(&line->done, memory_order_acquire) == 1)
        c->checked[chunk] = digest_equal(line->values, digest_in_file(c, chunk));
    return c->checked[chunk];
}

enum node_chunk node_chunks_claim(struct node_chunks *c, int64_t chunk)
{
    if (is_whole(c, chunk))
        return NODE_CHUNK_READY;
    /* Where locks fail for another reason, two may write the same. */
    if (!set_lock(c, chunk, F_WRLCK) && (errno == EAGAIN || errno == EACCES))
        return NODE_CHUNK_TAKEN;
    if (is_whole(c, chunk)) {
        set_lock(c, chunk, F_UNLCK);
        return NODE_CHUNK_READY;
    }
    atomic_store(&line_of(c, chunk)->done, 0);
    return NODE_CHUNK_MINE;
}

void node_chunks_done(struct node_chunks *c, int64_t chunk)
{
    struct line *line = line_of(c, chunk);

    line->values = digest_in_file(c, chunk);
    atomic_store_explicit(&line->done, 1, memory_order_release);
    c->checked[chunk] = true;
    set_lock(c, chunk, F_UNLCK);
}
