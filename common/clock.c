/* Time from the kernel's clocks. */
#include "common/clock.h"

#include <time.h>

static double read_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double clock_monotonic_s(void) { return read_clock(CLOCK_MONOTONIC); }

double clock_wall_s(void) { return read_clock(CLOCK_REALTIME); }

void clock_sleep_s(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};

    t.tv_nsec = (long)(1e9 * (seconds - (double)t.tv_sec));
    nanosleep(&t, NULL);
}
