/* A new run directory from the records of others. */
#ifndef CLI_MERGE_WRITE_H
#define CLI_MERGE_WRITE_H

#include "cli/merge_plan.h"
#include "cli/run_journal.h"

/* dir appears under its name when it is whole: job.cfg, journal, segments, data,
 * results.h5 and outcome; an empty folder of that name is replaced. On failure it is as
 * it was. journal: what the new directory's says. ERR_INPUT: something is in dir, or a
 * directory of the plan has changed since. */
int merge_write(const struct merge_plan *plan, const char *dir,
                struct run_journal *journal, struct error *err);
/* Early: whether dir could be made. */
int merge_write_check(const char *dir, struct error *err);

#endif
