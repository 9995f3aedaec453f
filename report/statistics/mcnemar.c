/* Counts the rows that one of two models has right, then the binomial tail. */
#include "report/statistics/mcnemar.h"

#include "report/statistics/distribution.h"

#include <math.h>
#include <stdbool.h>

static bool is_class(float x) { return x >= 0 && x == floorf(x) && !isinf(x); }

int mcnemar_test(struct mcnemar *out, const float *a, const float *b, const float *gold,
                 int64_t rows, struct error *err)
{
    struct mcnemar m = {.p = 1, .mid_p = 1};
    int64_t differ, fewer;
    double observed;

    if (rows < 1)
        return error_set(err, ERR_INPUT, "McNemar's test: no rows");
    for (int64_t i = 0; i < rows; i++) {
        if (!is_class(a[i]) || !is_class(b[i]) || !is_class(gold[i]))
            return error_set(err, ERR_INPUT,
                             "McNemar's test: row %lld holds a value, not a class: the "
                             "test compares accuracies",
                             (long long)i);
        m.only_a += a[i] == gold[i] && b[i] != gold[i];
        m.only_b += b[i] == gold[i] && a[i] != gold[i];
    }
    differ = m.only_a + m.only_b;
    fewer = m.only_a < m.only_b ? m.only_a : m.only_b;
    if (differ > 0) {
        observed = fair_binomial_equal(fewer, differ);
        if (m.only_a == m.only_b) {
            m.mid_p = 1 - observed / 2;
        } else {
            m.p = fmin(1, 2 * fair_binomial_at_most(fewer, differ));
            m.mid_p = m.p - observed;
        }
    }
    *out = m;
    return 0;
}
