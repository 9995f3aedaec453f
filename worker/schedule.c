#include "worker/schedule.h"

#include <math.h>

int64_t schedule_steps(const struct settings *settings, int64_t rows)
{
    int64_t batches = (rows + settings->batch_size - 1) / settings->batch_size;

    return batches * (settings->horizon ? settings->horizon : settings->epochs);
}

double schedule_factor(const struct settings *settings, int64_t steps, int64_t step)
{
    int64_t warm = (int64_t)floor(settings->warmup * (double)steps);
    double left;

    if (step < warm)
        return (double)(step + 1) / (double)warm;
    if (settings->schedule == SCHEDULE_CONSTANT)
        return 1;
    if (step >= steps)
        return 0;
    left = (double)(steps - step) / (double)(steps - warm);
    if (settings->schedule == SCHEDULE_LINEAR)
        return left;
    return 0.5 * (1 - cos(M_PI * left));
}
