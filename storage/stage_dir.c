/* Locks are flock's: they end with their process, and belong to the open file, so the
 * name of a part is looked at again once its lock is held: another process may have
 * renamed or removed it in between. */
#include "storage/stage_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int check_dir(const char *dir, struct error *err)
{
    struct stat st;

    if (lstat(dir, &st) < 0)
        return error_set(err, ERR_INPUT, "cluster.stage: %s: %s", dir, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERR_INPUT, "cluster.stage: %s: not a directory", dir);
    if (st.st_uid != geteuid())
        return error_set(err, ERR_INPUT, "cluster.stage: %s: belongs to another user",
                         dir);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERR_INPUT, "cluster.stage: %s: others may write into it",
                         dir);
    return 0;
}

/* Whether the open file still has this name. */
static bool has_name(int fd, const char *path)
{
    struct stat open_file, named;

    return !fstat(fd, &open_file) && !lstat(path, &named) &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

static void remove_dead_part(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return;
    if (!flock(fd, LOCK_EX | LOCK_NB) && has_name(fd, path))
        unlink(path);
    close(fd);
}

static bool is_part(const char *name)
{
    const char *end = strrchr(name, '.');

    return end && !strcmp(end, ".part");
}

static void remove_dead_parts(const char *dir)
{
    DIR *stream = opendir(dir);
    char *path;

    if (!stream)
        return;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (!is_part(entry->d_name) || asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
            continue;
        remove_dead_part(path);
        free(path);
    }
    closedir(stream);
}

int stage_dir_open(const char *dir, struct error *err)
{
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return error_set(err, ERR_INPUT, "cluster.stage: %s: cannot be made: %s", dir,
                         strerror(errno));
    int rc = check_dir(dir, err);
    if (!rc)
        remove_dead_parts(dir);
    return rc;
}

int stage_dir_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(err, ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
    return 0;
}

/* True where all of it could be read and has that digest. */
static bool has_digest(int fd, struct digest digest, void (*step)(void *),
                       void *context)
{
    enum { BUFFER = 1 << 18 };
    struct digest_stream *stream = digest_stream_new();
    char *buffer = malloc(BUFFER);
    ssize_t n = -1;

    while (stream && buffer && (n = read(fd, buffer, BUFFER)) > 0) {
        digest_stream_add(stream, buffer, (size_t)n);
        if (step)
            step(context);
    }
    bool same = n == 0 && digest_equal(digest_stream_value(stream), digest);
    digest_stream_free(stream);
    free(buffer);
    return same;
}

void stage_dir_look(struct stage_look *out, const char *path, uint64_t size,
                    struct digest digest, void (*step)(void *), void *context)
{
    struct stat st;

    *out = (struct stage_look){.state = STAGE_ABSENT};
    if (lstat(path, &st) < 0)
        return;
    *out = (struct stage_look){STAGE_DAMAGED, st.st_dev, st.st_ino};
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (has_digest(fd, digest, step, context) && has_name(fd, path))
        out->state = STAGE_WHOLE;
    close(fd);
}

bool stage_dir_changed(const struct stage_look *look, const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return look->state != STAGE_ABSENT;
    return look->state == STAGE_ABSENT || st.st_dev != look->device ||
           st.st_ino != look->inode;
}

static int cannot_write(const char *path, struct error *err)
{
    return error_set(err, ERR_IO, "cluster.stage: %s: cannot write: %s", path,
                     strerror(errno));
}

/* Room for all of it at once: a full disk is noticed before anything is sent. */
static int make_room(const struct stage_part *part, uint64_t size, struct error *err)
{
    if (ftruncate(part->fd, 0) < 0 ||
        (fallocate(part->fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP))
        return cannot_write(part->path, err);
    return 0;
}

/* -1 with errno; the lock may be another's (EWOULDBLOCK). */
static int open_locked(const char *path)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            int why = errno;
            close(fd);
            errno = why;
            return -1;
        }
        if (has_name(fd, path))
            return fd;
        close(fd);
    }
}

static char *part_path(const struct stage_place *place)
{
    char hex[DIGEST_HEX], turn[16] = "", *path;

    digest_hex(hex, place->digest);
    if (place->turn > 0)
        snprintf(turn, sizeof turn, ".%d", place->turn);
    return asprintf(&path, "%s/%s-%" PRIu64 "%s.part", place->dir, hex, place->size,
                    turn) < 0
               ? NULL
               : path;
}

int stage_part_take(struct stage_part *out, const struct stage_place *place,
                    struct error *err)
{
    out->fd = -1;
    if (!(out->path = part_path(place)))
        return error_set(err, ERR_MEMORY, "out of memory for a path");
    out->fd = open_locked(out->path);
    int rc = out->fd >= 0           ? make_room(out, place->size, err)
             : errno == EWOULDBLOCK ? 0
                                    : cannot_write(out->path, err);
    if (!rc && out->fd >= 0)
        return 1;
    stage_part_drop(out);
    return rc;
}

double stage_part_idle_s(const struct stage_place *place)
{
    char *path = part_path(place);
    struct timespec now;
    struct stat st;
    double idle = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    if (path && !lstat(path, &st))
        idle = (double)(now.tv_sec - st.st_mtim.tv_sec) +
               1e-9 * (double)(now.tv_nsec - st.st_mtim.tv_nsec);
    free(path);
    return idle;
}

int stage_part_write(struct stage_part *part, const void *data, size_t size,
                     struct error *err)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(part->fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cannot_write(part->path, err);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int stage_part_finish(struct stage_part *part, const char *path, struct error *err)
{
    int rc = 0;

    if (rename(part->path, path) < 0)
        return cannot_write(path, err);
    if (close(part->fd) < 0) {
        rc = cannot_write(path, err);
        unlink(path);
    }
    part->fd = -1;
    return rc;
}

void stage_part_drop(struct stage_part *part)
{
    if (part->fd >= 0) {
        unlink(part->path);
        close(part->fd);
    }
    free(part->path);
    *part = (struct stage_part){.fd = -1};
}
