/* Opening files that others wrote: the kind and the size are checked before use. */
#include "storage/file_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_regular(int *fd, size_t *size, const char *path, struct error *err)
{
    struct stat st;
    int rc;

    /* Without O_NONBLOCK a named pipe would block for ever. */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        rc = errno == EIO || errno == ESTALE ? ERR_IO : ERR_INPUT;
        return error_set(err, rc, "%s: cannot open: %s", path, strerror(errno));
    }
    if (fstat(*fd, &st) < 0)
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, ERR_INPUT, "%s: not a regular file", path);
    else if (st.st_size <= 0)
        rc = error_set(err, ERR_INPUT, "%s: the file is empty", path);
    else
        rc = 0;
    if (rc) {
        close(*fd);
        return rc;
    }
    *size = (size_t)st.st_size;
    return 0;
}

int file_map_open(struct file_map *out, const char *path, struct error *err)
{
    void *data;
    size_t size = 0;
    int fd, rc;

    *out = (struct file_map){0};
    rc = open_regular(&fd, &size, path, err);
    if (rc)
        return rc;
    data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        rc = error_set(err, ERR_IO, "%s: cannot map: %s", path, strerror(errno));
    else
        *out = (struct file_map){data, size};
    close(fd);
    return rc;
}

void file_map_close(struct file_map *map)
{
    if (map->data)
        munmap((void *)map->data, map->size);
    *map = (struct file_map){0};
}

static int read_all(char *text, size_t size, int fd, const char *path,
                    struct error *err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, text + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(err, ERR_IO, "%s: cannot read: %s", path,
                             n ? strerror(errno) : "the file became shorter");
        done += (size_t)n;
    }
    text[size] = 0;
    return 0;
}

int file_read(char **out, size_t *size, const char *path, size_t limit,
              struct error *err)
{
    size_t bytes = 0;
    int fd, rc;

    *out = NULL;
    rc = open_regular(&fd, &bytes, path, err);
    if (rc)
        return rc;
    if (bytes > limit)
        rc =
            error_set(err, ERR_INPUT, "%s: %zu bytes, at most %zu", path, bytes, limit);
    else if (!(*out = malloc(bytes + 1)))
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", path);
    else
        rc = read_all(*out, bytes, fd, path, err);
    close(fd);
    if (rc) {
        free(*out);
        *out = NULL;
    } else if (size) {
        *size = bytes;
    }
    return rc;
}

char *path_join(const char *dir, const char *name)
{
    size_t length = strlen(dir);
    char *path;

    while (length > 1 && dir[length - 1] == '/')
        length--;
    if (asprintf(&path, "%.*s/%s", (int)length, dir, name) < 0)
        return NULL;
    return path;
}
