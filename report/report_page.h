/* index.html of a report: one file that holds all it shows. */
#ifndef REPORT_REPORT_PAGE_H
#define REPORT_REPORT_PAGE_H

#include "report/report_figures.h"
#include "report/report_tables.h"

enum { REPORT_PAGE_ROWS = 200 }; /* of a table; the files have all */

/* To path; figures are read from their folder. ERR_IO, ERR_MEMORY. */
int report_page_write(const char *path, const struct analysis *analysis,
                      const struct report_tables *tables,
                      const struct report_figures *figures, struct error *err);

#endif
