/* Asynchronous successive halving, Algorithm 2 of the paper. A rung keeps the best
 * 1/eta of all that were judged in `top`: the first of those who wait is promotable
 * exactly when it is not worse than the worst of them. Rungs with a promotable unit are
 * bits of `ready` in the order in which get_job looks at them.
 *
 * The last of the paper's floor(log_eta(R/r)) - s + 1 rungs is R = max_epochs itself,
 * also where r eta^k does not hit it. New units are put into brackets in the proportion
 * of Hyperband's n_s, by smooth weighted round-robin. */
#include "coordinator/scheduler/rungs.h"

#include "common/error.h"

#include <stdlib.h>

struct asha {
    int last, brackets;
    int epochs[RUNGS_MOST]; /* bracket s begins at epochs[s] */
    int64_t weights[RUNGS_MOST], weight;
    int64_t *credit;        /* of round-robin: (tasks, brackets) */
    struct ladder *ladders; /* (tasks, brackets) */
    int words;
    uint64_t *ready;
};

static int asha_open(struct scheduler *s)
{
    const struct scheduler_plan *p = &s->plan;
    struct asha *a = s->own = calloc(1, sizeof *a);

    if (!a)
        return ERR_MEMORY;
    a->last = rungs_last(p);
    a->brackets = p->brackets > a->last + 1 ? a->last + 1 : p->brackets;
    for (int64_t i = 0, epochs = p->min_epochs; i <= a->last; i++, epochs *= p->eta)
        a->epochs[i] = i < a->last ? (int)epochs : p->max_epochs;
    for (int i = 0; i < a->brackets; i++) {
        a->weights[i] = rungs_bracket_size(a->last, a->last - i, p->eta);
        a->weight += a->weights[i];
    }
    size_t count = (size_t)p->tasks * (size_t)a->brackets;
    a->words = (int)((count * (size_t)(a->last + 1) + 63) / 64);
    a->credit = calloc(count, sizeof *a->credit);
    a->ladders = calloc(count, sizeof *a->ladders);
    a->ready = calloc((size_t)a->words, sizeof *a->ready);
    if (!a->credit || !a->ladders || !a->ready)
        return ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct ladder *l = &a->ladders[i];
        l->task = (int)(i / (size_t)a->brackets);
        l->bracket = (int)(i % (size_t)a->brackets);
        l->epochs = &a->epochs[l->bracket];
        if (ladder_init(l, a->last + 1 - l->bracket))
            return ERR_MEMORY;
    }
    return 0;
}

static void asha_close(struct scheduler *s)
{
    struct asha *a = s->own;

    if (!a)
        return;
    for (int i = 0; a->ladders && i < s->plan.tasks * a->brackets; i++)
        ladder_clear(&a->ladders[i]);
    free(a->ladders);
    free(a->credit);
    free(a->ready);
    free(a);
}

static int asha_unit_added(struct scheduler *s, int64_t unit)
{
    struct asha *a = s->own;
    struct unit *u = &s->units[unit];
    int64_t *credit = &a->credit[u->task * a->brackets];
    int best = 0;

    for (int i = 0; i < a->brackets; i++) {
        credit[i] += a->weights[i];
        if (credit[i] > credit[best])
            best = i;
    }
    credit[best] -= a->weight;
    u->ladder = &a->ladders[u->task * a->brackets + best];
    u->ladder->units++;
    return 0;
}

/* Rungs of more epochs come first, then lower brackets, then lower tasks. */
static int place_of(const struct asha *a, const struct ladder *l, int rung, int tasks)
{
    int below_last = a->last - (l->bracket + rung);

    return (below_last * a->brackets + l->bracket) * tasks + l->task;
}

static void refresh(struct scheduler *s, struct ladder *l, int rung)
{
    struct asha *a = s->own;
    struct rung *r = &l->rung[rung];
    int place = place_of(a, l, rung, s->plan.tasks);
    uint64_t bit = UINT64_C(1) << place % 64;

    rungs_tidy(s, r, rung);
    bool promotable = r->waiting.count > 0 && r->top.count > 0 &&
                      !heap_better(r->top.entries[0], r->waiting.entries[0]);
    if (promotable)
        a->ready[place / 64] |= bit;
    else
        a->ready[place / 64] &= ~bit;
}

