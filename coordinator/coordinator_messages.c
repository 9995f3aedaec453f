/* Every message that comes: decode, check the sender and the lease, let trial_table and
 * findings change, answer. */
#include "coordinator/coordinator_parts.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_failure(struct coordinator *c, int64_t trial, const char *text)
{
    struct error err;
    if (findings_failure(c->findings, trial, text, &err))
        coordinator_give_up(c, err.text);
}

/* The end of a lease without a result, for the next start to know. */
static void record_left(struct coordinator *c, int64_t trial, uint32_t lease,
                        const char *text)
{
    struct error err;
    if (!c->unrecorded &&
        ledger_left(c->ledger, trial, lease, trial_table_state(c->table, trial),
                    trial_table_losses(c->table, trial), text, &err))
        coordinator_ledger_failed(c, &err);
}

/* A paused trial may go on now: for workers that found nothing to do before. */
static void wake_idle(struct coordinator *c)
{
    if (trial_table_busy(c->table) < trial_table_workers(c->table) &&
        steering_next(c->steering).move != MOVE_NONE)
        c->requeued = true;
}

/* The scheduler is told; without memory it is not to be asked again. */
static void steer_end(struct coordinator *c, int64_t trial, bool failed)
{
    if (steering_ended(c->steering, trial, failed))
        coordinator_give_up(c, "out of memory for the scheduler");
    wake_idle(c);
}

/* All that it holds goes back. */
static void leave_all(struct coordinator *c, int worker, const char *end)
{
    struct trial_lease held = trial_table_next_held(c->table, worker, 0);
    for (; held.trial != 0; held = trial_table_next_held(c->table, worker, held.trial))
        findings_left(c->findings, held.trial, end, c->unix_s);
}

void coordinator_member_gone(struct coordinator *c, int worker, const char *why)
{
    struct member *member = &c->members[worker];
    if (member->gone)
        return;
    member->gone = true;
    log_line("worker %d%s%s is gone: %s", worker + 1, member->host[0] ? " on " : "",
             member->host, why);
    struct trial_lease held = trial_table_computing(c->table, worker);
    leave_all(c, worker, "lost");
    int64_t given_up = trial_table_worker_lost(c->table, worker);
    if (given_up > 0) {
        log_line("trial %" PRId64 " is given up: it lost its worker too often",
                 given_up);
        note_failure(c, given_up, "its workers were lost");
        c->work_left -= coordinator_work_of(c, given_up);
        steer_end(c, given_up, true);
    }
    if (held.trial != 0)
        record_left(c, held.trial, held.lease,
                    given_up > 0 ? "its workers were lost" : "");
    channels_drop(c->channels, worker);
    coordinator_crew_lost(c, worker);
    if (c->staging)
        staging_forget(c->staging, worker);
    c->requeued = true;
    c->changed = true;
}

void coordinator_send(struct coordinator *c, int worker, struct bytes *message)
{
    struct error err;
    if (channels_send(c->channels, worker, message, &err))
        coordinator_member_gone(c, worker, err.text);
}

void coordinator_send_stop(struct coordinator *c, int worker, struct stop stop)
{
    struct bytes out = {0};
    stop_encode(&out, &stop);
    coordinator_send(c, worker, &out);
}

void coordinator_send_farewell(struct coordinator *c, int worker, const char *text)
{
    struct bytes out = {0};
    farewell_encode(&out, &(struct farewell){.text = text});
    coordinator_send(c, worker, &out);
}

/* No trial of its is at fault. It sleeps until the farewell to all: MPI_Finalize would
 * have it look around for that long, and more often. */
static void dismiss(struct coordinator *c, int worker, const char *why)
{
    struct member *member = &c->members[worker];
    log_line("worker %d on %s is dismissed: %s", worker + 1, member->host, why);
    leave_all(c, worker, "released");
    trial_table_worker_dismissed(c->table, worker);
    member->dismissed = true;
    coordinator_crew_lost(c, worker);
    if (c->staging)
        staging_forget(c->staging, worker);
    c->requeued = true;
    c->changed = true;
}

