/* The figures of a report, from its analysis. */
#ifndef REPORT_REPORT_FIGURES_H
#define REPORT_REPORT_FIGURES_H

#include "report/analysis.h"
#include "report/figures/figures.h"

struct report_figures {
    struct figures set;
    int *tasks;  /* (set.count) index of the analysis's task; -1: of the whole */
    char *notes; /* lines: figures that there are not, and why */
};

/* Adds and draws what there is data for; what is missing, gnuplot among it, is in
 * notes. folder: made if it is not there. ERR_MEMORY, ERR_IO. */
int report_figures_init(struct report_figures *out, const struct analysis *analysis,
                        const char *folder, int threads, struct error *err);
void report_figures_clear(struct report_figures *figures);

#endif
