/* Checks what other statistics then take for granted. */
#include "report/statistics/answers.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LABELS_MAX = 65535 };

void answers_of_logits(float *answer, const float *logits, int64_t rows, int labels)
{
    for (int64_t i = 0; i < rows; i++) {
        const float *x = logits + i * labels;
        int best = 0;
        bool undefined = false;

        for (int k = 0; k < labels; k++) {
            undefined |= isnan(x[k]);
            if (x[k] > x[best])
                best = k;
        }
        answer[i] = undefined ? NAN : labels == 1 ? x[0] : (float)best;
    }
}

static bool is_valid(float x, int labels)
{
    if (labels == 1)
        return isfinite(x);
    return x >= 0 && x < (float)labels && x == floorf(x);
}

static int check_rule(int labels, const struct score_rule *rule, const char *what,
                      struct error *err)
{
    if (rule->count < 1)
        return error_set(err, ERR_INPUT, "%s: no metric", what);
    for (int m = 0; m < rule->count; m++)
        if (metric_is_regression(rule->metrics[m]) != (labels == 1))
            return error_set(err, ERR_INPUT, "%s: %s is no metric of %s", what,
                             metric_name(rule->metrics[m]),
                             labels == 1 ? "values" : "classes");
    return 0;
}

static int check_column(const float *x, int64_t rows, int labels, const char *what,
                        const char *column, int run, struct error *err)
{
    for (int64_t i = 0; i < rows; i++)
        if (!is_valid(x[i], labels))
            return error_set(err, ERR_INPUT, "%s: %s %d, row %lld: %g is no %s", what,
                             column, run, (long long)i, (double)x[i],
                             labels == 1 ? "value" : "class");
    return 0;
}

int answers_check(const struct answers *answers, const struct score_rule *rule,
                  const char *what, struct error *err)
{
    int rc = check_rule(answers->labels, rule, what, err);

    if (!rc && (answers->rows < 1 || answers->rows > INT32_MAX || answers->runs < 1))
        rc = error_set(err, ERR_INPUT, "%s: %lld rows of %d runs", what,
                       (long long)answers->rows, answers->runs);
    if (!rc && (answers->labels < 1 || answers->labels > LABELS_MAX))
        rc = error_set(err, ERR_INPUT, "%s: %d classes, at most %d", what,
                       answers->labels, LABELS_MAX);
    if (!rc)
        rc = check_column(answers->gold, answers->rows, answers->labels, what,
                          "gold label of task", 0, err);
    for (int r = 0; !rc && r < answers->runs; r++)
        rc = check_column(answers->answer[r], answers->rows, answers->labels, what,
                          "answer of run", r, err);
    return rc;
}

static double score_classes(const struct answers *answers,
                            const struct score_rule *rule, int run)
{
    struct confusion c = {.classes = answers->labels, .rows = (double)answers->rows};
    double sum = 0;

    c.gold = calloc((size_t)c.classes * 3, sizeof *c.gold);
    if (!c.gold)
        return NAN;
    c.predicted = c.gold + c.classes;
    c.both = c.predicted + c.classes;
    for (int64_t i = 0; i < answers->rows; i++) {
        int gold = (int)answers->gold[i], given = (int)answers->answer[run][i];

        c.gold[gold]++;
        c.predicted[given]++;
        c.both[gold] += gold == given;
    }
    for (int m = 0; m < rule->count; m++)
        sum += metric_of_counts(rule->metrics[m], &c);
    free(c.gold);
    return sum / rule->count;
}

double answers_score(const struct answers *answers, const struct score_rule *rule,
                     int run)
{
    double sum = 0;

    if (answers->labels > 1)
        return score_classes(answers, rule, run);
    for (int m = 0; m < rule->count; m++)
        sum += metric_compute(rule->metrics[m], answers->answer[run], answers->gold,
                              answers->rows, 1);
    return sum / rule->count;
}