static void send_welcome(struct coordinator *c, int worker)
{
    struct bytes out = {0};
    struct welcome welcome = {
        .encoder = c->spec->encoder,
        .encoder_digest = c->order->job.encoder_digest,
        .heartbeat_s = c->spec->cluster.heartbeat_s,
        .lost_after_s = c->spec->cluster.lost_after_s,
        .threads = (uint16_t)c->spec->cluster.threads,
        .tasks = (uint16_t)c->spec->task_count,
    };
    welcome_encode(&out, &welcome);
    coordinator_send(c, worker, &out);
}

static void send_measure(struct coordinator *c, int worker)
{
    struct bytes out = {0};
    if (!c->profile)
        return;
    measure_encode(&out);
    coordinator_send(c, worker, &out);
}

static void send_task(struct coordinator *c, int worker, int index)
{
    struct bytes out = {0};
    const struct task *task = &c->spec->tasks[index];
    const struct findings_task *data = &c->order->job.tasks[index];
    struct task_order order = {
        .index = (uint16_t)index,
        .name = task->name,
        .dataset = c->order->datasets[index],
        .digest = data->dataset,
        .regression = task->regression,
        .labels = (uint16_t)data->labels,
        .metric_count = (uint8_t)task->metric_count,
        .selection_count = (uint8_t)task->selection_count,
        .selection_rows = task->selection_rows,
    };
    memcpy(order.metrics, task->metrics, sizeof order.metrics);
    memcpy(order.selection, task->selection, sizeof order.selection);
    task_order_encode(&out, &order);
    coordinator_send(c, worker, &out);
}

/* What a user waits for. A wall clock that was set meanwhile says nothing. */
static void log_first_step(const struct coordinator *c)
{
    double seconds = clock_wall_s() - c->order->begun_s;
    if (c->order->begun_s > 0 && seconds > 0)
        log_line("first step after %.2f s", seconds);
}

static void count_examples(struct coordinator *c, int worker, uint64_t trial,
                           uint32_t lease, uint64_t examples)
{
    if (c->examples == 0 && examples > 0)
        log_first_step(c);
    c->examples += progress_advance(&c->members[worker].share, trial, lease, examples);
}

static bool known_trial(const struct coordinator *c, uint64_t trial)
{
    return trial >= 1 && trial <= (uint64_t)c->list->trial_count;
}

/* Helpers know a trial and its lease too, but only its holder may say what becomes of
 * it. */
static bool holds(const struct coordinator *c, int worker, uint64_t trial)
{
    return trial_table_holder(c->table, (int64_t)trial) == worker;
}

/* A run that goes on keeps to what it began with, or its numbers would be those of no
 * undisturbed one. */
static bool computes_otherwise(const struct coordinator *c, const struct member *member)
{
    const char *before = ledger_numerics(c->ledger);
    return before && !c->order->accept_numerics &&
           strcmp(before, member->numerics) != 0;
}

/* Whether the worker's "avx2/own" begins with what the job wants. */
static bool has_isa(const struct coordinator *c, const char *isa)
{
    const char *wanted = job_isa_words[c->spec->cluster.isa];
    size_t size = strlen(wanted);
    return c->spec->cluster.isa == ISA_AUTO ||
           (!strncmp(isa, wanted, size) && isa[size] == '/');
}

/* Which worker computes a trial then decides about its last digits. */
static void compare_numerics(struct coordinator *c, int worker)
{
    const struct member *member = &c->members[worker], *first = c->first_joined;
    if (!first)
        c->first_joined = member;
    else if (strcmp(member->numerics, first->numerics) != 0)
        log_line("warning: worker %d on %s computes as %s, worker %d on %s as %s: "
                 "results depend on who computes them",
                 worker + 1, member->host, member->numerics,
                 (int)(first - c->members) + 1, first->host, first->numerics);
}

/* False: it has died since it said hello. */
static bool note_process(struct member *member, const struct hello *m)
{
    struct process process = {.pid = (int64_t)m->pid, .started = m->pid_started};
    snprintf(process.host, sizeof process.host, "%s", m->host);
    snprintf(process.boot_id, sizeof process.boot_id, "%s", m->boot_id);
    if (!process_is_here(&process))
        return true;
    member->pid = process.pid;
    return process_alive(&process);
}

