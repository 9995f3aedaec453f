/* How a run is just now, as lines for a terminal or a pipe. Pure. */
#ifndef CLI_LIVE_VIEW_H
#define CLI_LIVE_VIEW_H

#include "coordinator/live.h"

#include <stdio.h>

/* Columns and lines that there are; 0: as many as are wanted. Lines are cut, and what
 * does not fit below is counted instead. */
struct view_size {
    int columns, lines;
};

/* Trials by state, rate and time left, the best of each task. */
void live_view_summary(FILE *out, const struct live *live, struct view_size size);
/* That, rungs, and what each worker does. */
void live_view_print(FILE *out, const struct live *live, struct view_size size);

/* One line, cut to so many columns (0: not). */
void view_line(FILE *out, int columns, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
