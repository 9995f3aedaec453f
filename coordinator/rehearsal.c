/* A heap of the moments at which workers have something to say: at an epoch's end, or,
 * where helpers may join, after a part of it. */
#include "coordinator/rehearsal.h"

#include "common/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What each worker that helps with a trial adds to its speed (docs/performance.md,
 * "More workers and threads"). */
static const double helper_gain = 0.85;
enum { TOGETHER_MOST = 16 }; /* workers on a trial, as coordinator/crews.h */
enum { PARTS = 4 };          /* of an epoch that may be helped with */
enum { DRAWS = 5 };

struct moment {
    double at;
    int64_t trial;
};

struct actor {
    int kind, epochs; /* epochs: finished */
    int task;
    bool fresh;        /* it has just been handed out */
    bool whole;        /* to its end without a look between */
    double left, part; /* of its epoch; part: under way */
    double score;
};

struct stage {
    const struct rehearsal_plan *plan;
    struct scheduler *scheduler;
    struct actor *actors; /* from 1 */
    int64_t actor_count, room, next, begun, epochs;
    struct moment *heap;
    int64_t *handed; /* (slots) to be begun now */
    int slots, running, handed_count;
    double now;
};

/* ---- moments ---- */

static bool earlier(const struct moment *a, const struct moment *b)
{
    return a->at < b->at || (a->at == b->at && a->trial < b->trial);
}

static void push(struct stage *s, struct moment moment)
{
    int i = s->running++;

    for (int up; i > 0 && earlier(&moment, &s->heap[up = (i - 1) / 2]); i = up)
        s->heap[i] = s->heap[up];
    s->heap[i] = moment;
}

static struct moment pop(struct stage *s)
{
    struct moment first = s->heap[0], last = s->heap[--s->running];
    int i = 0;

