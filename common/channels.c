/* One array of requests, two a peer, so that one MPI_Testsome moves all on. A slot is
 * MPI_REQUEST_NULL while nothing is under way there. */
#include "common/channels.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

struct outgoing {
    struct outgoing *next;
    struct bytes message;
    int mpi_tag;
    size_t sent;
};

enum { RECEIVE, SEND, SLOTS }; /* of a peer */

struct peer {
    int mpi_rank;
    uint8_t *first_part; /* MESSAGE_FIRST bytes, where a message begins to arrive */
    uint8_t *whole;      /* a long message while its rest arrives; else NULL */
    size_t whole_size;
    struct outgoing *first, *last; /* first is under way */
    bool lost, told;               /* told: the event was given */
    struct error why;
};

struct channels {
    int peers, capacity;
    struct peer *peer;
    MPI_Request *requests; /* (peers, SLOTS) */
    MPI_Status *statuses;  /* of completed requests */
    int *completed, completed_count, completed_at;
    int given;   /* peer whose message the caller reads now, or -1 */
    int waiting; /* messages not yet sent, of peers that are not lost */
    size_t waiting_bytes;
    int lost, untold;
};

static MPI_Request *request_of(struct channels *channels, int peer, int slot)
{
    return &channels->requests[peer * SLOTS + slot];
}

static void forget_outgoing(struct channels *channels, struct peer *peer)
{
    for (struct outgoing *o = peer->first; o; o = o->next) {
        channels->waiting--;
        channels->waiting_bytes -= o->message.size;
    }
    peer->first = peer->last = NULL; /* leaked: the first may be under way */
}

static void peer_lost(struct channels *channels, int index, const char *why)
{
    struct peer *peer = &channels->peer[index];
    if (peer->lost)
        return;
    peer->lost = true;
    error_set(&peer->why, ERR_IO, "%s", why);
    channels->lost++;
    channels->untold++;
    forget_outgoing(channels, peer);
    *request_of(channels, index, RECEIVE) = MPI_REQUEST_NULL;
    *request_of(channels, index, SEND) = MPI_REQUEST_NULL;
}

static void mpi_failed(struct channels *channels, int index, const char *what, int code)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length;
    struct error why;
    MPI_Error_string(code, text, &length);
    error_set(&why, ERR_IO, "%s failed: %s", what, text);
    peer_lost(channels, index, why.text);
}

static void post_receive(struct channels *channels, int index)
{
    const struct peer *peer = &channels->peer[index];
    int rc =
        MPI_Irecv(peer->first_part, MESSAGE_FIRST, MPI_BYTE, peer->mpi_rank,
                  MPI_ANY_TAG, MPI_COMM_WORLD, request_of(channels, index, RECEIVE));
    if (rc != MPI_SUCCESS)
        mpi_failed(channels, index, "receiving", rc);
}

static bool grow(void **array, int count, size_t size)
{
    void *grown = realloc(*array, (size_t)count * size);
    if (grown)
        *array = grown;
    return grown != NULL;
}

/* Requests are handles, so they may move while something is under way. */
static int make_room(struct channels *c, int peers, struct error *err)
{
    if (peers <= c->capacity)
        return 0;
    if (!grow((void **)&c->peer, peers, sizeof *c->peer) ||
        !grow((void **)&c->requests, peers, SLOTS * sizeof *c->requests) ||
        !grow((void **)&c->statuses, peers, SLOTS * sizeof *c->statuses) ||
        !grow((void **)&c->completed, peers, SLOTS * sizeof *c->completed))
        return error_set(err, ERR_MEMORY, "out of memory for %d channels", peers);
    c->capacity = peers;
    return 0;
}

int channels_open(struct channels *c, int mpi_rank, int *peer, struct error *err)
{
    for (*peer = 0; *peer < c->peers; ++*peer)
        if (c->peer[*peer].mpi_rank == mpi_rank)
            return 0;
    int rc = make_room(c, c->peers + 1, err);
    uint8_t *first_part = rc ? NULL : malloc(MESSAGE_FIRST);
    if (!first_part)
        return error_set(err, ERR_MEMORY, "out of memory for a channel");
    c->peer[c->peers] = (struct peer){.mpi_rank = mpi_rank, .first_part = first_part};
    for (int slot = 0; slot < SLOTS; slot++)
        *request_of(c, c->peers, slot) = MPI_REQUEST_NULL;
    post_receive(c, c->peers++);
    return 0;
}

int channels_rank(const struct channels *c, int peer) { return c->peer[peer].mpi_rank; }