static int on_hello(struct coordinator *c, int worker,
                    const struct channel_event *event, double now, struct error *err)
{
    struct hello m;
    struct member *member = &c->members[worker];
    int rc = hello_decode(&m, event->data, event->size, err);
    if (rc || member->joined)
        return rc ? rc : error_set(err, ERR_PROTOCOL, "HELLO came twice");
    snprintf(member->host, sizeof member->host, "%s", m.host);
    bool alive = note_process(member, &m);
    snprintf(member->numerics, sizeof member->numerics, "%" PRIu32 " %.40s", m.numerics,
             m.isa);
    if (!alive) {
        coordinator_member_gone(c, worker, "its process has ended");
        return 0;
    }
    if (strcmp(m.version, SHIFTWORK_VERSION) != 0) {
        char text[PROTOCOL_NAME + 128];
        snprintf(text, sizeof text, "its version is %s, the coordinator's %s",
                 m.version, SHIFTWORK_VERSION);
        dismiss(c, worker, text);
        return 0;
    }
    if (!has_isa(c, m.isa)) {
        char text[PROTOCOL_NAME + 128];
        snprintf(text, sizeof text,
                 "it computes as %s, cluster.isa is %s: its processor lacks that, or "
                 "SHIFTWORK_ISA was not passed to it",
                 m.isa, job_isa_words[c->spec->cluster.isa]);
        dismiss(c, worker, text);
        return 0;
    }
    if (computes_otherwise(c, member)) {
        char text[256];
        snprintf(text, sizeof text,
                 "it computes as %s, the run so far was computed as %s; run "
                 "--accept-numerics goes on all the same",
                 member->numerics, ledger_numerics(c->ledger));
        dismiss(c, worker, text);
        return 0;
    }
    member->joined = true;
    compare_numerics(c, worker);
    trial_table_worker_joined(c->table, worker, now);
    coordinator_crew_place(c, worker);
    send_welcome(c, worker);
    send_measure(c, worker);
    coordinator_stage_announce(c, worker);
    for (int i = 0; i < c->spec->task_count; i++)
        send_task(c, worker, i);
    coordinator_grant_next(c, worker, now);
    return 0;
}

static int on_heartbeat(struct coordinator *c, int worker,
                        const struct channel_event *event, double now,
                        struct error *err)
{
    struct heartbeat m;
    struct bytes out = {0};
    int rc = heartbeat_decode(&m, event->data, event->size, err);
    if (rc)
        return rc;
    struct member *member = &c->members[worker];
    if (m.trial != 0)
        count_examples(c, worker, m.trial, m.lease, m.examples);
    if (m.trial == 0 || m.microshards != member->microshards)
        member->moved = now;
    member->microshards = m.microshards;
    alive_encode(&out);
    coordinator_send(c, worker, &out);
    return 0;
}

/* Nothing is acknowledged before it lasts. Without memory for it the worker waits in
 * vain, which does no harm: it does not depend on receipts to go on. */
static void owe_receipt(struct coordinator *c, int worker, struct receipt receipt)
{
    if (c->owed_first + c->owed_count == c->owed_capacity) {
        memmove(c->owed, c->owed + c->owed_first, c->owed_count * sizeof *c->owed);
        c->owed_first = 0;
    }
    if (c->owed_count == c->owed_capacity) {
        size_t capacity = 2 * c->owed_capacity + 64;
        struct owed *grown = realloc(c->owed, capacity * sizeof *grown);
        if (!grown)
            return;
        c->owed = grown;
        c->owed_capacity = capacity;
    }
    c->owed[c->owed_first + c->owed_count++] =
        (struct owed){ledger_ticket(c->ledger), worker, receipt};
}

void coordinator_send_receipts(struct coordinator *c)
{
    uint64_t committed = ledger_committed(c->ledger);
    while (c->owed_count > 0 && c->owed[c->owed_first].ticket <= committed) {
        const struct owed *owed = &c->owed[c->owed_first++];
        struct bytes out = {0};
        c->owed_count--;
        if (owed->worker < 0 || c->members[owed->worker].gone)
            continue;
        receipt_encode(&out, &owed->receipt);
        coordinator_send(c, owed->worker, &out);
    }
}

