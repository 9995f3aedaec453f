/* The best configuration's answers against those of the others, pair by pair of seeds:
 * configurations may have lost different seeds. */
#include "report/significance.h"

#include "report/statistics/holm.h"
#include "report/statistics/mcnemar.h"
#include "report/statistics/permutation.h"
#include "report/statistics/stochastic_order.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS_MAX = 64, ROWS_MANY = 20000 };

/* The answers of one configuration, by seed. */
struct side {
    int runs;
    int64_t seeds[SEEDS_MAX];
    double scores[SEEDS_MAX];
    float *answers[SEEDS_MAX]; /* (rows) */
};

/* A task's tests. */
struct tests {
    const struct results *results;
    struct analysis_task *task;
    const struct results_predictions *dev;
    struct score_rule rule;
    struct resampling resampling;
    int mismatched; /* trials whose predictions are of other rows than their score */
};

static void side_clear(struct side *side)
{
    for (int i = 0; i < side->runs; i++)
        free(side->answers[i]);
    side->runs = 0;
}

static struct answers answers_of(const struct tests *t, const float *const *answers,
                                 int runs)
{
    return (struct answers){.runs = runs,
                            .rows = t->dev->rows,
                            .labels = t->dev->labels,
                            .answer = answers,
                            .gold = t->dev->gold};
}

static const float *logits_of(const struct results_predictions *dev, int64_t trial)
{
    for (int i = 0; i < dev->trial_count; i++)
        if (dev->trials[i] == trial)
            return dev->logits[i];
    return NULL;
}

/* One trial's answers, if they give the score that it reports. */
static int add_run(struct tests *t, struct side *side,
                   const struct results_trial *trial, struct error *err)
{
    const float *logits = logits_of(t->dev, trial->trial);
    float *answer;
    struct answers one;

    if (!logits || side->runs == SEEDS_MAX || strcmp(trial->status, "done") != 0)
        return 0;
    answer = malloc(((size_t)t->dev->rows + 1) * sizeof *answer);
    if (!answer)
        return error_set(err, ERR_MEMORY, "out of memory for predictions");
    answers_of_logits(answer, logits, t->dev->rows, t->dev->labels);
    one = answers_of(t, (const float *const *)&answer, 1);
    if (answers_check(&one, &t->rule, "", NULL) ||
        !(fabs(answers_score(&one, &t->rule, 0) - trial->report_score) < 1e-9)) {
        free(answer);
        t->mismatched++;
        return 0;
    }
    side->seeds[side->runs] = trial->seed;
    side->scores[side->runs] = trial->report_score;
    side->answers[side->runs++] = answer;
    return 0;
}

static int side_init(struct side *side, struct tests *t, int64_t config,
                     struct error *err)
{
    const struct results *r = t->results;
    int rc = 0;

    side->runs = 0;
    for (int i = 0; !rc && i < r->trial_count; i++)
        if (r->trials[i].task == t->task->task->task && r->trials[i].config == config)
            rc = add_run(t, side, &r->trials[i], err);
    if (rc)
        side_clear(side);
    return rc;
}

/* Seeds of both, as answers in the same order. */
static int pair_up(const struct side *a, const struct side *b, const float **x,
                   const float **y)
{
    int pairs = 0;

    for (int i = 0; i < a->runs; i++)
        for (int k = 0; k < b->runs; k++)
            if (a->seeds[i] == b->seeds[k]) {
                x[pairs] = a->answers[i];
                y[pairs++] = b->answers[k];
                break;
            }
    return pairs;
}

/* 1: it was compared; 0: it cannot be. */
static int compare(struct tests *t, const struct side *best, const struct side *other,
                   struct comparison *c, struct error *err)
{
    const float *x[SEEDS_MAX], *y[SEEDS_MAX];
    struct permutation test;
    struct mcnemar mcnemar;
    struct stochastic_order order;
    struct answers a, b;
    int rc;

    c->pairs = pair_up(best, other, x, y);
    if (c->pairs < RESAMPLING_RUNS_MIN)
        return 0;
    a = answers_of(t, x, c->pairs);
    b = answers_of(t, y, c->pairs);
    rc = permutation_test(&test, &a, &b, &t->rule, &t->resampling, err);
    if (rc)
        return rc == ERR_MEMORY ? rc : 0;
    c->difference = test.difference;
    c->p = test.p;
    c->p_examples = test.p_examples;
    c->p_seeds = test.p_seeds;
    c->mcnemar = c->epsilon_min = NAN;
    if (t->dev->labels > 1 &&
        !mcnemar_test(&mcnemar, x[0], y[0], t->dev->gold, t->dev->rows, NULL))
        c->mcnemar = mcnemar.p;
    if (!stochastic_order(&order, best->scores, best->runs, other->scores, other->runs,
                          0.05, &t->resampling, NULL))
        c->epsilon_min = order.epsilon_min;
    return 1;
}

