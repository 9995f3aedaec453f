#include "report/report_timeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum figure_work work_of(const char *end)
{
    static const struct {
        const char *end;
        enum figure_work work;
    } works[] = {{"paused", WORK_PAUSED},
                 {"stopped", WORK_STOPPED},
                 {"failed", WORK_FAILED},
                 {"lost", WORK_LOST},
                 {"released", WORK_PAUSED}};

    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (!strcmp(end, works[i].end))
            return works[i].work;
    return WORK_DONE;
}

/* Workers by host and number. */
struct worker_list {
    int count;
    char **names;
    const struct results_lease **firsts; /* a lease of each */
};

static int worker_of(struct worker_list *w, const struct results_lease *lease)
{
    for (int i = 0; i < w->count; i++)
        if (w->firsts[i]->worker == lease->worker &&
            !strcmp(w->firsts[i]->host, lease->host))
            return i;
    w->firsts[w->count] = lease;
    if (asprintf(&w->names[w->count], "%s%s%lld", lease->host,
                 lease->host[0] ? " " : "", (long long)lease->worker) < 0) {
        w->names[w->count] = NULL;
        return -1;
    }
    return w->count++;
}

/* The run's first and last moment that is known. */
static void find_span(const struct results *r, double *begin, double *end)
{
    *begin = INFINITY;
    *end = -INFINITY;
    for (int i = 0; i < r->lease_count; i++) {
        *begin = fmin(*begin, r->leases[i].begun);
        *end = fmax(*end, r->leases[i].begun);
        if (!isnan(r->leases[i].ended))
            *end = fmax(*end, r->leases[i].ended);
    }
}

static int fill(struct figure_timeline *timeline, struct worker_list *workers,
                struct figure_stretch *stretches, struct figure_death *deaths,
                const struct results *r)
{
    double begin, end;

    find_span(r, &begin, &end);
    for (int i = 0; i < r->lease_count; i++) {
        const struct results_lease *lease = &r->leases[i];
        double until = isnan(lease->ended) ? end : lease->ended;
        int worker = worker_of(workers, lease);

        if (worker < 0)
            return ERR_MEMORY;
        stretches[i] =
            (struct figure_stretch){worker, lease->begun - begin, until - begin,
                                    lease->trial, work_of(lease->end)};
        if (!strcmp(lease->end, "lost"))
            deaths[timeline->death_count++] =
                (struct figure_death){worker, until - begin};
    }
    timeline->end = end - begin;
    timeline->workers = workers->count;
    timeline->worker_names = (const char *const *)workers->names;
    timeline->stretch_count = r->lease_count;
    timeline->stretches = stretches;
    timeline->deaths = deaths;
    return 0;
}

int report_timeline_add(struct figures *figures, const struct results *r,
                        struct error *err)
{
    static const struct figure_heading heading = {
        "timeline", "Who ran what when",
        "A bar: one trial's time with a worker. Gaps are idle; still running trials "
        "end "
        "at the last known moment."};
    size_t n = (size_t)r->lease_count + 1;
    struct worker_list workers = {0, calloc(n, sizeof *workers.names),
                                  calloc(n, sizeof *workers.firsts)};
    struct figure_stretch *stretches = calloc(n, sizeof *stretches);
    struct figure_death *deaths = calloc(n, sizeof *deaths);
    struct figure_timeline timeline = {0};
    int rc = ERR_MEMORY;

    if (!r->lease_count)
        rc = error_set(err, ERR_INPUT,
                       "results.h5 has no leases: nothing has begun, or "
                       "an older version wrote it");
    else if (workers.names && workers.firsts && stretches && deaths)
        rc = fill(&timeline, &workers, stretches, deaths, r);
    if (!rc)
        rc = figures_add_timeline(figures, &heading, &timeline, err);
    for (int i = 0; i < workers.count; i++)
        free(workers.names[i]);
    free(workers.names);
    free((void *)workers.firsts);
    free(stretches);
    free(deaths);
    return rc;
}

enum { BRACKETS_MAX = 32, RUNGS_MAX = 32 };

/* Epochs of the rungs: the fewest that a trial at the rung had; the last is where
 * training ends. */
struct ladder {
    int brackets, counts[BRACKETS_MAX];
    int64_t numbers[BRACKETS_MAX]; /* of brackets in the results */
    double epochs[BRACKETS_MAX][RUNGS_MAX + 1];
    const double *rows[BRACKETS_MAX];
};

static int bracket_of(struct ladder *l, int64_t number)
{
    int i = 0;

    while (i < l->brackets && l->numbers[i] != number)
        i++;
    if (i == l->brackets && i < BRACKETS_MAX) {
        l->numbers[i] = number;
        for (int k = 0; k <= RUNGS_MAX; k++)
            l->epochs[i][k] = INFINITY;
        l->brackets++;
    }
    return i < BRACKETS_MAX ? i : -1;
}