int64_t coordinator_unlasting_results(const struct coordinator *c)
{
    int64_t count = 0;
    for (size_t i = 0; i < c->owed_count; i++)
        count += c->owed[c->owed_first + i].worker < 0;
    return count;
}

/* What a trial takes, as a running mean over all workers. */
static void note_duration(struct coordinator *c, int worker, double now)
{
    static const double weight = 0.1;
    struct member *member = &c->members[worker];
    double seconds = now - member->since;
    member->since = now;
    c->trial_s = c->trial_s > 0 ? (1 - weight) * c->trial_s + weight * seconds
                                : fmax(seconds, 1e-9);
}

/* Takes the trial from its worker, which has begun its next epoch by now. */
static void leave_trial(struct coordinator *c, int worker, const struct report *m,
                        enum trial_state state, double now)
{
    int64_t trial = (int64_t)m->trial;
    findings_left(c->findings, trial,
                  state == TRIAL_QUEUED   ? "released"
                  : state == TRIAL_PAUSED ? "paused"
                                          : "stopped",
                  c->unix_s);
    if (state == TRIAL_QUEUED) {
        trial_table_released(c->table, trial, m->lease, now);
    } else if (state == TRIAL_PAUSED) {
        trial_table_paused(c->table, trial, m->lease, now);
    } else {
        trial_table_ended(c->table, trial, m->lease, TRIAL_STOPPED, now);
        record_left(c, trial, m->lease, "");
        c->work_left -= coordinator_work_of(c, trial);
    }
    coordinator_send_stop(c, worker,
                          (struct stop){m->trial, m->lease, .at_once = true});
    c->crews_due = true;
    coordinator_grant_next(c, worker, now);
}

/* Whether there is a next epoch, and no time or epochs for it. */
static bool must_not_go_on(struct coordinator *c, const struct report *m, double now)
{
    int64_t others = trial_table_count(c->table, TRIAL_RUNNING) - 1;
    return m->epoch < coordinator_epochs_of(c, (int64_t)m->trial) &&
           !coordinator_may_begin(c, (int64_t)m->trial, others, now);
}

/* What follows from a report that was taken in. */
static void steer_report(struct coordinator *c, int worker, const struct report *m,
                         enum trial_answer answer, double now)
{
    int verdict = steering_reported(c->steering, (int64_t)m->trial, m->epoch, m->score);
    findings_judged(c->findings, (int64_t)m->trial,
                    steering_bracket(c->steering, (int64_t)m->trial),
                    steering_rung(c->steering, (int64_t)m->trial));
    if (verdict < 0)
        coordinator_give_up(c, "out of memory for the scheduler");
    else if (verdict != VERDICT_CONTINUE)
        leave_trial(c, worker, m,
                    verdict == VERDICT_PAUSE ? TRIAL_PAUSED : TRIAL_STOPPED, now);
    else if (must_not_go_on(c, m, now))
        leave_trial(c, worker, m, TRIAL_QUEUED, now);
    else if (answer == ANSWER_STOP)
        coordinator_send_stop(c, worker,
                              (struct stop){m->trial, m->lease, .at_once = false});
    wake_idle(c);
}

/* What epochs take, as a running mean over all workers, and how many there were. */
static void note_epoch(struct coordinator *c, const struct report *m, int before)
{
    static const double weight = 0.1;
    double rows = coordinator_rows_of(c, (int64_t)m->trial) * m->epoch;
    if (m->epoch <= before)
        return;
    c->budget.used += m->epoch - before;
    double row_s = m->seconds / fmax(rows, 1);
    c->row_s = c->row_s > 0 ? (1 - weight) * c->row_s + weight * row_s : row_s;
}

