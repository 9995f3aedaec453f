#include "coordinator/scheduler/rungs.h"

#include "common/error.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

int ladder_init(struct ladder *ladder, int rungs)
{
    ladder->rungs = rungs;
    ladder->rung = calloc((size_t)rungs, sizeof *ladder->rung);
    if (!ladder->rung)
        return ERR_MEMORY;
    for (int i = 0; i < rungs; i++) {
        ladder->rung[i].top.worst_first = true;
        ladder->rung[i].expected = -1;
    }
    return 0;
}

void ladder_clear(struct ladder *ladder)
{
    for (int i = 0; ladder->rung && i < ladder->rungs; i++) {
        heap_clear(&ladder->rung[i].waiting);
        heap_clear(&ladder->rung[i].top);
        heap_clear(&ladder->rung[i].rest);
    }
    free(ladder->rung);
    ladder->rung = NULL;
}

int rungs_last(const struct scheduler_plan *plan)
{
    int last = 0;

    for (int64_t epochs = plan->min_epochs;
         (epochs *= plan->eta) <= plan->max_epochs && last + 1 < RUNGS_MOST;)
        last++;
    return last;
}

int64_t rungs_bracket_size(int last, int steps, int eta)
{
    int64_t size = last + 1;

    for (int i = 0; i < steps; i++)
        size *= eta;
    return (size + steps) / (steps + 1);
}

/* The mean over members that have a score and have not failed; otherwise the worst. */
static double score_of(const struct scheduler *s, const struct unit *u)
{
    double sum = 0;
    int count = 0;

    for (int64_t i = u->first; i; i = s->trials[i].next_member)
        if (!s->trials[i].failed && s->trials[i].epoch > 0) {
            sum += s->trials[i].score;
            count++;
        }
    return count ? scheduler_score(sum / count) : -INFINITY;
}

static bool is_last(const struct unit *u) { return u->rung + 1 >= u->ladder->rungs; }

static int judge_if_all_are_there(struct scheduler *s, int64_t unit, rungs_judge *judge)
{
    struct unit *u = &s->units[unit];

    if (u->waiting || is_last(u) || u->arrived < u->members)
        return 0;
    u->waiting = true;
    return judge(s, unit, score_of(s, u));
}

int rungs_reported(struct scheduler *s, int64_t trial, rungs_judge *judge)
{
    struct scheduled *t = &s->trials[trial];
    struct unit *u = scheduler_unit(s, trial);

    if (is_last(u) || t->epoch < u->ladder->epochs[u->rung])
        return 0;
    t->phase = PHASE_PAUSED;
    u->arrived++;
    return judge_if_all_are_there(s, t->unit, judge);
}

int rungs_ended(struct scheduler *s, int64_t trial, enum phase before, bool was_queued,
                rungs_judge *judge, rungs_withdraw *withdraw)
{
    int64_t unit = s->trials[trial].unit;
    struct unit *u = &s->units[unit];

    if (before == PHASE_PAUSED && !was_queued) {
        if (!u->waiting || u->ended < u->members)
            return 0;
        u->waiting = false;
        return withdraw(s, unit);
    }
    u->arrived++;
    return judge_if_all_are_there(s, unit, judge);
}

int rungs_completed(struct scheduler *s, rungs_judge *judge)
{
    int rc = 0;

    for (int64_t i = 1; !rc && i <= s->unit_count; i++)
        rc = judge_if_all_are_there(s, i, judge);
    return rc;
}

void rungs_promote(struct scheduler *s, int64_t unit)
{
    struct unit *u = &s->units[unit];

    assert(u->waiting && u->ended < u->members);
    u->waiting = false;
    u->rung++;
    u->arrived = u->ended;
    for (int64_t i = u->first; i; i = s->trials[i].next_member)
        if (s->trials[i].phase == PHASE_PAUSED)
            scheduler_enqueue(s, i);
}

void rungs_tidy(const struct scheduler *s, struct rung *rung, int number)
{
    while (rung->waiting.count > 0) {
        const struct unit *u = &s->units[rung->waiting.entries[0].number];
        if (u->waiting && u->rung == number)
            return;
        heap_pop(&rung->waiting);
    }
}

int64_t rungs_first_waiting(const struct scheduler *s, const struct rung *rung)
{
    int64_t trial = s->units[rung->waiting.entries[0].number].first;

    while (s->trials[trial].phase != PHASE_PAUSED)
        trial = s->trials[trial].next_member;
    return trial;
}

int rungs_rung(const struct scheduler *s, int64_t trial)
{
    const struct unit *u = scheduler_unit(s, trial);
    bool there = s->trials[trial].epoch >= u->ladder->epochs[u->rung];

    return there ? u->rung : u->rung - 1;
}

int rungs_until(const struct scheduler *s, int64_t trial)
{
    const struct unit *u = scheduler_unit(s, trial);

    return is_last(u) ? 0 : u->ladder->epochs[u->rung];
}

int rungs_bracket(const struct scheduler *s, int64_t trial)
{
    return scheduler_unit(s, trial)->ladder->bracket;
}
