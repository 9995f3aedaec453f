/* A line of parts, first come first served; each worker stands in it FETCH_MAX times at
 * most, so the line has a fixed size. One part at a time is in memory here. */
#include "coordinator/staging.h"

#include "common/log.h"
#include "jobs/identity.h"
#include "storage/chunk_reader.h"
#include "storage/file_map.h"
#include "storage/weight_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct source {
    struct stage_file file; /* its name is owned */
    char *path;
    bool broken; /* said */
};

struct asked {
    int worker; /* -1: is gone */
    struct fetch part;
};

struct staging {
    char *dir;
    struct source *sources;
    uint32_t count, capacity;
    struct asked *line; /* (workers · FETCH_MAX) a ring */
    size_t first, length, line_capacity;
    int *waiting; /* (workers) places in line */
    int workers;
    struct asked reading;
    struct chunk_reader *reader;
};

/* Takes path over, which may be NULL. */
static int add_source(struct staging *s, enum stage_kind kind, int task,
                      const char *name, char *path, struct error *err)
{
    struct stat st;
    if (!path || s->count == s->capacity) {
        free(path);
        return error_set(err, ERR_MEMORY, "out of memory for the files to stage");
    }
    struct source *source = &s->sources[s->count++];
    source->path = path;
    source->file = (struct stage_file){.file = s->count - 1,
                                       .kind = kind,
                                       .task = (uint16_t)task,
                                       .name = strdup(name)};
    if (!source->file.name)
        return error_set(err, ERR_MEMORY, "out of memory for the files to stage");
    int rc = identity_file_digest(&source->file.digest, path, err);
    if (!rc && stat(path, &st) < 0)
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    else if (!rc && (!S_ISREG(st.st_mode) || st.st_size == 0))
        rc = error_set(err, ERR_INPUT, "%s: not a file with something in it", path);
    if (!rc)
        source->file.size = (uint64_t)st.st_size;
    return rc;
}

static void drop_last(struct staging *s)
{
    struct source *source = &s->sources[--s->count];
    free((char *)source->file.name);
    free(source->path);
    *source = (struct source){0};
}

static bool has_init(const struct staging *s, struct digest digest)
{
    for (uint32_t i = 0; i + 1 < s->count; i++)
        if (s->sources[i].file.kind == STAGE_INIT &&
            digest_equal(s->sources[i].file.digest, digest))
            return true;
    return false;
}

/* One that is gone by now may be of no trial that is left; workers will say so. */
static int add_init(struct staging *s, const char *path, struct error *err)
{
    int rc = add_source(s, STAGE_INIT, 0, "", strdup(path), err);
    if (rc == ERR_MEMORY)
        return rc;
    if (rc || has_init(s, s->sources[s->count - 1].file.digest))
        drop_last(s);
    return 0;
}

static int add_encoder(struct staging *s, const char *dir, char *const *names,
                       int count, struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < count; i++)
        rc = add_source(s, STAGE_ENCODER, 0, names[i], path_join(dir, names[i]), err);
    return rc;
}

static int add_all(struct staging *s, const struct staging_order *order,
                   struct error *err)
{
    char **names;
    int count, rc = weight_files_names(&names, &count, order->encoder, err);
    if (!rc) {
        s->capacity =
            (uint32_t)count + (uint32_t)order->task_count + (uint32_t)order->init_count;
        s->sources = calloc(s->capacity, sizeof *s->sources);
        rc = s->sources ? add_encoder(s, order->encoder, names, count, err)
                        : error_set(err, ERR_MEMORY, "out of memory for files");
    }
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    for (int i = 0; !rc && i < order->task_count; i++)
        rc = add_source(s, STAGE_DATASET, i, "", strdup(order->datasets[i]), err);
    for (int i = 0; !rc && i < order->init_count; i++)
        rc = add_init(s, order->inits[i], err);
    if (!rc && s->count > STAGE_FILES_MAX)
        rc = error_set(err, ERR_INPUT, "cluster.stage: %" PRIu32 " files, at most %d",
                       s->count, STAGE_FILES_MAX);
    return rc;
}

