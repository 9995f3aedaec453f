/* A job file of many trials, for benchmarks of the coordinator. */
#ifndef BENCH_LARGE_JOB_H
#define BENCH_LARGE_JOB_H

#include <stdint.h>

/* At least so many trials: a learning rate and a weight decay a configuration, seeds
 * each. On the heap; NULL: out of memory. */
char *large_job_text(int64_t trials, int epochs, int seeds);

#endif
