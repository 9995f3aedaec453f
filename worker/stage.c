/* One lock guards window, slots, mail and what the heartbeat says; files are the
 * compute thread's once the first of them is wanted. */
#include "worker/stage.h"

#include "common/clock.h"
#include "storage/stage_dir.h"
#include "worker/fetch_window.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double look_s = 0.05; /* between two looks at a lock or at leave() */

struct staged_file {
    enum stage_kind kind;
    int task;
    char *name; /* of the encoder's */
    uint64_t size;
    struct digest digest;
    char *path; /* once it is here */
};

enum doing { DOING_NOTHING, DOING_WAITING, DOING_FETCHING };

enum { MAIL_MAX = 2 * FETCH_MAX };

struct stage {
    char *dir, *encoder_dir;
    struct staged_file *files;
    uint32_t count, known;
    bool opened;
    double patience_s; /* with another worker that fetches */
    stage_leave *leave;
    void *leave_context;
    struct staged told; /* about what is wanted now */
    bool news;          /* and it was not told before */
    char *damaged;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fetch_window window;
    uint8_t *slots; /* (FETCH_MAX, CHUNK_MAX) */
    int failed;     /* status of a chunk that came short */
    struct error why;
    struct bytes mail[MAIL_MAX];
    int mail_first, mail_count;
    enum doing doing;
    uint64_t steps;
    bool closed;
};

/* --- the thread that owns MPI --- */

int stage_new(struct stage **out, const struct stage_order *m, double patience_s,
              struct error *err)
{
    struct stage *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;

    if (!s)
        return error_set(err, ERR_MEMORY, "out of memory for staging");
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->count = m->files;
    s->patience_s = patience_s;
    s->dir = strdup(m->dir);
    s->files = calloc(m->files, sizeof *s->files);
    s->slots = malloc((size_t)FETCH_MAX * CHUNK_MAX);
    if (!s->dir || !s->files || !s->slots) {
        stage_free(s);
        return error_set(err, ERR_MEMORY, "out of memory for %" PRIu32 " files",
                         m->files);
    }
    *out = s;
    return 0;
}

void stage_free(struct stage *stage)
{
    if (!stage)
        return;
    for (uint32_t i = 0; stage->files && i < stage->known; i++) {
        free(stage->files[i].name);
        free(stage->files[i].path);
    }
    for (int i = 0; i < MAIL_MAX; i++)
        bytes_clear(&stage->mail[i]);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
    free(stage->slots);
    free(stage->files);
    free(stage->damaged);
    free(stage->encoder_dir);
    free(stage->dir);
    free(stage);
}

int stage_add(struct stage *stage, const struct stage_file *m, struct error *err)
{
    if (m->file != stage->known || m->file >= stage->count)
        return error_set(err, ERR_PROTOCOL, "FILE %" PRIu32 " of %" PRIu32, m->file + 1,
                         stage->count);
    struct staged_file *file = &stage->files[stage->known];
    *file = (struct staged_file){
        .kind = m->kind, .task = m->task, .size = m->size, .digest = m->digest};
    file->name = strdup(m->name);
    if (!file->name)
        return error_set(err, ERR_MEMORY, "out of memory for a file");
    stage->known++;
    return 0;
}

