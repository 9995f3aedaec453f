#include "storage/append_file.h"

#include "storage/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int append_file_create(struct append_file *f, const char *path, struct error *err)
{
    *f = (struct append_file){.fd = -1};
    f->path = strdup(path);
    if (!f->path)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int wrong = errno;
    int rc = 0;
    if (f->fd < 0)
        rc = wrong == EEXIST ? 1
                             : error_set(err, ERR_IO, "%s: cannot create: %s", path,
                                         strerror(wrong));
    else
        rc = file_sync_name(path, err);
    if (rc)
        append_file_clear(f);
    return rc;
}

void append_file_clear(struct append_file *f)
{
    if (!f->path)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    bytes_clear(&f->pending);
    bytes_clear(&f->flying);
    *f = (struct append_file){.fd = -1};
}

uint64_t append_file_end(const struct append_file *f)
{
    return f->committed + f->flying.size + f->pending.size;
}

void append_file_take(struct append_file *f)
{
    struct bytes empty = f->flying;

    f->flying = f->pending;
    f->pending = empty;
}

static int write_all(const struct append_file *f, struct error *err)
{
    size_t done = 0;

    while (done < f->flying.size) {
        ssize_t n = pwrite(f->fd, f->flying.data + done, f->flying.size - done,
                           (off_t)(f->committed + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(err, ERR_IO, "%s: cannot write: %s", f->path,
                             strerror(n ? errno : ENOSPC));
        done += (size_t)n;
    }
    if (fdatasync(f->fd))
        return error_set(err, ERR_IO, "%s: cannot sync: %s", f->path, strerror(errno));
    return 0;
}

int append_file_flush(struct append_file *f, struct error *err)
{
    if (f->flying.size == 0)
        return 0;
    int rc = write_all(f, err);
    if (rc && ftruncate(f->fd, (off_t)f->committed))
        return rc; /* then the reader cuts */
    return rc;
}

void append_file_landed(struct append_file *f)
{
    f->committed += f->flying.size;
    f->flying.size = 0;
}
