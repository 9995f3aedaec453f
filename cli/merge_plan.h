/* What run directories of one job hold together: their trials under common numbers, and
 * whose records of each are taken. */
#ifndef CLI_MERGE_PLAN_H
#define CLI_MERGE_PLAN_H

#include "cli/run_setup.h"
#include "storage/journal.h"

#include <signal.h>

/* Of one trial. */
struct merge_pick {
    int source; /* index of the directory; -1: nobody has begun it */
    bool done, ended;
    int64_t step; /* of the last report */
    int numerics; /* index in the plan's texts */
    struct digest numbers;
};

/* All zero is an empty one. */
struct merge_plan {
    const char *const *dirs; /* (count) borrowed */
    int count;
    const volatile sig_atomic_t *stops; /* how often it was asked to stop; borrowed */
    struct run_setup first;             /* of the first directory, with the whole job */
    struct trial_list list;   /* the first's trials come first, under their numbers */
    struct digest *keys;      /* (configurations of list) */
    struct merge_pick *picks; /* (trials of list) */
    struct journal_end *ends; /* (count) how far each was read */
    int *shards;              /* (count) into how many its job was cut */
    int64_t duplicates;       /* records of trials that are left out */
    char **numerics;
    int numerics_count;
};

/* Reads every directory and changes none; what is worth knowing goes to standard error.
 * ERR_INPUT: somebody works on one, one is damaged or of another job, or two disagree
 * about a trial that both have computed with the same numerics. ERR_IO: it was asked to
 * stop, or the disk. */
int merge_plan_init(struct merge_plan *plan, const char *const *dirs, int count,
                    const volatile sig_atomic_t *stops, struct error *err);
void merge_plan_clear(struct merge_plan *plan);
/* ERR_IO: it was asked to stop. */
int merge_plan_stopped(const struct merge_plan *plan, struct error *err);

/* For the trials of the directory in setup: the plan's number where its records are
 * taken, else 0. On the heap; NULL when out of memory. */
int64_t *merge_plan_numbers(const struct merge_plan *plan, int source,
                            const struct run_setup *setup);

#endif
