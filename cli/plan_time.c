#include "cli/plan_time.h"

#include "coordinator/rehearsal.h"

#include <math.h>
#include <stdlib.h>

/* Measured (docs/plan.md): from the command until workers are there, and from the last
 * result until it ends; from a trial's result until the next has begun, with its
 * message and the journal's commit. */
static const double launch_s = 0.9, trial_gap_s = 0.01;

/* What all rehearsals share. */
struct rehearsals {
    const struct plan_kinds *of;
    const struct plan_start *start;
    struct rehearsal_kind *kinds;
    struct rehearsal_trial *trials;
    struct rehearsal_plan plan;
};

static double epochs_s(const struct plan_kind *k)
{
    double trained = (double)k->steps / (double)k->batches * (double)k->train_tokens;

    return trained * k->train_s +
           (double)k->reports * (double)k->score_tokens * k->evaluate_s;
}

static void describe_kinds(struct rehearsals *r, const struct plan_kinds *kinds)
{
    for (int i = 0; i < kinds->count; i++) {
        const struct plan_kind *k = &kinds->kinds[i];

        r->kinds[i] =
            (struct rehearsal_kind){.start_s = k->setup_s + trial_gap_s,
                                    .epoch_s = epochs_s(k) / (double)k->epochs,
                                    .end_s = (double)k->test_tokens * k->evaluate_s,
                                    .epochs = (int)k->epochs,
                                    .shards = k->shards};
    }
}

/* Trials of a shard whose unit has members in others too are judged without them. */
static void describe_trials(struct rehearsals *r, const struct plan_kinds *kinds,
                            const struct run_setup *setup)
{
    const struct job_sweep *sweep = &setup->spec.sweep;
    int64_t count = 0;

    for (int64_t i = 1; count < kinds->trials; i++) {
        if (!plan_kinds_wants(setup, i))
            continue;
        struct sweep_trial t = sweep_trial(&setup->sweep, i);
        int64_t unit = (int64_t)t.task * setup->sweep.config_count + t.config;
        bool mean = sweep->judge == JUDGE_MEAN;
        r->trials[count++] =
            (struct rehearsal_trial){.kind = plan_kinds_of(kinds, setup, i),
                                     .task = t.task,
                                     .unit = mean ? unit : i,
                                     .members = mean ? sweep->seed_count : 1};
    }
}

static struct scheduler_plan scheduler_of(const struct run_setup *setup)
{
    const struct job_sweep *s = &setup->spec.sweep;

    return (struct scheduler_plan){.kind = s->scheduler,
                                   .min_epochs = s->min_epochs,
                                   .max_epochs = setup->spec.base.epochs,
                                   .eta = s->eta,
                                   .brackets = s->brackets,
                                   .judge = s->judge,
                                   .quantile = s->quantile,
                                   .seed = s->search_seed,
                                   .tasks = setup->spec.task_count};
}

static int rehearsals_init(struct rehearsals *r, const struct plan_kinds *kinds,
                           const struct run_setup *setup,
                           const struct plan_start *start, int workers,
                           struct error *err)
{
    *r =
        (struct rehearsals){.of = kinds,
                            .start = start,
                            .kinds = calloc((size_t)kinds->count, sizeof *r->kinds),
                            .trials = calloc((size_t)kinds->trials, sizeof *r->trials)};
    if (!r->kinds || !r->trials) {
        free(r->kinds);
        free(r->trials);
        return error_set(err, ERR_MEMORY, "out of memory for %lld trials",
                         (long long)kinds->trials);
    }
    describe_kinds(r, kinds);
    describe_trials(r, kinds, setup);
    r->plan = (struct rehearsal_plan){.scheduler = scheduler_of(setup),
                                      .kinds = r->kinds,
                                      .trials = r->trials,
                                      .trial_count = kinds->trials,
                                      .workers = workers,
                                      .workers_per_trial =
                                          setup->spec.cluster.workers_per_trial,
                                      .epoch_limit = setup->spec.sweep.epochs};
    return 0;
}

