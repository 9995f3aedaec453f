/* One lock a directory guards making, finding and removing; a shared lock on the file
 * itself says that it is used. */
#include "storage/node_place.h"

#include "common/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const double make_s = 60; /* for another process to make its file */
static const double leave_s = 2; /* for another one that leaves, or is making */

enum { PLACES = 3 };

/* Returns how many there are, each once. */
static int list_dirs(const char *dirs[PLACES])
{
    const char *const all[PLACES] = {getenv("TMPDIR"), "/tmp", "/dev/shm"};
    int count = 0;

    for (int i = 0; i < PLACES; i++) {
        bool there = all[i] && all[i][0] == '/';

        for (int k = 0; there && k < count; k++)
            there = strcmp(dirs[k], all[i]) != 0;
        if (there)
            dirs[count++] = all[i];
    }
    return count;
}

/* A regular file of this user that no one else can write or reach by another name. */
static int open_ours(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
                    (st.st_mode & 0777) != 0600 || st.st_nlink != 1)) {
        close(fd);
        fd = -1;
    }
    return fd;
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

static int make_file(const char *path, const struct node_place_plan *plan,
                     struct error *err)
{
    char *temporary;
    int fd, rc;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        rc = error_set(err, ERR_IO, "%s: %s", temporary, strerror(errno));
        goto done;
    }
    rc = plan->make(plan->context, temporary, fd, err);
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

/* Under the lock: takes the file, made before if need be, and says that it is used. */
static int take_or_make(struct node_place *place, const struct node_place_plan *plan,
                        struct error *err)
{
    int fd = open_ours(place->path), rc = ERR_INPUT;

    if (fd >= 0)
        rc = plan->take(plan->context, place->path, fd, err);
    if (rc == ERR_INPUT) {
        if (fd >= 0)
            close(fd);
        fd = -1;
        rc = make_file(place->path, plan, err);
        if (!rc && (fd = open_ours(place->path)) >= 0)
            rc = plan->take(plan->context, place->path, fd, err);
        if (rc == ERR_INPUT || (!rc && fd < 0))
            rc = error_set(err, ERR_IO, "%s: changed while it was made", place->path);
    }
    if (!rc && flock(fd, LOCK_SH) == 0) {
        place->use = fd;
        return 0;
    }
    if (!rc)
        rc = error_set(err, ERR_IO, "%s: cannot lock it", place->path);
    if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
        unlink(place->path); /* nobody else uses it */
    if (fd >= 0)
        close(fd);
    return rc;
}

static int open_in(struct node_place *place, const char *dir,
                   const struct node_place_plan *plan, struct error *err)
{
    char hex[DIGEST_HEX];
    int lock = take_lock(dir, make_s, err), rc;

    if (lock < 0)
        return ERR_IO;
    digest_hex(hex, plan->source);
    if (!(place->dir = strdup(dir)) ||
        asprintf(&place->path, "%s/shiftwork-%u-%s.%s", dir, (unsigned)geteuid(), hex,
                 plan->kind) < 0) {
        place->path = NULL;
        rc = error_set(err, ERR_MEMORY, "out of memory");
    } else {
        rc = take_or_make(place, plan, err);
    }
    close(lock);
    if (rc) {
        free(place->dir);
        free(place->path);
        *place = (struct node_place){0};
    }
    return rc;
}

int node_place_open(struct node_place *place, const struct node_place_plan *plan,
                    struct error *err)
{
    const char *dirs[PLACES];
    int count = list_dirs(dirs), rc = ERR_IO;
    struct error why = {""}, all = {""};

    *place = (struct node_place){0};
    for (int i = 0; rc && i < count; i++) {
        size_t at = strlen(all.text);

        rc = open_in(place, dirs[i], plan, &why);
        if (rc)
            snprintf(all.text + at, sizeof all.text - at, "%s%s", at ? "; " : "",
                     why.text);
    }
    return rc ? error_set(err, rc, "%s", all.text) : 0;
}

/* Not one that was made since, in the place of a damaged one. */
static bool is_still_there(const struct node_place *place)
{
    struct stat used, there;

    return !fstat(place->use, &used) && !lstat(place->path, &there) &&
           used.st_dev == there.st_dev && used.st_ino == there.st_ino;
}

void node_place_close(struct node_place *place)
{
    int lock;

    if (!place->path)
        return;
    lock = take_lock(place->dir, leave_s, NULL);
    if (lock >= 0 && !flock(place->use, LOCK_EX | LOCK_NB) && is_still_there(place))
        unlink(place->path); /* nobody else uses it */
    close(place->use);
    if (lock >= 0)
        close(lock);
    free(place->path);
    free(place->dir);
    *place = (struct node_place){0};
}

/* ---- what lies there ---- */

/* "shiftwork-USER-DIGEST.KIND", or such a name with what mkostemp() put behind it. */
static bool is_name(const char *name)
{
    char start[64];
    int length = snprintf(start, sizeof start, "shiftwork-%u-", (unsigned)geteuid());

    if (strncmp(name, start, (size_t)length) != 0)
        return false;
    name += length;
    for (int i = 0; i < DIGEST_HEX - 1; i++, name++)
        if (!isxdigit((unsigned char)*name))
            return false;
    return *name == '.' && name[1];
}

struct listing {
    bool clean;
    void (*say)(void *context, const struct node_entry *);
    void *context;
};

/* Under the lock, so that a file which nobody uses is not just being made. */
static int look_at(const struct listing *listing, const char *path, struct error *err)
{
    struct node_entry entry = {.path = path};
    int fd = open_ours(path), rc = 0;
    struct stat st;

    if (fd < 0)
        return 0; /* another's, under such a name */
    if (!fstat(fd, &st))
        entry.bytes = (uint64_t)st.st_blocks * 512;
    entry.used = flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (listing->clean && !entry.used) {
        entry.removed = !unlink(path);
        if (!entry.removed)
            rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    close(fd);
    listing->say(listing->context, &entry);
    return rc;
}

static int list_locked(const struct listing *listing, const char *dir, DIR *stream,
                       struct error *err)
{
    int rc = 0;

    for (struct dirent *d; !rc && (d = readdir(stream));) {
        char *path;

        if (!is_name(d->d_name))
            continue;
        if (asprintf(&path, "%s/%s", dir, d->d_name) < 0)
            return error_set(err, ERR_MEMORY, "out of memory");
        rc = look_at(listing, path, err);
        free(path);
    }
    return rc;
}

static bool has_some(DIR *stream)
{
    bool some = false;

    for (struct dirent *d; !some && (d = readdir(stream));)
        some = is_name(d->d_name);
    rewinddir(stream);
    return some;
}

static int list_dir(const struct listing *listing, const char *dir, struct error *err)
{
    DIR *stream = opendir(dir);
    int rc = 0;

    if (stream && has_some(stream)) {
        int lock = take_lock(dir, make_s, err);

        rc = lock < 0 ? ERR_IO : list_locked(listing, dir, stream, err);
        if (lock >= 0)
            close(lock);
    }
    if (stream)
        closedir(stream);
    return rc;
}

int node_place_list(bool clean, void (*say)(void *context, const struct node_entry *),
                    void *context, struct error *err)
{
    const struct listing listing = {clean, say, context};
    const char *dirs[PLACES];
    int count = list_dirs(dirs), rc = 0;

    for (int i = 0; i < count; i++) {
        int now = list_dir(&listing, dirs[i], rc ? NULL : err);

        rc = rc ? rc : now;
    }
    return rc;
}
