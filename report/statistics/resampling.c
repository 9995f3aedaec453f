/* The conditions under which resampling makes sense. */
#include "report/statistics/resampling.h"

#include <string.h>

int resampling_draws(const struct resampling *resampling)
{
    return resampling->draws ? resampling->draws : RESAMPLING_DRAWS;
}

static int check_side(const struct answers *answers, const struct score_rule *rule,
                      const char *what, struct error *err)
{
    if (answers->runs < RESAMPLING_RUNS_MIN)
        return error_set(err, ERR_INPUT, "%s: %d seed%s, at least %d are needed", what,
                         answers->runs, answers->runs == 1 ? "" : "s",
                         RESAMPLING_RUNS_MIN);
    return answers_check(answers, rule, what, err);
}

int resampling_check(const struct answers *a, const struct answers *b,
                     const struct score_rule *rule, const struct resampling *resampling,
                     const char *what, struct error *err)
{
    int rc;

    if (resampling_draws(resampling) < 100 || resampling->threads < 1)
        return error_set(err, ERR_INPUT, "%s: %d draws by %d threads", what,
                         resampling->draws, resampling->threads);
    rc = check_side(a, rule, what, err);
    if (!rc && b)
        rc = check_side(b, rule, what, err);
    if (!rc && b &&
        (a->rows != b->rows || a->labels != b->labels ||
         memcmp(a->gold, b->gold, (size_t)a->rows * sizeof *a->gold) != 0))
        rc = error_set(err, ERR_INPUT,
                       "%s: the two were scored on different rows or labels", what);
    return rc;
}
