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

static bool better(const struct results *results, int64_t task, double a, double b)
{
    const struct results_task *t = results_find_task(results, task);
    bool higher =
        !t || t->selection_count == 0 || metric_higher_is_better(t->selection[0]);

    if (isnan(a) || isnan(b))
        return !isnan(a);
    return higher ? a > b : a < b;
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

static struct ranked collect(const struct results *results,
                             const struct results_trial *const *trials, int count,
                             double *values)
{
    struct ranked row = {
        .task = trials[0]->task, .config = trials[0]->config, .trials = count};
    double best = NAN;

#define SPREAD(FIELD)                                                                  \
    spread_at(trials, count, offsetof(struct results_trial, FIELD), values)
    row.score = SPREAD(score);
    row.report_score = SPREAD(report_score);
    row.seconds = SPREAD(seconds);
    for (int m = 0; m < METRIC_COUNT; m++) {
        row.report[m] = SPREAD(report[m]);
        row.test[m] = SPREAD(test[m]);
    }
#undef SPREAD
    for (int i = 0; i < count; i++) {
        if (strcmp(trials[i]->status, "done") != 0)
            continue;
        row.done++;
        if (better(results, row.task, trials[i]->score, best)) {
            best = trials[i]->score;
            row.best_trial = trials[i]->trial;
        }
    }
    return row;
}

/* Insertion keeps equals in the order of their numbers; tasks are already in order. */
static void insert(struct ranking *ranking, const struct results *results,
                   struct ranked row)
{
    int at = ranking->count++;

    while (
        at > 0 && ranking->rows[at - 1].task == row.task &&
        better(results, row.task, row.score.mean, ranking->rows[at - 1].score.mean)) {
        ranking->rows[at] = ranking->rows[at - 1];
        at--;
    }
    ranking->rows[at] = row;
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
        for (end = start + 1; end < n && sorted[end]->task == sorted[start]->task &&
                              sorted[end]->config == sorted[start]->config;)
            end++;
        insert(out, results,
               collect(results, sorted + start, (int)(end - start), values));
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
