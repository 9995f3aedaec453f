/* Who makes a node's file, how it is checked, where it lies.
 *
 * File: 64 bytes of header (struct node_header), then the bytes. */
#include "storage/node_file.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct node_header {
    char magic[16];
    struct digest source, values;
    uint64_t size; /* of the whole file */
    uint64_t zero;
};
static const char node_magic[16] = "shiftwork node1";
_Static_assert(sizeof(struct node_header) == 64, "the bytes start at 64");

static const double make_s = 60; /* for another process to make its file */

struct node_writer {
    int fd;
    struct digest_stream *digest;
};

static size_t whole_size(const struct node_file_plan *plan)
{
    return sizeof(struct node_header) + plan->size;
}

static int write_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t n = write(fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int node_writer_put(struct node_writer *writer, const void *data, size_t size)
{
    digest_stream_add(writer->digest, data, size);
    return write_all(writer->fd, data, size);
}

/* Writes the header last, with the digest of the bytes. */
static int write_file(int fd, const struct node_file_plan *plan)
{
    struct node_header header = {.source = plan->source, .size = whole_size(plan)};
    struct node_writer writer = {fd, digest_stream_new()};
    int rc = -1;

    if (!writer.digest || lseek(fd, sizeof header, SEEK_SET) < 0 ||
        plan->write(plan->context, &writer))
        goto done;
    memcpy(header.magic, node_magic, sizeof node_magic);
    header.values = digest_stream_value(writer.digest);
    if (lseek(fd, 0, SEEK_SET) < 0 || write_all(fd, &header, sizeof header))
        goto done;
    rc = 0;
done:
    digest_stream_free(writer.digest);
    return rc;
}

static int make_file(const char *path, const struct node_file_plan *plan,
                     struct error *err)
{
    char *temporary;
    int fd, rc = 0;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        rc = error_set(err, ERR_IO, "%s: %s", temporary, strerror(errno));
        goto done;
    }
    if (write_file(fd, plan))
        rc = error_set(err, ERR_IO, "%s: cannot write: %s", temporary, strerror(errno));
    if (close(fd) < 0 && !rc)
        rc = error_set(err, ERR_IO, "%s: cannot write: %s", temporary, strerror(errno));
    if (!rc && rename(temporary, path) < 0)
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc)
        unlink(temporary);
done:
    free(temporary);
    return rc;
}

static bool header_good(const struct file_map *map, const struct node_file_plan *plan)
{
    struct node_header header;

    if (map->size != whole_size(plan))
        return false;
    memcpy(&header, map->data, sizeof header);
    return !memcmp(header.magic, node_magic, sizeof node_magic) &&
           header.size == whole_size(plan) &&
           digest_equal(header.source, plan->source) &&
           digest_equal(header.values,
                        digest_of(map->data + sizeof header, plan->size));
}

/* A regular file of this user that no one else can write or reach by another name. */
static bool ours(const char *path)
{
    struct stat st;

    return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 0777) == 0600 && st.st_nlink == 1;
}

static bool map_file(struct file_map *map, const char *path,
                     const struct node_file_plan *plan)
{
    if (!ours(path) || file_map_open(map, path, NULL))
        return false;
    if (header_good(map, plan))
        return true;
    file_map_close(map);
    return false;
}

/* One that holds it may have been stopped. */
static int lock_within(int fd, double limit_s)
{
    double end = clock_monotonic_s() + limit_s;
    int rc;

    while ((rc = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK &&
           clock_monotonic_s() < end)
        clock_sleep_s(0.01);
    return rc;
}

/* Takes the lock under which files are made and removed. One of another user is
 * refused: it could be held for ever. */
static int take_lock(const char *dir, double limit_s, struct error *err)
{
    struct stat st;
    char *name;
    int fd;

    if (asprintf(&name, "%s/shiftwork-%u.lock", dir, (unsigned)geteuid()) < 0) {
        error_set(err, ERR_MEMORY, "out of memory");
        return -1;
    }
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
        lock_within(fd, limit_s) < 0) {
        error_set(err, ERR_IO, "%s: cannot lock it", name);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(name);
    return fd;
}

/* Under the lock: maps the file, made before if need be, and says that it is used. */
static int map_or_make(struct node_file *file, const struct node_file_plan *plan,
                       struct error *err)
{
    int rc = 0;

    if (!map_file(&file->map, file->path, plan)) {
        rc = make_file(file->path, plan, err);
        if (!rc && !map_file(&file->map, file->path, plan))
            rc = error_set(err, ERR_IO, "%s: changed while it was made", file->path);
    }
    if (rc)
        return rc;
    file->use = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file->use >= 0 && !flock(file->use, LOCK_SH))
        return 0;
    if (file->use >= 0)
        close(file->use);
    file_map_close(&file->map);
    return error_set(err, ERR_IO, "%s: cannot lock it", file->path);
}

static int open_in(struct node_file *file, const char *dir,
                   const struct node_file_plan *plan, struct error *err)
{
    char hex[DIGEST_HEX];
    int lock = take_lock(dir, make_s, err), rc = ERR_IO;

    if (lock < 0)
        return rc;
    digest_hex(hex, plan->source);
    if (!(file->dir = strdup(dir)) ||
        asprintf(&file->path, "%s/shiftwork-%u-%s.%s", dir, (unsigned)geteuid(), hex,
                 plan->kind) < 0) {
        file->path = NULL;
        rc = error_set(err, ERR_MEMORY, "out of memory");
    } else {
        rc = map_or_make(file, plan, err);
    }
    close(lock);
    if (rc) {
        free(file->dir);
        free(file->path);
        *file = (struct node_file){0};
    }
    return rc;
}

int node_file_open(struct node_file *file, const struct node_file_plan *plan,
                   struct error *err)
{
    const char *const dirs[] = {getenv("TMPDIR"), "/tmp", "/dev/shm"};
    int rc = ERR_IO;

    *file = (struct node_file){0};
    for (size_t i = 0; rc && i < sizeof dirs / sizeof *dirs; i++)
        if (dirs[i] && dirs[i][0] == '/')
            rc = open_in(file, dirs[i], plan, err);
    if (!rc)
        file->data = file->map.data + sizeof(struct node_header);
    return rc;
}

/* Not one that was made since, in the place of a damaged one. */
static bool is_still_there(const struct node_file *file)
{
    struct stat used, there;

    return !fstat(file->use, &used) && !lstat(file->path, &there) &&
           used.st_dev == there.st_dev && used.st_ino == there.st_ino;
}

void node_file_close(struct node_file *file)
{
    int lock;

    if (!file->path)
        return;
    lock = take_lock(file->dir, 0, NULL);
    if (lock >= 0 && !flock(file->use, LOCK_EX | LOCK_NB) && is_still_there(file))
        unlink(file->path); /* nobody else uses it */
    close(file->use);
    if (lock >= 0)
        close(lock);
    file_map_close(&file->map);
    free(file->path);
    free(file->dir);
    *file = (struct node_file){0};
}
