#include "worker/worker_loop.h"

#include "common/channels.h"
#include "common/clock.h"
#include "common/process.h"
#include "worker/compute.h"
#include "worker/numerics.h"
#include "worker/stage.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { COORDINATOR }; /* its number among the peers, and its MPI rank */

static const double least_sleep_s = 50e-6, most_sleep_s = 5e-3;
/* The coordinator may be preparing data for long before it says welcome. */
static const double welcome_after_s = 24 * 3600.0;

struct worker {
    const struct worker_place *place;
    struct channels *channels;
    struct compute *compute;
    struct stage *stage; /* NULL: the worker reads the files itself */
    double heartbeat_s, lost_after_s;
    double heard, beat; /* last message from, last heartbeat to the coordinator */
    double turned;      /* the last turn of the loop */
    bool stepped;       /* and that has told of a first step */
    bool leaving;
};

static int usable_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

static int send_hello(struct worker *w, struct error *err)
{
    struct process self;
    struct bytes out = {0};
    char isa[64];
    process_self(&self);
    numerics_isa(isa, sizeof isa);
    struct hello hello = {
        .version = SHIFTWORK_VERSION,
        .host = self.host,
        .boot_id = self.boot_id,
        .pid = (uint64_t)self.pid,
        .pid_started = self.started,
        .numerics = NUMERICS,
        .isa = isa,
        .cores = (uint16_t)usable_cores(),
    };
    hello_encode(&out, &hello);
    return channels_send(w->channels, COORDINATOR, &out, err);
}

/* Each worker of a node keeps to its own cores, if there are enough for all; else the
 * system shares them out. Threads made later inherit it. */
static void pin(const struct worker_place *place, int threads)
{
    cpu_set_t usable, mine;
    int seen = 0;
    if (sched_getaffinity(0, sizeof usable, &usable) ||
        CPU_COUNT(&usable) < place->workers * threads)
        return;
    CPU_ZERO(&mine);
    for (int core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &usable))
            continue;
        if (seen / threads == place->index)
            CPU_SET(core, &mine);
        seen++;
    }
    sched_setaffinity(0, sizeof mine, &mine);
}

static int on_welcome(struct worker *w, const struct channel_event *event,
                      struct error *err)
{
    struct welcome m;
    int rc = welcome_decode(&m, event->data, event->size, err);
    if (rc || w->compute)
        return rc ? rc : error_set(err, ERR_PROTOCOL, "WELCOME came twice");
    struct compute_setup setup = {
        .encoder = m.encoder,
        .encoder_digest = m.encoder_digest,
        .threads = m.threads,
        .tasks = m.tasks,
    };
    pin(w->place, m.threads);
    w->heartbeat_s = m.heartbeat_s;
    w->lost_after_s = m.lost_after_s;
    return compute_new(&w->compute, &setup, err);
}

static int on_measure(struct worker *w, const struct channel_event *event,
                      struct error *err)
{
    int rc = measure_decode(event->data, event->size, err);
    return rc ? rc : compute_measure(w->compute, err);
}

static int on_stage(struct worker *w, const struct channel_event *event,
                    struct error *err)
{
    struct stage_order m;
    int rc = stage_order_decode(&m, event->data, event->size, err);
    if (rc || w->stage)
        return rc ? rc : error_set(err, ERR_PROTOCOL, "STAGE came twice");
    rc = stage_new(&w->stage, &m, w->lost_after_s, err);
    if (!rc)
        compute_use_stage(w->compute, w->stage);
    return rc;
}

static int on_file(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    struct stage_file m;
    int rc = stage_file_decode(&m, event->data, event->size, err);
    return rc ? rc : stage_add(w->stage, &m, err);
}

static int on_chunk(struct worker *w, const struct channel_event *event,
                    struct error *err)
{
    struct chunk m;
    int rc = chunk_decode(&m, event->data, event->size, err);
    return rc ? rc : stage_chunk(w->stage, &m, err);
}

