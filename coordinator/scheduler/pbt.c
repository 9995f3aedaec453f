/* Population based training with truncation selection: whoever comes to a multiple of
 * min_epochs and ranks in the bottom quantile of its task's population, by latest
 * scores, waits to be replaced by an explored copy of one drawn from the top quantile.
 * The population is every trial that has reported, has epochs left and has not ended.
 *
 * With more trials than workers the population moves on together, as in Ray Tune: who
 * comes to an interval while others are further behind gives way to them, and losers
 * are replaced in their turn. Otherwise copies of copies would run ahead, and win
 * because they have trained longer. */
#include "coordinator/scheduler/parts.h"
#include "coordinator/scheduler/ranking.h"

#include "common/error.h"
#include "common/philox.h"

#include <stdlib.h>
#include <string.h>

struct population {
    struct ranking *rankings; /* of tasks */
    struct ranking_node *nodes;
    int64_t node_room;
    struct heap behind; /* paused ones, losers too, by -epochs: the fewest first */
    uint64_t forks;
};

static int pbt_open(struct scheduler *s)
{
    struct population *p = s->own = calloc(1, sizeof *p);

    if (!p || !(p->rankings = calloc((size_t)s->plan.tasks, sizeof *p->rankings)))
        return ERR_MEMORY;
    return 0;
}

static void pbt_close(struct scheduler *s)
{
    struct population *p = s->own;

    if (!p)
        return;
    heap_clear(&p->behind);
    free(p->rankings);
    free(p->nodes);
    free(p);
}

static struct ranking *ranking_of(const struct scheduler *s, int64_t trial)
{
    const struct population *p = s->own;

    return &p->rankings[scheduler_unit(s, trial)->task];
}

static void leave_ranking(struct scheduler *s, int64_t trial)
{
    struct population *p = s->own;

    if (trial < p->node_room && ranking_has(p->nodes, trial))
        ranking_remove(ranking_of(s, trial), p->nodes, trial);
}

