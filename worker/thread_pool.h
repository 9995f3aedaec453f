/* Compute threads that work off the items of a list.
 *
 * The caller sleeps on a condition while they work. Items are taken in the list's
 * order, by whichever thread is free; nothing may depend on which one that is. */
#ifndef WORKER_THREAD_POOL_H
#define WORKER_THREAD_POOL_H

#include "common/error.h"

struct thread_pool;

/* Threads inherit the caller's core set and block all signals. ERR_INPUT for fewer than
 * one, ERR_MEMORY where the system has no more. */
int thread_pool_new(struct thread_pool **out, int threads, struct error *err);
void thread_pool_free(struct thread_pool *pool);
int thread_pool_threads(const struct thread_pool *pool);

/* Calls work(context, thread, item) once for each item in 0…items-1; returns when all
 * are done. One call at a time; no allocation. */
void thread_pool_run(struct thread_pool *pool, int items,
                     void (*work)(void *context, int thread, int item), void *context);

#endif
