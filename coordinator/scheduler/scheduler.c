/* Trials and units in arrays by number, and the queue of paused trials whose next move
 * is decided. What a report means is the rule's: asha.c, hyperband.c, median.c, pbt.c.
 * A trial's epoch only grows, so that one begun anew is not judged twice. */
#include "coordinator/scheduler.h"

#include "common/error.h"
#include "coordinator/scheduler/parts.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

static const struct scheduler_rule *const rules[] = {
    [SCHEDULER_NONE] = &scheduler_none,
    [SCHEDULER_ASHA] = &scheduler_asha,
    [SCHEDULER_HYPERBAND] = &scheduler_hyperband,
    [SCHEDULER_MEDIAN] = &scheduler_median,
    [SCHEDULER_PBT] = &scheduler_pbt,
};

struct scheduler *scheduler_new(const struct scheduler_plan *plan)
{
    struct scheduler *s = calloc(1, sizeof *s);

    assert(plan->kind == SCHEDULER_NONE ||
           (plan->min_epochs >= 1 && plan->max_epochs >= plan->min_epochs &&
            plan->tasks >= 1));
    if (!s)
        return NULL;
    s->plan = *plan;
    s->rule = rules[plan->kind];
    if (s->rule->open(s)) {
        scheduler_free(s);
        return NULL;
    }
    return s;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    scheduler->rule->close(scheduler);
    digest_map_clear(&scheduler->unit_numbers);
    free(scheduler->trials);
    free(scheduler->units);
    free(scheduler);
}

double scheduler_score(double score) { return isnan(score) ? -INFINITY : score; }

struct unit *scheduler_unit(const struct scheduler *s, int64_t trial)
{
    return &s->units[s->trials[trial].unit];
}

void scheduler_enqueue(struct scheduler *s, int64_t trial)
{
    struct scheduled *t = &s->trials[trial];

    t->queued = true;
    t->next = 0;
    t->previous = s->last;
    *(s->last ? &s->trials[s->last].next : &s->first) = trial;
    s->last = trial;
}

void scheduler_dequeue(struct scheduler *s, int64_t trial)
{
    struct scheduled *t = &s->trials[trial];

    *(t->previous ? &s->trials[t->previous].next : &s->first) = t->next;
    *(t->next ? &s->trials[t->next].previous : &s->last) = t->previous;
    t->queued = false;
    t->next = t->previous = 0;
}

/* Makes an array from 1 long enough for its element number; new ones are zero. */
static int grow(void *array, size_t size, int64_t number, int64_t *room)
{
    void *old, *grown;
    int64_t more = *room ? *room : FIRST_ROOM;

    if (number < *room)
        return 0;
    while (more <= number)
        more *= 2;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, (size_t)more * size);
    if (!grown)
        return ERR_MEMORY;
    memset((char *)grown + (size_t)*room * size, 0, (size_t)(more - *room) * size);
    memcpy(array, &grown, sizeof grown);
    *room = more;
    return 0;
}

static struct digest digest_of_unit(int64_t unit)
{
    return digest_of(&unit, sizeof unit);
}

/* The number of the unit that a caller names, new or not. */
static int find_unit(struct scheduler *s, int64_t name, int members, int task,
                     int64_t *number)
{
    bool alone = s->plan.judge == JUDGE_EACH || s->plan.kind == SCHEDULER_PBT;
    struct digest key = digest_of_unit(name);

    *number = alone ? 0 : digest_map_find(&s->unit_numbers, key);
    if (*number)
        return 0;
    *number = s->unit_count + 1;
    if (grow(&s->units, sizeof *s->units, *number, &s->unit_room) ||
        (!alone && digest_map_put(&s->unit_numbers, key, *number)))
        return ERR_MEMORY;
    s->unit_count++;
    s->units[*number] = (struct unit){.members = alone ? 1 : members, .task = task};
    return s->rule->unit_added(s, *number);
}

static int add(struct scheduler *s, int64_t trial, int64_t name, int members, int task)
{
    int64_t number = 0;

    assert(trial > s->trial_count && task >= 0 && task < s->plan.tasks);
    if (grow(&s->trials, sizeof *s->trials, trial, &s->trial_room) ||
        find_unit(s, name, members, task, &number))
        return ERR_MEMORY;
    struct unit *unit = &s->units[number];
    assert(unit->added < unit->members && unit->task == task);
    *(unit->added++ ? &s->trials[unit->last].next_member : &unit->first) = trial;
    unit->last = trial;
    s->trials[trial] =
        (struct scheduled){.unit = number, .score = -INFINITY, .phase = PHASE_NEW};
    s->trial_count = trial;
    s->new_trials++;
    return 0;
}

