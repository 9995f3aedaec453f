/* Results of several runs as those of one: configurations x tasks x seeds.
 *
 * The first run's numbers of tasks, configurations and trials stay; what others bring
 * keeps its number where that is free, or gets the next one. Configurations are the
 * same where all their settings are, trials where their digests are: then the one that
 * is done counts, or is further along. Adapters are not carried along, only their
 * sizes. */
#ifndef REPORT_GATHERED_H
#define REPORT_GATHERED_H

#include "storage/results.h"

/* Numbers that a configuration trains on a task. */
struct trainable {
    int64_t task, config;
    int64_t values, head; /* all; of the head among them */
};

/* Where a row of results.trials comes from. */
struct gathered_origin {
    int run;
    int64_t trial; /* its number there */
};

struct gathered {
    struct results results;
    int run_count;
    char **dirs;                     /* (run_count) */
    struct gathered_origin *origins; /* (results.trial_count) */
    int duplicates;                  /* trials that several runs held */
    int trainable_count;
    struct trainable *trainable;
    char *notes; /* lines, what the reader must know of the runs; "": nothing */
};

/* All zero is an empty one. Takes what results holds, and clears it in any case. dir:
 * the run's name for messages. ERR_INPUT: it cannot be compared with the runs before
 * (another encoder, other data, another rule of selection), and what differs; the
 * gathered stay as they were. ERR_MEMORY: only gathered_clear() may follow. */
int gathered_add(struct gathered *gathered, const char *dir, struct results *results,
                 struct error *err);
void gathered_clear(struct gathered *gathered);

/* Trainable numbers of a configuration on a task: its own, or those of one with the
 * same shape of adapter; NULL where no adapter was kept. */
const struct trainable *gathered_trainable(const struct gathered *gathered,
                                           int64_t task, int64_t config);

#endif
