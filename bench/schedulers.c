/* Schedulers alone, on simulated workers: what a decision costs, and how busy workers
 * are.
 *
 *   schedulers [WORKERS [REPORTS]]                 10000 and 1000000 where not given
 *
 * As many trials as give about REPORTS reports of epochs; an epoch of a trial lasts 1
 * to 10 units, log-uniformly; scores saturate, with noise. A free worker asks for the
 * next step, then takes a new trial. `us` is everything that happens, the simulator's
 * own queue of events included, divided by grants and reports; `worst` the longest
 * single call. Workers are counted as busy while trials are left that nobody has begun,
 * and to the very end, when the last ones train alone. */
#include "common/clock.h"
#include "coordinator/scheduler.h"
#include "coordinator/scheduler/heap.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct sample {
    const char *name;
    struct scheduler_plan plan;
    double reports_a_trial; /* about */
    int seeds;
};

struct course {
    float quality, pace, duration;
    int epoch;
};

struct simulation {
    const struct sample *sample;
    struct scheduler *scheduler;
    struct course *courses; /* from 1 */
    int64_t trials, room;
    int64_t begun, planned; /* apart from forks */
    int workers, idle;
    int *idle_workers;
    int64_t *held; /* by worker */
    struct heap ends;
    double now, busy, new_until, busy_until; /* units of workers' time */
    double worst;
    int64_t grants, reports, forks;
    uint64_t state;
};

static void fail(const char *reason)
{
    fprintf(stderr, "schedulers: %s\n", reason);
    exit(1);
}

static double draw(struct simulation *s)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return (double)(s->state >> 11) * 0x1p-53;
}

static void note(struct simulation *s, double begun)
{
    double seconds = clock_monotonic_s() - begun;

    s->worst = seconds > s->worst ? seconds : s->worst;
}

static void draw_course(struct simulation *s, int64_t trial)
{
    s->courses[trial].quality = (float)draw(s);
    s->courses[trial].pace = (float)(0.5 + 10 * draw(s));
    s->courses[trial].duration = (float)pow(10, draw(s));
}

static void set_up(struct simulation *s, int64_t reports)
{
    s->trials = (int64_t)((double)reports / s->sample->reports_a_trial);
    s->trials -= s->trials % s->sample->seeds;
    s->planned = s->trials;
    s->room = s->trials + reports;
    s->scheduler = scheduler_new(&s->sample->plan);
    s->courses = calloc((size_t)s->room + 1, sizeof *s->courses);
    s->held = calloc((size_t)s->workers, sizeof *s->held);
    s->idle_workers = calloc((size_t)s->workers, sizeof *s->idle_workers);
    if (!s->scheduler || !s->courses || !s->held || !s->idle_workers)
        fail("no memory");
    for (int i = 0; i < s->workers; i++)
        s->idle_workers[s->idle++] = i;
    for (int64_t i = 1; i <= s->trials; i++) {
        draw_course(s, i);
        if (scheduler_add(s->scheduler, i, (i - 1) / s->sample->seeds, s->sample->seeds,
                          0) < 0)
            fail("no memory");
    }
    if (scheduler_complete(s->scheduler))
        fail("no memory");
}

static void train(struct simulation *s, int worker)
{
    double duration = s->courses[s->held[worker]].duration;

    s->busy += duration;
    if (heap_push(&s->ends, (struct heap_entry){-(s->now + duration), worker}))
        fail("no memory");
}

/* The trial that takes the loser's place. */
static int64_t fork_trial(struct simulation *s, struct scheduler_step step)
{
    int64_t trial = ++s->trials;

    draw_course(s, trial);
    s->courses[trial].quality = s->courses[step.trial].quality + 0.1f * (float)draw(s);
    s->courses[trial].epoch = s->courses[step.trial].epoch;
    s->forks++;
    if (trial > s->room || scheduler_forked(s->scheduler, trial, step.trial, step.loser,
                                            s->courses[trial].epoch))
        fail("no memory");
    return trial;
}

/* Whether there was something to do. */
static bool take(struct simulation *s)
{
    double begun = clock_monotonic_s();
    struct scheduler_step step = scheduler_next(s->scheduler);
    int64_t trial = step.trial;

    if (step.move == MOVE_NONE && s->begun == s->planned)
        return false;
    if (step.move == MOVE_NONE) {
        trial = ++s->begun;
        s->new_until = s->now;
        s->busy_until = s->busy;
    }
    if (step.move == MOVE_FORK)
        trial = fork_trial(s, step);
    else
        scheduler_granted(s->scheduler, trial);
    note(s, begun);
    int worker = s->idle_workers[--s->idle];
    s->held[worker] = trial;
    s->grants++;
    train(s, worker);
    return true;
}

