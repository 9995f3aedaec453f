/* Rows that all runs answer alike, taken together: scores do not tell them apart. */
#ifndef REPORT_STATISTICS_CELLS_H
#define REPORT_STATISTICS_CELLS_H

#include "report/statistics/answers.h"

/* Owns its arrays. Cells are ordered by (gold, answers), so by what they are, not by
 * where the rows stand. */
struct cells {
    int count, columns; /* columns: runs of a, then of b */
    float *gold;        /* (count) */
    float *answer;      /* (columns, count) */
    int32_t *rows;      /* (count) rows in each */
    int32_t *of_row;    /* (rows) the cell of each row */
};

/* The cells of the same rows answered by a and, where it is not NULL, b. ERR_MEMORY. */
int cells_init(struct cells *out, const struct answers *a, const struct answers *b,
               struct error *err);
void cells_clear(struct cells *cells);

#endif