int channels_new(struct channels **out, int first_mpi_rank, int peers,
                 struct error *err)
{
    struct channels *c = calloc(1, sizeof *c);
    int peer;
    if (!c)
        return error_set(err, ERR_MEMORY, "out of memory for %d channels", peers);
    c->given = -1;
    int rc = make_room(c, peers, err);
    for (int i = 0; !rc && i < peers; i++)
        rc = channels_open(c, first_mpi_rank + i, &peer, err);
    if (rc)
        channels_free(c);
    else
        *out = c;
    return rc;
}

static void outgoing_free(struct outgoing *o)
{
    if (o)
        bytes_clear(&o->message);
    free(o);
}

/* What MPI has begun to move cannot be withdrawn, and its end may never come: it is
 * leaked. */
static void peer_free(struct channels *channels, int index)
{
    struct peer *peer = &channels->peer[index];
    if (peer->lost)
        return;
    MPI_Request *receive = request_of(channels, index, RECEIVE);
    if (*receive != MPI_REQUEST_NULL && !peer->whole) {
        MPI_Cancel(receive);
        MPI_Wait(receive, MPI_STATUS_IGNORE);
    }
    if (*receive == MPI_REQUEST_NULL) {
        free(peer->whole);
        free(peer->first_part);
    }
    struct outgoing *o = peer->first;
    if (o && *request_of(channels, index, SEND) != MPI_REQUEST_NULL)
        o = o->next; /* the first is leaked */
    while (o) {
        struct outgoing *next = o->next;
        outgoing_free(o);
        o = next;
    }
}

void channels_free(struct channels *channels)
{
    if (!channels)
        return;
    for (int i = 0; i < channels->peers; i++)
        peer_free(channels, i);
    free(channels->completed);
    free(channels->statuses);
    free(channels->requests);
    free(channels->peer);
    free(channels);
}

/* Starts or continues the first outgoing message of a peer. */
static void send_on(struct channels *channels, int index)
{
    struct outgoing *o = channels->peer[index].first;
    size_t size = o->message.size - o->sent;
    bool begins = o->sent == 0;
    if (begins && size > MESSAGE_FIRST)
        size = MESSAGE_FIRST;
    int rc =
        MPI_Isend(o->message.data + o->sent, (int)size, MPI_BYTE,
                  channels->peer[index].mpi_rank, begins ? o->mpi_tag : MESSAGE_REST,
                  MPI_COMM_WORLD, request_of(channels, index, SEND));
    o->sent += size;
    if (rc != MPI_SUCCESS)
        mpi_failed(channels, index, "sending", rc);
}

static void sent(struct channels *channels, int index)
{
    struct peer *peer = &channels->peer[index];
    struct outgoing *o = peer->first;
    if (o->sent == o->message.size) {
        peer->first = o->next;
        if (!peer->first)
            peer->last = NULL;
        channels->waiting_bytes -= o->message.size;
        outgoing_free(o);
        channels->waiting--;
    }
    if (peer->first)
        send_on(channels, index);
}

int channels_send(struct channels *channels, int index, struct bytes *message,
                  struct error *err)
{
    struct peer *peer = &channels->peer[index];
    enum message_tag tag;
    size_t size;
    struct outgoing *o = NULL;
    int rc = 0;
    if (message->failed || !(o = calloc(1, sizeof *o)))
        rc = error_set(err, ERR_MEMORY, "out of memory for a message");
    if (!rc)
        rc = message_header_decode(&tag, &size, message->data, message->size, err);
    if (rc || peer->lost) {
        free(o);
        bytes_clear(message);
        return rc;
    }
    o->message = *message;
    o->mpi_tag = (int)tag;
    *message = (struct bytes){0};
    channels->waiting++;
    channels->waiting_bytes += o->message.size;
    if (peer->last) {
        peer->last->next = o;
        peer->last = o;
    } else {
        peer->first = peer->last = o;
        send_on(channels, index);
    }
    return 0;
}

static void receive_rest(struct channels *channels, int index, size_t got)
{
    struct peer *peer = &channels->peer[index];
    int rc = MPI_Irecv(peer->whole + got, (int)(peer->whole_size - got), MPI_BYTE,
                       peer->mpi_rank, MESSAGE_REST, MPI_COMM_WORLD,
                       request_of(channels, index, RECEIVE));
    if (rc != MPI_SUCCESS)
        mpi_failed(channels, index, "receiving", rc);
}

