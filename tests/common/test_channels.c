/* Channels between rank 0, which tests, and ranks 1 and 2, which do what it says. */
#include "common/channels.h"
#include "common/clock.h"
#include "tests/support/suite.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 2, LONG = 3 << 20 };

/* Commands, sent as the trial of a heartbeat; lease says how many. */
enum { ECHO = 1, SEND_LONG, SEND_GARBAGE, SEND_LIE };

static struct channels *channels; /* of rank 0 */

static void send_command(int peer, uint64_t command, uint32_t times)
{
    struct bytes out = {0};
    struct error err;
    heartbeat_encode(&out, &(struct heartbeat){.trial = command, .lease = times});
    CU_ASSERT_EQUAL(channels_send(channels, peer, &out, &err), 0);
}

/* The next event within 10 s. */
static struct channel_event wait_event(struct error *err)
{
    struct channel_event event;
    double end = clock_monotonic_s() + 10;
    do {
        channels_next(channels, &event, err);
        if (event.kind == CHANNEL_NOTHING)
            clock_sleep_s(1e-4);
    } while (event.kind == CHANNEL_NOTHING && clock_monotonic_s() < end);
    return event;
}

static void messages_keep_their_order_and_sender(void)
{
    int next[PEERS] = {0};
    struct error err;
    for (int i = 0; i < 100; i++)
        for (int peer = 0; peer < PEERS; peer++)
            send_command(peer, ECHO, (uint32_t)i);
    for (int i = 0; i < 100 * PEERS; i++) {
        struct heartbeat m;
        struct channel_event event = wait_event(&err);
        CU_ASSERT_EQUAL_FATAL(event.kind, CHANNEL_MESSAGE);
        CU_ASSERT_EQUAL(event.tag, MESSAGE_HEARTBEAT);
        CU_ASSERT_EQUAL_FATAL(heartbeat_decode(&m, event.data, event.size, &err), 0);
        CU_ASSERT_EQUAL(m.lease, (uint32_t)next[event.peer]++);
    }
    CU_ASSERT(next[0] == 100 && next[1] == 100);
}

static void long_messages_arrive_whole(void)
{
    struct error err;
    send_command(0, SEND_LONG, 3);
    for (int i = 0; i < 3; i++) {
        struct report m;
        struct channel_event event = wait_event(&err);
        CU_ASSERT_EQUAL_FATAL(event.kind, CHANNEL_MESSAGE);
        CU_ASSERT_EQUAL(event.peer, 0);
        CU_ASSERT_EQUAL_FATAL(report_decode(&m, event.data, event.size, &err), 0);
        CU_ASSERT_EQUAL_FATAL(m.checkpoint_size, LONG + (size_t)i);
        bool same = true;
        for (size_t at = 0; at < m.checkpoint_size; at++)
            same = same && m.checkpoint[at] == (uint8_t)(at * 7 + (size_t)i);
        CU_ASSERT(same);
    }
}

static void sizes_around_the_first_part_arrive(void)
{
    struct error err;
    for (int extra = -1; extra <= 1; extra++) {
        struct failure m = {.trial = ECHO, .lease = 1, .status = ERR_IO}, got;
        char text[MESSAGE_FIRST];
        struct bytes out = {0};
        size_t size = MESSAGE_FIRST - MESSAGE_HEADER - 21; /* of the other fields */
        memset(text, 'x', sizeof text);
        text[size + (size_t)(extra + 1) - 1] = '\0';
        m.text = text;
        failure_encode(&out, &m);
        CU_ASSERT_EQUAL(out.size, (size_t)(MESSAGE_FIRST + extra));
        CU_ASSERT_EQUAL(channels_send(channels, 1, &out, &err), 0);
        struct channel_event event = wait_event(&err);
        CU_ASSERT_EQUAL_FATAL(event.kind, CHANNEL_MESSAGE);
        CU_ASSERT_EQUAL_FATAL(failure_decode(&got, event.data, event.size, &err), 0);
        CU_ASSERT_STRING_EQUAL(got.text, text);
    }
}

static void all_is_quiet_when_all_is_sent(void)
{
    struct channel_event event;
    struct error err;
    double end = clock_monotonic_s() + 10;
    while (!channels_quiet(channels) && clock_monotonic_s() < end)
        channels_next(channels, &event, &err);
    CU_ASSERT(channels_quiet(channels));
    CU_ASSERT(!channels_lost(channels));
}

