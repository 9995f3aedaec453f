/* Level by level: after the level of width w, each part at a multiple of 2w holds its
 * node. */
#include "worker/tree_sum.h"

static void add(float *restrict to, const float *restrict from, int64_t values)
{
    for (int64_t i = 0; i < values; i++)
        to[i] += from[i];
}

void tree_sum(float *parts, int64_t count, int64_t values)
{
    for (int64_t width = 1; width < count; width *= 2)
        for (int64_t i = 0; i + width < count; i += 2 * width)
            add(parts + i * values, parts + (i + width) * values, values);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

void tree_sum_within(float *parts, int64_t first, int64_t end, int64_t count,
                     int64_t values)
{
    for (int64_t width = 1; width < count; width *= 2) {
        int64_t step = 2 * width;

        for (int64_t i = (first + step - 1) / step * step; i + width < end; i += step)
            if (least(i + step, count) <= end)
                add(parts + i * values, parts + (i + width) * values, values);
    }
}

int tree_sum_nodes(int64_t *nodes, int64_t first, int64_t end, int64_t count)
{
    int found = 0;

    for (int64_t at = first; at < end;) {
        int64_t width = 1;

        while (width < count && at % (2 * width) == 0 &&
               least(at + 2 * width, count) <= end)
            width *= 2;
        nodes[found++] = at;
        at += width;
    }
    return found;
}

/* Which range a part is in. */
static int range_of(const int64_t *bounds, int ranges, int64_t part)
{
    int range = 0;

    while (range < ranges - 1 && part >= bounds[range + 1])
        range++;
    return range;
}

void tree_sum_across(float *parts, const int64_t *bounds, int ranges, int64_t values)
{
    int64_t count = bounds[ranges];

    for (int64_t width = 1; width < count; width *= 2)
        for (int64_t i = 0; i + width < count; i += 2 * width) {
            int64_t last = least(i + 2 * width, count) - 1;

            if (range_of(bounds, ranges, i) != range_of(bounds, ranges, last))
                add(parts + i * values, parts + (i + width) * values, values);
        }
}

double tree_sum_double(double *parts, int64_t count)
{
    for (int64_t width = 1; width < count; width *= 2)
        for (int64_t i = 0; i + width < count; i += 2 * width)
            parts[i] += parts[i + width];
    return count > 0 ? parts[0] : 0;
}
