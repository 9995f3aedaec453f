/* A report's folder: index.html, tables/, figures/. */
#ifndef REPORT_REPORT_WRITE_H
#define REPORT_REPORT_WRITE_H

#include "report/gathered.h"
#include "report/statistics/expected_best.h"

/* Rows of a LaTeX table; the other forms have all. */
enum { REPORT_LATEX_ROWS = 40 };

/* Makes dir if it is not there; files of an earlier report are replaced, index.html the
 * last. missing: lines about figures that could not be drawn, on the heap; may be NULL.
 * ERR_IO, ERR_MEMORY. */
int report_write(const char *dir, const struct gathered *runs, enum sampling sampling,
                 int threads, char **missing, struct error *err);

#endif
