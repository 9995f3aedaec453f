/* What Slurm gives the job that this process belongs to, as the environment and squeue
 * say. */
#ifndef CLI_SLURM_ALLOCATION_H
#define CLI_SLURM_ALLOCATION_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>

struct slurm_allocation {
    bool inside; /* else all is zero */
    int nodes;
    int cores;        /* of all nodes */
    int tasks;        /* of all nodes */
    int threads;      /* cores of a task; 0: nobody asked for so many */
    bool tasks_given; /* somebody has said how many, by themselves or by threads */
    int64_t memory;   /* bytes of the smallest node; 0: not known, or all of it */
};

/* From SLURM_* variables. */
void slurm_allocation_read(struct slurm_allocation *out);

/* Sum over the nodes of a list as Slurm writes it, "4(x2),2", of each number divided by
 * divisor; 0: it is no such list. */
int slurm_allocation_sum(const char *list, int divisor);

/* How many workers of so many threads there is room for; at least 1. */
int slurm_allocation_workers(const struct slurm_allocation *allocation, int threads);

/* What is to be said before such workers start; its text is "" where nothing is. */
struct slurm_allocation_warning {
    char text[512];
};

/* ERR_INPUT: more workers than there are tasks or cores. Cores that several threads
 * share are a warning. */
int slurm_allocation_check_cores(const struct slurm_allocation *allocation, int workers,
                                 int threads, struct slurm_allocation_warning *warning,
                                 struct error *err);
/* A node's memory is not enough for the encoder's file and the workers' programs: what
 * trials take comes on top. */
void slurm_allocation_check_memory(const struct slurm_allocation *allocation,
                                   int workers, int64_t encoder_bytes,
                                   struct slurm_allocation_warning *warning);

/* Seconds since 1970 of "2026-11-23T19:01:46" in local time; 0: no time. */
int64_t slurm_allocation_time(const char *text);
/* Tells this process and its children in SHIFTWORK_END_S when the job reaches its time
 * limit, in seconds since 1970. Asks squeue where the environment does not say; not set
 * where nobody knows, or there is no limit. */
void slurm_allocation_export_end(void);

#endif