static int on_task(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    struct task_order m;
    int rc = task_order_decode(&m, event->data, event->size, err);
    return rc ? rc : compute_task(w->compute, &m, err);
}

static int on_grant(struct worker *w, const struct channel_event *event,
                    struct error *err)
{
    struct grant m;
    int rc = grant_decode(&m, event->data, event->size, err);
    for (int i = 0; !rc && i < m.count; i++)
        rc = compute_add(w->compute, &m.trials[i], err);
    return rc;
}

static int on_stop(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    struct stop m;
    int rc = stop_decode(&m, event->data, event->size, err);
    if (!rc)
        compute_stop(w->compute, &m);
    return rc;
}

static int on_farewell(struct worker *w, const struct channel_event *event,
                       struct error *err)
{
    struct farewell m;
    int rc = farewell_decode(&m, event->data, event->size, err);
    w->leaving = !rc;
    return rc;
}

static int open_channel(struct worker *w, uint32_t mpi_rank, int *peer,
                        struct error *err)
{
    return mpi_rank < (uint32_t)w->place->ranks
               ? channels_open(w->channels, (int)mpi_rank, peer, err)
               : error_set(err, ERR_PROTOCOL, "rank %u of %d", (unsigned)mpi_rank,
                           w->place->ranks);
}

static int on_help(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    struct help m;
    int peer, rc = help_decode(&m, event->data, event->size, err);
    if (!rc)
        rc = open_channel(w, m.leader, &peer, err);
    return rc ? rc : compute_help(w->compute, &m, err);
}

static int on_crew(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    struct crew_change m;
    int peer, rc = crew_change_decode(&m, event->data, event->size, err);
    if (!rc)
        rc = open_channel(w, m.helper, &peer, err);
    return rc ? rc : compute_deliver(w->compute, 0, event->data, event->size, err);
}

/* From another worker. What it says, the compute thread understands; one that cannot be
 * read is gone for the crew only. */
static int on_peer(struct worker *w, const struct channel_event *event,
                   struct error *err)
{
    int mpi_rank = channels_rank(w->channels, event->peer);
    bool lost = event->kind == CHANNEL_LOST;
    return compute_deliver(w->compute, mpi_rank, lost ? NULL : event->data, event->size,
                           err);
}

static int on_message(struct worker *w, const struct channel_event *event,
                      struct error *err)
{
    if (event->tag == MESSAGE_FAREWELL)
        return on_farewell(w, event, err);
    if (event->tag == MESSAGE_WELCOME)
        return on_welcome(w, event, err);
    if (!w->compute)
        return error_set(err, ERR_PROTOCOL, "%s before WELCOME",
                         message_name(event->tag));
    if (!w->stage && (event->tag == MESSAGE_FILE || event->tag == MESSAGE_CHUNK))
        return error_set(err, ERR_PROTOCOL, "%s before STAGE",
                         message_name(event->tag));
    switch (event->tag) {
    case MESSAGE_MEASURE:
        return on_measure(w, event, err);
    case MESSAGE_STAGE:
        return on_stage(w, event, err);
    case MESSAGE_FILE:
        return on_file(w, event, err);
    case MESSAGE_CHUNK:
        return on_chunk(w, event, err);
    case MESSAGE_TASK:
        return on_task(w, event, err);
    case MESSAGE_GRANT:
        return on_grant(w, event, err);
    case MESSAGE_STOP:
        return on_stop(w, event, err);
    case MESSAGE_HELP:
        return on_help(w, event, err);
    case MESSAGE_CREW:
        return on_crew(w, event, err);
    case MESSAGE_RECEIPT: /* a report need not be sent again: it never is */
    case MESSAGE_ALIVE:
        return 0;
    default:
        return error_set(err, ERR_PROTOCOL, "%s is not for a coordinator to send",
                         message_name(event->tag));
    }
}

