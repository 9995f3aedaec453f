/* The trials of a job among those that the run directory knows already. */
#ifndef COORDINATOR_ENROLMENT_H
#define COORDINATOR_ENROLMENT_H

#include "coordinator/history.h"
#include "coordinator/sweep.h"

#include <stdbool.h>

/* What identities need besides the settings. */
struct enrolment_data {
    const struct digest *datasets; /* (tasks) */
    struct digest encoder;
    int layers; /* of the encoder */
    bool past;  /* only what history knows counts: init files may be gone */
};

struct enrolment {
    struct trial_list list;
    int64_t first_new; /* trials from here on are new */
    int64_t wanted_count;
    bool *wanted;        /* (trials) of this job */
    bool *changed;       /* (configurations) new, or with more epochs than before */
    struct digest *keys; /* (configurations) where changed */
    /* what enrolment_add() needs: of its own */
    const struct job_spec *spec; /* borrowed */
    struct enrolment_data data;
};

/* What a configuration is known by, whatever the seed. */
struct digest enrolment_key(const struct settings *settings, int layers);

/* Takes the list out of history. Where trials come while the run goes on, there is room
 * for them in list and wanted, and what history knows is wanted. ERR_INPUT: an init
 * file that cannot be read, or a job that has no configuration in common with the
 * earlier ones, whatever its epochs: then it is another job. */
int enrolment_init(struct enrolment *out, struct history *history,
                   const struct sweep *sweep, const struct enrolment_data *data,
                   struct error *err);
/* Wants only every shards-th trial from number shard on. Numbers are those of the whole
 * job, and a job that grows adds behind them, so trials stay in their shard. ERR_INPUT:
 * none is left. */
int enrolment_take_shard(struct enrolment *enrolment, int shard, int shards,
                         struct error *err);
/* Whether trials come while a run goes on. */
bool enrolment_grows(const struct job_spec *spec);
/* One configuration more, where there is none like it yet, with its trials of all tasks
 * and seeds, which are wanted: from *first on. 1: it is there already. */
int enrolment_add(struct enrolment *enrolment, const struct settings *settings,
                  struct digest *key, int64_t *first, struct error *err);
/* A trial that goes on from parent's state at the epoch with other settings, wanted
 * too. Its identity is that of its settings and of all that it comes from. 1: it is
 * there already. */
int enrolment_fork(struct enrolment *enrolment, const struct settings *settings,
                   int64_t parent, int64_t loser, int epoch, struct digest *key,
                   int64_t *number, struct error *err);
void enrolment_clear(struct enrolment *enrolment); /* an all-zero one too */

#endif
