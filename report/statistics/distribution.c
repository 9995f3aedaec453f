/* Quantiles are found by bisection down to neighbouring doubles: slower than rational
 * approximations, but exact to the tail function and called a few times a table. */
#include "report/statistics/distribution.h"

#include <math.h>

/* The continued fraction of I_x(a, b), good for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), h;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    h = d;
    for (int m = 1; m <= 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return h;
}

double incomplete_beta(double a, double b, double x)
{
    double front;

    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(T > x), x >= 0. */
static double student_t_above(double x, double degrees)
{
    return 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + x * x));
}

static double normal_above(double x, double unused)
{
    (void)unused;
    return 0.5 * erfc(x / sqrt(2));
}

/* x >= 0 where the falling function `above` reaches `tail` <= 1/2. */
static double invert(double (*above)(double, double), double tail, double parameter)
{
    double low = 0, high = 1, middle;

    while (above(high, parameter) > tail && high < 1e300)
        high *= 2;
    for (;;) {
        middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            return middle;
        if (above(middle, parameter) > tail)
            low = middle;
        else
            high = middle;
    }
}

double student_t_quantile(double p, double degrees)
{
    if (p < 0.5)
        return -invert(student_t_above, p, degrees);
    return invert(student_t_above, 1 - p, degrees);
}

double normal_quantile(double p)
{
    return p < 0.5 ? -invert(normal_above, p, 0) : invert(normal_above, 1 - p, 0);
}

double fair_binomial_equal(int64_t k, int64_t n)
{
    double x = (double)k, m = (double)n;

    return exp(lgamma(m + 1) - lgamma(x + 1) - lgamma(m - x + 1) - m * log(2));
}

/* From the largest term down, the terms fall at least as 1, 1/1, … so the sum ends
 * early. */
double fair_binomial_at_most(int64_t k, int64_t n)
{
    double term, sum;

    if (2 * k >= n)
        return k >= n ? 1 : 1 - fair_binomial_at_most(n - k - 1, n);
    sum = term = fair_binomial_equal(k, n);
    for (int64_t i = k; i > 0 && term > sum * 1e-18; i--)
        sum += term *= (double)i / (double)(n - i + 1);
    return sum;
}
