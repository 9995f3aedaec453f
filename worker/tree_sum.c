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

double tree_sum_double(double *parts, int64_t count)
{
    for (int64_t width = 1; width < count; width *= 2)
        for (int64_t i = 0; i + width < count; i += 2 * width)
            parts[i] += parts[i + width];
    return count > 0 ? parts[0] : 0;
}