int stage_chunk(struct stage *stage, const struct chunk *m, struct error *err)
{
    struct error why;
    pthread_mutex_lock(&stage->lock);
    int rc = fetch_window_arrived(&stage->window, m, &why);
    if (!rc)
        memcpy(stage->slots + m->offset / CHUNK_MAX % FETCH_MAX * CHUNK_MAX, m->data,
               m->size);
    if (rc == ERR_IO && !stage->failed) {
        stage->failed = rc;
        stage->why = why;
    }
    stage->steps++;
    pthread_cond_signal(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return rc == ERR_PROTOCOL ? error_set(err, rc, "%s", why.text) : 0;
}

bool stage_take(struct stage *stage, struct bytes *out)
{
    pthread_mutex_lock(&stage->lock);
    bool any = stage->mail_count > 0;
    if (any) {
        *out = stage->mail[stage->mail_first];
        stage->mail[stage->mail_first] = (struct bytes){0};
        stage->mail_first = (stage->mail_first + 1) % MAIL_MAX;
        stage->mail_count--;
        pthread_cond_signal(&stage->changed);
    }
    pthread_mutex_unlock(&stage->lock);
    return any;
}

bool stage_expects(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    bool expects = !fetch_window_drained(&stage->window);
    pthread_mutex_unlock(&stage->lock);
    return expects;
}

void stage_heartbeat(struct stage *stage, struct heartbeat *m)
{
    pthread_mutex_lock(&stage->lock);
    if (stage->doing == DOING_WAITING)
        *m = (struct heartbeat){0};
    else if (stage->doing == DOING_FETCHING)
        m->microshards = stage->steps;
    pthread_mutex_unlock(&stage->lock);
}

void stage_close(struct stage *stage)
{
    if (!stage)
        return;
    pthread_mutex_lock(&stage->lock);
    stage->closed = true;
    pthread_cond_signal(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

/* --- the compute thread --- */

static void set_doing(struct stage *s, enum doing doing)
{
    pthread_mutex_lock(&s->lock);
    s->doing = doing;
    pthread_mutex_unlock(&s->lock);
}

static void count_step(void *context)
{
    struct stage *s = context;
    pthread_mutex_lock(&s->lock);
    s->steps++;
    pthread_mutex_unlock(&s->lock);
}

/* With the lock held; gives it up while it sleeps. */
static void wait_for_change(struct stage *s)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += (long)(look_s * 1e9);
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&s->changed, &s->lock, &end);
}

/* Takes the message over. With the lock held. */
static void put_mail(struct stage *s, struct bytes *message)
{
    while (s->mail_count == MAIL_MAX && !s->closed)
        wait_for_change(s);
    if (s->closed) {
        bytes_clear(message);
        return;
    }
    s->mail[(s->mail_first + s->mail_count++) % MAIL_MAX] = *message;
}

static bool must_leave(const struct stage *s) { return s->leave(s->leave_context); }

static int left(const char *path, struct error *err)
{
    return error_set(err, ERR_IO, "%s: left while it was fetched", path);
}

/* Asks for what there is room for, then waits a while for the next chunk: *data stays
 * NULL where none has come. Or the status of one that came short. */
static int next_chunk(struct stage *s, const uint8_t **data, uint32_t *size)
{
    struct fetch m;
    pthread_mutex_lock(&s->lock);
    while (!s->failed && fetch_window_next(&s->window, &m)) {
        struct bytes out = {0};
        fetch_encode(&out, &m);
        put_mail(s, &out);
    }
    if (!s->failed && s->window.got == s->window.used)
        wait_for_change(s);
    uint64_t at = s->window.used, arrived = s->window.got - at;
    *data = arrived > 0 ? s->slots + at / CHUNK_MAX % FETCH_MAX * CHUNK_MAX : NULL;
    *size = arrived < CHUNK_MAX ? (uint32_t)arrived : CHUNK_MAX;
    int failed = s->failed;
    pthread_mutex_unlock(&s->lock);
    return failed;
}

static void use_chunk(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    fetch_window_use(&s->window);
    pthread_mutex_unlock(&s->lock);
}

/* Until what was asked for has come, so that the next fetch is not mistaken for it. */
static void drain(struct stage *s)
{
    pthread_mutex_lock(&s->lock);
    fetch_window_stop(&s->window);
    while (!fetch_window_drained(&s->window) && !s->closed)
        wait_for_change(s);
    s->window = (struct fetch_window){0};
    pthread_mutex_unlock(&s->lock);
}

static int write_chunks(struct stage *s, uint64_t whole, struct stage_part *part,
                        struct digest_stream *stream, struct error *err)
{
    int rc = 0;
    for (uint64_t done = 0; !rc && done < whole;) {
        const uint8_t *data;
        uint32_t size;
        if ((rc = next_chunk(s, &data, &size)))
            return error_set(err, rc, "%s: %s", part->path, s->why.text);
        if (must_leave(s))
            return left(part->path, err);
        if (!data)
            continue;
        digest_stream_add(stream, data, size);
        rc = stage_part_write(part, data, size, err);
        use_chunk(s);
        done += size;
    }
    return rc;
}

static int fetch_file(struct stage *s, uint32_t index, struct stage_part *part,
                      struct error *err)
{
    const struct staged_file *file = &s->files[index];
    struct digest_stream *stream = digest_stream_new();
    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory for a digest");
    pthread_mutex_lock(&s->lock);
    fetch_window_begin(&s->window, index, file->size);
    s->failed = 0;
    s->doing = DOING_FETCHING;
    pthread_mutex_unlock(&s->lock);
    int rc = write_chunks(s, file->size, part, stream, err);
    drain(s);
    if (!rc && !digest_equal(digest_stream_value(stream), file->digest))
        rc = error_set(err, ERR_INPUT,
                       "%s: not what the coordinator has announced: the file has "
                       "changed there",
                       part->path);
    digest_stream_free(stream);
    s->told.fetched += rc ? 0 : file->size;
    return rc;
}

/* Where a file is to lie. */
static char *place_of(const struct stage *s, const struct staged_file *file)
{
    char hex[DIGEST_HEX], *path;
    digest_hex(hex, file->digest);
    int rc = file->kind == STAGE_ENCODER
                 ? asprintf(&path, "%s/%s", s->encoder_dir, file->name)
                 : asprintf(&path, "%s/%s-%" PRIu64 ".%s", s->dir, hex, file->size,
                            file->kind == STAGE_DATASET ? "h5" : "safetensors");
    return rc < 0 ? NULL : path;
}

static void note_damaged(struct stage *s, const char *path)
{
    free(s->damaged);
    s->damaged = strdup(path);
}

/* The part is ours: nobody else brings the file now. look is what is there instead of
 * it. */
static int replace_file(struct stage *s, uint32_t index, const struct stage_look *look,
                        struct stage_part *part, const char *path, struct error *err)
{
    if (look->state == STAGE_DAMAGED)
        note_damaged(s, path);
    int rc = fetch_file(s, index, part, err);
    return rc ? rc : stage_part_finish(part, path, err);
}

static void look_at(struct stage *s, const struct staged_file *file, const char *path,
                    struct stage_look *look)
{
    set_doing(s, DOING_FETCHING); /* reading is progress too */
    stage_dir_look(look, path, file->size, file->digest, count_step, s);
}

/* Fetches the file unless another worker does: then looks again what came of that. */
static int bring_file(struct stage *s, uint32_t index, const char *path,
                      struct error *err)
{
    const struct staged_file *file = &s->files[index];
    struct stage_place place = {s->dir, file->size, file->digest, 0};
    struct stage_look look;
    look_at(s, file, path, &look);
    while (look.state != STAGE_WHOLE) {
        struct stage_part part;
        int rc = stage_part_take(&part, &place, err);
        if (rc < 0)
            return rc;
        bool taken = rc == 1, changed = stage_dir_changed(&look, path);
        if (taken && !changed) {
            rc = replace_file(s, index, &look, &part, path, err);
            stage_part_drop(&part);
            return rc;
        }
        if (taken)
            stage_part_drop(&part);
        if (must_leave(s))
            return left(path, err);
        if (changed) {
            look_at(s, file, path, &look);
        } else {
            set_doing(s, DOING_WAITING);
            clock_sleep_s(look_s);
            /* stopped, perhaps: it holds its lock, but will not go on */
            place.turn += stage_part_idle_s(&place) > s->patience_s;
        }
    }
    return 0;
}

static bool is_wanted(const struct staged_file *file, const struct stage_want *want)
{
    return file->kind == want->kind &&
           (want->kind != STAGE_DATASET || file->task == want->task) &&
           (want->kind != STAGE_INIT || digest_equal(file->digest, want->init));
}

/* The encoder's folder is named by all that it holds. */
static int name_encoder(struct stage *s, struct error *err)
{
    struct digest_stream *stream = digest_stream_new();
    char hex[DIGEST_HEX];
    for (uint32_t i = 0; stream && i < s->known; i++) {
        const struct staged_file *file = &s->files[i];
        if (file->kind != STAGE_ENCODER)
            continue;
        digest_stream_add_text(stream, file->name);
        digest_stream_add(stream, &file->size, sizeof file->size);
        digest_stream_add(stream, &file->digest, sizeof file->digest);
    }
    if (stream)
        digest_hex(hex, digest_stream_value(stream));
    if (!stream || asprintf(&s->encoder_dir, "%s/encoder-%s", s->dir, hex) < 0) {
        s->encoder_dir = NULL;
        digest_stream_free(stream);
        return error_set(err, ERR_MEMORY, "out of memory for a path");
    }
    digest_stream_free(stream);
    return 0;
}

static int open_dir(struct stage *s, struct error *err)
{
    int rc = stage_dir_open(s->dir, err);
    if (!rc)
        rc = name_encoder(s, err);
    s->opened = !rc;
    return rc;
}

static int bring_wanted(struct stage *s, const struct stage_want *want,
                        const char **path, struct error *err)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < s->known; i++) {
        struct staged_file *file = &s->files[i];
        if (!is_wanted(file, want))
            continue;
        char *place = place_of(s, file);
        if (!place)
            return error_set(err, ERR_MEMORY, "out of memory for a path");
        s->news = s->news || !file->path;
        rc = bring_file(s, i, place, err);
        free(file->path);
        file->path = place;
        *path = want->kind == STAGE_ENCODER ? s->encoder_dir : file->path;
    }
    return rc;
}

static void tell(struct stage *s, double seconds)
{
    struct bytes out = {0};
    s->told.seconds = seconds;
    s->told.damaged = s->damaged ? s->damaged : "";
    staged_encode(&out, &s->told);
    pthread_mutex_lock(&s->lock);
    put_mail(s, &out);
    pthread_mutex_unlock(&s->lock);
}

int stage_bring(struct stage *stage, const struct stage_want *want, stage_leave *leave,
                void *context, const char **path, struct error *err)
{
    double begun = clock_monotonic_s();
    stage->leave = leave;
    stage->leave_context = context;
    stage->told = (struct staged){.kind = want->kind, .task = (uint16_t)want->task};
    free(stage->damaged);
    stage->damaged = NULL;
    stage->news = false;
    int rc = stage->opened ? 0 : open_dir(stage, err);
    if (!rc && want->kind == STAGE_ENCODER)
        rc = stage_dir_folder(stage->encoder_dir, err);
    if (!rc)
        rc = bring_wanted(stage, want, path, err);
    set_doing(stage, DOING_NOTHING);
    if (!rc && (stage->news || stage->told.fetched > 0))
        tell(stage, clock_monotonic_s() - begun);
    return rc;
}