    for (int child; (child = 2 * i + 1) < s->running; i = child) {
        if (child + 1 < s->running && earlier(&s->heap[child + 1], &s->heap[child]))
            child++;
        if (!earlier(&s->heap[child], &last))
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = last;
    return first;
}

/* ---- actors ---- */

/* In [0, 1), of a unit: splitmix64's finish. */
static double draw_score(uint32_t draw, int64_t unit)
{
    uint64_t x = (uint64_t)unit * 0x9e3779b97f4a7c15u + ((uint64_t)draw << 32);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

static struct actor *new_actor(struct stage *s)
{
    if (s->actor_count + 1 >= s->room) {
        int64_t room = 2 * s->room;
        struct actor *grown = realloc(s->actors, (size_t)room * sizeof *grown);

        if (!grown)
            return NULL;
        s->actors = grown;
        s->room = room;
    }
    return &s->actors[++s->actor_count];
}

static int add_trials(struct stage *s)
{
    const struct rehearsal_plan *p = s->plan;

    for (int64_t i = 0; i < p->trial_count; i++) {
        const struct rehearsal_trial *t = &p->trials[i];

        s->actors[i + 1] = (struct actor){.kind = t->kind,
                                          .task = t->task,
                                          .left = 1,
                                          .score = draw_score(p->draw, t->unit)};
        if (scheduler_add(s->scheduler, i + 1, t->unit, t->members, t->task) < 0)
            return ERR_MEMORY;
    }
    s->actor_count = p->trial_count;
    return scheduler_complete(s->scheduler);
}

static int begin(struct stage *s, const struct rehearsal_plan *plan)
{
    int each = plan->workers_per_trial;
    int64_t slots =
        each > 1 ? ((int64_t)plan->workers + each - 1) / each : plan->workers;

    *s = (struct stage){.plan = plan, .next = 1, .room = plan->trial_count + 2};
    s->slots = (int)slots;
    s->scheduler = scheduler_new(&plan->scheduler);
    s->actors = malloc((size_t)s->room * sizeof *s->actors);
    s->heap = malloc((size_t)s->slots * sizeof *s->heap);
    s->handed = malloc((size_t)s->slots * sizeof *s->handed);
    return s->scheduler && s->actors && s->heap && s->handed ? add_trials(s)
                                                             : ERR_MEMORY;
}

static void clear(struct stage *s)
{
    scheduler_free(s->scheduler);
    free(s->actors);
    free(s->heap);
    free(s->handed);
}

/* ---- who computes what ---- */

static int64_t waiting(const struct stage *s)
{
    return s->plan->trial_count - s->next + 1;
}

static bool may_begin_epoch(const struct stage *s)
{
    return !s->plan->epoch_limit || s->begun < s->plan->epoch_limit;
}

static int fork_actor(struct stage *s, const struct scheduler_step *step)
{
    struct actor *child = new_actor(s);

    if (!child)
        return ERR_MEMORY;
    *child = s->actors[step->trial];
    child->score = draw_score(s->plan->draw, s->actor_count);
    s->handed[s->handed_count++] = s->actor_count;
    return scheduler_forked(s->scheduler, s->actor_count, step->trial, step->loser,
                            child->epochs);
}

/* Gives a trial to a free worker. 1: there is none. */
static int hand_out(struct stage *s)
{
    struct scheduler_step step = scheduler_next(s->scheduler);

    if (!may_begin_epoch(s))
        return 1;
    if (step.move == MOVE_FORK)
        return fork_actor(s, &step);
    if (step.move == MOVE_NONE && waiting(s) == 0)
        return 1;
    int64_t trial = step.move == MOVE_RESUME ? step.trial : s->next++;
    s->handed[s->handed_count++] = trial;
    scheduler_granted(s->scheduler, trial);
    return 0;
}

/* Helpers that a trial which goes on now has for its next part: its share of the idle
 * workers. Trials that were handed out count as busy, itself among them. */
static double helpers_now(const struct stage *s)
{
    int each = s->plan->workers_per_trial;
    int own = s->handed_count == 0; /* it goes on by itself */
    int busy = s->running + s->handed_count + own, idle = s->slots - busy;

    if (each > 0)
        return each - 1;
    return waiting(s) > 0 ? 0 : (double)idle / busy;
}

/* The worker with the most microshards decides. */
static double whole_speed(const struct rehearsal_kind *kind, int together)
{
    double rounds = ceil((double)kind->shards / together);

    return fmin(1 + helper_gain * (together - 1), kind->shards / rounds);
}

static double speed_of(const struct rehearsal_kind *kind, double helpers)
{
    int most = kind->shards < TOGETHER_MOST ? kind->shards : TOGETHER_MOST;
    double together = fmin(helpers + 1, most), share = together - floor(together);
    double low = whole_speed(kind, (int)together);

    return share > 0 ? low + share * (whole_speed(kind, (int)together + 1) - low) : low;
}

/* So many trials wait that nobody will help with this one. */
static bool is_undisturbed(const struct stage *s, const struct actor *a)
{
    return s->plan->scheduler.kind == SCHEDULER_NONE && !s->plan->epoch_limit &&
           a->fresh && (s->plan->workers_per_trial > 0 || waiting(s) > 4 * s->slots);
}

/* The trial goes on: when its worker will have something to say. */
static void go_on(struct stage *s, int64_t trial)
{
    struct actor *a = &s->actors[trial];
    const struct rehearsal_kind *k = &s->plan->kinds[a->kind];
    double speed = speed_of(k, helpers_now(s)), seconds = a->fresh ? k->start_s : 0;
    bool parted = s->plan->workers_per_trial == 0 && waiting(s) <= s->slots;

    a->whole = is_undisturbed(s, a);
    a->part = a->whole ? k->epochs : parted ? 1.0 / PARTS : a->left;
    s->begun += a->whole ? k->epochs : a->left == 1;
    seconds += a->part * k->epoch_s / speed;
    if (a->whole || (a->epochs + 1 == k->epochs && a->left - a->part < 1e-9))
        seconds += k->end_s;
    a->fresh = false;
    push(s, (struct moment){s->now + seconds, trial});
}

static int fill(struct stage *s)
{
    int rc = 0;

    while (!rc && s->running + s->handed_count < s->slots)
        rc = hand_out(s);
    for (int i = 0; i < s->handed_count; i++)
        s->actors[s->handed[i]].fresh = true;
    for (int i = 0, count = s->handed_count; i < count; i++, s->handed_count--)
        go_on(s, s->handed[i]);
    return rc < 0 ? rc : 0;
}

/* An epoch has ended. */
static int report(struct stage *s, int64_t trial)
{
    struct actor *a = &s->actors[trial];
    bool done = a->epochs >= s->plan->kinds[a->kind].epochs;
    int verdict = scheduler_report(s->scheduler, trial, a->epochs, a->score);

    if (verdict < 0)
        return verdict;
    if (done || verdict == VERDICT_STOP)
        return scheduler_ended(s->scheduler, trial, false);
    if (verdict == VERDICT_CONTINUE && may_begin_epoch(s))
        go_on(s, trial);
    return 0;
}

static int happen(struct stage *s)
{
    struct moment moment = pop(s);
    struct actor *a = &s->actors[moment.trial];

    s->now = moment.at;
    a->left -= a->part;
    if (!a->whole && a->left > 1e-9) {
        go_on(s, moment.trial);
        return 0;
    }
    int64_t epochs = a->whole ? s->plan->kinds[a->kind].epochs : 1;
    a->epochs += (int)epochs;
    s->epochs += epochs;
    a->left = 1;
    return report(s, moment.trial);
}

int rehearse(struct rehearsal *out, const struct rehearsal_plan *plan)
{
    struct stage s;
    int rc = begin(&s, plan);

    if (!rc)
        rc = fill(&s);
    while (!rc && s.running > 0) {
        rc = happen(&s);
        if (!rc)
            rc = fill(&s);
    }
    *out = (struct rehearsal){s.now, s.epochs};
    clear(&s);
    return rc;
}

int rehearse_mean(struct rehearsal *out, const struct rehearsal_plan *plan)
{
    int draws = plan->scheduler.kind == SCHEDULER_NONE ? 1 : DRAWS, rc = 0;
    struct rehearsal_plan drawn = *plan;
    double seconds = 0, epochs = 0;

    for (int i = 0; !rc && i < draws; i++) {
        struct rehearsal one;

        drawn.draw = plan->draw + (uint32_t)i;
        rc = rehearse(&one, &drawn);
        seconds += one.seconds;
        epochs += (double)one.epochs;
    }
    *out = (struct rehearsal){seconds / draws, llround(epochs / draws)};
    return rc;
}

/* ---- how many workers ---- */

static int seconds_with(double *seconds, const struct rehearsal_plan *plan, int workers)
{
    struct rehearsal_plan with = *plan;
    struct rehearsal result;

    with.workers = workers;
    int rc = rehearse_mean(&result, &with);
    *seconds = result.seconds;
    return rc;
}

/* What a number of workers must do: save half of their time against one, or be about as
 * quick as a larger one. */
struct bar {
    double each_s;  /* seconds times workers, at most; 0: of no interest */
    double total_s; /* seconds, at most; 0: of no interest */
};

static bool passes(const struct bar *bar, int workers, double seconds)
{
    return (bar->each_s == 0 || seconds * workers <= bar->each_s) &&
           (bar->total_s == 0 || seconds <= bar->total_s);
}

/* Between one number that passes and one that does not: the last that does. */
static int bisect(int *pass, int fail, const struct rehearsal_plan *plan,
                  const struct bar *bar)
{
    int rc = 0;

    while (!rc && abs(fail - *pass) > 1) {
        int middle = *pass + (fail - *pass) / 2;
        double seconds = 0;

        rc = seconds_with(&seconds, plan, middle);
        *(passes(bar, middle, seconds) ? pass : &fail) = middle;
    }
    return rc;
}

int rehearse_useful(int *workers, const struct rehearsal_plan *plan)
{
    enum { MOST = 1 << 14 };
    double one = 0, seconds = 0;
    int64_t together = plan->workers_per_trial == 1 ? 1 : TOGETHER_MOST;
    int64_t most = plan->trial_count * together;
    int at = 1, rc = seconds_with(&one, plan, 1);
    struct bar bar = {.each_s = 2 * one};

    most = most < MOST ? most : MOST;
    for (bool on = true; !rc && on && 2 * at <= most;) {
        rc = seconds_with(&seconds, plan, 2 * at);
        on = passes(&bar, 2 * at, seconds);
        at *= on ? 2 : 1;
    }
    if (!rc)
        rc = bisect(&at, 2 * at < most ? 2 * at : (int)most + 1, plan, &bar);
    if (!rc)
        rc = seconds_with(&seconds, plan, at);
    bar = (struct bar){.total_s = 1.005 * seconds};
    if (!rc)
        rc = bisect(&at, 0, plan, &bar);
    *workers = at;
    return rc;
}
