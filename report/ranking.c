/* Ranks configurations. Trials come in any order; rows are collected by sorting. */
#include "report/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_trials(const void *a, const void *b)
{
    const struct results_trial *x = *(const struct results_trial *const *)a;
    const struct results_trial *y = *(const struct results_trial *const *)b;

    if (x->task != y->task)
        return x->task < y->task ? -1 : 1;
    if (x->config != y->config)
        return x->config < y->config ? -1 : 1;
    return (x->trial > y->trial) - (x->trial < y->trial);
}

static bool better(bool higher, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) && isnan(b);
    return higher ? a > b : a < b;
}

static bool higher_wins(const struct results *results, int64_t task)
{
    const struct results_task *t = results_find_task(results, task);

    return !t || t->selection_count == 0 || metric_higher_is_better(t->selection[0]);
}

/* values: room for one number a trial. */
static struct spread spread_at(const struct results_trial *const *trials, int count,
                               size_t offset, double *values)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        if (!strcmp(trials[i]->status, "done"))
            memcpy(&values[n++], (const char *)trials[i] + offset, sizeof *values);
    return spread_of(values, n);
}

static struct spread token_spread(const struct results_trial *const *trials, int count,
                                  double *values)
{
    int n = 0;

    for (int i = 0; i < count; i++)
        if (!strcmp(trials[i]->status, "done"))
            values[n++] = (double)trials[i]->tokens;
    return spread_of(values, n);
}

static struct ranked collect(bool higher, const struct results_trial *const *trials,
                             int count, double *values)
{
    struct ranked row = {
        .task = trials[0]->task, .config = trials[0]->config, .trials = count};
    double best = NAN;

#define SPREAD(FIELD)                                                                  \
    spread_at(trials, count, offsetof(struct results_trial, FIELD), values)
    row.score = SPREAD(score);
    row.report_score = SPREAD(report_score);
    row.seconds = SPREAD(seconds);
    row.tokens = token_spread(trials, count, values);
    for (int m = 0; m < METRIC_COUNT; m++) {
        row.report[m] = SPREAD(report[m]);
        row.test[m] = SPREAD(test[m]);
    }
#undef SPREAD
    for (int i = 0; i < count; i++) {
        if (strcmp(trials[i]->status, "done") != 0)
            continue;
        row.done++;
        if (better(higher, trials[i]->score, best)) {
            best = trials[i]->score;
            row.best_trial = trials[i]->trial;
        }
    }
    return row;
}

/* Best first; equals in the order of their numbers. */
static int compare_rows(const void *a, const void *b, void *higher)
{
    const struct ranked *x = a, *y = b;

    if (better(*(const bool *)higher, x->score.mean, y->score.mean))
        return -1;
    if (better(*(const bool *)higher, y->score.mean, x->score.mean))
        return 1;
    return (x->config > y->config) - (x->config < y->config);
}

static int compare_seeds(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Different seeds of these trials. */
static int count_seeds(const struct results_trial *const *trials, size_t count,
                       double *values)
{
    int seeds = 0;

    for (size_t i = 0; i < count; i++)
        values[i] = (double)trials[i]->seed;
    qsort(values, count, sizeof *values, compare_seeds);
    for (size_t i = 0; i < count; i++)
        seeds += i == 0 || values[i] != values[i - 1];
    return seeds;
}

/* One task's trials, sorted by configuration. */
static void rank_task(struct ranking *ranking, const struct results *results,
                      const struct results_trial *const *trials, size_t count,
                      double *values)
{
    struct ranked *rows = ranking->rows + ranking->count;
    bool higher = higher_wins(results, trials[0]->task);
    int seeds = count_seeds(trials, count, values), made = 0;

    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1;
             end < count && trials[end]->config == trials[start]->config;)
            end++;
        rows[made] = collect(higher, trials + start, (int)(end - start), values);
        rows[made++].seeds = seeds;
    }
    qsort_r(rows, (size_t)made, sizeof *rows, compare_rows, &higher);
    ranking->count += made;
}

int ranking_init(struct ranking *out, const struct results *results, struct error *err)
{
    size_t n = (size_t)results->trial_count;
    const struct results_trial **sorted = calloc(n + 1, sizeof *sorted);
    double *values = calloc(n + 1, sizeof *values);
    int rc = 0;

    *out = (struct ranking){.rows = calloc(n + 1, sizeof *out->rows)};
    if (!sorted || !values || !out->rows) {
        ranking_clear(out);
        rc = error_set(err, ERR_MEMORY, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &results->trials[i];
    qsort(sorted, n, sizeof *sorted, compare_trials);
    for (size_t start = 0, end; start < n; start = end) {
        for (end = start + 1; end < n && sorted[end]->task == sorted[start]->task;)
            end++;
        rank_task(out, results, sorted + start, end - start, values);
    }
done:
    free(values);
    free(sorted);
    return rc;
}

void ranking_clear(struct ranking *ranking)
{
    free(ranking->rows);
    *ranking = (struct ranking){0};
}

const struct ranked *ranking_best(const struct ranking *ranking, int64_t task)
{
    for (int i = 0; i < ranking->count; i++)
        if (ranking->rows[i].task == task)
            return ranking->rows[i].score.n > 0 ? &ranking->rows[i] : NULL;
    return NULL;
}

const struct ranked *ranking_of(const struct ranking *ranking, int64_t task, int *count)
{
    const struct ranked *first = NULL;

    *count = 0;
    for (int i = 0; i < ranking->count; i++)
        if (ranking->rows[i].task == task && ++*count == 1)
            first = &ranking->rows[i];
    return first;
}
