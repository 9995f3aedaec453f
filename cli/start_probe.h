/* How ranks start here: mpirun and, in an allocation, srun; and what Slurm says. */
#ifndef CLI_START_PROBE_H
#define CLI_START_PROBE_H

#include "cli/diagnosis.h"

/* Really starts two ranks, on two nodes where the allocation has them. */
void start_diagnose(struct diagnosis *diagnosis);
/* Version, allocation, its nodes and the time that is left. */
void slurm_diagnose(struct diagnosis *diagnosis);

#endif
