/* A thread a write: they are seconds apart, so making one costs nothing. */
#include "coordinator/publisher.h"

#include "storage/results_file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct publisher {
    const char *path;
    pthread_t thread;
    bool running;      /* a thread is there to be joined */
    atomic_bool ended; /* it has nothing left to do */
    struct results snapshot;
    int rc;
    struct error err;
    double begun, next; /* of this write; earliest moment of the next */
};

enum { LEAST_SECONDS = 5, TIMES_COST = 20 };

struct publisher *publisher_new(const char *path)
{
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher)
        publisher->path = path;
    return publisher;
}

void publisher_free(struct publisher *publisher)
{
    if (!publisher)
        return;
    if (publisher->running)
        pthread_join(publisher->thread, NULL);
    results_clear(&publisher->snapshot);
    free(publisher);
}

bool publisher_busy(const struct publisher *publisher) { return publisher->running; }

bool publisher_due(const struct publisher *publisher, double now)
{
    return !publisher->running && now >= publisher->next;
}

static void *write_snapshot(void *argument)
{
    struct publisher *publisher = argument;
    publisher->rc =
        results_write(publisher->path, &publisher->snapshot, &publisher->err);
    results_clear(&publisher->snapshot);
    atomic_store(&publisher->ended, true);
    return NULL;
}

int publisher_start(struct publisher *publisher, struct results *snapshot, double begun,
                    struct error *err)
{
    publisher->snapshot = *snapshot;
    memset(snapshot, 0, sizeof *snapshot);
    publisher->begun = begun;
    atomic_store(&publisher->ended, false);
    int rc = pthread_create(&publisher->thread, NULL, write_snapshot, publisher);
    if (rc) {
        results_clear(&publisher->snapshot);
        return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc));
    }
    publisher->running = true;
    return 0;
}

int publisher_poll(struct publisher *publisher, double now, struct error *err)
{
    if (!publisher->running || !atomic_load(&publisher->ended))
        return 0;
    pthread_join(publisher->thread, NULL);
    publisher->running = false;
    double pause = TIMES_COST * (now - publisher->begun);
    publisher->next = now + (pause > LEAST_SECONDS ? pause : LEAST_SECONDS);
    return publisher->rc ? error_set(err, publisher->rc, "%s", publisher->err.text) : 0;
}
