/* One mutex guards everything: an item is a microshard, milliseconds of work. */
#include "worker/thread_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct member {
    struct thread_pool *pool;
    pthread_t thread;
    int number;
};

struct thread_pool {
    pthread_mutex_t mutex;
    pthread_cond_t more, finished; /* for the threads, for the caller */
    bool closing;
    int items, next, done;
    void (*work)(void *context, int thread, int item);
    void *context;
    int threads; /* that were started */
    struct member members[];
};

static void *run_member(void *argument)
{
    struct member *self = argument;
    struct thread_pool *pool = self->pool;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (!pool->closing && pool->next == pool->items)
            pthread_cond_wait(&pool->more, &pool->mutex);
        if (pool->closing)
            break;
        int item = pool->next++;

        pthread_mutex_unlock(&pool->mutex);
        pool->work(pool->context, self->number, item);
        pthread_mutex_lock(&pool->mutex);
        if (++pool->done == pool->items)
            pthread_cond_signal(&pool->finished);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static int start_members(struct thread_pool *pool, int threads)
{
    sigset_t all, before;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (rc == 0 && pool->threads < threads) {
        struct member *m = &pool->members[pool->threads];

        m->pool = pool;
        m->number = pool->threads;
        rc = pthread_create(&m->thread, NULL, run_member, m);
        pool->threads += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int thread_pool_new(struct thread_pool **out, int threads, struct error *err)
{
    struct thread_pool *pool;
    int rc;

    *out = NULL;
    if (threads < 1)
        return error_set(err, ERR_INPUT, "threads: %d, at least 1", threads);
    pool = calloc(1, sizeof *pool + (size_t)threads * sizeof *pool->members);
    if (!pool)
        return error_set(err, ERR_MEMORY, "out of memory");
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->more, NULL);
    pthread_cond_init(&pool->finished, NULL);
    rc = start_members(pool, threads);
    if (rc) {
        int started = pool->threads;

        thread_pool_free(pool);
        return error_set(err, ERR_MEMORY, "threads: %d of %d started: %s", started,
                         threads, strerror(rc));
    }
    *out = pool;
    return 0;
}

void thread_pool_free(struct thread_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->closing = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->members[i].thread, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

int thread_pool_threads(const struct thread_pool *pool) { return pool->threads; }

void thread_pool_run(struct thread_pool *pool, int items,
                     void (*work)(void *context, int thread, int item), void *context)
{
    pthread_mutex_lock(&pool->mutex);
    pool->work = work;
    pool->context = context;
    pool->next = pool->done = 0;
    pool->items = items;
    pthread_cond_broadcast(&pool->more);
    while (pool->done < items)
        pthread_cond_wait(&pool->finished, &pool->mutex);
    pool->next = pool->items = 0;
    pthread_mutex_unlock(&pool->mutex);
}