/* The first part is there. True when that is the whole message. */
static bool first_part(struct channels *channels, int index, size_t got,
                       struct channel_event *event)
{
    struct peer *peer = &channels->peer[index];
    const uint8_t *data = peer->first_part;
    struct error why;
    size_t size;
    if (message_header_decode(&event->tag, &size, data, got, &why)) {
        peer_lost(channels, index, why.text);
        return false;
    }
    event->data = data;
    event->size = got;
    if (size == got)
        return true;
    if (size < got || got != MESSAGE_FIRST) {
        peer_lost(channels, index, "message of another size than it says");
        return false;
    }
    peer->whole = malloc(size);
    if (!peer->whole) {
        peer_lost(channels, index, "out of memory for a message");
        return false;
    }
    peer->whole_size = size;
    memcpy(peer->whole, data, got);
    receive_rest(channels, index, got);
    return false;
}

static bool received(struct channels *channels, int index, const MPI_Status *status,
                     struct channel_event *event)
{
    struct peer *peer = &channels->peer[index];
    int got = 0;
    struct error why;
    MPI_Get_count(status, MPI_BYTE, &got);
    if (!peer->whole)
        return first_part(channels, index, (size_t)got, event);
    if ((size_t)got != peer->whole_size - MESSAGE_FIRST) {
        peer_lost(channels, index, "message of another size than it says");
        return false;
    }
    event->data = peer->whole;
    event->size = peer->whole_size;
    if (message_header_decode(&event->tag, &event->size, peer->whole, event->size,
                              &why)) {
        peer_lost(channels, index, why.text);
        return false;
    }
    return true;
}

/* The caller is done with the message that it was given. */
static void take_back(struct channels *channels)
{
    int index = channels->given;
    channels->given = -1;
    if (index < 0 || channels->peer[index].lost)
        return;
    free(channels->peer[index].whole);
    channels->peer[index].whole = NULL;
    post_receive(channels, index);
}

static bool tell_lost(struct channels *channels, struct channel_event *event,
                      struct error *err)
{
    for (int i = 0; channels->untold > 0 && i < channels->peers; i++) {
        struct peer *peer = &channels->peer[i];
        if (!peer->lost || peer->told)
            continue;
        peer->told = true;
        channels->untold--;
        *event = (struct channel_event){.kind = CHANNEL_LOST, .peer = i};
        error_set(err, ERR_IO, "%s", peer->why.text);
        return true;
    }
    return false;
}

/* True where something was complete. Open MPI looks at the network only when nothing is
 * complete yet, so a caller that sends all the time must come here until nothing is;
 * and at sockets only every eighth time. */
enum { LOOKS = 8 };

static bool test_all(struct channels *channels)
{
    int count = 0, rc = MPI_SUCCESS;
    for (int i = 0; i < LOOKS && count == 0; i++) {
        rc = MPI_Testsome(SLOTS * channels->peers, channels->requests, &count,
                          channels->completed, channels->statuses);
        if (count == MPI_UNDEFINED)
            count = 0;
    }
    channels->completed_at = 0;
    channels->completed_count = count;
    for (int i = 0; i < count; i++)
        if (rc != MPI_ERR_IN_STATUS)
            channels->statuses[i].MPI_ERROR = MPI_SUCCESS;
    return count > 0;
}

/* Handles one completed request; true when it gives a message. */
static bool complete(struct channels *channels, int at, struct channel_event *event)
{
    int index = channels->completed[at] / SLOTS;
    bool receive = channels->completed[at] % SLOTS == RECEIVE;
    const MPI_Status *status = &channels->statuses[at];
    if (channels->peer[index].lost)
        return false;
    if (status->MPI_ERROR != MPI_SUCCESS && status->MPI_ERROR != MPI_ERR_PENDING) {
        mpi_failed(channels, index, receive ? "receiving" : "sending",
                   status->MPI_ERROR);
        return false;
    }
    if (!receive) {
        sent(channels, index);
        return false;
    }
    event->peer = index;
    return received(channels, index, status, event);
}

void channels_next(struct channels *channels, struct channel_event *event,
                   struct error *err)
{
    *event = (struct channel_event){.kind = CHANNEL_NOTHING};
    take_back(channels);
    do {
        while (channels->completed_at < channels->completed_count)
            if (complete(channels, channels->completed_at++, event)) {
                event->kind = CHANNEL_MESSAGE;
                channels->given = event->peer;
                return;
            }
    } while (test_all(channels));
    tell_lost(channels, event, err);
}

void channels_drop(struct channels *channels, int index)
{
    peer_lost(channels, index, "given up");
    if (!channels->peer[index].told) {
        channels->peer[index].told = true;
        channels->untold--;
    }
}

bool channels_quiet(const struct channels *channels) { return channels->waiting == 0; }

bool channels_quiet_to(const struct channels *channels, int index)
{
    return !channels->peer[index].first;
}

size_t channels_waiting(const struct channels *channels)
{
    return channels->waiting_bytes;
}

bool channels_lost(const struct channels *channels) { return channels->lost > 0; }
