/* What a worker gets next: a trial that the scheduler lets go on, one of the queue, or
 * a new one, where the budget has time for it. */
#include "coordinator/coordinator_parts.h"

#include "common/log.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

double coordinator_rows_of(const struct coordinator *c, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(c->list, trial);
    const struct trial_list_config *config =
        trial_list_config_of(c->list, parts.config);
    int64_t rows = c->order->job.tasks[parts.task].rows[SPLIT_TRAIN];
    if (config->limit > 0 && config->limit < rows)
        rows = config->limit;
    if (config->subsample > 0 && config->subsample < rows)
        rows = config->subsample;
    return (double)rows;
}

int coordinator_epochs_of(const struct coordinator *c, int64_t trial)
{
    return trial_list_config_of(c->list, trial_list_parts(c->list, trial).config)
        ->epochs;
}

double coordinator_work_of(const struct coordinator *c, int64_t trial)
{
    int done = ledger_past(c->ledger, trial).epochs; /* before this start */
    return coordinator_rows_of(c, trial) *
           fmax(0, coordinator_epochs_of(c, trial) - done);
}

bool coordinator_may_begin(struct coordinator *c, int64_t trial, int64_t running,
                           double now)
{
    double epoch_s = findings_epoch_s(c->findings, trial);
    if (epoch_s == 0)
        epoch_s = c->row_s * coordinator_rows_of(c, trial);
    c->limit = budget_check(&c->budget, running, epoch_s, now);
    return c->limit == LIMIT_NONE;
}

/* The latest checkpoint; without it the trial begins anew, which gives the same numbers
 * but takes longer. */
static void read_checkpoint(struct coordinator *c, int64_t trial, struct bytes *out)
{
    struct error err;
    if (ledger_checkpoint(c->ledger, trial, out, &err) == 0)
        return;
    log_line("trial %" PRId64 " begins anew: %s", trial, err.text);
    bytes_clear(out);
}

/* A GRANT that grows; texts and checkpoints live until it is encoded. */
struct handout {
    struct grant grant;
    char *texts[GRANT_MAX];
    struct bytes checkpoints[GRANT_MAX];
    size_t size;
    bool failed; /* out of memory */
};

static void handout_add(struct coordinator *c, struct handout *handout, int worker,
                        struct trial_lease lease)
{
    const struct member *member = &c->members[worker];
    int at = handout->grant.count++;
    struct trial_parts parts = trial_list_parts(c->list, lease.trial);
    int epochs = coordinator_epochs_of(c, lease.trial);
    struct error err;
    char *text = handout->texts[at] = trial_list_text(c->list, lease.trial);
    struct bytes *checkpoint = &handout->checkpoints[at];
    read_checkpoint(c, lease.trial, checkpoint);
    handout->grant.trials[at] = (struct grant_trial){
        .trial = (uint64_t)lease.trial,
        .lease = lease.lease,
        .task = (uint16_t)parts.task,
        .settings = text ? text : "",
        .init = c->inits[parts.config - 1],
        .checkpoint = checkpoint->data,
        .checkpoint_size = checkpoint->size,
    };
    handout->failed = handout->failed || !text;
    handout->size += checkpoint->size;
    struct findings_grant grant = {worker + 1, member->host, member->numerics,
                                   c->unix_s};
    if (findings_begun(c->findings, lease.trial, &grant, &err))
        coordinator_give_up(c, err.text);
    if (!c->unrecorded && ledger_grant(c->ledger, lease, epochs, &grant, &err))
        coordinator_ledger_failed(c, &err);
    c->changed = true;
}

static void handout_send(struct coordinator *c, struct handout *handout, int worker)
{
    struct bytes out = {0};
    grant_encode(&out, &handout->grant);
    out.failed = out.failed || handout->failed;
    for (int i = 0; i < handout->grant.count; i++) {
        free(handout->texts[i]);
        bytes_clear(&handout->checkpoints[i]);
    }
    coordinator_send(c, worker, &out);
}

