/* The median stopping rule: a unit stops after an epoch at which its best score so far
 * is strictly worse than the median of the others' running averages up to this epoch.
 *
 * Vizier takes the averages of completed trials only: then none is stopped before the
 * first ones have trained to their ends, which with as many workers as trials means
 * never. Here every unit counts that has come as far, stopped ones too, once they are
 * LEAST (as in Ray Tune's rule). */
#include "coordinator/scheduler/parts.h"

#include "common/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 3 };

/* Running averages at an epoch: lower holds the worse half, or one more. */
struct averages {
    struct heap lower, upper;
};

struct course {
    int decided; /* epochs that all members have come to */
    int scored;  /* of which so many have a score */
    double sum, best;
    bool stopped;
    struct sum {
        double score;
        int count;
    } * ahead; /* of epochs decided + 1… */
    int ahead_room;
};

struct medians {
    struct averages *averages; /* (tasks, max_epochs) */
    struct course *courses;    /* of units, from 1 */
    int64_t course_count, course_room;
};

static size_t averages_count(const struct scheduler *s)
{
    return (size_t)s->plan.tasks * (size_t)s->plan.max_epochs;
}

static int median_open(struct scheduler *s)
{
    struct medians *m = s->own = calloc(1, sizeof *m);

    if (!m || !(m->averages = calloc(averages_count(s), sizeof *m->averages)))
        return ERR_MEMORY;
    for (size_t i = 0; i < averages_count(s); i++)
        m->averages[i].upper.worst_first = true;
    return 0;
}

static void median_close(struct scheduler *s)
{
    struct medians *m = s->own;

    if (!m)
        return;
    for (size_t i = 0; m->averages && i < averages_count(s); i++) {
        heap_clear(&m->averages[i].lower);
        heap_clear(&m->averages[i].upper);
    }
    for (int64_t i = 1; i <= m->course_count; i++)
        free(m->courses[i].ahead);
    free(m->averages);
    free(m->courses);
    free(m);
}

static int median_unit_added(struct scheduler *s, int64_t unit)
{
    struct medians *m = s->own;

    if (unit >= m->course_room) {
        int64_t room = 2 * unit + 62;
        struct course *grown = realloc(m->courses, (size_t)room * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        m->courses = grown;
        m->course_room = room;
    }
    m->courses[unit] = (struct course){.best = -INFINITY};
    m->course_count = unit;
    return 0;
}

static int insert(struct averages *a, double average)
{
    struct heap_entry entry = {average, 0};
    bool low = a->lower.count == 0 || average <= a->lower.entries[0].score;
    struct heap *into = low ? &a->lower : &a->upper;

    if (heap_push(into, entry))
        return ERR_MEMORY;
    if (a->upper.count > a->lower.count)
        return heap_push(&a->lower, heap_pop(&a->upper));
    if (a->lower.count > a->upper.count + 1)
        return heap_push(&a->upper, heap_pop(&a->lower));
    return 0;
}

static double median(const struct averages *a)
{
    double low = a->lower.entries[0].score;

    if (a->lower.count > a->upper.count)
        return low;
    double high = a->upper.entries[0].score;
    return low == high ? low : scheduler_score(low / 2 + high / 2);
}

/* All members have reported this epoch, or have ended before. */
static int decide(struct scheduler *s, struct course *c, int task, int epoch,
                  double score)
{
    struct medians *m = s->own;
    struct averages *a =
        &m->averages[(size_t)task * (size_t)s->plan.max_epochs + (size_t)epoch - 1];

    c->sum += score;
    c->scored++;
    c->best = score > c->best ? score : c->best;
    if (epoch >= s->plan.min_epochs && epoch < s->plan.max_epochs &&
        a->lower.count + a->upper.count >= LEAST && c->best < median(a))
        c->stopped = true;
    return insert(a, scheduler_score(c->sum / c->scored));
}

/* Whether every member has come to an epoch or has ended, and one has come. */
static bool all_are_at(const struct scheduler *s, const struct unit *u, int epoch)
{
    bool one = false;

    for (int64_t i = u->first; i; i = s->trials[i].next_member) {
        one |= s->trials[i].epoch >= epoch;
        if (s->trials[i].epoch < epoch && s->trials[i].phase != PHASE_ENDED)
            return false;
    }
    return one && u->added == u->members;
}

static int advance(struct scheduler *s, int64_t unit)
{
    struct medians *m = s->own;
    struct course *c = &m->courses[unit];
    const struct unit *u = &s->units[unit];

    while (c->decided < s->plan.max_epochs && all_are_at(s, u, c->decided + 1)) {
        struct sum sum = c->ahead[0];
        memmove(c->ahead, c->ahead + 1, (size_t)(c->ahead_room - 1) * sizeof sum);
        c->ahead[c->ahead_room - 1] = (struct sum){0};
        c->decided++;
        if (sum.count > 0 &&
            decide(s, c, u->task, c->decided, scheduler_score(sum.score / sum.count)))
            return ERR_MEMORY;
    }
    return 0;
}

static int add_ahead(struct course *c, int epoch, double score)
{
    int at = epoch - c->decided - 1;

    if (at >= c->ahead_room) {
        int room = at + 1 + c->ahead_room;
        struct sum *grown = realloc(c->ahead, (size_t)room * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        memset(grown + c->ahead_room, 0,
               (size_t)(room - c->ahead_room) * sizeof *grown);
        c->ahead = grown;
        c->ahead_room = room;
    }
    c->ahead[at].score += score;
    c->ahead[at].count++;
    return 0;
}

static int median_reported(struct scheduler *s, int64_t trial, int epoch_before)
{
    struct medians *m = s->own;
    struct scheduled *t = &s->trials[trial];
    struct course *c = &m->courses[t->unit];

    (void)epoch_before;
    if (t->epoch <= s->plan.max_epochs &&
        (add_ahead(c, t->epoch, t->score) || advance(s, t->unit)))
        return ERR_MEMORY;
    if (c->stopped && t->epoch < s->plan.max_epochs)
        t->phase = PHASE_STOPPED;
    return 0;
}

static int median_ended(struct scheduler *s, int64_t trial, enum phase before,
                        bool was_queued)
{
    (void)before, (void)was_queued;
    return advance(s, s->trials[trial].unit);
}

static int median_completed(struct scheduler *s)
{
    int rc = 0;

    for (int64_t i = 1; !rc && i <= s->unit_count; i++)
        rc = advance(s, i);
    return rc;
}

static int median_until(const struct scheduler *s, int64_t trial)
{
    int next = s->trials[trial].epoch + 1;

    next = next < s->plan.min_epochs ? s->plan.min_epochs : next;
    return next < s->plan.max_epochs ? next : 0;
}

const struct scheduler_rule scheduler_median = {
    .open = median_open,
    .close = median_close,
    .unit_added = median_unit_added,
    .reported = median_reported,
    .resumed = scheduler_resumed_anyway,
    .ended = median_ended,
    .completed = median_completed,
    .next = scheduler_no_step,
    .rung = scheduler_no_rung,
    .until = median_until,
    .bracket = scheduler_one_bracket,
    .rung_epochs = scheduler_no_rung_epochs,
};
