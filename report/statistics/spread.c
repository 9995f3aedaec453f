/* Two passes, so that scores close to each other keep their digits. */
#include "report/statistics/spread.h"

#include "report/statistics/distribution.h"

#include <math.h>

struct spread spread_of(const double *values, int count)
{
    struct spread s = {.mean = NAN, .sd = NAN};
    double sum = 0, squares = 0;

    for (int i = 0; i < count; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            s.n++;
        }
    if (s.n == 0)
        return s;
    s.mean = sum / s.n;
    for (int i = 0; i < count; i++)
        if (!isnan(values[i]))
            squares += (values[i] - s.mean) * (values[i] - s.mean);
    if (s.n > 1)
        s.sd = sqrt(squares / (s.n - 1));
    return s;
}

int spread_interval(struct interval *out, struct spread spread, double level,
                    struct error *err)
{
    double half;

    if (!(level > 0 && level < 1))
        return error_set(err, ERR_INPUT, "interval: level %g is outside (0, 1)", level);
    if (spread.n < 2)
        return error_set(err, ERR_INPUT,
                         "interval: %d value%s: run at least 2 seeds for a spread",
                         spread.n, spread.n == 1 ? "" : "s");
    half =
        student_t_quantile((1 + level) / 2, spread.n - 1) * spread.sd / sqrt(spread.n);
    *out = (struct interval){spread.mean - half, spread.mean + half};
    return 0;
}