static int on_report(struct coordinator *c, int worker,
                     const struct channel_event *event, double now, struct error *err)
{
    struct report m;
    int rc = report_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "REPORT of trial %" PRIu64, m.trial);
    if (rc || c->unrecorded) /* its worker was told to leave it */
        return rc;
    enum trial_answer answer = ANSWER_IGNORE;
    int before = trial_table_epochs(c->table, (int64_t)m.trial);
    if (holds(c, worker, m.trial))
        answer =
            trial_table_reported(c->table, (int64_t)m.trial, m.lease, m.epoch, now);
    if (answer == ANSWER_IGNORE) {
        coordinator_send_stop(c, worker,
                              (struct stop){m.trial, m.lease, .at_once = true});
        return 0;
    }
    count_examples(c, worker, m.trial, m.lease, m.examples);
    c->members[worker].moved = now;
    rc = findings_report(c->findings, &m, err);
    if (rc)
        return rc;
    note_epoch(c, &m, before);
    c->changed = true;
    if (ledger_report(c->ledger, &m, err))
        coordinator_ledger_failed(c, err);
    else
        owe_receipt(c, worker, (struct receipt){m.trial, m.lease, m.step});
    if (!c->unrecorded)
        steer_report(c, worker, &m, answer, now);
    return 0;
}

/* It must be kept before it counts as done. */
static int take_result(struct coordinator *c, int worker, const struct result *m,
                       double now, struct error *err)
{
    int64_t trial = (int64_t)m->trial;
    struct findings_dropped dropped;
    int rc = c->unrecorded ? 0 : findings_result(c->findings, m, &dropped, err);
    if (rc)
        return rc;
    if (!c->unrecorded && ledger_result(c->ledger, m, &dropped, err))
        coordinator_ledger_failed(c, err);
    if (c->unrecorded) {
        trial_table_released(c->table, trial, m->lease, now);
        return 0;
    }
    owe_receipt(c, -1, (struct receipt){m->trial, m->lease, m->best_step});
    findings_left(c->findings, trial, "done", c->unix_s);
    trial_table_ended(c->table, trial, m->lease, TRIAL_DONE, now);
    note_duration(c, worker, now);
    c->work_left -= coordinator_work_of(c, trial);
    c->changed = true;
    steer_end(c, trial, false);
    return 0;
}

static int on_result(struct coordinator *c, int worker,
                     const struct channel_event *event, double now, struct error *err)
{
    struct result m;
    int rc = result_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "RESULT of trial %" PRIu64, m.trial);
    if (rc)
        return rc;
    struct trial_lease held = trial_table_computing(c->table, worker);
    if (held.trial == (int64_t)m.trial && held.lease == m.lease)
        rc = take_result(c, worker, &m, now, err);
    if (rc)
        return rc;
    c->crews_due = true;
    coordinator_grant_next(c, worker, now);
    return 0;
}

static int on_failure(struct coordinator *c, int worker,
                      const struct channel_event *event, double now, struct error *err)
{
    struct failure m;
    int rc = failure_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "FAILURE of trial %" PRIu64, m.trial);
    if (rc)
        return rc;
    if (coordinator_crew_freed(c, worker, m.trial, m.lease)) {
        log_line("worker %d on %s does not help with trial %" PRIu64 ": %s", worker + 1,
                 c->members[worker].host, m.trial, m.text);
        return 0;
    }
    int64_t trial = (int64_t)m.trial;
    bool elsewhere = m.status == ERR_IO || m.status == ERR_MEMORY;
    if (holds(c, worker, m.trial) &&
        trial_table_failed(c->table, trial, m.lease, elsewhere, now) != ANSWER_IGNORE) {
        bool again = trial_table_state(c->table, trial) == TRIAL_QUEUED;
        log_line("trial %" PRId64 " failed on %s%s: %s", trial, c->members[worker].host,
                 again ? " and is tried again" : "", m.text);
        note_failure(c, trial, m.text);
        findings_left(c->findings, trial, "failed", c->unix_s);
        record_left(c, trial, m.lease, m.text);
        if (!again) {
            c->work_left -= coordinator_work_of(c, trial);
            steer_end(c, trial, true);
        }
        c->changed = true;
    }
    c->requeued = true; /* or at least the worker is idle */
    return 0;
}

