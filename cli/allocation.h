/* What Slurm gives the job that this process belongs to, as the environment and squeue
 * say. */
#ifndef CLI_ALLOCATION_H
#define CLI_ALLOCATION_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct allocation {
    bool inside; /* else all is zero */
    int nodes;
    int cores;        /* of all nodes */
    int tasks;        /* of all nodes */
    int threads;      /* cores of a task; 0: nobody asked for so many */
    bool tasks_given; /* somebody has said how many, by themselves or by threads */
    int64_t memory;   /* bytes of the smallest node; 0: not known, or all of it */
};

/* From SLURM_* variables. */
void allocation_read(struct allocation *out);

/* Sum over the nodes of a list as Slurm writes it, "4(x2),2", of each number divided by
 * divisor; 0: it is no such list. */
int allocation_sum(const char *list, int divisor);

/* How many workers of so many threads there is room for; at least 1. */
int allocation_workers(const struct allocation *allocation, int threads);

/* ERR_INPUT: more workers than there are tasks or cores. text: a mismatch that is to be
 * said and hinders nobody, or "". */
int allocation_check(const struct allocation *allocation, int workers, int threads,
                     char *text, int size, struct error *err);

/* Seconds since 1970 of "2026-11-23T19:01:46" in local time; 0: no time. */
int64_t allocation_time(const char *text);
/* When this process' job reaches its time limit, in seconds since 1970; 0: never, or
 * nobody knows. Asks squeue where the environment does not say. */
int64_t allocation_end(void);

#endif