/* After this, peer 1 is lost. */
static void a_message_that_lies_loses_its_sender(void)
{
    struct error err;
    send_command(1, SEND_LIE, 0);
    struct channel_event event = wait_event(&err);
    CU_ASSERT_EQUAL_FATAL(event.kind, CHANNEL_LOST);
    CU_ASSERT_EQUAL(event.peer, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another size than it says"));
    CU_ASSERT(channels_lost(channels));
    channels_next(channels, &event, &err); /* it is told once */
    CU_ASSERT_EQUAL(event.kind, CHANNEL_NOTHING);
    send_command(1, ECHO, 1); /* goes nowhere */
    CU_ASSERT(channels_quiet(channels));
}

static void the_other_peer_is_still_there(void)
{
    struct error err;
    send_command(0, ECHO, 42);
    struct channel_event event = wait_event(&err);
    CU_ASSERT(event.kind == CHANNEL_MESSAGE && event.peer == 0);
}

/* After this, peer 0 is lost too. */
static void garbage_loses_its_sender(void)
{
    struct error err;
    send_command(0, SEND_GARBAGE, 0);
    struct channel_event event = wait_event(&err);
    CU_ASSERT_EQUAL_FATAL(event.kind, CHANNEL_LOST);
    CU_ASSERT_EQUAL(event.peer, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "protocol version"));
}

static void send_long(struct channels *to, uint32_t times)
{
    struct error err;
    uint8_t *checkpoint = malloc(LONG + times);
    for (uint32_t i = 0; checkpoint && i < times; i++) {
        struct bytes out = {0};
        for (size_t at = 0; at < LONG + i; at++)
            checkpoint[at] = (uint8_t)(at * 7 + i);
        report_encode(&out, &(struct report){.trial = 1,
                                             .checkpoint = checkpoint,
                                             .checkpoint_size = LONG + i});
        channels_send(to, 0, &out, &err);
    }
    free(checkpoint);
}

/* A rank that obeys; false: nothing more will come from it. */
static bool obey(struct channels *to, const struct channel_event *event)
{
    struct heartbeat m;
    struct error err;
    if (event->tag != MESSAGE_HEARTBEAT ||
        heartbeat_decode(&m, event->data, event->size, &err) || m.trial == ECHO) {
        struct bytes out = {0};
        bytes_put(&out, event->data, event->size);
        channels_send(to, 0, &out, &err);
    } else if (m.trial == SEND_LONG) {
        send_long(to, m.lease);
    } else if (m.trial == SEND_GARBAGE) {
        char garbage[100];
        memset(garbage, 0xee, sizeof garbage);
        MPI_Send(garbage, sizeof garbage, MPI_BYTE, 0, MESSAGE_REPORT, MPI_COMM_WORLD);
        return false;
    } else {
        struct bytes out = {0};
        alive_encode(&out);
        bytes_put_u8(&out, 1); /* one more than the header says */
        MPI_Send(out.data, (int)out.size, MPI_BYTE, 0, MESSAGE_ALIVE, MPI_COMM_WORLD);
        bytes_clear(&out);
        return false;
    }
    return true;
}

static void peer(void)
{
    struct channels *to;
    struct channel_event event;
    struct error err;
    bool on = true;
    if (channels_new(&to, 0, 1, &err))
        MPI_Abort(MPI_COMM_WORLD, 1);
    double end = clock_monotonic_s() + 40;
    while (on && clock_monotonic_s() < end) {
        channels_next(to, &event, &err);
        if (event.kind == CHANNEL_NOTHING)
            clock_sleep_s(1e-4);
        else
            on = event.kind == CHANNEL_MESSAGE && obey(to, &event);
    }
    channels_free(to);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(messages_keep_their_order_and_sender),
        SUITE_TEST(long_messages_arrive_whole),
        SUITE_TEST(sizes_around_the_first_part_arrive),
        SUITE_TEST(all_is_quiet_when_all_is_sent),
        SUITE_TEST(a_message_that_lies_loses_its_sender),
        SUITE_TEST(the_other_peer_is_still_there),
        SUITE_TEST(garbage_loses_its_sender),
        {NULL, NULL},
    };
    int given, mpi_rank, failed = 0;
    struct error err;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    if (mpi_rank > 0) {
        peer();
    } else if (channels_new(&channels, 1, PEERS, &err)) {
        failed = 1;
    } else {
        failed = suite_run("channels", tests);
        channels_free(channels);
    }
    MPI_Finalize();
    return failed;
}
