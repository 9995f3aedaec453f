/* The loop and what it does by itself, from start to end. */
#include "coordinator/coordinator_parts.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/process.h"
#include "jobs/identity.h"
#include "storage/file_replace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_sleep_s = 50e-6, most_sleep_s = 5e-3;
static const double leave_s = 2.0;    /* for workers to let go at a second signal */
static const double farewell_s = 5.0; /* for the last messages to go out */
static const double settle_s = 1.0;   /* a shorter trial is not worth a helper */
static const double terminal_s = 0.5, plain_s = 10.0; /* between progress lines */

static void check_stops(struct coordinator *c)
{
    int stops = (int)*c->order->stops;
    if (stops <= c->stops_seen)
        return;
    if (c->stops_seen == 0 && stops == 1)
        log_line("stopping at the next report of each trial; a second signal stops at "
                 "once");
    if (stops >= 2 && c->stops_seen < 2) {
        log_line("stopping at once: trials go on from their last reports");
        c->leave_at = clock_monotonic_s() + leave_s;
        coordinator_stop_running(c);
    }
    c->stops_seen = stops;
    trial_table_stop(c->table);
}

/* Workers that do not answer are not waited for: nothing of theirs is needed. */
static void leave_running(struct coordinator *c, double now)
{
    if (c->leave_at == 0 || now < c->leave_at)
        return;
    for (int i = 0; i < c->order->workers; i++)
        if (trial_table_computing(c->table, i).trial != 0) {
            trial_table_worker_dismissed(c->table, i);
            c->left_running = true;
        }
}

void coordinator_give_up(struct coordinator *c, const char *why)
{
    if (!c->broken)
        log_line("stopping: %s", why);
    c->broken = true;
    trial_table_stop(c->table);
}

/* What workers still compute cannot be kept. */
static void stop_recording(struct coordinator *c, const char *why)
{
    c->unrecorded = true;
    publisher_abandon(c->publisher);
    coordinator_give_up(c, why);
    coordinator_stop_running(c);
}

/* The directory is another's, or gone: its log is left alone too. */
static void depose(struct coordinator *c, const char *why)
{
    c->deposed = true;
    log_close();
    stop_recording(c, why);
}

void coordinator_ledger_failed(struct coordinator *c, const struct error *err)
{
    struct error why;
    if (ledger_check(c->ledger, &why))
        depose(c, why.text);
    else
        stop_recording(c, err->text);
}

static void check_lock(struct coordinator *c)
{
    struct error err;
    if (c->order->lock && !c->deposed && run_lock_check(c->order->lock, &err))
        depose(c, err.text);
}

/* A host that slept, or was stopped with all that is on it, has heard nobody: that says
 * nothing about the workers. */
static void check_own_pause(struct coordinator *c, double now)
{
    double pause = now - c->turned;
    c->turned = now;
    if (pause < c->spec->cluster.lost_after_s / 2 || c->deposed)
        return;
    log_line("nothing ran here for %.0f s: the silence of workers counts from now on",
             pause);
    trial_table_forgive(c->table, now);
    for (int i = 0; i < c->order->workers; i++)
        c->members[i].moved = now;
}

/* First of all that a turn does: a process that was stopped for long finds out before
 * it writes anything. */
static void check_lock_in_turn(struct coordinator *c, double now)
{
    static const double pause_s = 0.1;
    if (now < c->lock_looked + pause_s)
        return;
    c->lock_looked = now;
    check_lock(c);
}

static void committed(struct coordinator *c)
{
    coordinator_send_receipts(c);
    publisher_committed(c->publisher, ledger_committed(c->ledger));
}

static void check_ledger(struct coordinator *c)
{
    struct error err;
    int rc = c->unrecorded ? 0 : ledger_turn(c->ledger, &err);
    if (rc < 0)
        coordinator_ledger_failed(c, &err);
    else if (rc == 1)
        committed(c);
}

/* One that only comes late finds its farewell and leaves. */
static void worker_silent(struct coordinator *c, int worker)
{
    bool joined = c->members[worker].joined;
    const char *why =
        joined ? "it has been silent for too long" : "it has not said hello in time";
    if (!joined)
        coordinator_send_farewell(c, worker, why);
    coordinator_member_gone(c, worker, why);
}