int scheduler_add(struct scheduler *scheduler, int64_t trial, int64_t unit, int members,
                  int task)
{
    if (add(scheduler, trial, unit, members, task))
        return ERR_MEMORY;
    return scheduler->rule->until(scheduler, trial);
}

static bool is_present(const struct scheduler *s, int64_t trial)
{
    return trial >= 1 && trial <= s->trial_count &&
           s->trials[trial].phase != PHASE_ABSENT;
}

static void set_phase(struct scheduler *s, int64_t trial, enum phase phase)
{
    s->new_trials -= s->trials[trial].phase == PHASE_NEW;
    s->trials[trial].phase = (uint8_t)phase;
}

void scheduler_granted(struct scheduler *scheduler, int64_t trial)
{
    if (!is_present(scheduler, trial))
        return;
    struct scheduled *t = &scheduler->trials[trial];
    if (t->phase == PHASE_PAUSED) {
        if (!scheduler->rule->resumed(scheduler, trial))
            return;
        if (t->queued)
            scheduler_dequeue(scheduler, trial);
    } else if (t->phase != PHASE_NEW) {
        return;
    }
    set_phase(scheduler, trial, PHASE_RUNNING);
}

static int verdict_of(const struct scheduled *t)
{
    return t->phase == PHASE_PAUSED    ? VERDICT_PAUSE
           : t->phase == PHASE_STOPPED ? VERDICT_STOP
                                       : VERDICT_CONTINUE;
}

int scheduler_report(struct scheduler *scheduler, int64_t trial, int epoch,
                     double score)
{
    if (!is_present(scheduler, trial))
        return VERDICT_CONTINUE;
    struct scheduled *t = &scheduler->trials[trial];
    if (epoch > t->epoch)
        scheduler_granted(scheduler, trial);
    if (epoch <= t->epoch || t->phase != PHASE_RUNNING)
        return verdict_of(t);
    int before = t->epoch;
    t->epoch = epoch;
    t->score = scheduler_score(score);
    if (scheduler->rule->reported(scheduler, trial, before))
        return ERR_MEMORY;
    return verdict_of(t);
}

int scheduler_ended(struct scheduler *scheduler, int64_t trial, bool failed)
{
    if (!is_present(scheduler, trial))
        return 0;
    struct scheduled *t = &scheduler->trials[trial];
    enum phase before = t->phase;
    bool was_queued = t->queued;
    if (before == PHASE_ENDED)
        return 0;
    if (was_queued)
        scheduler_dequeue(scheduler, trial);
    set_phase(scheduler, trial, PHASE_ENDED);
    t->failed = failed;
    scheduler_unit(scheduler, trial)->ended++;
    return scheduler->rule->ended(scheduler, trial, before, was_queued);
}

int scheduler_forked(struct scheduler *scheduler, int64_t trial, int64_t parent,
                     int64_t loser, int epoch)
{
    assert(is_present(scheduler, parent) && is_present(scheduler, loser));
    if (add(scheduler, trial, 0, 1, scheduler_unit(scheduler, parent)->task))
        return ERR_MEMORY;
    set_phase(scheduler, trial, PHASE_RUNNING);
    scheduler->trials[trial].epoch = epoch;
    scheduler->trials[trial].score = scheduler->trials[parent].score;
    if (scheduler->rule->forked && scheduler->rule->forked(scheduler, trial))
        return ERR_MEMORY;
    return scheduler_ended(scheduler, loser, false);
}

int scheduler_complete(struct scheduler *scheduler)
{
    if (scheduler->complete)
        return 0;
    scheduler->complete = true;
    for (int64_t i = 1; i <= scheduler->unit_count; i++)
        scheduler->units[i].members = scheduler->units[i].added;
    return scheduler->rule->completed(scheduler);
}

struct scheduler_step scheduler_next(const struct scheduler *scheduler)
{
    return scheduler->rule->next(scheduler);
}

bool scheduler_is_paused(const struct scheduler *scheduler, int64_t trial)
{
    return is_present(scheduler, trial) &&
           scheduler->trials[trial].phase == PHASE_PAUSED;
}

int scheduler_rung(const struct scheduler *scheduler, int64_t trial)
{
    return is_present(scheduler, trial) ? scheduler->rule->rung(scheduler, trial) : -1;
}

int scheduler_bracket(const struct scheduler *scheduler, int64_t trial)
{
    return is_present(scheduler, trial) ? scheduler->rule->bracket(scheduler, trial)
                                        : 0;
}

int scheduler_until(const struct scheduler *scheduler, int64_t trial)
{
    return is_present(scheduler, trial) ? scheduler->rule->until(scheduler, trial) : 0;
}

int scheduler_rung_epochs(const struct scheduler *scheduler, int bracket, int rung)
{
    return scheduler->rule->rung_epochs(scheduler, bracket, rung);
}
