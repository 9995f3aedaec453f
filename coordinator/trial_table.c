/* Trials and workers in arrays, chained by numbers: a trial is either in the queue or
 * in the list of the worker that holds it; a worker that is there or expected is in the
 * order in which workers were last heard. So every event is a few assignments. */
#include "coordinator/trial_table.h"

#include "common/error.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct trial {
    int32_t next, previous; /* trials of the same list; 0: none */
    uint32_t lease;         /* of the last hand-out; 0: never */
    int32_t holder;         /* worker, or -1 */
    int32_t epochs;
    uint16_t attempts;
    uint16_t losses; /* workers lost, or failures, since its last report */
    uint8_t state;
};

/* Both ends of a chain of trials. */
struct chain {
    int32_t first, last;
};

struct worker {
    struct chain held; /* the first is computed */
    int held_count;
    double heard;       /* or since when it is expected */
    int next, previous; /* workers in order of heard; -1: none */
    bool here, expected;
};

struct trial_table {
    struct trial_policy policy;
    int64_t trial_count, room;
    struct trial *trials; /* from 1 */
    struct chain queue;
    int worker_count;
    struct worker *workers;
    int here_or_expected;           /* so many workers */
    int busy;                       /* so many of them hold a trial */
    int longest_silent, last_heard; /* workers; -1: none is here or expected */
    uint32_t lease;                 /* the last one given */
    int64_t counts[TRIAL_STATE_COUNT];
    bool stopping;
};

const char *trial_state_name(enum trial_state state)
{
    static const char *const names[TRIAL_STATE_COUNT] = {
        "queued", "running",  "done",     "stopped",
        "failed", "given up", "unwanted", "paused"};

    return names[state];
}

static void chain_append(struct trial_table *t, struct chain *chain, int32_t trial)
{
    t->trials[trial].next = 0;
    t->trials[trial].previous = chain->last;
    if (chain->last)
        t->trials[chain->last].next = trial;
    else
        chain->first = trial;
    chain->last = trial;
}

static void chain_prepend(struct trial_table *t, struct chain *chain, int32_t trial)
{
    t->trials[trial].previous = 0;
    t->trials[trial].next = chain->first;
    if (chain->first)
        t->trials[chain->first].previous = trial;
    else
        chain->last = trial;
    chain->first = trial;
}

static void chain_remove(struct trial_table *t, struct chain *chain, int32_t trial)
{
    struct trial *gone = &t->trials[trial];

    if (gone->previous)
        t->trials[gone->previous].next = gone->next;
    else
        chain->first = gone->next;
    if (gone->next)
        t->trials[gone->next].previous = gone->previous;
    else
        chain->last = gone->previous;
    gone->next = gone->previous = 0;
}

static void set_state(struct trial_table *t, int64_t trial, enum trial_state state)
{
    t->counts[t->trials[trial].state]--;
    t->trials[trial].state = (uint8_t)state;
    t->counts[state]++;
}

static void silence_remove(struct trial_table *t, int worker)
{
    struct worker *w = &t->workers[worker];

    *(w->previous < 0 ? &t->longest_silent : &t->workers[w->previous].next) = w->next;
    *(w->next < 0 ? &t->last_heard : &t->workers[w->next].previous) = w->previous;
}

static void silence_append(struct trial_table *t, int worker)
{
    struct worker *w = &t->workers[worker];

    w->next = -1;
    w->previous = t->last_heard;
    *(t->last_heard < 0 ? &t->longest_silent : &t->workers[t->last_heard].next) =
        worker;
    t->last_heard = worker;
}

/* here, or only expected */
static void worker_enters(struct trial_table *t, int worker, bool here, double now)
{
    t->workers[worker] = (struct worker){.here = here, .expected = !here, .heard = now};
    t->here_or_expected++;
    silence_append(t, worker);
}

static void worker_leaves(struct trial_table *t, int worker)
{
    silence_remove(t, worker);
    t->here_or_expected--;
    t->workers[worker].here = t->workers[worker].expected = false;
}

struct trial_table *trial_table_new(int64_t trials, int workers,
                                    struct trial_policy policy, double now)
{
    struct trial_table *t = calloc(1, sizeof *t);

