/* An odometer whose wheels come and go with the conditions of their axes. */
#include "coordinator/search/grid.h"

#include <math.h>

static double digits_of(const struct space_axis *axis)
{
    return axis->kind == SPACE_REAL ? 1 : axis->count;
}

static double code_of(const struct space *space, int a, int64_t digit)
{
    const struct space_axis *axis = &space->axes[a];

    if (axis->kind == SPACE_REAL)
        return space_code(space, a, 0.5);
    return axis->kind == SPACE_WHOLE ? axis->job->min + (double)digit : (double)digit;
}

static bool turn(struct grid *grid, const struct space *space, const double *point)
{
    for (int a = space->count - 1; a >= 0; a--) {
        if (!isnan(point[a]) &&
            (double)(grid->digits[a] + 1) < digits_of(&space->axes[a])) {
            grid->digits[a]++;
            return true;
        }
        grid->digits[a] = 0;
    }
    return false;
}

static void codes_of(const struct grid *grid, const struct space *space, double *point)
{
    for (int a = 0; a < space->count; a++)
        point[a] =
            space_exists(space, a, point) ? code_of(space, a, grid->digits[a]) : NAN;
}

bool grid_next(struct grid *grid, const struct space *space, double *point)
{
    bool there = true;

    codes_of(grid, space, point);
    if (grid->begun)
        there = turn(grid, space, point);
    grid->begun = true;
    codes_of(grid, space, point);
    return there;
}
