/* A thread a write: they are seconds apart, so making one costs nothing. */
#include "coordinator/publisher.h"

#include "storage/results_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct publisher {
    const char *path;
    struct findings *findings;
    struct file_gate gate;
    pthread_t thread;
    bool running; /* a thread is there to be joined */
    struct findings_view *view;
    double begun, next; /* of this write; earliest moment of the next */
    /* the thread's, read after it has ended */
    int rc;
    struct error err;
    /* between both, under lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t ticket, committed;
    bool abandoned; /* for good */
    bool ended;     /* the thread has nothing left to do */
};

enum { LEAST_SECONDS = 5, TIMES_COST = 20 };
enum { ABANDONED = 1 };

struct publisher *publisher_new(const char *path, struct findings *findings,
                                struct file_gate gate)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->path = path;
    p->findings = findings;
    p->gate = gate;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    return p;
}

static void join(struct publisher *p)
{
    pthread_join(p->thread, NULL);
    p->running = false;
    findings_thaw(p->findings, p->view);
    p->view = NULL;
}

void publisher_free(struct publisher *publisher)
{
    if (!publisher)
        return;
    publisher_abandon(publisher);
    if (publisher->running)
        join(publisher);
    pthread_cond_destroy(&publisher->changed);
    pthread_mutex_destroy(&publisher->lock);
    free(publisher);
}

bool publisher_busy(const struct publisher *publisher) { return publisher->running; }

bool publisher_due(const struct publisher *publisher, double now)
{
    return !publisher->running && now >= publisher->next;
}

static int wait_until_it_lasts(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    while (p->committed < p->ticket && !p->abandoned)
        pthread_cond_wait(&p->changed, &p->lock);
    bool lasts = p->committed >= p->ticket;
    pthread_mutex_unlock(&p->lock);
    return lasts ? 0 : ABANDONED;
}

static int write_results(struct publisher *p)
{
    struct results results;
    const struct file_gate *gate = p->gate.ask ? &p->gate : NULL;
    int rc = wait_until_it_lasts(p);
    if (!rc)
        rc = findings_view_tables(p->view, &results, &p->err);
    if (rc)
        return rc;
    rc = results_write_through(p->path, &results, gate, &p->err);
    results_clear(&results);
    return rc;
}

static void *write_view(void *argument)
{
    struct publisher *p = argument;
    p->rc = write_results(p);
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int publisher_start(struct publisher *publisher, const struct trial_table *table,
                    uint64_t ticket, double now, struct error *err)
{
    struct publisher *p = publisher;
    int rc = findings_freeze(p->findings, table, &p->view, err);
    if (rc)
        return rc;
    p->begun = now;
    p->ticket = ticket;
    p->ended = false;
    rc = pthread_create(&p->thread, NULL, write_view, p);
    if (rc) {
        findings_thaw(p->findings, p->view);
        p->view = NULL;
        return error_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc));
    }
    p->running = true;
    return 0;
}

void publisher_committed(struct publisher *publisher, uint64_t ticket)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->committed = ticket;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_abandon(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->abandoned = true;
    pthread_cond_signal(&publisher->changed);
    pthread_mutex_unlock(&publisher->lock);
}

int publisher_poll(struct publisher *publisher, double now, struct error *err)
{
    struct publisher *p = publisher;
    if (!p->running)
        return 0;
    pthread_mutex_lock(&p->lock);
    bool ended = p->ended;
    pthread_mutex_unlock(&p->lock);
    if (!ended)
        return 0;
    join(p);
    double pause = TIMES_COST * (now - p->begun);
    p->next = now + (pause > LEAST_SECONDS ? pause : LEAST_SECONDS);
    return p->rc < 0 ? error_set(err, p->rc, "%s", p->err.text) : 0;
}
