/* How long a run takes, by what its kinds of trials take. */
#ifndef CLI_PLAN_TIME_H
#define CLI_PLAN_TIME_H

#include "cli/plan_kinds.h"

/* What a run takes besides its trials. */
struct plan_start {
    double data_s;    /* job, encoder and data are read, text is tokenised */
    double panels_s;  /* the encoder's panels are made */
    int node_workers; /* that fill a kept prefix together, at most */
};

struct plan_time {
    int64_t most_epochs;          /* if nothing stops early */
    int64_t epochs;               /* expected */
    double seconds;               /* expected, if sweep.wall_time does not end it */
    double shortest_s, longest_s; /* of trials that train to their ends */
    int useful;                   /* workers */
    struct {
        int workers;
        double seconds;
    } table[16]; /* ascending */
    int table_count;
};

/* The kinds' seconds a token are known. ERR_MEMORY. */
int plan_time_find(struct plan_time *out, const struct plan_kinds *kinds,
                   const struct run_setup *setup, const struct plan_start *start,
                   int workers, struct error *err);

#endif
