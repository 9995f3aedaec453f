#include "coordinator/coordinator.h"

#include "common/channels.h"
#include "common/clock.h"
#include "common/log.h"
#include "coordinator/progress.h"
#include "coordinator/publisher.h"
#include "jobs/settings_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_sleep_s = 50e-6, most_sleep_s = 5e-3;
static const double farewell_s = 5.0;     /* for the last messages to go out */
static const double first_worker_s = 120; /* for the first one to say hello */
static const double terminal_s = 0.5, plain_s = 10.0; /* between progress lines */

struct member {
    char host[PROTOCOL_NAME + 1], numerics[64];
    bool joined, gone;
    uint64_t trial; /* whose examples are counted */
    uint32_t lease;
    uint64_t examples;
};

struct coordinator {
    const struct coordinator_order *order;
    const struct job_spec *spec;
    const struct sweep *sweep;
    struct channels *channels;
    struct trial_table *table;
    struct findings *findings;
    struct publisher *publisher;
    struct member *members; /* (workers) */
    int joined, gone;
    int stops_seen;
    bool changed; /* since the last snapshot */
    bool broken;  /* results cannot be written, or nobody is left to work */
    struct progress_rate rate;
    uint64_t examples;
    double work_left, began, shown;
};

/* Training examples of a trial, if it does not end early. */
static double work_of(const struct coordinator *c, int64_t trial)
{
    struct sweep_trial parts = sweep_trial(c->sweep, trial);
    struct settings settings;
    sweep_settings(c->sweep, parts.config, parts.seed, &settings);
    int64_t rows = c->order->job.tasks[parts.task].rows[SPLIT_TRAIN];
    if (settings.limit > 0 && settings.limit < rows)
        rows = settings.limit;
    if (settings.subsample > 0 && settings.subsample < rows)
        rows = settings.subsample;
    return (double)rows * settings.epochs;
}

static void member_gone(struct coordinator *c, int worker, const char *why)
{
    struct member *member = &c->members[worker];
    if (member->gone)
        return;
    member->gone = true;
    c->gone++;
    log_line("worker %d%s%s is gone: %s", worker + 1, member->host[0] ? " on " : "",
             member->host, why);
    int64_t given_up = trial_table_worker_lost(c->table, worker);
    if (given_up > 0) {
        log_line("trial %" PRId64 " is given up: it lost its worker too often",
                 given_up);
        findings_failure(c->findings, given_up, "its workers were lost");
        c->work_left -= work_of(c, given_up);
    }
    channels_drop(c->channels, worker);
    c->changed = true;
}

static void send_message(struct coordinator *c, int worker, struct bytes *message)
{
    struct error err;
    if (channels_send(c->channels, worker, message, &err))
        member_gone(c, worker, err.text);
}

static void send_stop(struct coordinator *c, int worker, uint64_t trial, uint32_t lease)
{
    struct bytes out = {0};
    stop_encode(&out, &(struct stop){.trial = trial, .lease = lease});
    send_message(c, worker, &out);
}

static void send_farewell(struct coordinator *c, int worker, const char *text)
{
    struct bytes out = {0};
    farewell_encode(&out, &(struct farewell){.text = text});
    send_message(c, worker, &out);
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
    send_message(c, worker, &out);
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
    send_message(c, worker, &out);
}

static void send_grant(struct coordinator *c, int worker, struct trial_lease lease)
{
    struct sweep_trial parts = sweep_trial(c->sweep, lease.trial);
    struct settings settings;
    struct grant grant = {.count = 1};
    struct bytes out = {0};
    sweep_settings(c->sweep, parts.config, parts.seed, &settings);
    char *text = settings_canonical(&settings);
    grant.trials[0] = (struct grant_trial){
        .trial = (uint64_t)lease.trial,
        .lease = lease.lease,
        .task = (uint16_t)parts.task,
        .settings = text ? text : "",
    };
    grant.trials[0].checkpoint =
        findings_checkpoint(c->findings, lease.trial, &grant.trials[0].checkpoint_size);
    grant_encode(&out, &grant);
    out.failed = out.failed || !text;
    free(text);
    findings_begun(c->findings, lease.trial, c->members[worker].host,
                   c->members[worker].numerics);
    send_message(c, worker, &out);
    c->changed = true;
}

