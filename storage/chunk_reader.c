/* The file that was read last stays open: the next part is most often of the same. */
#include "storage/chunk_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum step { STEP_IDLE, STEP_READING, STEP_ENDED, STEP_LEAVING };

struct chunk_reader {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum step step; /* under lock */
    bool busy;      /* of the owner alone: started, not yet polled */
    size_t most;
    uint8_t *buffer;
    const char *path; /* of the part; offset and wanted too */
    uint64_t offset;
    size_t wanted, got;
    struct error why; /* where got is less than wanted */
    int fd;           /* of the thread alone: of opened */
    const char *opened;
};

static int open_file(struct chunk_reader *r)
{
    if (r->fd >= 0 && r->opened == r->path)
        return 0;
    if (r->fd >= 0)
        close(r->fd);
    r->opened = r->path;
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return error_set(&r->why, ERR_IO, "%s: %s", r->path, strerror(errno));
    return 0;
}

static void read_part(struct chunk_reader *r)
{
    r->got = 0;
    if (open_file(r))
        return;
    while (r->got < r->wanted) {
        ssize_t n = pread(r->fd, r->buffer + r->got, r->wanted - r->got,
                          (off_t)(r->offset + r->got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            error_set(&r->why, ERR_IO, "%s: %s", r->path,
                      n ? strerror(errno) : "it has become shorter");
            return;
        }
        r->got += (size_t)n;
    }
}

static void *read_thread(void *argument)
{
    struct chunk_reader *r = argument;

    pthread_mutex_lock(&r->lock);
    while (r->step != STEP_LEAVING) {
        if (r->step != STEP_READING) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        read_part(r);
        pthread_mutex_lock(&r->lock);
        if (r->step == STEP_READING)
            r->step = STEP_ENDED;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int chunk_reader_new(struct chunk_reader **out, size_t most, struct error *err)
{
    struct chunk_reader *r = calloc(1, sizeof *r);
    uint8_t *buffer = malloc(most);

    if (!r || !buffer) {
        free(r);
        free(buffer);
        return error_set(err, ERR_MEMORY, "out of memory for a reader");
    }
    r->buffer = buffer;
    r->most = most;
    r->fd = -1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    int rc = pthread_create(&r->thread, NULL, read_thread, r);
    if (rc) {
        free(buffer);
        free(r);
        return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc));
    }
    *out = r;
    return 0;
}

static void set_step(struct chunk_reader *r, enum step step)
{
    pthread_mutex_lock(&r->lock);
    r->step = step;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void chunk_reader_free(struct chunk_reader *reader)
{
    if (!reader)
        return;
    set_step(reader, STEP_LEAVING);
    pthread_join(reader->thread, NULL);
    if (reader->fd >= 0)
        close(reader->fd);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    free(reader->buffer);
    free(reader);
}

bool chunk_reader_busy(const struct chunk_reader *reader) { return reader->busy; }

void chunk_reader_start(struct chunk_reader *reader, const char *path, uint64_t offset,
                        size_t size)
{
    assert(!reader->busy && size <= reader->most);
    reader->path = path;
    reader->offset = offset;
    reader->wanted = size;
    reader->busy = true;
    set_step(reader, STEP_READING);
}

bool chunk_reader_poll(struct chunk_reader *reader, const uint8_t **data, size_t *size,
                       struct error *err)
{
    if (!reader->busy)
        return false;
    pthread_mutex_lock(&reader->lock);
    bool ended = reader->step == STEP_ENDED;
    pthread_mutex_unlock(&reader->lock);
    if (!ended)
        return false;
    reader->busy = false;
    *data = reader->buffer;
    *size = reader->got;
    if (reader->got < reader->wanted)
        *err = reader->why;
    return true;
}
