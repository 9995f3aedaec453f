/* Draws rows with replacement, counted by cell. */
#ifndef REPORT_STATISTICS_MULTINOMIAL_H
#define REPORT_STATISTICS_MULTINOMIAL_H

#include "common/error.h"
#include "report/statistics/draws.h"

struct multinomial;

/* rows     (count) rows of each cell, > 0; kept
 * of_row   (total) each row's cell; kept */
int multinomial_new(struct multinomial **out, const int32_t *rows, int count,
                    const int32_t *of_row, int total, struct error *err);
void multinomial_free(struct multinomial *multinomial);

/* weights (count) written: how often each cell is met in `total` rows drawn with
 * replacement. Row by row, or, where that is cheaper, cell by cell as binomials of what
 * is left: the same distribution. */
void multinomial_draw(const struct multinomial *multinomial, struct draws *draws,
                      double *weights);

#endif
