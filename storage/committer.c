#include "storage/committer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum step { STEP_IDLE, STEP_FLUSHING, STEP_ENDED, STEP_LEAVING };

struct committer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum step step; /* under lock */
    bool busy;      /* of the owner alone: started, not yet polled */
    struct append_file *files[COMMITTER_FILES];
    int count;
    int rc; /* of the last flush, with its reason */
    struct error err;
};

static void flush(struct committer *c)
{
    c->rc = 0;
    for (int i = 0; i < c->count && !c->rc; i++)
        c->rc = append_file_flush(c->files[i], &c->err);
}

static void *commit_thread(void *argument)
{
    struct committer *c = argument;

    pthread_mutex_lock(&c->lock);
    while (c->step != STEP_LEAVING) {
        if (c->step != STEP_FLUSHING) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        pthread_mutex_unlock(&c->lock);
        flush(c);
        pthread_mutex_lock(&c->lock);
        c->step = STEP_ENDED;
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int committer_new(struct committer **out, struct error *err)
{
    struct committer *c = calloc(1, sizeof *c);

    if (!c)
        return error_set(err, ERR_MEMORY, "out of memory for the committer");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    int rc = pthread_create(&c->thread, NULL, commit_thread, c);
    if (rc) {
        free(c);
        return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc));
    }
    *out = c;
    return 0;
}

static void wait_until_ended(struct committer *c)
{
    while (c->step == STEP_FLUSHING)
        pthread_cond_wait(&c->changed, &c->lock);
}

void committer_free(struct committer *committer)
{
    if (!committer)
        return;
    pthread_mutex_lock(&committer->lock);
    wait_until_ended(committer);
    committer->step = STEP_LEAVING;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    free(committer);
}

bool committer_busy(const struct committer *committer) { return committer->busy; }

void committer_start(struct committer *committer, struct append_file *const *files,
                     int count)
{
    assert(!committer->busy && count <= COMMITTER_FILES);
    for (int i = 0; i < count; i++) {
        append_file_take(files[i]);
        committer->files[i] = files[i];
    }
    committer->count = count;
    committer->busy = true;
    pthread_mutex_lock(&committer->lock);
    committer->step = STEP_FLUSHING;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

static int collect(struct committer *c, struct error *err)
{
    c->busy = false;
    if (c->rc)
        return error_set(err, c->rc, "%s", c->err.text);
    for (int i = 0; i < c->count; i++)
        append_file_landed(c->files[i]);
    return 1;
}

int committer_poll(struct committer *committer, struct error *err)
{
    if (!committer->busy)
        return 0;
    pthread_mutex_lock(&committer->lock);
    bool ended = committer->step == STEP_ENDED;
    pthread_mutex_unlock(&committer->lock);
    return ended ? collect(committer, err) : 0;
}

int committer_wait(struct committer *committer, struct error *err)
{
    if (!committer->busy)
        return 0;
    pthread_mutex_lock(&committer->lock);
    wait_until_ended(committer);
    pthread_mutex_unlock(&committer->lock);
    return collect(committer, err);
}