    assert(trials >= 0 && trials < INT32_MAX && workers >= 0);
    if (!t)
        return NULL;
    *t = (struct trial_table){.policy = policy,
                              .trial_count = trials,
                              .room = trials,
                              .worker_count = workers,
                              .longest_silent = -1,
                              .last_heard = -1};
    t->trials = calloc((size_t)trials + 1, sizeof *t->trials);
    t->workers = calloc((size_t)workers + 1, sizeof *t->workers);
    if (!t->trials || !t->workers) {
        trial_table_free(t);
        return NULL;
    }
    t->counts[TRIAL_QUEUED] = trials;
    for (int32_t i = 1; i <= trials; i++) {
        t->trials[i].holder = -1;
        chain_append(t, &t->queue, i);
    }
    for (int i = 0; i < workers; i++)
        worker_enters(t, i, false, now);
    return t;
}

void trial_table_free(struct trial_table *table)
{
    if (!table)
        return;
    free(table->trials);
    free(table->workers);
    free(table);
}

int trial_table_add(struct trial_table *table)
{
    if (table->trial_count == table->room) {
        int64_t room = 2 * table->room + 64;
        struct trial *grown =
            realloc(table->trials, ((size_t)room + 1) * sizeof *grown);
        if (!grown || room >= INT32_MAX)
            return ERR_MEMORY;
        table->trials = grown;
        table->room = room;
    }
    int32_t trial = (int32_t)++table->trial_count;
    table->trials[trial] = (struct trial){.holder = -1, .state = TRIAL_QUEUED};
    table->counts[TRIAL_QUEUED]++;
    chain_append(table, &table->queue, trial);
    return 0;
}

int trial_table_fork(struct trial_table *table, int64_t loser, int epochs)
{
    if (trial_table_add(table))
        return ERR_MEMORY;
    int32_t trial = table->queue.last;
    table->trials[trial].epochs = epochs;
    chain_remove(table, &table->queue, trial);
    chain_prepend(table, &table->queue, trial);
    if (table->trials[loser].state == TRIAL_PAUSED)
        set_state(table, loser, TRIAL_STOPPED);
    return 0;
}

void trial_table_worker_joined(struct trial_table *table, int worker, double now)
{
    struct worker *w = &table->workers[worker];

    assert(worker >= 0 && worker < table->worker_count);
    if (w->here)
        return;
    if (w->expected)
        worker_leaves(table, worker);
    worker_enters(table, worker, true, now);
}

void trial_table_heard(struct trial_table *table, int worker, double now)
{
    struct worker *w = &table->workers[worker];

    assert(worker >= 0 && worker < table->worker_count);
    if (!w->here)
        return;
    silence_remove(table, worker);
    w->heard = now;
    silence_append(table, worker);
}

void trial_table_forgive(struct trial_table *table, double now)
{
    for (int i = 0; i < table->worker_count; i++)
        table->workers[i].heard = now; /* so their order stays right */
}

/* Takes a running trial away from its worker. */
static void take_back(struct trial_table *t, int64_t trial, enum trial_state state)
{
    struct trial *entry = &t->trials[trial];

    chain_remove(t, &t->workers[entry->holder].held, (int32_t)trial);
    if (--t->workers[entry->holder].held_count == 0)
        t->busy--;
    entry->holder = -1;
    set_state(t, trial, state);
    if (state == TRIAL_QUEUED)
        chain_prepend(t, &t->queue, (int32_t)trial);
}

/* One more worker lost with this trial; true when that was one too many. */
static bool count_loss(struct trial_table *t, struct trial *entry)
{
    if (entry->losses < UINT16_MAX)
        entry->losses++;
    return entry->losses >= t->policy.attempts;
}

/* Its trials are queued in their old order; the one that it computed goes to state. */
static void take_all_back(struct trial_table *t, int worker, enum trial_state state)
{
    struct chain *held = &t->workers[worker].held;
    int32_t computed = held->first;

    while (held->last != computed)
        take_back(t, held->last, TRIAL_QUEUED);
    if (computed)
        take_back(t, computed, state);
}

