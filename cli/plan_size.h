/* Memory of a node and room on the disk that a run takes. */
#ifndef CLI_PLAN_SIZE_H
#define CLI_PLAN_SIZE_H

#include "cli/plan_kinds.h"

/* Bytes of one node. */
struct plan_memory {
    double encoder, panels, prefix; /* once */
    double worker;                  /* each: its largest trial, the data, the program */
    double coordinator;             /* on the first node */
};

/* Bytes of the run directory at its end, but checkpoints: at most. */
struct plan_disk {
    double datasets, journal, checkpoints, outputs, results;
};

/* workers: in all. epochs: expected of all trials. */
void plan_memory_of(struct plan_memory *out, const struct plan_kinds *kinds,
                    const struct run_setup *setup, const struct encoder *encoder);
void plan_disk_of(struct plan_disk *out, const struct plan_kinds *kinds,
                  const struct run_setup *setup, int workers, double epochs);
double plan_memory_sum(const struct plan_memory *memory, int workers);
double plan_disk_sum(const struct plan_disk *disk);

#endif
