/* One lock, two lists. `come` wakes the compute thread, `go` the other one. */
#include "worker/mail.h"

#include "common/clock.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct letters {
    struct letter *first, *last;
};

struct mail {
    pthread_mutex_t lock;
    pthread_cond_t come; /* a letter came, or one to the coordinator was taken */
    pthread_cond_t go;   /* there is something to send, or an answer is awaited */
    struct letters in, out;
    bool coordinator_waits; /* a letter to it is in out */
    double awaited;         /* since when mail_wait() has been waiting; 0: it is not */
    bool interrupted, ended;
};

void letter_free(struct letter *letter)
{
    if (letter)
        bytes_clear(&letter->message);
    free(letter);
}

static void append(struct letters *list, struct letter *letter)
{
    letter->next = NULL;
    *(list->last ? &list->last->next : &list->first) = letter;
    list->last = letter;
}

static struct letter *unlink_after(struct letters *list, struct letter *before)
{
    struct letter **at = before ? &before->next : &list->first;
    struct letter *letter = *at;
    *at = letter->next;
    if (list->last == letter)
        list->last = before;
    return letter;
}

int mail_new(struct mail **out, struct error *err)
{
    struct mail *mail = calloc(1, sizeof *mail);
    pthread_condattr_t monotonic;
    if (!mail)
        return error_set(err, ERR_MEMORY, "out of memory for the mail");
    pthread_mutex_init(&mail->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&mail->come, &monotonic);
    pthread_cond_init(&mail->go, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = mail;
    return 0;
}

void mail_free(struct mail *mail)
{
    if (!mail)
        return;
    while (mail->in.first)
        letter_free(unlink_after(&mail->in, NULL));
    while (mail->out.first)
        letter_free(unlink_after(&mail->out, NULL));
    pthread_cond_destroy(&mail->come);
    pthread_cond_destroy(&mail->go);
    pthread_mutex_destroy(&mail->lock);
    free(mail);
}

static struct letter *letter_new(int peer, struct bytes *message)
{
    struct letter *letter = message->failed ? NULL : calloc(1, sizeof *letter);
    if (!letter) {
        bytes_clear(message);
        return NULL;
    }
    letter->peer = peer;
    letter->message = *message;
    *message = (struct bytes){0};
    return letter;
}

bool mail_post(struct mail *mail, int peer, struct bytes *message)
{
    struct letter *letter = letter_new(peer, message);
    if (!letter)
        return false;
    pthread_mutex_lock(&mail->lock);
    while (peer == 0 && mail->coordinator_waits && !mail->ended)
        pthread_cond_wait(&mail->come, &mail->lock);
    bool posted = !mail->ended;
    if (posted) {
        append(&mail->out, letter);
        mail->coordinator_waits = mail->coordinator_waits || peer == 0;
        pthread_cond_signal(&mail->go);
    }
    pthread_mutex_unlock(&mail->lock);
    if (!posted)
        letter_free(letter);
    return posted;
}

/* The time in so many seconds, at most a day. */
static struct timespec in_seconds(double seconds)
{
    struct timespec end;
    seconds = seconds < 86400 ? seconds : 86400;
    clock_gettime(CLOCK_MONOTONIC, &end);
    long nanoseconds = end.tv_nsec + (long)(seconds * 1e9);
    end.tv_sec += nanoseconds / 1000000000;
    end.tv_nsec = nanoseconds % 1000000000;
    return end;
}

struct letter *mail_wait(struct mail *mail, double timeout_s)
{
    struct timespec end = in_seconds(timeout_s);
    struct letter *letter = NULL;
    int rc = 0;
    pthread_mutex_lock(&mail->lock);
    mail->awaited = timeout_s > 0 && !mail->in.first ? clock_monotonic_s() : 0;
    if (mail->awaited > 0)
        pthread_cond_signal(&mail->go);
    while (!mail->in.first && !rc && timeout_s > 0 && !mail->interrupted &&
           !mail->ended)
        rc = pthread_cond_timedwait(&mail->come, &mail->lock, &end);
    mail->awaited = 0;
    if (mail->in.first && !mail->ended)
        letter = unlink_after(&mail->in, NULL);
    pthread_mutex_unlock(&mail->lock);
    return letter;
}

/* The first one that may go. */
static struct letter *next_out(struct mail *mail, bool to_coordinator)
{
    struct letter *before = NULL, *letter = mail->out.first;
    while (letter && letter->peer == 0 && !to_coordinator) {
        before = letter;
        letter = letter->next;
    }
    return letter ? unlink_after(&mail->out, before) : NULL;
}

/* While an answer is awaited, a small part of the time that it has taken so far. */
static double pause_of(const struct mail *mail, double timeout_s)
{
    static const double least_s = 100e-6, share = 1.0 / 32;
    if (mail->awaited == 0)
        return timeout_s;
    double pause = (clock_monotonic_s() - mail->awaited) * share;
    return fmin(fmax(pause, least_s), timeout_s);
}

bool mail_take(struct mail *mail, bool to_coordinator, struct letter *out,
               double timeout_s)
{
    struct letter *letter;
    pthread_mutex_lock(&mail->lock);
    letter = next_out(mail, to_coordinator);
    if (!letter && timeout_s > 0 && !mail->ended) {
        struct timespec end = in_seconds(pause_of(mail, timeout_s));
        pthread_cond_timedwait(&mail->go, &mail->lock, &end);
        letter = next_out(mail, to_coordinator);
    }
    if (letter && letter->peer == 0) {
        mail->coordinator_waits = false;
        pthread_cond_signal(&mail->come);
    }
    pthread_mutex_unlock(&mail->lock);
    if (letter)
        *out = *letter;
    free(letter);
    return letter != NULL;
}

int mail_deliver(struct mail *mail, int peer, const uint8_t *message, size_t size,
                 struct error *err)
{
    struct bytes copy = {0};
    bytes_put(&copy, message, message ? size : 0);
    struct letter *letter = letter_new(peer, &copy);
    if (!letter)
        return error_set(err, ERR_MEMORY, "out of memory for a letter");
    letter->lost = !message;
    pthread_mutex_lock(&mail->lock);
    append(&mail->in, letter);
    pthread_cond_signal(&mail->come);
    pthread_mutex_unlock(&mail->lock);
    return 0;
}

void mail_interrupt(struct mail *mail, bool on)
{
    pthread_mutex_lock(&mail->lock);
    mail->interrupted = on;
    pthread_cond_broadcast(&mail->come);
    pthread_mutex_unlock(&mail->lock);
}

void mail_end(struct mail *mail)
{
    pthread_mutex_lock(&mail->lock);
    mail->ended = true;
    pthread_cond_broadcast(&mail->come);
    pthread_cond_broadcast(&mail->go);
    pthread_mutex_unlock(&mail->lock);
}
