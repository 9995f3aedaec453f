/* Quantiles and tails of the distributions that our tests and intervals use. Pure,
 * relative errors below 1e-12 where nothing else is said. */
#ifndef REPORT_STATISTICS_DISTRIBUTION_H
#define REPORT_STATISTICS_DISTRIBUTION_H

#include <stdint.h>

/* x with P(T <= x) = p for Student's t with `degrees` >= 1 degrees of freedom; p in
 * (0, 1). By bisection of the regularized incomplete beta function. */
double student_t_quantile(double p, double degrees);

/* x with P(Z <= x) = p for the standard normal distribution; p in (0, 1). By bisection
 * of erfc. */
double normal_quantile(double p);

/* I_x(a, b), the regularized incomplete beta function, a and b > 0, x in [0, 1]; by
 * Lentz's continued fraction (Press et al., Numerical Recipes, 6.4). */
double incomplete_beta(double a, double b, double x);

/* P(X <= k) and P(X = k) for X binomial over n fair coins, 0 <= k <= n; relative error
 * below 1e-9 up to n = 100,000. */
double fair_binomial_at_most(int64_t k, int64_t n);
double fair_binomial_equal(int64_t k, int64_t n);

#endif
