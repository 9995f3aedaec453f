/* Whether a cluster's partitions can give what a job asks for: sbatch itself takes some
 * jobs that never start. */
#ifndef CLI_SLURM_PARTITION_H
#define CLI_SLURM_PARTITION_H

#include "common/error.h"
#include "jobs/job_spec.h"

/* The sinfo command whose lines slurm_partition_check() reads. */
extern const char *const slurm_partition_format; /* of -o; with -h -a -e */

/* ERR_INPUT: the partition does not exist, has too few nodes of so many cores, or
 * memory; or, of the default partition, the cluster has none. lines: what sinfo
 * printed. */
int slurm_partition_check(const struct job_slurm *slurm, int threads, const char *lines,
                          struct error *err);

#endif
