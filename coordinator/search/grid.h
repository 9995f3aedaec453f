/* Every combination of a space's values, the last axis turning fastest. An axis that
 * does not exist has no values to turn through; a range of reals stands for its middle.
 */
#ifndef COORDINATOR_SEARCH_GRID_H
#define COORDINATOR_SEARCH_GRID_H

#include "coordinator/search/space.h"

/* All zero is the beginning. */
struct grid {
    bool begun;
    int64_t digits[SPACE_AXES];
};

/* False at the end. */
bool grid_next(struct grid *grid, const struct space *space, double *point);

#endif