/* Keeps top the best floor(judged / eta) of all. */
static int keep_in_order(struct rung *r, struct heap_entry entry, int eta)
{
    size_t most = (size_t)(++r->judged / eta);

    if (r->top.count == 0 || !heap_better(entry, r->top.entries[0])) {
        if (heap_push(&r->rest, entry))
            return ERR_MEMORY;
    } else if (heap_push(&r->top, entry) ||
               (r->top.count > most && heap_push(&r->rest, heap_pop(&r->top)))) {
        return ERR_MEMORY;
    }
    return r->top.count < most ? heap_push(&r->top, heap_pop(&r->rest)) : 0;
}

static int asha_judge(struct scheduler *s, int64_t unit, double score)
{
    struct unit *u = &s->units[unit];
    struct rung *r = &u->ladder->rung[u->rung];
    struct heap_entry entry = {score, unit};

    u->waiting = u->ended < u->members;
    if (keep_in_order(r, entry, s->plan.eta) ||
        (u->waiting && heap_push(&r->waiting, entry)))
        return ERR_MEMORY;
    refresh(s, u->ladder, u->rung);
    return 0;
}

static int asha_withdraw(struct scheduler *s, int64_t unit)
{
    refresh(s, s->units[unit].ladder, s->units[unit].rung);
    return 0;
}

static int asha_reported(struct scheduler *s, int64_t trial, int epoch_before)
{
    (void)epoch_before;
    return rungs_reported(s, trial, asha_judge);
}

static bool asha_resumed(struct scheduler *s, int64_t trial)
{
    int64_t unit = s->trials[trial].unit;
    struct unit *u = &s->units[unit];

    if (s->trials[trial].queued)
        return true;
    if (!u->waiting)
        return false;
    rungs_promote(s, unit);
    refresh(s, u->ladder, u->rung - 1);
    return true;
}

static int asha_ended(struct scheduler *s, int64_t trial, enum phase before,
                      bool was_queued)
{
    return rungs_ended(s, trial, before, was_queued, asha_judge, asha_withdraw);
}

static int asha_completed(struct scheduler *s)
{
    return rungs_completed(s, asha_judge);
}

static struct scheduler_step asha_next(const struct scheduler *s)
{
    const struct asha *a = s->own;
    int word = 0;

    if (s->first)
        return (struct scheduler_step){.move = MOVE_RESUME, .trial = s->first};
    while (word < a->words && a->ready[word] == 0)
        word++;
    if (word == a->words)
        return (struct scheduler_step){.move = MOVE_NONE};
    int place = 64 * word + __builtin_ctzll(a->ready[word]);
    int task = place % s->plan.tasks, bracket = place / s->plan.tasks % a->brackets;
    int rung = a->last - place / s->plan.tasks / a->brackets - bracket;
    const struct ladder *l = &a->ladders[task * a->brackets + bracket];
    return (struct scheduler_step){.move = MOVE_RESUME,
                                   .trial = rungs_first_waiting(s, &l->rung[rung])};
}

static int asha_rung_epochs(const struct scheduler *s, int bracket, int rung)
{
    const struct asha *a = s->own;

    if (bracket < 0 || rung < 0 || bracket >= a->brackets || bracket + rung > a->last)
        return 0;
    return a->epochs[bracket + rung];
}

const struct scheduler_rule scheduler_asha = {
    .open = asha_open,
    .close = asha_close,
    .unit_added = asha_unit_added,
    .reported = asha_reported,
    .resumed = asha_resumed,
    .ended = asha_ended,
    .completed = asha_completed,
    .next = asha_next,
    .rung = rungs_rung,
    .until = rungs_until,
    .bracket = rungs_bracket,
    .rung_epochs = asha_rung_epochs,
};