static int receive_all(struct worker *w, double now, bool *any, struct error *err)
{
    struct channel_event event;
    int rc = 0;
    for (*any = false; !rc && !w->leaving; *any = true) {
        channels_next(w->channels, &event, err);
        if (event.kind == CHANNEL_NOTHING)
            return 0;
        if (event.peer != COORDINATOR) {
            rc = on_peer(w, &event, err);
            continue;
        }
        if (event.kind == CHANNEL_LOST)
            return ERR_IO;
        w->heard = now;
        rc = on_message(w, &event, err);
    }
    return rc;
}

/* When it is time, and at once after this worker's first step: how long it took until
 * then is what the coordinator tells its user. */
static int send_heartbeat(struct worker *w, double now, struct error *err)
{
    struct heartbeat heartbeat;
    struct bytes out = {0};
    bool due = now - w->beat >= w->heartbeat_s;
    if (!w->compute || (w->stepped && !due))
        return 0;
    compute_progress(w->compute, &heartbeat);
    if (!due && heartbeat.examples == 0)
        return 0;
    w->stepped = w->stepped || heartbeat.examples > 0;
    w->beat = now;
    if (w->stage)
        stage_heartbeat(w->stage, &heartbeat);
    heartbeat_encode(&out, &heartbeat);
    return channels_send(w->channels, COORDINATOR, &out, err);
}

static int send_staging(struct worker *w, bool *any, struct error *err)
{
    struct bytes out;
    int rc = 0;
    while (!rc && w->stage && stage_take(w->stage, &out)) {
        rc = channels_send(w->channels, COORDINATOR, &out, err);
        *any = true;
    }
    return rc;
}

/* How long to sleep after a turn with nothing to do that followed one of pause_s. */
static double next_pause(const struct worker *w, double pause_s)
{
    return w->stage && stage_expects(w->stage) ? least_sleep_s
                                               : fmin(2 * pause_s, most_sleep_s);
}

/* What the compute thread has to say; sleeps until then, at most for pause_s. To the
 * coordinator one message at a time, so that memory stays bounded. */
static int send_computed(struct worker *w, double pause_s, bool *any, struct error *err)
{
    struct letter letter;
    int peer, rc;
    *any = false;
    if (!w->compute) {
        clock_sleep_s(pause_s);
        return 0;
    }
    *any = compute_take(w->compute, channels_quiet_to(w->channels, COORDINATOR),
                        &letter, pause_s);
    if (!*any)
        return 0;
    rc = channels_open(w->channels, letter.peer, &peer, err);
    return rc ? rc : channels_send(w->channels, peer, &letter.message, err);
}

static int run_loop(struct worker *w, struct error *err)
{
    double pause = least_sleep_s;
    int rc = 0;
    while (!rc) {
        bool received = false, asked = false, sent = false;
        double now = clock_monotonic_s();
        rc = receive_all(w, now, &received, err);
        if (rc || w->leaving)
            break;
        /* a host that slept has heard nothing: that says nothing about others */
        if (now - w->turned > w->lost_after_s / 2)
            w->heard = now;
        w->turned = now;
        if (now - w->heard > w->lost_after_s)
            return error_set(err, ERR_IO, "the coordinator has been silent for %.0f s",
                             w->lost_after_s);
        rc = send_heartbeat(w, now, err);
        if (!rc)
            rc = send_staging(w, &asked, err);
        received = received || asked;
        if (!rc)
            rc = send_computed(w, received ? 0 : pause, &sent, err);
        pause = received || sent ? least_sleep_s : next_pause(w, pause);
    }
    return rc;
}

int worker_run(const struct worker_place *place, bool *lost, struct error *err)
{
    struct worker w = {
        .place = place, .lost_after_s = welcome_after_s, .heard = clock_monotonic_s()};
    w.turned = w.heard;
    int rc = channels_new(&w.channels, COORDINATOR, 1, err);
    if (rc)
        return rc;
    rc = send_hello(&w, err);
    if (!rc)
        rc = run_loop(&w, err);
    stage_close(w.stage);
    compute_free(w.compute);
    stage_free(w.stage);
    *lost = rc != 0 || channels_lost(w.channels);
    channels_free(w.channels);
    return rc;
}
