/* The rules against an independent simulation on learning curves, event by event:
 * tests/golden/make_scheduler_goldens.py, which tells the format. */
#include "coordinator/scheduler.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORKERS = 16 };

struct curve {
    long unit;
    int members, task, duration, fails, epoch;
    double *scores; /* by epoch from 0 */
};

struct simulation {
    struct scheduler_plan plan;
    struct scheduler *scheduler;
    int workers;
    long trials, events;
    struct curve *curves; /* from 1 */
    long queued;          /* the next new trial */
    struct {
        long trial, ends; /* trial 0: free */
    } running[MOST_WORKERS];
    FILE *file;
    long seen, wrong;
};

static enum scheduler_kind kind_of(const char *word)
{
    int kind = 0;

    while (job_scheduler_words[kind] && strcmp(job_scheduler_words[kind], word) != 0)
        kind++;
    return (enum scheduler_kind)kind;
}

static int read_case(struct simulation *s, char name[64])
{
    char kind[16], judge[8];
    struct scheduler_plan *p = &s->plan;

    if (fscanf(s->file, " case %63s %15s %d %d %d %d %7s %d %d %ld %ld", name, kind,
               &p->min_epochs, &p->max_epochs, &p->eta, &p->brackets, judge, &p->tasks,
               &s->workers, &s->trials, &s->events) != 11)
        return -1;
    p->kind = kind_of(kind);
    p->judge = strcmp(judge, "mean") == 0 ? JUDGE_MEAN : JUDGE_EACH;
    s->curves = calloc((size_t)s->trials + 1, sizeof *s->curves);
    for (long i = 1; i <= s->trials; i++) {
        struct curve *c = &s->curves[i];
        c->scores = calloc((size_t)p->max_epochs, sizeof *c->scores);
        int read = fscanf(s->file, "%ld %d %d %d %d", &c->unit, &c->members, &c->task,
                          &c->duration, &c->fails);
        for (int e = 0; e < p->max_epochs; e++)
            read += fscanf(s->file, "%lf", &c->scores[e]);
        CU_ASSERT_EQUAL_FATAL(read, 5 + p->max_epochs);
    }
    return 0;
}

static void expect(struct simulation *s, char event, long trial, int epoch)
{
    char wanted = 0;
    long wanted_trial = 0;
    int wanted_epoch = 0;

    if (++s->seen > s->events ||
        fscanf(s->file, " %c %ld %d", &wanted, &wanted_trial, &wanted_epoch) != 3 ||
        wanted != event || wanted_trial != trial || wanted_epoch != epoch) {
        if (s->wrong++ == 0)
            fprintf(stderr, "event %ld: %c %ld %d instead of %c %ld %d\n", s->seen,
                    event, trial, epoch, wanted, wanted_trial, wanted_epoch);
    }
}

static int free_worker(const struct simulation *s)
{
    for (int i = 0; i < s->workers; i++)
        if (s->running[i].trial == 0)
            return i;
    return -1;
}

/* 0 when there is no worker or nothing to do. */
static int take(struct simulation *s, long now)
{
    int worker = free_worker(s);
    struct scheduler_step step = scheduler_next(s->scheduler);
    long trial = (long)step.trial;

    if (worker < 0 || (step.move == MOVE_NONE && s->queued > s->trials))
        return 0;
    if (step.move == MOVE_NONE)
        trial = s->queued++;
    expect(s, step.move == MOVE_NONE ? 'g' : 'r', trial, s->curves[trial].epoch);
    scheduler_granted(s->scheduler, trial);
    s->running[worker].trial = trial;
    s->running[worker].ends = now + s->curves[trial].duration;
    return 1;
}

/* The worker whose epoch ends first, or -1. */
static int first_to_end(const struct simulation *s)
{
    int first = -1;

    for (int i = 0; i < s->workers; i++)
        if (s->running[i].trial != 0 &&
            (first < 0 || s->running[i].ends < s->running[first].ends ||
             (s->running[i].ends == s->running[first].ends &&
              s->running[i].trial < s->running[first].trial)))
            first = i;
    return first;
}

static void end_epoch(struct simulation *s, int worker)
{
    long trial = s->running[worker].trial;
    struct curve *c = &s->curves[trial];
    int verdict;

    s->running[worker].trial = 0;
    if (c->fails == c->epoch + 1) {
        expect(s, 'f', trial, c->epoch);
        CU_ASSERT_EQUAL(scheduler_ended(s->scheduler, trial, true), 0);
        return;
    }
    verdict = scheduler_report(s->scheduler, trial, c->epoch + 1, c->scores[c->epoch]);
    c->epoch++;
    if (verdict == VERDICT_PAUSE) {
        expect(s, 'p', trial, c->epoch);
    } else if (verdict == VERDICT_STOP || c->epoch == s->plan.max_epochs) {
        expect(s, verdict == VERDICT_STOP ? 's' : 'd', trial, c->epoch);
        CU_ASSERT_EQUAL(scheduler_ended(s->scheduler, trial, false), 0);
    } else {
        s->running[worker].trial = trial;
        s->running[worker].ends += c->duration;
    }
}

static void simulate(struct simulation *s)
{
    s->scheduler = scheduler_new(&s->plan);
    for (long i = 1; i <= s->trials; i++)
        CU_ASSERT(scheduler_add(s->scheduler, i, s->curves[i].unit,
                                s->curves[i].members, s->curves[i].task) >= 0);
    CU_ASSERT_EQUAL(scheduler_complete(s->scheduler), 0);
    s->queued = 1;
    for (long now = 0;;) {
        while (take(s, now))
            ;
        int worker = first_to_end(s);
        if (worker < 0)
            break;
        now = s->running[worker].ends;
        end_epoch(s, worker);
    }
    scheduler_free(s->scheduler);
}

static void run_cases(enum scheduler_kind kind, int least)
{
    struct simulation s = {.file =
                               fopen(place_source("tests/golden/schedulers.txt"), "r")};
    FILE *file = s.file;
    char name[64];
    int cases = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (read_case(&s, name) == 0) {
        if (s.plan.kind == kind) {
            simulate(&s);
            cases++;
            if (s.wrong || s.seen != s.events)
                fprintf(stderr, "%s: %ld of %ld events, %ld differ\n", name, s.seen,
                        s.events, s.wrong);
            CU_ASSERT_EQUAL(s.wrong, 0);
            CU_ASSERT_EQUAL_FATAL(s.seen, s.events);
        } else {
            for (long i = 0; i < s.events; i++)
                CU_ASSERT_EQUAL_FATAL(fscanf(file, " %*c %*d %*d"), 0);
        }
        for (long i = 1; i <= s.trials; i++)
            free(s.curves[i].scores);
        free(s.curves);
        s = (struct simulation){.file = file};
    }
    CU_ASSERT(feof(file));
    CU_ASSERT(cases >= least);
    fclose(file);
}

static void asha_promotes_as_the_papers_algorithm_does(void)
{
    run_cases(SCHEDULER_ASHA, 7);
}

static void hyperband_halves_as_the_papers_algorithm_does(void)
{
    run_cases(SCHEDULER_HYPERBAND, 3);
}

static void median_rule_stops_what_the_definition_stops(void)
{
    run_cases(SCHEDULER_MEDIAN, 2);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(asha_promotes_as_the_papers_algorithm_does),
        SUITE_TEST(hyperband_halves_as_the_papers_algorithm_does),
        SUITE_TEST(median_rule_stops_what_the_definition_stops),
        {NULL, NULL},
    };

    return suite_run("scheduler_goldens", tests);
}