static int compare_all(struct tests *t, const struct side *best, struct error *err)
{
    struct analysis_task *task = t->task;
    int rc = 0;

    for (int i = 1; rc >= 0 && i < task->ranked && i <= ANALYSIS_TESTS_MAX; i++) {
        struct comparison *c = &task->comparisons[task->comparison_count];
        struct side other;

        if ((rc = side_init(&other, t, task->rows[i].config, err)))
            break;
        c->other = i;
        rc = compare(t, best, &other, c, err);
        task->comparison_count += rc == 1;
        side_clear(&other);
    }
    return rc < 0 ? rc : 0;
}

static int mark(struct analysis_task *task, struct error *err)
{
    double p[ANALYSIS_TESTS_MAX + 1];
    int count = task->comparison_count, rc;

    for (int i = 0; i < count; i++)
        p[i] = task->comparisons[i].p;
    if (count == 0)
        return 0;
    if ((rc = holm_adjust(p, p, count, err)))
        return rc;
    for (int i = 0; i < count; i++) {
        task->comparisons[i].adjusted = p[i];
        if (p[i] > 0.05)
            task->marks[task->comparisons[i].other] = MARK_TIED;
    }
    return 0;
}

static int tell(struct analysis_task *task, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int tell(struct analysis_task *task, const char *fmt, ...)
{
    va_list list;
    int rc;

    va_start(list, fmt);
    rc = vasprintf(&task->tests, fmt, list);
    va_end(list);
    if (rc < 0)
        task->tests = NULL;
    return rc < 0 ? ERR_MEMORY : 0;
}

static int tell_outcome(const struct tests *t, const struct side *best)
{
    struct analysis_task *task = t->task;

    if (t->mismatched)
        return tell(task,
                    "No test of differences: kept predictions are not of the rows "
                    "that report.");
    if (best->runs < RESAMPLING_RUNS_MIN)
        return tell(task,
                    "No test of differences: it needs the kept predictions of %d seeds "
                    "a side (output.keep), the best configuration has %d.",
                    RESAMPLING_RUNS_MIN, best->runs);
    if (!task->comparison_count)
        return tell(task,
                    "No test of differences: no other configuration shares %d "
                    "seeds with kept predictions (output.keep) with the best.",
                    RESAMPLING_RUNS_MIN);
    return tell(task,
                "† not significantly different from the best at 0.05: paired "
                "permutation over examples and seeds, %d draws, Holm's correction over "
                "%d comparison%s; those without kept predictions are not compared.",
                t->resampling.draws, task->comparison_count,
                task->comparison_count == 1 ? "" : "s");
}

static const struct results_predictions *dev_predictions(const struct results *r,
                                                         const char *task)
{
    for (int i = 0; i < r->predictions_count; i++)
        if (r->predictions[i].split == SPLIT_DEV && r->predictions[i].gold &&
            !strcmp(r->predictions[i].task, task))
            return &r->predictions[i];
    return NULL;
}

static int run_tests(struct tests *t, struct error *err)
{
    struct side best;
    struct answers answers;
    int rc = side_init(&best, t, t->task->rows[0].config, err);

    if (rc)
        return rc;
    answers = answers_of(t, (const float *const *)best.answers, best.runs);
    if (best.runs >= RESAMPLING_RUNS_MIN &&
        bootstrap_score(&t->task->bootstrap, &answers, &t->rule, 0.95, &t->resampling,
                        NULL))
        t->task->bootstrap = (struct bootstrap){0};
    if (best.runs >= RESAMPLING_RUNS_MIN)
        rc = compare_all(t, &best, err);
    if (!rc)
        rc = mark(t->task, err);
    if (!rc && tell_outcome(t, &best))
        rc = error_set(err, ERR_MEMORY, "out of memory for the report");
    side_clear(&best);
    return rc;
}

int significance_test(const struct results *results, struct analysis_task *task,
                      int threads, struct error *err)
{
    struct tests t = {
        .results = results,
        .task = task,
        .dev = dev_predictions(results, task->task->name),
        .rule = {task->task->selection_count, task->task->selection},
        .resampling = {RESAMPLING_DRAWS, 1, threads},
    };

    task->comparisons = calloc(ANALYSIS_TESTS_MAX + 1, sizeof *task->comparisons);
    if (!task->comparisons)
        return error_set(err, ERR_MEMORY, "out of memory for the report");
    if (t.dev && (task->task->regression || t.dev->rows > ROWS_MANY))
        t.resampling.draws = ANALYSIS_DRAWS_FEW;
    if (t.dev && task->ranked)
        return run_tests(&t, err);
    if (tell(task, task->ranked
                       ? "No test of differences: no predictions on dev are kept."
                       : "No configuration has a finished trial with a score yet."))
        return error_set(err, ERR_MEMORY, "out of memory for the report");
    return 0;
}
