/* McNemar's test: do two classifiers have the same accuracy on the same rows? For one
 * pair of trained models (one seed each): it knows nothing of other seeds. */
#ifndef REPORT_STATISTICS_MCNEMAR_H
#define REPORT_STATISTICS_MCNEMAR_H

#include "common/error.h"

#include <stdint.h>

struct mcnemar {
    int64_t only_a, only_b; /* rows that only one of them has right */
    double p;               /* exact, two-sided */
    double mid_p;           /* less conservative, as Fagerland et al. advise */
};

/* a, b   (rows) class numbers given by the two models
 * gold   (rows) class numbers
 *
 * p = 2 P(X <= min(only_a, only_b)), at most 1, X binomial over only_a + only_b fair
 * coins; mid_p counts half of the observed outcome. Both are 1 where the two never
 * differ. ERR_INPUT with the reason for no rows and for numbers that are no classes
 * (values of a regression, NaN).
 * Sources: McNemar, Psychometrika 12 (1947); Fagerland, Lydersen, Laake, "The McNemar
 * test for binary matched-pairs data", BMC Med. Res. Methodol. 13:91 (2013). */
int mcnemar_test(struct mcnemar *out, const float *a, const float *b, const float *gold,
                 int64_t rows, struct error *err);

#endif