/* Gives an idle worker its next trial, if there is one. */
static void grant_next(struct coordinator *c, int worker, double now)
{
    if (!c->members[worker].joined || c->members[worker].gone ||
        trial_table_computing(c->table, worker).trial != 0)
        return;
    struct trial_lease lease = trial_table_grant(c->table, worker, now);
    if (lease.trial != 0)
        send_grant(c, worker, lease);
}

static void grant_all(struct coordinator *c, double now)
{
    for (int i = 0; i < c->order->workers; i++)
        grant_next(c, i, now);
}

static void count_examples(struct coordinator *c, int worker, uint64_t trial,
                           uint32_t lease, uint64_t examples)
{
    struct member *member = &c->members[worker];
    bool same = member->trial == trial && member->lease == lease;
    uint64_t before = same ? member->examples : 0;
    if (examples > before)
        c->examples += examples - before;
    member->trial = trial;
    member->lease = lease;
    member->examples = examples;
}

static bool known_trial(const struct coordinator *c, uint64_t trial)
{
    return trial >= 1 && trial <= (uint64_t)c->sweep->trial_count;
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
    snprintf(member->numerics, sizeof member->numerics, "%" PRIu32 " %.40s", m.numerics,
             m.isa);
    if (strcmp(m.version, SHIFTWORK_VERSION) != 0) {
        char text[PROTOCOL_NAME + 128];
        snprintf(text, sizeof text, "its version is %s, the coordinator's %s",
                 m.version, SHIFTWORK_VERSION);
        send_farewell(c, worker, text);
        member_gone(c, worker, text);
        return 0;
    }
    member->joined = true;
    c->joined++;
    trial_table_worker_joined(c->table, worker, now);
    send_welcome(c, worker);
    for (int i = 0; i < c->spec->task_count; i++)
        send_task(c, worker, i);
    grant_next(c, worker, now);
    return 0;
}

static int on_heartbeat(struct coordinator *c, int worker,
                        const struct channel_event *event, struct error *err)
{
    struct heartbeat m;
    struct bytes out = {0};
    int rc = heartbeat_decode(&m, event->data, event->size, err);
    if (rc)
        return rc;
    if (m.trial != 0)
        count_examples(c, worker, m.trial, m.lease, m.examples);
    alive_encode(&out);
    send_message(c, worker, &out);
    return 0;
}

static int on_report(struct coordinator *c, int worker,
                     const struct channel_event *event, double now, struct error *err)
{
    struct report m;
    int rc = report_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "REPORT of trial %" PRIu64, m.trial);
    if (rc)
        return rc;
    enum trial_answer answer =
        trial_table_reported(c->table, (int64_t)m.trial, m.lease, m.epoch, now);
    if (answer == ANSWER_IGNORE) {
        send_stop(c, worker, m.trial, m.lease);
        return 0;
    }
    count_examples(c, worker, m.trial, m.lease, m.examples);
    rc = findings_report(c->findings, &m, err);
    if (rc)
        return rc;
    c->changed = true;
    struct bytes out = {0};
    receipt_encode(&out, &(struct receipt){m.trial, m.lease, m.step});
    send_message(c, worker, &out);
    if (answer == ANSWER_STOP)
        send_stop(c, worker, m.trial, m.lease);
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
    if (trial_table_ended(c->table, (int64_t)m.trial, m.lease, TRIAL_DONE, now) !=
        ANSWER_IGNORE) {
        rc = findings_result(c->findings, &m, err);
        c->work_left -= work_of(c, (int64_t)m.trial);
        c->changed = true;
    }
    grant_next(c, worker, now);
    return rc;
}