int64_t trial_table_worker_lost(struct trial_table *table, int worker)
{
    struct worker *w = &table->workers[worker];
    int64_t computed = w->held.first;
    bool given_up;

    assert(worker >= 0 && worker < table->worker_count);
    if (!w->here && !w->expected)
        return 0;
    given_up = computed && count_loss(table, &table->trials[computed]);
    take_all_back(table, worker, given_up ? TRIAL_GIVEN_UP : TRIAL_QUEUED);
    worker_leaves(table, worker);
    return given_up ? computed : 0;
}

void trial_table_worker_dismissed(struct trial_table *table, int worker)
{
    assert(worker >= 0 && worker < table->worker_count);
    if (!table->workers[worker].here && !table->workers[worker].expected)
        return;
    take_all_back(table, worker, TRIAL_QUEUED);
    worker_leaves(table, worker);
}

int trial_table_workers(const struct trial_table *table)
{
    return table->here_or_expected;
}

int trial_table_silent(const struct trial_table *table, double now)
{
    return trial_table_deadline(table) <= now ? table->longest_silent : -1;
}

double trial_table_deadline(const struct trial_table *table)
{
    if (table->longest_silent < 0 || table->policy.lost_after_s <= 0)
        return INFINITY;
    return table->workers[table->longest_silent].heard + table->policy.lost_after_s;
}

static struct trial_lease lease_of(const struct trial_table *t, int64_t trial)
{
    if (!trial)
        return (struct trial_lease){0};
    return (struct trial_lease){.trial = trial,
                                .lease = t->trials[trial].lease,
                                .epochs = t->trials[trial].epochs};
}

struct trial_lease trial_table_grant(struct trial_table *table, int worker, double now)
{
    int32_t trial = table->queue.first;
    struct trial *entry = &table->trials[trial];

    assert(worker >= 0 && worker < table->worker_count);
    if (!trial || table->stopping || !table->workers[worker].here)
        return (struct trial_lease){0};
    trial_table_heard(table, worker, now);
    chain_remove(table, &table->queue, trial);
    chain_append(table, &table->workers[worker].held, trial);
    if (table->workers[worker].held_count++ == 0)
        table->busy++;
    entry->holder = worker;
    entry->lease = ++table->lease;
    if (entry->attempts < UINT16_MAX)
        entry->attempts++;
    set_state(table, trial, TRIAL_RUNNING);
    return lease_of(table, trial);
}

int64_t trial_table_first(const struct trial_table *table)
{
    return table->queue.first;
}

/* Whether a worker's word about a trial counts: it holds it under this lease. */
static bool is_current(const struct trial_table *t, int64_t trial, uint32_t lease)
{
    return trial >= 1 && trial <= t->trial_count &&
           t->trials[trial].state == TRIAL_RUNNING && t->trials[trial].lease == lease;
}

enum trial_answer trial_table_reported(struct trial_table *table, int64_t trial,
                                       uint32_t lease, int epochs, double now)
{
    if (!is_current(table, trial, lease))
        return ANSWER_IGNORE;
    trial_table_heard(table, table->trials[trial].holder, now);
    table->trials[trial].epochs = epochs;
    table->trials[trial].losses = 0;
    return table->stopping ? ANSWER_STOP : ANSWER_CONTINUE;
}

/* Out of running, on the word of the worker that holds it. */
static enum trial_answer leave(struct trial_table *table, int64_t trial, uint32_t lease,
                               enum trial_state state, double now)
{
    if (!is_current(table, trial, lease))
        return ANSWER_IGNORE;
    trial_table_heard(table, table->trials[trial].holder, now);
    take_back(table, trial, state);
    return ANSWER_CONTINUE;
}

enum trial_answer trial_table_ended(struct trial_table *table, int64_t trial,
                                    uint32_t lease, enum trial_state state, double now)
{
    assert(state == TRIAL_DONE || state == TRIAL_STOPPED);
    return leave(table, trial, lease, state, now);
}

enum trial_answer trial_table_paused(struct trial_table *table, int64_t trial,
                                     uint32_t lease, double now)
{
    return leave(table, trial, lease, TRIAL_PAUSED, now);
}