/* How many trials a worker is to hold: more than the one that it computes where trials
 * take milliseconds, so that it need not wait for the next; but no more than its share
 * of those that are left. */
static int wanted_ahead(const struct coordinator *c)
{
    static const double ahead_s = 0.1;
    if (steering_is_on(c->steering))
        return 1; /* what comes next is known when a worker is free */
    int workers = trial_table_workers(c->table); /* 0: all were dismissed */
    int64_t share =
        workers > 0 ? trial_table_count(c->table, TRIAL_QUEUED) / workers : 0;
    double fit = c->trial_s > 0 ? ahead_s / c->trial_s : 1;
    int64_t most = fit < GRANT_MAX ? (int64_t)fit : GRANT_MAX;
    most = most < share ? most : share;
    return most > 1 ? (int)most : 1;
}

/* Whether a configuration that nobody has thought of yet could begin. */
static bool has_time_for_another(struct coordinator *c, double now)
{
    if (trial_table_stopping(c->table) || !steering_may_propose(c->steering))
        return false;
    c->limit =
        budget_check(&c->budget, trial_table_count(c->table, TRIAL_RUNNING), 0, now);
    return c->limit == LIMIT_NONE;
}

/* Whether it was handed out before and came back: the scheduler has let it go on, and
 * decides again when it has reported. */
static bool was_running(const struct coordinator *c, int64_t trial)
{
    return trial_table_attempts(c->table, trial) > 0 ||
           c->list->trials[trial - 1].parent > 0;
}

/* What the scheduler and the search have before the queue, or behind its end. */
static void make_move(struct coordinator *c, double now)
{
    struct scheduler_step step = steering_next(c->steering);
    if (trial_table_stopping(c->table) || c->unrecorded)
        return;
    if (step.move == MOVE_RESUME)
        trial_table_resume(c->table, step.trial);
    else if (step.move == MOVE_FORK)
        coordinator_fork(c, &step);
    else if (trial_table_first(c->table) == 0 && has_time_for_another(c, now))
        coordinator_propose(c);
}

/* A trial for a worker: one that may go on first, or else one of the queue. */
static struct trial_lease next_lease(struct coordinator *c, int worker, double now)
{
    int64_t first = trial_table_first(c->table);
    if (first == 0 || !was_running(c, first)) {
        make_move(c, now);
        first = trial_table_first(c->table);
    }
    if (first == 0 || !coordinator_may_begin(
                          c, first, trial_table_count(c->table, TRIAL_RUNNING), now))
        return (struct trial_lease){0};
    struct trial_lease lease = trial_table_grant(c->table, worker, now);
    if (lease.trial != 0)
        steering_granted(c->steering, lease.trial);
    return lease;
}

void coordinator_grant_next(struct coordinator *c, int worker, double now)
{
    enum { LARGE = 1 << 20 }; /* bytes of checkpoints in one message */
    struct member *member = &c->members[worker];
    struct handout handout = {.size = 0};
    if (!member->joined || member->gone || !crews_may_lead(c->crews, c->table, worker))
        return;
    int held = trial_table_held(c->table, worker), most = wanted_ahead(c);
    if (held > most / 2)
        return;
    if (held == 0)
        member->since = member->moved = now;
    while (held + handout.grant.count < most && handout.grant.count < GRANT_MAX &&
           handout.size < LARGE) {
        struct trial_lease lease = next_lease(c, worker, now);
        if (lease.trial == 0)
            break;
        handout_add(c, &handout, worker, lease);
    }
    if (handout.grant.count > 0)
        handout_send(c, &handout, worker);
}

void coordinator_grant_all(struct coordinator *c, double now)
{
    c->requeued = false; /* a grant that cannot be sent sets it again */
    for (int i = 0; i < c->order->workers; i++)
        coordinator_grant_next(c, i, now);
}
