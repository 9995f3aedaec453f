/* Time: monotonic for durations, wall for records. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

double clock_monotonic_s(void); /* seconds since some fixed moment, never goes back */
double clock_wall_s(void);      /* seconds since 1970-01-01 UTC */
void clock_sleep_s(double seconds);

#endif
