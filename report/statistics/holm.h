/* Holm's correction for several tests of one family. */
#ifndef REPORT_STATISTICS_HOLM_H
#define REPORT_STATISTICS_HOLM_H

#include "common/error.h"

/* adjusted  (count) written: with p sorted upwards, the largest of (count - i) p_i up
 * to its place, at most 1; in the order of p. May be p itself. p         (count) in [0,
 * 1]
 *
 * A test is significant at 0.05 where adjusted <= 0.05; the chance of any false one in
 * the family then is at most 0.05, however the tests depend on each other. The family
 * is everything that one table marks. ERR_INPUT for a p outside [0, 1], ERR_MEMORY.
 * Source: Holm, "A simple sequentially rejective multiple test procedure",
 * Scand. J. Statist. 6 (1979). */
int holm_adjust(double *adjusted, const double *p, int count, struct error *err);

#endif