static void rehearsals_clear(struct rehearsals *r)
{
    free(r->kinds);
    free(r->trials);
}

/* All workers of a node fill a prefix together, once; what a node's cores allow. */
static double prefix_s(const struct plan_kinds *kinds, const struct plan_start *start,
                       int workers)
{
    int together = workers < start->node_workers ? workers : start->node_workers;
    double seconds = 0;

    for (int i = 0; i < kinds->count; i++) {
        const struct plan_kind *k = &kinds->kinds[i];
        bool first = k->prefix_bytes > 0;

        for (int j = 0; first && j < i; j++)
            first = !plan_kinds_same_prefix(&kinds->kinds[j], k);
        if (first)
            seconds += (double)k->prefix_tokens * k->prefix_s / together;
    }
    return seconds;
}

static double begin_s(const struct plan_start *start)
{
    return launch_s + start->data_s + start->panels_s;
}

static void count_most(struct plan_time *out, const struct plan_kinds *kinds,
                       const struct run_setup *setup)
{
    int64_t limit = setup->spec.sweep.epochs;

    for (int i = 0; i < kinds->count; i++)
        out->most_epochs += kinds->kinds[i].trials * kinds->kinds[i].epochs;
    if (limit && limit < out->most_epochs)
        out->most_epochs = limit;
}

static void find_extremes(struct plan_time *out, const struct rehearsals *r,
                          const struct plan_kinds *kinds)
{
    out->shortest_s = INFINITY;
    for (int i = 0; i < kinds->count; i++) {
        const struct rehearsal_kind *k = &r->kinds[i];
        double seconds = k->start_s + k->epochs * k->epoch_s + k->end_s;

        if (!kinds->kinds[i].trials)
            continue;
        out->shortest_s = fmin(out->shortest_s, seconds);
        out->longest_s = fmax(out->longest_s, seconds);
    }
}

static int run_s(double *seconds, int64_t *epochs, struct rehearsals *r, int workers)
{
    struct rehearsal result;

    r->plan.workers = workers;
    int rc = rehearse_mean(&result, &r->plan);
    *seconds = begin_s(r->start) + prefix_s(r->of, r->start, workers) + result.seconds;
    if (epochs)
        *epochs = result.epochs;
    return rc;
}

/* 1, 2, 4… up to what is useful, that number itself, and the one that is planned. */
static int list_numbers(int *numbers, int most, int useful, int workers)
{
    int count = 0, at = 1;

    while (at < useful && count < most - 2) {
        if (count > 0 && workers > numbers[count - 1] && workers < at)
            numbers[count++] = workers;
        numbers[count++] = at;
        at *= 2;
    }
    if (count > 0 && workers > numbers[count - 1] && workers < useful)
        numbers[count++] = workers;
    numbers[count++] = useful;
    if (workers > useful)
        numbers[count++] = workers;
    return count;
}

static int fill_table(struct plan_time *out, struct rehearsals *r, int workers)
{
    enum { MOST = sizeof out->table / sizeof out->table[0] };
    int numbers[MOST], rc = 0;

    out->table_count = list_numbers(numbers, MOST, out->useful, workers);
    for (int i = 0; !rc && i < out->table_count; i++) {
        out->table[i].workers = numbers[i];
        rc = run_s(&out->table[i].seconds, NULL, r, numbers[i]);
    }
    return rc;
}

int plan_time_find(struct plan_time *out, const struct plan_kinds *kinds,
                   const struct run_setup *setup, const struct plan_start *start,
                   int workers, struct error *err)
{
    struct rehearsals r;

    *out = (struct plan_time){0};
    int rc = rehearsals_init(&r, kinds, setup, start, workers, err);
    if (rc)
        return rc;
    count_most(out, kinds, setup);
    find_extremes(out, &r, kinds);
    rc = run_s(&out->seconds, &out->epochs, &r, workers);
    if (!rc)
        rc = rehearse_useful(&out->useful, &r.plan);
    if (!rc)
        rc = fill_table(out, &r, workers);
    rehearsals_clear(&r);
    return rc ? error_set(err, rc, "out of memory") : 0;
}