static int rank_anew(struct scheduler *s, int64_t trial)
{
    struct population *p = s->own;
    const struct scheduled *t = &s->trials[trial];

    leave_ranking(s, trial);
    if (t->epoch >= s->plan.max_epochs)
        return 0;
    if (trial >= p->node_room) {
        int64_t room = 2 * trial + 62;
        struct ranking_node *grown = realloc(p->nodes, (size_t)room * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        memset(grown + p->node_room, 0, (size_t)(room - p->node_room) * sizeof *grown);
        p->nodes = grown;
        p->node_room = room;
    }
    ranking_insert(ranking_of(s, trial), p->nodes, trial, t->score);
    return 0;
}

/* How many the quantile is of a task's population. */
static int64_t quantile_of(const struct scheduler *s, int64_t trial)
{
    const struct population *p = s->own;
    int64_t count = ranking_count(ranking_of(s, trial), p->nodes);

    return (int64_t)(s->plan.quantile * (double)count + 1e-9);
}

static bool is_at_bottom(const struct scheduler *s, int64_t trial)
{
    const struct population *p = s->own;
    const struct ranking *r = ranking_of(s, trial);

    return ranking_place(r, p->nodes, trial) >=
           ranking_count(r, p->nodes) - quantile_of(s, trial);
}

static bool is_first_behind(const struct scheduler *s, struct heap_entry entry)
{
    const struct scheduled *t = &s->trials[entry.number];

    return t->phase == PHASE_PAUSED && t->epoch == (int)-entry.score;
}

/* Its first one is never out of date. */
static void tidy(struct scheduler *s)
{
    struct population *p = s->own;

    while (p->behind.count > 0 && !is_first_behind(s, p->behind.entries[0]))
        heap_pop(&p->behind);
}

static bool others_are_behind(const struct scheduler *s, int epoch)
{
    const struct population *p = s->own;

    return !s->complete || s->new_trials > 0 ||
           (p->behind.count > 0 && -p->behind.entries[0].score < epoch);
}

static int pbt_reported(struct scheduler *s, int64_t trial, int epoch_before)
{
    struct population *p = s->own;
    struct scheduled *t = &s->trials[trial];
    int interval = s->plan.min_epochs;

    if (rank_anew(s, trial))
        return ERR_MEMORY;
    if (t->epoch >= s->plan.max_epochs ||
        t->epoch / interval == epoch_before / interval)
        return 0;
    t->loser = is_at_bottom(s, trial);
    if (!t->loser && !others_are_behind(s, t->epoch))
        return 0;
    t->phase = PHASE_PAUSED;
    return heap_push(&p->behind, (struct heap_entry){-t->epoch, trial});
}

/* The phase changes after this: what is first behind then is the next one. */
static bool pbt_resumed(struct scheduler *s, int64_t trial)
{
    struct population *p = s->own;

    if (p->behind.count > 0 && p->behind.entries[0].number == trial)
        heap_pop(&p->behind);
    tidy(s);
    s->trials[trial].loser = false;
    return true;
}

static int pbt_ended(struct scheduler *s, int64_t trial, enum phase before,
                     bool was_queued)
{
    (void)before, (void)was_queued;
    leave_ranking(s, trial);
    tidy(s);
    return 0;
}

static int pbt_forked(struct scheduler *s, int64_t trial)
{
    struct population *p = s->own;

    p->forks++;
    return rank_anew(s, trial);
}

/* One drawn from the top quantile; the loser itself where it has become one of them, or
 * where nobody is left to copy. */
static struct scheduler_step replace(const struct scheduler *s, int64_t loser)
{
    const struct population *p = s->own;
    int64_t top = quantile_of(s, loser), parent = loser;
    const struct ranking *r = ranking_of(s, loser);

    if (top > 0 && ranking_place(r, p->nodes, loser) >= top) {
        uint64_t draw = philox_u64(s->plan.seed, PHILOX_EXPLOIT, (uint32_t)loser,
                                   (uint32_t)s->trials[loser].epoch);
        parent = ranking_at(r, p->nodes, (int64_t)(draw % (uint64_t)top));
    }
    if (parent == loser)
        return (struct scheduler_step){.move = MOVE_RESUME, .trial = loser};
    return (struct scheduler_step){
        .move = MOVE_FORK, .trial = parent, .loser = loser, .draw = p->forks + 1};
}

static struct scheduler_step pbt_next(const struct scheduler *s)
{
    const struct population *p = s->own;

    if (!s->complete || s->new_trials > 0 || p->behind.count == 0)
        return (struct scheduler_step){.move = MOVE_NONE};
    int64_t trial = p->behind.entries[0].number;
    if (s->trials[trial].loser)
        return replace(s, trial);
    return (struct scheduler_step){.move = MOVE_RESUME, .trial = trial};
}

static int pbt_rung(const struct scheduler *s, int64_t trial)
{
    return s->trials[trial].epoch / s->plan.min_epochs - 1;
}

static int pbt_rung_epochs(const struct scheduler *s, int bracket, int rung)
{
    int64_t epochs = ((int64_t)rung + 1) * s->plan.min_epochs;

    return bracket == 0 && rung >= 0 && epochs < s->plan.max_epochs ? (int)epochs : 0;
}

static int pbt_until(const struct scheduler *s, int64_t trial)
{
    return pbt_rung_epochs(s, 0, pbt_rung(s, trial) + 1);
}

const struct scheduler_rule scheduler_pbt = {
    .open = pbt_open,
    .close = pbt_close,
    .unit_added = scheduler_unit_ignored,
    .reported = pbt_reported,
    .resumed = pbt_resumed,
    .ended = pbt_ended,
    .forked = pbt_forked,
    .completed = scheduler_complete_ignored,
    .next = pbt_next,
    .rung = pbt_rung,
    .until = pbt_until,
    .bracket = scheduler_one_bracket,
    .rung_epochs = pbt_rung_epochs,
};
