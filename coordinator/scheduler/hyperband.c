/* Hyperband, Algorithm 1 of JMLR 18: synchronous brackets s = s_max … 0, each filled
 * with the next n_s units of its task, then s_max again. A rung closes once all that go
 * to it were judged; its best floor(n_s / eta^(i + 1)) then go on, at least one, so
 * that a last bracket that could not be filled trains one to the end too. Open rungs
 * are served in the order in which they closed. A waiting unit that ends leaves its
 * place to the next best.
 *
 * Bracket 0 is s = s_max. Rung i of bracket s is at R eta^(i - s) epochs, rounded. */
#include "coordinator/scheduler/rungs.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>

struct hyperband {
    int last;                /* s_max */
    int epochs[RUNGS_MOST];  /* bracket b begins at epochs[b] */
    struct ladder **filling; /* one a task; NULL: none begun */
    struct ladder *newest;   /* all that were begun */
    struct rung *first_open, *last_open;
};

static int hyperband_open(struct scheduler *s)
{
    struct hyperband *h = s->own = calloc(1, sizeof *h);

    if (!h)
        return ERR_MEMORY;
    h->last = rungs_last(&s->plan);
    int64_t part = 1;
    for (int i = h->last; i >= 0; i--, part *= s->plan.eta)
        h->epochs[i] = (int)((2 * s->plan.max_epochs + part) / (2 * part));
    h->filling = calloc((size_t)s->plan.tasks, sizeof(struct ladder *));
    return h->filling ? 0 : ERR_MEMORY;
}

static void hyperband_close(struct scheduler *s)
{
    struct hyperband *h = s->own;

    if (!h)
        return;
    for (struct ladder *l = h->newest, *next; l; l = next) {
        next = l->next;
        ladder_clear(l);
        free(l);
    }
    free(h->filling);
    free(h);
}

static struct ladder *begin_bracket(struct scheduler *s, int task, int bracket)
{
    struct hyperband *h = s->own;
    struct ladder *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    *l = (struct ladder){.task = task,
                         .bracket = bracket,
                         .epochs = &h->epochs[bracket],
                         .next = h->newest};
    l->size = rungs_bracket_size(h->last, h->last - bracket, s->plan.eta);
    if (ladder_init(l, h->last + 1 - bracket)) {
        free(l);
        return NULL;
    }
    h->newest = h->filling[task] = l;
    return l;
}

static int hyperband_unit_added(struct scheduler *s, int64_t unit)
{
    struct hyperband *h = s->own;
    struct unit *u = &s->units[unit];
    struct ladder *l = h->filling[u->task];

    if (!l || l->units == l->size)
        l = begin_bracket(s, u->task, l ? (l->bracket + 1) % (h->last + 1) : 0);
    if (!l)
        return ERR_MEMORY;
    u->ladder = l;
    if (++l->units == l->size)
        l->rung[0].expected = l->size;
    return 0;
}

static void open_rung(struct hyperband *h, struct rung *r)
{
    r->next_open = NULL;
    *(h->last_open ? &h->last_open->next_open : &h->first_open) = r;
    h->last_open = r;
}

/* Mostly the first one, whose units are offered. */
static void close_rung(struct hyperband *h, struct rung *r)
{
    struct rung *before = NULL;

    for (struct rung *i = h->first_open; i != r; i = i->next_open)
        before = i;
    *(before ? &before->next_open : &h->first_open) = r->next_open;
    if (h->last_open == r)
        h->last_open = before;
}

static void decide_if_all_are_judged(struct scheduler *s, struct ladder *l, int rung)
{
    struct rung *r = &l->rung[rung];
    int64_t most = l->units;

    if (rung + 1 >= l->rungs || r->judged != r->expected)
        return;
    for (int i = 0; i <= rung; i++)
        most /= s->plan.eta;
    most = most < 1 ? 1 : most;
    r->open = most < r->live ? most : r->live;
    l->rung[rung + 1].expected = r->open;
    if (r->open > 0)
        open_rung(s->own, r);
}

static int hyperband_judge(struct scheduler *s, int64_t unit, double score)
{
    struct unit *u = &s->units[unit];
    struct rung *r = &u->ladder->rung[u->rung];

    u->waiting = u->ended < u->members;
    if (u->waiting && heap_push(&r->waiting, (struct heap_entry){score, unit}))
        return ERR_MEMORY;
    r->live += u->waiting;
    r->judged++;
    decide_if_all_are_judged(s, u->ladder, u->rung);
    return 0;
}

static int hyperband_withdraw(struct scheduler *s, int64_t unit)
{
    struct ladder *l = s->units[unit].ladder;
    int rung = s->units[unit].rung;
    struct rung *r = &l->rung[rung];

    r->live--;
    rungs_tidy(s, r, rung);
    if (r->open <= r->live)
        return 0;
    if (--r->open == 0)
        close_rung(s->own, r);
    l->rung[rung + 1].expected--;
    if (l->rung[rung + 1].expected > 0)
        decide_if_all_are_judged(s, l, rung + 1);
    return 0;
}

static int hyperband_reported(struct scheduler *s, int64_t trial, int epoch_before)
{
    (void)epoch_before;
    return rungs_reported(s, trial, hyperband_judge);
}

static bool hyperband_resumed(struct scheduler *s, int64_t trial)
{
    int64_t unit = s->trials[trial].unit;
    struct unit *u = &s->units[unit];
    int rung = u->rung;
    struct rung *r = &u->ladder->rung[rung];

    if (s->trials[trial].queued)
        return true;
    if (!u->waiting || r->open == 0)
        return false;
    r->live--;
    if (--r->open == 0)
        close_rung(s->own, r);
    rungs_promote(s, unit);
    rungs_tidy(s, r, rung);
    return true;
}

static int hyperband_ended(struct scheduler *s, int64_t trial, enum phase before,
                           bool was_queued)
{
    return rungs_ended(s, trial, before, was_queued, hyperband_judge,
                       hyperband_withdraw);
}

static int hyperband_completed(struct scheduler *s)
{
    struct hyperband *h = s->own;
    int rc = rungs_completed(s, hyperband_judge);

    for (int i = 0; !rc && i < s->plan.tasks; i++) {
        struct ladder *l = h->filling[i];
        if (!l || l->units == l->size)
            continue;
        l->rung[0].expected = l->units;
        decide_if_all_are_judged(s, l, 0);
    }
    return rc;
}

static struct scheduler_step hyperband_next(const struct scheduler *s)
{
    const struct hyperband *h = s->own;

    if (s->first)
        return (struct scheduler_step){.move = MOVE_RESUME, .trial = s->first};
    if (!h->first_open)
        return (struct scheduler_step){.move = MOVE_NONE};
    return (struct scheduler_step){.move = MOVE_RESUME,
                                   .trial = rungs_first_waiting(s, h->first_open)};
}

static int hyperband_rung_epochs(const struct scheduler *s, int bracket, int rung)
{
    const struct hyperband *h = s->own;

    if (bracket < 0 || rung < 0 || bracket + rung > h->last)
        return 0;
    return h->epochs[bracket + rung];
}

const struct scheduler_rule scheduler_hyperband = {
    .open = hyperband_open,
    .close = hyperband_close,
    .unit_added = hyperband_unit_added,
    .reported = hyperband_reported,
    .resumed = hyperband_resumed,
    .ended = hyperband_ended,
    .completed = hyperband_completed,
    .next = hyperband_next,
    .rung = rungs_rung,
    .until = rungs_until,
    .bracket = rungs_bracket,
    .rung_epochs = hyperband_rung_epochs,
};