static void find_ladder(struct ladder *l, const struct results *r, int64_t task)
{
    double most = 0;

    for (int i = 0; i < r->trial_count; i++) {
        const struct results_trial *t = &r->trials[i];
        int bracket;

        if (t->task != task || t->rung < 0 || t->rung >= RUNGS_MAX ||
            (bracket = bracket_of(l, t->bracket)) < 0)
            continue;
        l->epochs[bracket][t->rung] =
            fmin(l->epochs[bracket][t->rung], (double)t->epochs);
        most = fmax(most, (double)t->epochs);
    }
    for (int b = 0; b < l->brackets; b++) {
        int count = 0;

        for (int k = 0; k <= RUNGS_MAX; k++) {
            double epochs = k < RUNGS_MAX ? l->epochs[b][k] : most;

            if (isfinite(epochs) && epochs > 0 &&
                (!count || epochs > l->epochs[b][count - 1]))
                l->epochs[b][count++] = epochs;
        }
        l->counts[b] = count;
        l->rows[b] = l->epochs[b];
    }
}

static int compare_reports(const void *a, const void *b, void *arg)
{
    const struct results_epoch *epochs = arg;
    const struct results_epoch *x = &epochs[*(const int *)a],
                               *y = &epochs[*(const int *)b];

    if (x->trial != y->trial)
        return x->trial < y->trial ? -1 : 1;
    return (x->epoch > y->epoch) - (x->epoch < y->epoch);
}

/* Epochs of all trials as arrays of numbers, sorted by trial. */
struct reports {
    int *rows;
    double *epochs, *scores;
};

static int reports_init(struct reports *out, const struct results *r)
{
    size_t n = (size_t)r->epoch_count + 1;

    *out =
        (struct reports){malloc(n * sizeof *out->rows), malloc(n * sizeof *out->epochs),
                         malloc(n * sizeof *out->scores)};
    if (!out->rows || !out->epochs || !out->scores)
        return ERR_MEMORY;
    for (int i = 0; i < r->epoch_count; i++)
        out->rows[i] = i;
    qsort_r(out->rows, (size_t)r->epoch_count, sizeof *out->rows, compare_reports,
            r->epochs);
    for (int i = 0; i < r->epoch_count; i++) {
        out->epochs[i] = (double)r->epochs[out->rows[i]].epoch;
        out->scores[i] = r->epochs[out->rows[i]].score;
    }
    return 0;
}

static void reports_clear(struct reports *reports)
{
    free(reports->rows);
    free(reports->epochs);
    free(reports->scores);
}

/* Trials of the task that are on a rung; returns how many. */
static int fill_trials(struct figure_rung_trial *trials, struct ladder *ladder,
                       const struct reports *reports, const struct results *r,
                       int64_t task)
{
    int count = 0;

    for (int at = 0, end; at < r->epoch_count; at = end) {
        int64_t number = r->epochs[reports->rows[at]].trial;
        const struct results_trial *t = results_find_trial(r, number);

        for (end = at;
             end < r->epoch_count && r->epochs[reports->rows[end]].trial == number;)
            end++;
        if (!t || t->task != task || t->rung < 0)
            continue;
        trials[count] = (struct figure_rung_trial){
            bracket_of(ladder, t->bracket), end - at, reports->epochs + at,
            reports->scores + at,
            !strcmp(t->status, "failed") || !strcmp(t->status, "given up")};
        count += trials[count].bracket >= 0;
    }
    return count;
}

int report_rungs_add(struct figures *figures, const struct figure_heading *heading,
                     const struct results *r, int64_t task, struct figure_metric metric,
                     struct error *err)
{
    struct ladder *ladder = calloc(1, sizeof *ladder);
    struct figure_rung_trial *trials =
        calloc((size_t)r->trial_count + 1, sizeof *trials);
    struct reports reports = {0};
    int rc = ladder && trials ? reports_init(&reports, r) : ERR_MEMORY;

    if (!rc) {
        find_ladder(ladder, r, task);
        if (!ladder->brackets)
            rc = error_set(err, ERR_INPUT, "no scheduler with rungs was used");
    }
    if (!rc) {
        struct figure_rungs figure = {metric,
                                      ladder->brackets,
                                      ladder->counts,
                                      ladder->rows,
                                      fill_trials(trials, ladder, &reports, r, task),
                                      trials};

        rc = figures_add_rungs(figures, heading, &figure, err);
    }
    reports_clear(&reports);
    free(trials);
    free(ladder);
    return rc;
}
