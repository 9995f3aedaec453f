/* Messages (common/protocol.h) to and from MPI ranks, without ever blocking.
 *
 * Each peer has one posted receive and at most one send under way; messages to be sent
 * wait in a queue. A message longer than MESSAGE_FIRST travels in two parts, so that
 * the receiver makes room only after it has checked the size. One thread at a time. */
#ifndef COMMON_CHANNELS_H
#define COMMON_CHANNELS_H

#include "common/bytes.h"
#include "common/error.h"
#include "common/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channels;

/* Peers 0…peers-1 are the ranks from first_mpi_rank of MPI_COMM_WORLD, whose error
 * handler must return. ERR_IO, ERR_MEMORY. */
int channels_new(struct channels **out, int first_mpi_rank, int peers,
                 struct error *err);
/* One more peer, unless that rank is one already; *peer is its number either way.
 * ERR_MEMORY. */
int channels_open(struct channels *channels, int mpi_rank, int *peer,
                  struct error *err);
int channels_rank(const struct channels *channels, int peer); /* in MPI_COMM_WORLD */
/* Withdraws the receives. What belongs to lost peers is leaked: MPI may still use it.
 */
void channels_free(struct channels *channels);

enum channel_event_kind {
    CHANNEL_NOTHING,
    CHANNEL_MESSAGE,
    CHANNEL_LOST, /* a failed transfer or a message that cannot be read: reason in err;
                     nothing more is received from or sent to the peer */
};
struct channel_event {
    enum channel_event_kind kind;
    int peer;
    enum message_tag tag;
    const uint8_t *data; /* the whole message, until the next call */
    size_t size;
};

/* Moves everything on and gives the next event. */
void channels_next(struct channels *channels, struct channel_event *event,
                   struct error *err);

/* Sends message (tag in its header) after those that wait; takes its bytes over, also
 * on failure. ERR_MEMORY also where message->failed. For a lost peer it does nothing.
 */
int channels_send(struct channels *channels, int peer, struct bytes *message,
                  struct error *err);
/* The caller has given the peer up: as after CHANNEL_LOST. */
void channels_drop(struct channels *channels, int peer);
/* No message to any peer waits or is under way. */
bool channels_quiet(const struct channels *channels);
bool channels_quiet_to(const struct channels *channels, int peer); /* to this one */
/* Bytes of all that wait or are under way. */
size_t channels_waiting(const struct channels *channels);
/* Some peer was lost: MPI_Finalize would wait for it. */
bool channels_lost(const struct channels *channels);

#endif