/* It gives signs of life, but nothing has been computed for too long. */
static bool hangs(const struct coordinator *c, int worker, double now)
{
    double limit = c->spec->cluster.hang_s;
    bool leads = trial_table_computing(c->table, worker).trial != 0;
    return limit > 0 && ((leads && now - c->members[worker].moved > limit) ||
                         crews_overdue(c->crews, worker, now, limit));
}

/* Processes of this host that are no more, without waiting for their silence, and those
 * that hang. */
static void check_processes(struct coordinator *c, double now)
{
    static const double pause_s = 0.1;
    if (now < c->looked + pause_s)
        return;
    c->looked = now;
    for (int i = 0; i < c->order->workers; i++) {
        const struct member *member = &c->members[i];
        if (!member->joined || member->gone)
            continue;
        if (member->pid != 0 && !process_exists(member->pid))
            coordinator_member_gone(c, i, "its process has ended");
        else if (hangs(c, i, now))
            coordinator_member_gone(c, i, "it computes nothing any more (hang_s)");
    }
}

static void check_workers(struct coordinator *c, double now)
{
    check_processes(c, now);
    for (int w; (w = trial_table_silent(c->table, now)) >= 0;)
        worker_silent(c, w);
    if (trial_table_workers(c->table) == 0)
        coordinator_give_up(c, "no worker is left");
}

/* On the publisher's thread: nobody else's results are replaced. */
static int still_ours(void *arg, struct error *err)
{
    const struct coordinator *c = arg;
    int rc = ledger_check(c->ledger, err);
    return rc || !c->order->lock ? rc : run_lock_check(c->order->lock, err);
}

static int publish(struct coordinator *c, double now, struct error *err)
{
    int rc =
        publisher_start(c->publisher, c->table, ledger_ticket(c->ledger), now, err);
    if (!rc)
        c->changed = false;
    return rc;
}

static void check_publisher(struct coordinator *c, double now)
{
    struct error err;
    int rc = publisher_poll(c->publisher, now, &err);
    if (!rc && c->changed && !c->broken && publisher_due(c->publisher, now))
        rc = publish(c, now, &err);
    if (!rc)
        return;
    check_lock(c);
    if (!c->deposed && ledger_check(c->ledger, NULL))
        coordinator_ledger_failed(c, &err);
    c->changed = true;
    c->unwritten = c->unwritten || !c->broken;
    coordinator_give_up(c, err.text);
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
        const struct progress_share *share = &c->members[i].share;
        if (lease.trial != 0 && (uint64_t)lease.trial == share->trial &&
            lease.lease == share->lease)
            sum += (double)share->examples;
    }
    return sum;
}

double coordinator_examples_left(const struct coordinator *c)
{
    return fmax(0, c->work_left - examples_under_way(c));
}

