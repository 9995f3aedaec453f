/* Paired permutation test over examples and seeds: could the difference of two
 * configurations' mean scores be chance? */
#ifndef REPORT_STATISTICS_PERMUTATION_H
#define REPORT_STATISTICS_PERMUTATION_H

#include "report/statistics/resampling.h"

struct permutation {
    double difference; /* mean score of a - mean score of b */
    double p;          /* two-sided; see below */
    double p_examples; /* these very runs, other examples */
    double p_seeds;    /* these very examples, other seeds */
};

/* a and b hold as many runs each, run s of both with the same seed, on the same gold
 * rows (the caller leaves out seeds that only one of them has).
 *
 * With D the difference of the mean scores:
 * - examples: for each row a fair coin swaps the answers of a and b, in all pairs of
 *   runs at once, so that answers to the same row stay together; D1 is the difference
 *   then. p_examples = (1 + #{|D1| >= |D|}) / (1 + draws).
 * - seeds: the 2 · runs scores, each less its configuration's mean and times
 *   √(runs / (runs - 1)) for the lost degree of freedom, are dealt anew; D2 is the
 *   difference of their means. p_seeds counts |D2| >= |D|.
 * - p counts |D1 + D2| >= |D|: both chances act at once. Swapping single answers of
 *   single seeds instead would treat a lucky seed as many independent answers and find
 *   false differences (docs/statistics.md has measured rates).
 *
 * p is what tables use, with holm_adjust over the family. The best configuration was
 * chosen by the same scores, so "not significantly different from the best" is cautious
 * language only in one direction: it can call different what the choice made different.
 *
 * Cost at 10,000 draws of 5 runs, one thread: classification 0.3 s for 1,000 rows, 0.9
 * s for 5,500, 1.5 s for 40,000; for 1,500 rows Pearson 0.5 s, Spearman 1.2 s. For a
 * family 2,000 draws do: the error of a p near 0.05 then is 0.005.
 *
 * ERR_INPUT with the reason: fewer than RESAMPLING_RUNS_MIN pairs, unequal numbers of
 * runs, different gold rows, what answers_check refuses, an undefined score.
 * ERR_MEMORY. Sources: Noreen, Computer-Intensive Methods for Testing Hypotheses
 * (1989), approximate randomization; ter Braak, "Permutation versus bootstrap
 * significance tests in multiple regression and ANOVA" (1992), permuted residuals. */
int permutation_test(struct permutation *out, const struct answers *a,
                     const struct answers *b, const struct score_rule *rule,
                     const struct resampling *resampling, struct error *err);

/* tests     (count) written: a = best, b = others[i]
 * adjusted  (count) Holm's p over all of them: others[i] is not significantly different
 *           from the best at 0.05 where adjusted[i] > 0.05
 *
 * Errors as permutation_test's, prefixed by the other's place from 0; then nothing is
 * written to adjusted. Memory as one test's. */
int permutation_against_best(struct permutation *tests, double *adjusted,
                             const struct answers *best, const struct answers *others,
                             int count, const struct score_rule *rule,
                             const struct resampling *resampling, struct error *err);

#endif