static void end_epoch(struct simulation *s)
{
    struct heap_entry end = heap_pop(&s->ends);
    int worker = (int)end.number;
    int64_t trial = s->held[worker];
    struct course *c = &s->courses[trial];
    double score = c->quality * (1 - exp(-++c->epoch / c->pace)) + 0.02 * draw(s);

    s->now = -end.score;
    s->reports++;
    double begun = clock_monotonic_s();
    int verdict = scheduler_report(s->scheduler, trial, c->epoch, score);
    note(s, begun);
    if (verdict < 0)
        fail("no memory");
    bool over = c->epoch == s->sample->plan.max_epochs || verdict == VERDICT_STOP;
    if (over && scheduler_ended(s->scheduler, trial, false))
        fail("no memory");
    if (verdict == VERDICT_CONTINUE && !over)
        train(s, worker);
    else
        s->idle_workers[s->idle++] = worker;
}

static double percent(const struct simulation *s, double busy, double until)
{
    return until > 0 ? 100 * busy / (until * s->workers) : NAN;
}

/* At new_until some epochs had begun that were to end later. */
static double busy_while_new(const struct simulation *s, double ahead)
{
    return percent(s, s->busy_until - ahead, s->new_until);
}

static double ahead_of_now(const struct simulation *s)
{
    double sum = 0;

    for (size_t i = 0; i < s->ends.count; i++)
        sum += -s->ends.entries[i].score - s->now;
    return sum;
}

static void run(const struct sample *sample, int workers, int64_t reports)
{
    struct simulation s = {
        .sample = sample, .workers = workers, .state = 88172645463325252u};
    double ahead = 0, begun;

    set_up(&s, reports);
    begun = clock_monotonic_s();
    do {
        bool was_new = s.begun < s.planned;
        while (s.idle > 0 && take(&s))
            ;
        if (was_new && s.begun == s.planned)
            ahead = ahead_of_now(&s);
        if (s.ends.count > 0)
            end_epoch(&s);
    } while (s.ends.count > 0 || s.idle < workers ||
             scheduler_next(s.scheduler).move != MOVE_NONE);
    double seconds = clock_monotonic_s() - begun;
    printf("%-22s %9" PRId64 " %9" PRId64 " %7" PRId64 " %7.3f %8.0f %9.2f %9.2f\n",
           sample->name, s.reports, s.trials, s.forks,
           1e6 * seconds / (double)(s.reports + s.grants), 1e6 * s.worst,
           busy_while_new(&s, ahead), percent(&s, s.busy, s.now));
    scheduler_free(s.scheduler);
    heap_clear(&s.ends);
    free(s.courses);
    free(s.held);
    free(s.idle_workers);
}

int main(int argc, char **argv)
{
#define PLAN(...)                                                                      \
    {                                                                                  \
        .min_epochs = 1, .eta = 3, .brackets = 1, .quantile = 0.25, .tasks = 1,        \
        __VA_ARGS__                                                                    \
    }
    static const struct sample samples[] = {
        {"none, 9 epochs", PLAN(.kind = SCHEDULER_NONE, .max_epochs = 9), 9, 1},
        {"asha 1-9", PLAN(.kind = SCHEDULER_ASHA, .max_epochs = 9), 2.4, 1},
        {"asha 1-81", PLAN(.kind = SCHEDULER_ASHA, .max_epochs = 81), 3.9, 1},
        {"asha 1-9, 3 brackets",
         PLAN(.kind = SCHEDULER_ASHA, .max_epochs = 9, .brackets = 3), 4.2, 1},
        {"asha 1-9, mean of 5",
         PLAN(.kind = SCHEDULER_ASHA, .max_epochs = 9, .judge = JUDGE_MEAN), 2.4, 5},
        {"hyperband 1-9", PLAN(.kind = SCHEDULER_HYPERBAND, .max_epochs = 9), 4.2, 1},
        {"median 1-20", PLAN(.kind = SCHEDULER_MEDIAN, .max_epochs = 20), 9, 1},
        {"pbt, every 2 of 50",
         PLAN(.kind = SCHEDULER_PBT, .max_epochs = 50, .min_epochs = 2), 50, 1},
    };
    int workers = argc > 1 ? atoi(argv[1]) : 10000;
    int64_t reports = argc > 2 ? atoll(argv[2]) : 1000000;

    if (workers < 1 || reports < 1000) {
        fprintf(stderr, "usage: schedulers [WORKERS [REPORTS, at least 1000]]\n");
        return 2;
    }
    printf("%d workers\n%-22s %9s %9s %7s %7s %8s %9s %9s\n", workers, "", "reports",
           "trials", "forks", "us", "worst us", "busy new%", "busy all%");
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        run(&samples[i], workers, reports);
    return 0;
}
