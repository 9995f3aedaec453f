/* Figures of how a run went: who ran what when, and how far trials came. */
#ifndef REPORT_REPORT_TIMELINE_H
#define REPORT_REPORT_TIMELINE_H

#include "report/figures/figures.h"
#include "storage/results.h"

/* From /leases. ERR_INPUT: there are none. */
int report_timeline_add(struct figures *figures, const struct results *results,
                        struct error *err);

/* From the rungs of trials of the task, with their score at each epoch. name, title: of
 * the figure. ERR_INPUT: no scheduler with rungs was used. */
int report_rungs_add(struct figures *figures, const struct figure_heading *heading,
                     const struct results *results, int64_t task,
                     struct figure_metric metric, struct error *err);

#endif