static int on_measured(struct coordinator *c, int worker,
                       const struct channel_event *event, struct error *err)
{
    struct measured m;
    int rc = measured_decode(&m, event->data, event->size, err);
    if (!rc && !c->profile)
        rc = error_set(err, ERR_PROTOCOL, "MEASURED without MEASURE");
    if (!rc)
        profile_sum_take(c->profile, worker, &m);
    return rc;
}

static int on_unfit(struct coordinator *c, int worker,
                    const struct channel_event *event, struct error *err)
{
    struct unfit m;
    int rc = unfit_decode(&m, event->data, event->size, err);
    if (!rc)
        dismiss(c, worker, m.text);
    return rc;
}

static int on_stopped(struct coordinator *c, int worker,
                      const struct channel_event *event, double now, struct error *err)
{
    struct stopped m;
    int rc = stopped_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "STOPPED of trial %" PRIu64, m.trial);
    if (rc)
        return rc;
    if (!coordinator_crew_freed(c, worker, m.trial, m.lease) &&
        holds(c, worker, m.trial)) {
        if (trial_table_released(c->table, (int64_t)m.trial, m.lease, now) !=
            ANSWER_IGNORE)
            findings_left(c->findings, (int64_t)m.trial, "released", c->unix_s);
    }
    c->changed = true;
    c->crews_due = true;
    coordinator_grant_next(c, worker, now);
    return 0;
}

static int on_message(struct coordinator *c, const struct channel_event *event,
                      double now, struct error *err)
{
    int worker = event->peer;
    if (c->members[worker].dismissed)
        return event->tag == MESSAGE_HEARTBEAT
                   ? on_heartbeat(c, worker, event, now, err)
                   : 0;
    if (event->tag != MESSAGE_HELLO && !c->members[worker].joined)
        return error_set(err, ERR_PROTOCOL, "%s before HELLO",
                         message_name(event->tag));
    trial_table_heard(c->table, worker, now);
    switch (event->tag) {
    case MESSAGE_HELLO:
        return on_hello(c, worker, event, now, err);
    case MESSAGE_HEARTBEAT:
        return on_heartbeat(c, worker, event, now, err);
    case MESSAGE_REPORT:
        return on_report(c, worker, event, now, err);
    case MESSAGE_RESULT:
        return on_result(c, worker, event, now, err);
    case MESSAGE_FAILURE:
        return on_failure(c, worker, event, now, err);
    case MESSAGE_STOPPED:
        return on_stopped(c, worker, event, now, err);
    case MESSAGE_MEASURED:
        return on_measured(c, worker, event, err);
    case MESSAGE_UNFIT:
        return on_unfit(c, worker, event, err);
    case MESSAGE_FETCH:
        return coordinator_on_fetch(c, worker, event, err);
    case MESSAGE_STAGED:
        return coordinator_on_staged(c, worker, event, err);
    default:
        return error_set(err, ERR_PROTOCOL, "%s is not for a worker to send",
                         message_name(event->tag));
    }
}

bool coordinator_receive(struct coordinator *c, double now)
{
    struct channel_event event;
    struct error err;
    enum { AT_ONCE = 1000 };
    for (int i = 0; i < AT_ONCE; i++) {
        channels_next(c->channels, &event, &err);
        if (event.kind == CHANNEL_NOTHING)
            return i > 0;
        if (event.kind == CHANNEL_LOST || on_message(c, &event, now, &err))
            coordinator_member_gone(c, event.peer, err.text);
    }
    return true;
}

/* What it computes and what was handed out ahead. */
static void stop_worker(struct coordinator *c, int worker)
{
    struct trial_lease held[2 * GRANT_MAX];
    int count = 0;
    struct trial_lease lease = trial_table_next_held(c->table, worker, 0);
    for (; lease.trial != 0 && count < 2 * GRANT_MAX;
         lease = trial_table_next_held(c->table, worker, lease.trial))
        held[count++] = lease;
    for (int i = 0; i < count; i++) /* a send that fails takes them all back */
        coordinator_send_stop(
            c, worker,
            (struct stop){(uint64_t)held[i].trial, held[i].lease, .at_once = true});
}

void coordinator_stop_running(struct coordinator *c)
{
    for (int i = 0; i < c->order->workers; i++)
        stop_worker(c, i);
}