void trial_table_resume(struct trial_table *table, int64_t trial)
{
    if (table->trials[trial].state != TRIAL_PAUSED)
        return;
    set_state(table, trial, TRIAL_QUEUED);
    chain_prepend(table, &table->queue, (int32_t)trial);
}

enum trial_answer trial_table_failed(struct trial_table *table, int64_t trial,
                                     uint32_t lease, bool elsewhere, double now)
{
    if (!is_current(table, trial, lease))
        return ANSWER_IGNORE;
    if (elsewhere && !count_loss(table, &table->trials[trial]))
        return leave(table, trial, lease, TRIAL_QUEUED, now);
    return leave(table, trial, lease, TRIAL_FAILED, now);
}

enum trial_answer trial_table_released(struct trial_table *table, int64_t trial,
                                       uint32_t lease, double now)
{
    return leave(table, trial, lease, TRIAL_QUEUED, now);
}

void trial_table_stop(struct trial_table *table) { table->stopping = true; }

bool trial_table_stopping(const struct trial_table *table) { return table->stopping; }

void trial_table_prefer(struct trial_table *table, int64_t trial)
{
    chain_remove(table, &table->queue, (int32_t)trial);
    chain_prepend(table, &table->queue, (int32_t)trial);
}

static int64_t close_queued(struct trial_table *t)
{
    int64_t unbegun = 0;

    while (t->queue.first) {
        int32_t trial = t->queue.first;
        bool begun = t->trials[trial].epochs > 0;
        chain_remove(t, &t->queue, trial);
        set_state(t, trial, begun ? TRIAL_STOPPED : TRIAL_UNWANTED);
        unbegun += !begun;
    }
    return unbegun;
}

int64_t trial_table_close(struct trial_table *table)
{
    for (int64_t i = 1; i <= table->trial_count; i++)
        if (table->trials[i].state == TRIAL_PAUSED)
            set_state(table, i, TRIAL_STOPPED);
    return close_queued(table);
}

void trial_table_restore(struct trial_table *table, int64_t trial,
                         const struct trial_restored *restored)
{
    struct trial *entry = &table->trials[trial];

    assert(entry->state == TRIAL_QUEUED && restored->state != TRIAL_RUNNING);
    entry->epochs = restored->epochs;
    entry->lease = restored->lease;
    entry->attempts = restored->attempts;
    entry->losses = restored->losses;
    if (table->lease < restored->lease)
        table->lease = restored->lease;
    if (restored->state == TRIAL_QUEUED)
        return;
    chain_remove(table, &table->queue, (int32_t)trial);
    set_state(table, trial, restored->state);
}

bool trial_table_over(const struct trial_table *table)
{
    return !table->counts[TRIAL_RUNNING] && (!table->queue.first || table->stopping);
}

int64_t trial_table_count(const struct trial_table *table, enum trial_state state)
{
    return table->counts[state];
}

enum trial_state trial_table_state(const struct trial_table *table, int64_t trial)
{
    return (enum trial_state)table->trials[trial].state;
}

int trial_table_epochs(const struct trial_table *table, int64_t trial)
{
    return table->trials[trial].epochs;
}

int trial_table_attempts(const struct trial_table *table, int64_t trial)
{
    return table->trials[trial].attempts;
}

int trial_table_losses(const struct trial_table *table, int64_t trial)
{
    return table->trials[trial].losses;
}

int trial_table_holder(const struct trial_table *table, int64_t trial)
{
    return table->trials[trial].holder;
}

int trial_table_busy(const struct trial_table *table) { return table->busy; }

bool trial_table_is_here(const struct trial_table *table, int worker)
{
    return table->workers[worker].here;
}

int trial_table_held(const struct trial_table *table, int worker)
{
    return table->workers[worker].held_count;
}

struct trial_lease trial_table_next_held(const struct trial_table *table, int worker,
                                         int64_t after)
{
    return lease_of(table, after ? table->trials[after].next
                                 : table->workers[worker].held.first);
}

struct trial_lease trial_table_computing(const struct trial_table *table, int worker)
{
    return lease_of(table, table->workers[worker].held.first);
}
