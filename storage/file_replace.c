/* Files and folders that appear whole or not at all. */
#include "storage/file_replace.h"

#include "storage/file_map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that path is in. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* Some file systems cannot sync a folder; they say EINVAL. */
int file_sync_name(const char *path, struct error *err)
{
    char *folder = folder_of(path);
    int fd, rc = 0;

    if (!folder)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        rc = error_set(err, ERR_IO, "%s: cannot sync: %s", folder, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

/* The path without closing slashes, and a name beside it. */
static int set_names(char **path, char **temporary, const char *wanted,
                     struct error *err)
{
    size_t length = strlen(wanted);

    *path = *temporary = NULL;
    if (!length)
        return error_set(err, ERR_INPUT, "an empty path");
    while (length > 1 && wanted[length - 1] == '/')
        length--;
    *path = strndup(wanted, length);
    if (!*path || asprintf(temporary, "%s.tmp.%ld", *path, (long)getpid()) < 0) {
        *temporary = NULL;
        return error_set(err, ERR_MEMORY, "%s: out of memory", wanted);
    }
    return 0;
}

/* A rename would take the place of a device or a link. */
static int refuse_other_kinds(const char *path, struct error *err)
{
    struct stat st;

    if (lstat(path, &st) || S_ISREG(st.st_mode))
        return 0;
    return error_set(err, ERR_INPUT, "%s: it exists and is no regular file", path);
}

int file_replace_begin(struct file_replace *f, const char *path, struct error *err)
{
    int rc;

    *f = (struct file_replace){.fd = -1};
    rc = refuse_other_kinds(path, err);
    if (!rc)
        rc = set_names(&f->path, &f->temporary, path, err);
    if (!rc) {
        /* One left by a process of the same number that died. */
        unlink(f->temporary);
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f->fd < 0)
            rc = error_set(err, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    }
    if (rc)
        file_replace_abandon(f);
    return rc;
}

int file_replace_check(const char *path, struct error *err)
{
    struct file_replace f;
    int rc = file_replace_begin(&f, path, err);

    if (!rc)
        file_replace_abandon(&f);
    return rc;
}

int file_replace_write(struct file_replace *f, const void *data, size_t size,
                       struct error *err)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t n = write(f->fd, at, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(err, ERR_IO, "%s: cannot write: %s", f->path,
                             strerror(n ? errno : ENOSPC));
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static void release(struct file_replace *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free(f->temporary);
    *f = (struct file_replace){.fd = -1};
}

int file_replace_commit(struct file_replace *f, struct error *err)
{
    return file_replace_commit_through(f, NULL, err);
}

int file_replace_commit_through(struct file_replace *f, const struct file_gate *gate,
                                struct error *err)
{
    int rc = 0;

    if (fsync(f->fd) < 0)
        rc = error_set(err, ERR_IO, "%s: cannot sync: %s", f->path, strerror(errno));
    if (close(f->fd) < 0 && !rc)
        rc = error_set(err, ERR_IO, "%s: cannot write: %s", f->path, strerror(errno));
    f->fd = -1;
    if (!rc && gate)
        rc = gate->ask(gate->arg, err);
    if (!rc && rename(f->temporary, f->path) < 0)
        rc = error_set(err, ERR_IO, "%s: cannot rename to it: %s", f->path,
                       strerror(errno));
    if (rc)
        unlink(f->temporary);
    else
        rc = file_sync_name(f->path, err);
    release(f);
    return rc;
}

void file_replace_abandon(struct file_replace *f)
{
    if (!f->path)
        return;
    if (f->fd >= 0)
        unlink(f->temporary);
    release(f);
}

int file_replace(const char *path, const void *data, size_t size, struct error *err)
{
    struct file_replace f;
    int rc = file_replace_begin(&f, path, err);

    if (rc)
        return rc;
    rc = file_replace_write(&f, data, size, err);
    if (!rc)
        return file_replace_commit(&f, err);
    file_replace_abandon(&f);
    return rc;
}

int file_replace_unsynced(const char *path, const void *data, size_t size,
                          struct error *err)
{
    struct file_replace f;
    int rc = file_replace_begin(&f, path, err);

    if (rc)
        return rc;
    rc = file_replace_write(&f, data, size, err);
    if (!rc && rename(f.temporary, f.path) < 0)
        rc = error_set(err, ERR_IO, "%s: cannot rename to it: %s", path,
                       strerror(errno));
    if (rc)
        file_replace_abandon(&f);
    else
        release(&f);
    return rc;
}

/* Takes fd. Folders in it are only ever those that were made in a new one. */
static void empty_folder(int fd)
{
    DIR *folder = fdopendir(fd);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            !unlinkat(fd, entry->d_name, 0))
            continue;
        int inside =
            openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inside >= 0)
            empty_folder(inside);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    if (folder)
        closedir(folder);
    else
        close(fd);
}

static void remove_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0)
        empty_folder(fd);
    rmdir(path);
}

static int make_folder(const char *path)
{
    if (!mkdir(path, 0777))
        return 0;
    if (errno != EEXIST)
        return -1;
    remove_folder(path); /* of a process of the same number that died */
    return mkdir(path, 0777);
}

int folder_create_begin(struct folder_create *f, const char *path, struct error *err)
{
    struct stat st;
    int rc;

    *f = (struct folder_create){0};
    rc = set_names(&f->path, &f->temporary, path, err);
    if (!rc && !lstat(f->path, &st))
        rc = error_set(err, ERR_INPUT, "%s: exists already", f->path);
    if (!rc && make_folder(f->temporary) < 0)
        rc = error_set(err, ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    if (rc) {
        free(f->path);
        free(f->temporary);
        *f = (struct folder_create){0};
    }
    return rc;
}

/* A file system that does not know RENAME_NOREPLACE says EINVAL; there, only an empty
 * folder made meanwhile would be replaced. */
static int rename_new(const char *from, const char *to)
{
    if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
        return 0;
    return errno == EINVAL ? rename(from, to) : -1;
}

int folder_create_commit(struct folder_create *f, struct error *err)
{
    /* The files were synced when they were written, their names are now. */
    char *inside = path_join(f->temporary, ".");
    int rc = 0;

    if (!inside)
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", f->path);
    if (!rc)
        rc = file_sync_name(inside, err);
    free(inside);
    if (!rc && rename_new(f->temporary, f->path) < 0)
        rc = error_set(err, errno == EEXIST ? ERR_INPUT : ERR_IO, "%s: %s", f->path,
                       errno == EEXIST ? "exists already" : strerror(errno));
    if (!rc)
        rc = file_sync_name(f->path, err);
    folder_create_abandon(f);
    return rc;
}

void folder_create_abandon(struct folder_create *f)
{
    if (f->temporary)
        remove_folder(f->temporary); /* no longer there after the rename */
    free(f->path);
    free(f->temporary);
    *f = (struct folder_create){0};
}

int file_replace_stream(const char *path, FILE *out, char *const *text,
                        const size_t *size, struct error *err)
{
    int rc = fclose(out) ? error_set(err, ERR_MEMORY, "%s: out of memory", path)
                         : file_replace(path, *text, *size, err);
    free(*text);
    return rc;
}
