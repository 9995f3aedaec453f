/* A plan, as it is printed. */
#ifndef CLI_PLAN_TEXT_H
#define CLI_PLAN_TEXT_H

#include "cli/plan_kinds.h"
#include "cli/plan_pace.h"
#include "cli/plan_size.h"
#include "cli/plan_time.h"

#include <stdio.h>

struct plan {
    const char *job; /* as given */
    const struct run_setup *setup;
    const struct plan_kinds *kinds;
    int workers;
    int nodes, node_workers; /* workers of the fullest node */
    double rate;             /* stated; 0: measured */
    struct plan_pace pace;
    struct plan_time time;
    struct plan_memory memory;
    struct plan_disk disk;
};

void plan_print(FILE *out, const struct plan *plan);

#endif