/* What another worker may be able to do is handed out again, but not for ever. */
static bool worth_another_try(const struct coordinator *c, const struct failure *m)
{
    return (m->status == ERR_IO || m->status == ERR_MEMORY) &&
           trial_table_attempts(c->table, (int64_t)m->trial) <
               c->spec->cluster.attempts;
}

static int on_failure(struct coordinator *c, int worker,
                      const struct channel_event *event, double now, struct error *err)
{
    struct failure m;
    enum trial_answer answer;
    int rc = failure_decode(&m, event->data, event->size, err);
    if (!rc && !known_trial(c, m.trial))
        rc = error_set(err, ERR_PROTOCOL, "FAILURE of trial %" PRIu64, m.trial);
    if (rc)
        return rc;
    int64_t trial = (int64_t)m.trial;
    bool again = worth_another_try(c, &m);
    answer = again ? trial_table_released(c->table, trial, m.lease, now)
                   : trial_table_ended(c->table, trial, m.lease, TRIAL_FAILED, now);
    if (answer != ANSWER_IGNORE) {
        log_line("trial %" PRId64 " failed on %s%s: %s", trial, c->members[worker].host,
                 again ? " and is tried again" : "", m.text);
        findings_failure(c->findings, trial, m.text);
        if (!again)
            c->work_left -= work_of(c, trial);
        c->changed = true;
    }
    grant_all(c, now);
    return 0;
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
    trial_table_released(c->table, (int64_t)m.trial, m.lease, now);
    c->changed = true;
    grant_next(c, worker, now);
    return 0;
}

static int on_message(struct coordinator *c, const struct channel_event *event,
                      double now, struct error *err)
{
    int worker = event->peer;
    if (event->tag != MESSAGE_HELLO && !c->members[worker].joined)
        return error_set(err, ERR_PROTOCOL, "%s before HELLO",
                         message_name(event->tag));
    trial_table_heard(c->table, worker, now);
    switch (event->tag) {
    case MESSAGE_HELLO:
        return on_hello(c, worker, event, now, err);
    case MESSAGE_HEARTBEAT:
        return on_heartbeat(c, worker, event, err);
    case MESSAGE_REPORT:
        return on_report(c, worker, event, now, err);
    case MESSAGE_RESULT:
        return on_result(c, worker, event, now, err);
    case MESSAGE_FAILURE:
        return on_failure(c, worker, event, now, err);
    case MESSAGE_STOPPED:
        return on_stopped(c, worker, event, now, err);
    default:
        return error_set(err, ERR_PROTOCOL, "%s is not for a worker to send",
                         message_name(event->tag));
    }
}

/* What has arrived, but not for ever; true where there was something. */
static bool receive_all(struct coordinator *c, double now)
{
    struct channel_event event;
    struct error err;
    enum { AT_ONCE = 1000 };
    for (int i = 0; i < AT_ONCE; i++) {
        channels_next(c->channels, &event, &err);
        if (event.kind == CHANNEL_NOTHING)
            return i > 0;
        if (event.kind == CHANNEL_LOST || on_message(c, &event, now, &err)) {
            member_gone(c, event.peer, err.text);
            grant_all(c, now);
        }
    }
    return true;
}

static void stop_running(struct coordinator *c)
{
    for (int i = 0; i < c->order->workers; i++) {
        struct trial_lease lease = trial_table_computing(c->table, i);
        if (lease.trial != 0)
            send_stop(c, i, (uint64_t)lease.trial, lease.lease);
    }
}

static void check_stops(struct coordinator *c)
{
    int stops = (int)*c->order->stops;
    if (stops <= c->stops_seen)
        return;
    if (c->stops_seen == 0 && stops == 1)
        log_line("stopping at the next report of each trial; a second signal stops at "
                 "once");
    if (stops >= 2)
        stop_running(c);
    c->stops_seen = stops;
    trial_table_stop(c->table);
}

static void give_up_run(struct coordinator *c, const char *why)
{
    if (!c->broken)
        log_line("stopping: %s", why);
    c->broken = true;
    trial_table_stop(c->table);
}

