/* Population based training's exploration: a walk through the axes that may change
 * within a trial. Source: Jaderberg et al., Population Based Training of Neural
 * Networks, arXiv 1711.09846, section 4.1 (factor 1.2); one axis in four is drawn anew,
 * as in Ray Tune's default. */
#include "coordinator/search/draw.h"
#include "coordinator/search/search_parts.h"

#include <math.h>

static const double factor = 1.2, anew = 0.25;
enum { FOR_WHETHER, FOR_WHERE }; /* two numbers an axis */

static double clamp(double value, double min, double max)
{
    return value < min ? min : value > max ? max : value;
}

/* A step at least: multiplication leaves a zero a zero, and 2 the whole number 2. */
static double step_of(const struct space_axis *axis)
{
    if (axis->kind == SPACE_WHOLE)
        return 1;
    return axis->job->log ? 0 : (axis->job->max - axis->job->min) / 50;
}

static double move_number(const struct space_axis *axis, double value, bool up)
{
    double step = step_of(axis);
    double moved =
        up ? fmax(value * factor, value + step) : fmin(value / factor, value - step);

    if (axis->kind == SPACE_WHOLE)
        moved = floor(moved + 0.5);
    else
        moved = space_round(moved);
    return clamp(moved, axis->job->min, axis->job->max);
}

/* At an end there is one neighbour. */
static double move_choice(const struct space_axis *axis, double code, bool up)
{
    int last = axis->job->count - 1;
    int at = axis->kind == SPACE_ORDERED ? axis->ranks[(int)code] : (int)code;

    if (last == 0)
        return code;
    at += at == 0 ? 1 : at == last ? -1 : up ? 1 : -1;
    return axis->kind == SPACE_ORDERED ? axis->sorted[at] : at;
}

static double explore_axis(const struct search *search, int a, double code,
                           uint64_t draw)
{
    const struct space_axis *axis = &search->space.axes[a];
    uint32_t seed = search->spec->sweep.search_seed;
    uint32_t low = (uint32_t)draw, high = (uint32_t)(draw >> 32);
    double whether =
        draw_uniform(seed, DRAW_EXPLORE, low, (uint32_t)a << 1 | FOR_WHETHER, high);

    if (isnan(code) || whether < anew)
        return space_code(
            &search->space, a,
            draw_uniform(seed, DRAW_EXPLORE, low, (uint32_t)a << 1 | FOR_WHERE, high));
    bool up = whether < anew + (1 - anew) / 2;
    return axis->job->count ? move_choice(axis, code, up) : move_number(axis, code, up);
}

void search_explore(const struct search *search, const struct settings *from,
                    uint64_t draw, struct settings *out)
{
    const struct space *space = &search->space;
    double before[SPACE_AXES], point[SPACE_AXES];

    *out = *from;
    space_point(space, from, before);
    for (int a = 0; a < space->count; a++) {
        const struct setting *setting = space->axes[a].job->setting;

        point[a] = before[a];
        if (!setting_may_change(setting))
            continue;
        point[a] = NAN;
        if (space_exists(space, a, point))
            point[a] = explore_axis(search, a, before[a], draw);
        setting_set(setting, out, space_value(space, a, point[a]));
    }
}