static void show_progress(struct coordinator *c, double now, bool last)
{
    progress_sample(&c->rate, now, c->examples);
    coordinator_tell_progress(c, now);
    double pause = log_columns() > 0 ? terminal_s : plain_s;
    if (!last && now - c->shown < pause)
        return;
    c->shown = now;
    struct outcome so_far = tally_outcome(&c->tally, c->table);
    struct progress progress = {
        .trials = c->tally.trials,
        .done = so_far.done,
        .given_up = so_far.given_up,
        .running = trial_table_count(c->table, TRIAL_RUNNING),
        .per_second = progress_per_second(&c->rate, now, c->examples),
        .examples_left = coordinator_examples_left(c),
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
            coordinator_send_farewell(c, i, "");
    struct channel_event event;
    struct error err;
    double end = clock_monotonic_s() + farewell_s;
    while (!channels_quiet(c->channels) && clock_monotonic_s() < end) {
        channels_next(c->channels, &event, &err);
        clock_sleep_s(least_sleep_s);
    }
}

static int wait_published(struct coordinator *c, struct error *err)
{
    int rc = 0;
    while (publisher_busy(c->publisher) && !rc) {
        rc = publisher_poll(c->publisher, clock_monotonic_s(), err);
        if (publisher_busy(c->publisher))
            clock_sleep_s(most_sleep_s);
    }
    return rc;
}

/* Everything on disk, and the last results.h5 with everything in it. Without the first
 * there is no second: results.h5 says nothing that the journal does not. */
static void publish_end(struct coordinator *c)
{
    struct error err;
    check_lock(c);
    if (!c->unrecorded && ledger_flush(c->ledger, &err))
        coordinator_ledger_failed(c, &err);
    if (!c->unrecorded)
        committed(c);
    wait_published(c, NULL); /* whatever becomes of it */
    if (c->unrecorded)
        return;
    int rc = publish(c, clock_monotonic_s(), &err);
    if (!rc)
        rc = wait_published(c, &err);
    c->broken = rc != 0;
    if (rc && !c->unwritten)
        log_line("stopped, results.h5 is as it was before: %s", err.text);
}

static struct outcome outcome_now(const struct coordinator *c)
{
    struct outcome outcome = tally_outcome(&c->tally, c->table);
    int64_t lost = c->unrecorded ? coordinator_unlasting_results(c) : 0;
    outcome.done -= lost;
    outcome.left += lost;
    bool more = !c->closed && steering_may_propose(c->steering);
    if (c->broken || c->unrecorded || more)
        outcome.exit_code = 75;
    return outcome;
}

/* Nobody lets them go on any more: the scheduler, or a limit of the job's own. */
static void close_rest(struct coordinator *c)
{
    if (trial_table_stopping(c->table))
        return;
    if (c->limit == LIMIT_ALLOCATION) {
        log_line("stopping: no epoch more would end before the allocation does");
        trial_table_stop(c->table);
        return;
    }
    c->closed = true;
    int64_t unbegun = trial_table_close(c->table);
    c->tally.trials -= unbegun;
    if (c->limit != LIMIT_NONE)
        log_line("%s used up: %lld trial%s not begun", budget_limit_name(c->limit),
                 (long long)unbegun, unbegun == 1 ? " was" : "s were");
}

/* Nothing runs, and nothing can or may begin. What was in the way may be gone: a trial
 * whose epoch was counted on has failed. */
static bool is_over(struct coordinator *c, double now)
{
    if (steering_over(c->steering, c->table))
        return true;
    if (c->limit == LIMIT_NONE || trial_table_count(c->table, TRIAL_RUNNING) > 0)
        return false;
    c->limit = LIMIT_NONE;
    coordinator_grant_all(c, now);
    return c->limit != LIMIT_NONE && trial_table_count(c->table, TRIAL_RUNNING) == 0;
}

static void run_loop(struct coordinator *c)
{
    c->turned = clock_monotonic_s();
    double pause = least_sleep_s;
    for (double now; !is_over(c, now = clock_monotonic_s());) {
        c->unix_s = clock_wall_s();
        ledger_clock(c->ledger, c->unix_s, budget_ran_s(&c->budget, now));
        check_lock_in_turn(c, now);
        check_own_pause(c, now);
        check_stops(c);
        bool busy = coordinator_receive(c, now);
        leave_running(c, now);
        check_workers(c, now);
        if (c->requeued)
            coordinator_grant_all(c, now);
        coordinator_crew_turn(c, now);
        coordinator_stage_turn(c, &busy);
        check_ledger(c);
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

/* The same text may mean other trials: where the file that init names has changed. */
static bool has_news(const struct enrolment *e)
{
    bool news = e->first_new <= e->list.trial_count;
    for (int i = 0; !news && i < e->list.config_count; i++)
        news = e->changed[i];
    return news;
}

/* The job of this start, if it is not the last one's: with all that is new in it. */
static int record_job(struct coordinator *c, struct error *err)
{
    const struct coordinator_order *order = c->order;
    const struct enrolment *e = order->enrolment;
    int count = c->spec->task_count;
    if (order->earlier_job && !strcmp(order->earlier_job, c->spec->resolved) &&
        !has_news(e))
        return 0;
    struct record_task *tasks = malloc((size_t)count * sizeof *tasks);
    if (!tasks)
        return error_set(err, ERR_MEMORY, "out of memory for %d tasks", count);
    int rc = 0;
    for (int i = 0; !rc && i < count; i++) {
        tasks[i].name = c->spec->tasks[i].name;
        rc = identity_task_digest(&tasks[i].digest, &c->spec->tasks[i],
                                  order->job.tasks[i].dataset, err);
    }
    struct ledger_job job = {
        .encoder = order->job.encoder_digest,
        .tasks = tasks,
        .task_count = count,
        .text = c->spec->resolved,
        .first_new = e->first_new,
        .changed = e->changed,
        .keys = e->keys,
    };
    if (!rc)
        rc = ledger_job(c->ledger, &job, err);
    free(tasks);
    return rc ? rc : ledger_flush(c->ledger, err);
}

static int retry(struct coordinator *c, struct error *err)
{
    int64_t count;
    int rc = ledger_retry(c->ledger, c->order->enrolment->wanted, &count, err);
    if (!rc)
        rc = ledger_flush(c->ledger, err);
    if (!rc)
        log_line("%lld trial%s that failed or %s given up: tried again",
                 (long long)count, count == 1 ? "" : "s", count == 1 ? "was" : "were");
    return rc;
}

/* Workers must start from the same files as the identities say. A file that is gone by
 * now was of a configuration of an earlier job, or its worker will miss it too. */
static int read_inits(struct coordinator *c, struct error *err)
{
    const struct trial_list *list = c->list;
    struct settings settings, before = {.init = ""};
    c->inits = calloc((size_t)list->config_count + 1, sizeof *c->inits);
    if (!c->inits)
        return error_set(err, ERR_MEMORY, "out of memory for the configurations");
    for (int i = 0; i < list->config_count; i++) {
        trial_list_config_settings(list, i + 1, &settings);
        if (settings.init[0] && !strcmp(settings.init, before.init))
            c->inits[i] = c->inits[i - 1];
        else if (settings.init[0])
            identity_file_digest(&c->inits[i], settings.init, NULL);
        before = settings;
    }
    return 0;
}

static struct budget budget_of(const struct coordinator *c, double now)
{
    const struct job_sweep *sweep = &c->spec->sweep;
    struct budget budget = {
        .epochs = sweep->epochs,
        .wall_s = 3600 * sweep->wall_time,
        .ran_s = ledger_ran_s(c->ledger),
        .begun = now,
        .end = c->order->end_s > 0 ? now + c->order->end_s - clock_wall_s() : INFINITY,
    };
    for (int64_t i = 1; i <= c->list->trial_count; i++)
        if (c->order->enrolment->wanted[i - 1])
            budget.used += trial_table_epochs(c->table, i);
    return budget;
}

static int coordinator_init(struct coordinator *c, const char *results,
                            struct error *err)
{
    int workers = c->order->workers;
    struct trial_policy policy = {
        .attempts = c->spec->cluster.attempts,
        .lost_after_s = c->spec->cluster.lost_after_s,
    };
    struct journal_end end;
    int rc = findings_new(&c->findings, &c->order->job, err);
    if (!rc)
        rc = channels_new(&c->channels, 1, workers, err);
    if (rc)
        return rc;
    double now = clock_monotonic_s();
    c->table = trial_table_new(c->list->trial_count, workers, policy, now);
    c->members = calloc((size_t)workers, sizeof *c->members);
    c->publisher =
        publisher_new(results, c->findings, (struct file_gate){still_ours, c});
    c->crews =
        crews_new(workers, (struct crew_policy){
                               .workers_per_trial = c->spec->cluster.workers_per_trial,
                               .attempts = c->spec->cluster.attempts,
                               .settle_s = settle_s,
                           });
    if (c->spec->cluster.profile && !(c->profile = profile_sum_new(workers)))
        return error_set(err, ERR_MEMORY, "out of memory for a profile");
    if (!c->crews || !c->table || !c->members || !c->publisher)
        return error_set(err, ERR_MEMORY, "out of memory for %d workers", workers);
    rc = steering_new(&c->steering, c->spec, c->list, c->order->enrolment->wanted,
                      c->order->job.encoder->layers, err);
    if (!rc)
        rc = ledger_open(&c->ledger, c->order->run_dir, c->list, c->findings,
                         c->steering, &end, err);
    if (!rc)
        rc = record_job(c, err);
    if (!rc)
        rc = steering_added(c->steering, c->order->enrolment->first_new,
                            c->list->trial_count - c->order->enrolment->first_new + 1,
                            err);
    if (!rc && c->order->retry)
        rc = retry(c, err);
    if (!rc)
        rc = read_inits(c, err);
    if (!rc)
        rc = coordinator_stage_init(c, err);
    if (rc)
        return rc;
    if (end.ignored > 0)
        log_line("journal.%04u: its last %llu bytes are no whole frame and do not "
                 "count",
                 end.last, (unsigned long long)end.ignored);
    ledger_restore(c->ledger, c->order->enrolment->wanted, c->steering, c->findings,
                   c->table);
    c->budget = budget_of(c, now);
    c->tally = tally_of(c->table, c->order->enrolment->wanted, c->list->trial_count);
    for (int64_t i = 1; i <= c->list->trial_count; i++)
        if (trial_table_state(c->table, i) == TRIAL_QUEUED)
            c->work_left += coordinator_work_of(c, i);
    publisher_committed(c->publisher, ledger_committed(c->ledger));
    c->shown = now;
    c->changed = true;
    return 0;
}

/* profile.csv, where somebody measures. */
static void write_profile(struct coordinator *c, struct profile_total *total)
{
    struct bytes text = {0};
    struct error err;
    char path[4096];
    if (!c->profile)
        return;
    profile_sum_total(c->profile, total);
    if (c->deposed || c->unrecorded)
        return;
    snprintf(path, sizeof path, "%s/profile.csv", c->order->run_dir);
    profile_total_csv(&text, total);
    if (text.failed)
        log_line("%s: out of memory for it", path);
    else if (file_replace(path, text.data, text.size, &err))
        log_line("%s", err.text);
    bytes_clear(&text);
}

/* How it ended, where the next start and the launcher look. */
static void write_end(struct coordinator *c, struct outcome *outcome)
{
    struct error err;
    check_lock(c);
    *outcome = outcome_now(c);
    if (!c->unrecorded && (ledger_end(c->ledger, outcome->exit_code, outcome->done,
                                      outcome->given_up, outcome->left, &err) ||
                           ledger_flush(c->ledger, &err)))
        coordinator_ledger_failed(c, &err);
    *outcome = outcome_now(c);
    if (!c->deposed && ledger_check(c->ledger, &err))
        c->deposed = true;
    if (!c->deposed && outcome_write(c->order->run_dir, outcome, &err))
        log_line("%s", err.text);
}

int coordinator_run(const struct coordinator_order *order, struct outcome *outcome,
                    struct coordinator_end *end, struct error *err)
{
    struct coordinator c = {
        .order = order, .spec = order->job.spec, .list = order->job.list};
    struct profile_total profile = {0};
    char results[4096];
    snprintf(results, sizeof results, "%s/results.h5", order->run_dir);
    int rc = coordinator_init(&c, results, err);
    if (!rc) {
        *outcome = outcome_now(&c);
        rc = outcome_write(order->run_dir, outcome, err);
    }
    if (!rc) {
        run_loop(&c);
        close_rest(&c);
        say_farewell(&c);
        publish_end(&c);
        show_progress(&c, clock_monotonic_s(), true);
        write_profile(&c, &profile);
        write_end(&c, outcome);
    }
    bool lost = c.left_running || (c.channels && channels_lost(c.channels));
    *end = (struct coordinator_end){
        .lost = lost, .deposed = c.deposed, .profile = profile};
    profile_sum_free(c.profile);
    staging_free(c.staging);
    publisher_free(c.publisher);
    ledger_close(c.ledger);
    free(c.inits);
    free(c.owed);
    free(c.members);
    crews_free(c.crews);
    steering_free(c.steering);
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