static void check_workers(struct coordinator *c, double now)
{
    for (int w; (w = trial_table_silent(c->table, now)) >= 0;) {
        member_gone(c, w, "it has been silent for too long");
        grant_all(c, now);
    }
    if (c->gone == c->order->workers)
        give_up_run(c, "no worker is left");
    else if (c->joined == 0 && now - c->began > first_worker_s)
        give_up_run(c, "no worker has said hello");
}

static int publish(struct coordinator *c, double now, struct error *err)
{
    struct results snapshot;
    int rc = findings_snapshot(c->findings, c->table, &snapshot, err);
    c->changed = false;
    return rc ? rc : publisher_start(c->publisher, &snapshot, now, err);
}

static void check_publisher(struct coordinator *c, double now)
{
    struct error err;
    int rc = publisher_poll(c->publisher, now, &err);
    if (!rc && c->changed && !c->broken && publisher_due(c->publisher, now))
        rc = publish(c, now, &err);
    if (rc)
        give_up_run(c, err.text);
}

/* The best score, and of which task. */
static void find_best(const struct coordinator *c, struct progress *progress)
{
    for (int i = 0; i < c->spec->task_count; i++) {
        double best = findings_best(c->findings, i);
        if (isnan(best) || best <= progress->best)
            continue;
        progress->best = best;
        progress->best_task = c->spec->task_count > 1 ? c->spec->tasks[i].name : NULL;
    }
}

static double examples_under_way(const struct coordinator *c)
{
    double sum = 0;
    for (int i = 0; i < c->order->workers; i++) {
        struct trial_lease lease = trial_table_computing(c->table, i);
        if (lease.trial != 0 && (uint64_t)lease.trial == c->members[i].trial &&
            lease.lease == c->members[i].lease)
            sum += (double)c->members[i].examples;
    }
    return sum;
}

static void show_progress(struct coordinator *c, double now, bool last)
{
    progress_sample(&c->rate, now, c->examples);
    double pause = log_columns() > 0 ? terminal_s : plain_s;
    if (!last && now - c->shown < pause)
        return;
    c->shown = now;
    struct progress progress = {
        .trials = c->sweep->trial_count,
        .done = trial_table_count(c->table, TRIAL_DONE),
        .given_up = trial_table_count(c->table, TRIAL_FAILED) +
                    trial_table_count(c->table, TRIAL_GIVEN_UP),
        .running = trial_table_count(c->table, TRIAL_RUNNING),
        .per_second = progress_per_second(&c->rate, now, c->examples),
        .examples_left = fmax(0, c->work_left - examples_under_way(c)),
        .best = -INFINITY,
        .state = "",
    };
    if (trial_table_stopping(c->table))
        progress.state = last ? "stopped" : "stopping";
    if (last)
        progress.per_second = NAN;
    find_best(c, &progress);
    if (isinf(progress.best))
        progress.best = NAN;
    char line[512];
    progress_text(line, sizeof line, &progress,
                  log_columns() > 0 && !last ? log_columns() - 1 : 0);
    if (last)
        log_status("");
    if (log_columns() > 0 && !last)
        log_status(line);
    else
        log_line("%s", line);
}

static void say_farewell(struct coordinator *c)
{
    for (int i = 0; i < c->order->workers; i++)
        if (!c->members[i].gone)
            send_farewell(c, i, "");
    struct channel_event event;
    struct error err;
    double end = clock_monotonic_s() + farewell_s;
    while (!channels_quiet(c->channels) && clock_monotonic_s() < end) {
        channels_next(c->channels, &event, &err);
        clock_sleep_s(least_sleep_s);
    }
}

/* The last results.h5, with everything in it. */
static void publish_end(struct coordinator *c)
{
    struct error err;
    int rc = 0;
    for (int turn = 0; turn < 2 && !rc; turn++) {
        while (publisher_busy(c->publisher) && !rc) {
            rc = publisher_poll(c->publisher, clock_monotonic_s(), &err);
            if (publisher_busy(c->publisher))
                clock_sleep_s(most_sleep_s);
        }
        if (turn == 0) /* a failure of the one before does not matter any more */
            rc = publish(c, clock_monotonic_s(), &err);
    }
    c->broken = rc != 0;
    if (rc)
        log_line("the results could not be written, the last results.h5 is an earlier "
                 "one: %s",
                 err.text);
}

