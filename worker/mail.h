/* Letters between a worker's compute thread and the thread that owns MPI.
 *
 * Peers are MPI ranks; 0 is the coordinator. One letter at a time waits for the
 * coordinator, so that a worker is never more than one report ahead of what MPI has
 * taken; those to other workers answer one another, which bounds them too. */
#ifndef WORKER_MAIL_H
#define WORKER_MAIL_H

#include "common/bytes.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct letter {
    struct letter *next;
    int peer;             /* from whom, or to whom */
    bool lost;            /* the peer is gone: no message */
    struct bytes message; /* whole, with its header */
};
void letter_free(struct letter *letter);

struct mail;

int mail_new(struct mail **out, struct error *err);
/* Nobody waits any more. */
void mail_free(struct mail *mail);

/* --- compute thread --- */

/* Takes the message over. To the coordinator it waits until the one before was taken.
 * False: the end has come, or there is no memory for it. */
bool mail_post(struct mail *mail, int peer, struct bytes *message);
/* The next letter that has come, the caller's; NULL after timeout_s, or at once while
 * interrupted or ended. */
struct letter *mail_wait(struct mail *mail, double timeout_s);

/* --- the other thread; nothing here waits for a computation --- */

/* The next letter to send, moved to *out; false: none. Those to the coordinator only if
 * asked for. Waits up to timeout_s, for a moment only while mail_wait() waits too: its
 * answer must come in. */
bool mail_take(struct mail *mail, bool to_coordinator, struct letter *out,
               double timeout_s);
/* What a peer has sent, copied; NULL: the peer is gone. ERR_MEMORY. */
int mail_deliver(struct mail *mail, int peer, const uint8_t *message, size_t size,
                 struct error *err);

/* --- any thread --- */

/* mail_wait() does not wait, from now on or no more. */
void mail_interrupt(struct mail *mail, bool on);
/* Nobody waits for anything from now on. */
void mail_end(struct mail *mail);

#endif