int staging_new(struct staging **out, const struct staging_order *order,
                struct error *err)
{
    struct staging *s = calloc(1, sizeof *s);
    int rc = 0;
    if (!s)
        return error_set(err, ERR_MEMORY, "out of memory for staging");
    s->workers = order->workers;
    s->line_capacity = (size_t)order->workers * FETCH_MAX;
    s->dir = strdup(order->dir);
    s->line = calloc(s->line_capacity, sizeof *s->line);
    s->waiting = calloc((size_t)order->workers, sizeof *s->waiting);
    if (!s->dir || !s->line || !s->waiting)
        rc = error_set(err, ERR_MEMORY, "out of memory for %d workers", order->workers);
    if (!rc)
        rc = add_all(s, order, err);
    if (!rc)
        rc = chunk_reader_new(&s->reader, CHUNK_MAX, err);
    if (rc)
        staging_free(s);
    else
        *out = s;
    return rc;
}

void staging_free(struct staging *staging)
{
    if (!staging)
        return;
    chunk_reader_free(staging->reader);
    while (staging->count > 0)
        drop_last(staging);
    free(staging->sources);
    free(staging->waiting);
    free(staging->line);
    free(staging->dir);
    free(staging);
}

bool staging_announce(const struct staging *staging, uint32_t index, struct bytes *out)
{
    if (index > staging->count)
        return false;
    if (index == 0)
        stage_order_encode(out, &(struct stage_order){staging->dir, staging->count});
    else
        stage_file_encode(out, &staging->sources[index - 1].file);
    return true;
}

int staging_ask(struct staging *staging, int worker, const struct fetch *m,
                struct error *err)
{
    if (m->file >= staging->count)
        return error_set(err, ERR_PROTOCOL, "FETCH of file %" PRIu32, m->file);
    uint64_t size = staging->sources[m->file].file.size;
    if (m->offset >= size || m->size > size - m->offset)
        return error_set(err, ERR_PROTOCOL,
                         "FETCH of %" PRIu32 " bytes at %" PRIu64 " of %" PRIu64,
                         m->size, m->offset, size);
    if (staging->waiting[worker] == FETCH_MAX)
        return error_set(err, ERR_PROTOCOL, "FETCH of more than %d parts at once",
                         FETCH_MAX);
    staging->waiting[worker]++;
    staging->line[(staging->first + staging->length++) % staging->line_capacity] =
        (struct asked){worker, *m};
    return 0;
}

void staging_forget(struct staging *staging, int worker)
{
    for (size_t i = 0; i < staging->length; i++) {
        struct asked *asked =
            &staging->line[(staging->first + i) % staging->line_capacity];
        if (asked->worker == worker)
            asked->worker = -1;
    }
    if (staging->reading.worker == worker)
        staging->reading.worker = -1;
}

/* The next one that somebody still waits for. */
static bool take_next(struct staging *s, struct asked *out)
{
    while (s->length > 0) {
        *out = s->line[s->first];
        s->first = (s->first + 1) % s->line_capacity;
        s->length--;
        if (out->worker < 0)
            continue;
        s->waiting[out->worker]--;
        return true;
    }
    return false;
}

static void say_broken(struct source *source, const char *why)
{
    if (!source->broken)
        log_line("cannot be staged any more: %s", why);
    source->broken = true;
}

/* A part that was read goes out, unless its worker is gone. */
static bool give_part(struct staging *s, struct bytes *out, int *worker)
{
    const uint8_t *data;
    size_t size;
    struct error why;
    const struct fetch *part = &s->reading.part;
    if (!chunk_reader_poll(s->reader, &data, &size, &why))
        return false;
    if (size < part->size)
        say_broken(&s->sources[part->file], why.text);
    if (s->reading.worker < 0)
        return false;
    *worker = s->reading.worker;
    chunk_encode(out, &(struct chunk){part->file, part->offset, data, (uint32_t)size});
    return true;
}

bool staging_turn(struct staging *staging, bool may_read, struct bytes *out,
                  int *worker)
{
    bool given = give_part(staging, out, worker);
    if (may_read && !chunk_reader_busy(staging->reader) &&
        take_next(staging, &staging->reading)) {
        const struct fetch *part = &staging->reading.part;
        chunk_reader_start(staging->reader, staging->sources[part->file].path,
                           part->offset, part->size);
    }
    return given;
}

bool staging_busy(const struct staging *staging)
{
    return staging->length > 0 || chunk_reader_busy(staging->reader);
}