static struct outcome outcome_now(const struct coordinator *c)
{
    struct outcome outcome = {
        .done = trial_table_count(c->table, TRIAL_DONE) +
                trial_table_count(c->table, TRIAL_STOPPED),
        .given_up = trial_table_count(c->table, TRIAL_FAILED) +
                    trial_table_count(c->table, TRIAL_GIVEN_UP),
    };
    outcome.left = c->sweep->trial_count - outcome.done - outcome.given_up;
    outcome.exit_code = outcome.left > 0 || c->broken ? 75
                        : outcome.given_up > 0        ? 3
                                                      : 0;
    return outcome;
}

static void run_loop(struct coordinator *c)
{
    double pause = least_sleep_s;
    while (!trial_table_over(c->table)) {
        double now = clock_monotonic_s();
        check_stops(c);
        bool busy = receive_all(c, now);
        check_workers(c, now);
        check_publisher(c, now);
        show_progress(c, now, false);
        if (busy) {
            pause = least_sleep_s;
        } else {
            clock_sleep_s(pause);
            pause = fmin(2 * pause, most_sleep_s);
        }
    }
}

static int coordinator_init(struct coordinator *c, const char *results,
                            struct error *err)
{
    int workers = c->order->workers;
    struct trial_policy policy = {
        .attempts = c->spec->cluster.attempts,
        .lost_after_s = c->spec->cluster.lost_after_s,
    };
    int rc = findings_new(&c->findings, &c->order->job, err);
    if (!rc)
        rc = channels_new(&c->channels, 1, workers, err);
    if (rc)
        return rc;
    c->table = trial_table_new(c->sweep->trial_count, workers, policy);
    c->members = calloc((size_t)workers, sizeof *c->members);
    c->publisher = publisher_new(results);
    if (!c->table || !c->members || !c->publisher)
        return error_set(err, ERR_MEMORY, "out of memory for %d workers", workers);
    for (int64_t i = 1; i <= c->sweep->trial_count; i++)
        c->work_left += work_of(c, i);
    c->began = c->shown = clock_monotonic_s();
    c->changed = true;
    return 0;
}

int coordinator_run(const struct coordinator_order *order, struct outcome *outcome,
                    bool *lost, struct error *err)
{
    struct coordinator c = {
        .order = order, .spec = order->job.spec, .sweep = order->job.sweep};
    char results[4096];
    snprintf(results, sizeof results, "%s/results.h5", order->run_dir);
    int rc = coordinator_init(&c, results, err);
    if (!rc) {
        *outcome = outcome_now(&c);
        rc = outcome_write(order->run_dir, outcome, err);
    }
    if (!rc) {
        run_loop(&c);
        say_farewell(&c);
        publish_end(&c);
        show_progress(&c, clock_monotonic_s(), true);
        *outcome = outcome_now(&c);
        struct error why;
        if (outcome_write(order->run_dir, outcome, &why))
            log_line("%s", why.text);
    }
    *lost = c.channels && channels_lost(c.channels);
    publisher_free(c.publisher);
    free(c.members);
    trial_table_free(c.table);
    channels_free(c.channels);
    findings_free(c.findings);
    return rc;
}

void coordinator_dismiss(int workers, const char *reason)
{
    struct channels *channels;
    struct channel_event event;
    struct error err;
    if (channels_new(&channels, 1, workers, &err))
        return;
    for (int i = 0; i < workers; i++) {
        struct bytes out = {0};
        farewell_encode(&out, &(struct farewell){.text = reason});
        channels_send(channels, i, &out, &err);
    }
    double end = clock_monotonic_s() + farewell_s;
    while (!channels_quiet(channels) && clock_monotonic_s() < end) {
        channels_next(channels, &event, &err);
        clock_sleep_s(least_sleep_s);
    }
    channels_free(channels);
}
