/* What a rank finds on its node: the same line for the user and for doctor. */
#ifndef CLI_NODE_PROBE_H
#define CLI_NODE_PROBE_H

#include "cli/diagnosis.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>

struct rank_facts {
    int mpi_rank, ranks;
    char host[64];
    int cores;      /* that it may use */
    char list[128]; /* their numbers: "0-3,8" */
    char kernels[32], blas[64];
    int blas_threads;
};

/* Starts MPI, waits for all ranks, prints a line, ends MPI: what doctor does as a rank.
 * Returns an exit code or an ERR_ status. */
int rank_probe(struct error *err);
/* "rank 0 of 2 on node1: 2 cores (0-1), kernels avx512/own, BLAS Haswell, 1 thread" */
void rank_facts_text(char *out, size_t size, const struct rank_facts *facts);
/* False: not such a line. */
bool rank_facts_parse(struct rank_facts *out, const char *line);
/* "0-3,8" of the processors that this process may use; their number. */
int cores_text(char *out, size_t size);

/* What ranks should be alike in and able to, from the lines of all of them. */
void rank_facts_judge(struct diagnosis *diagnosis, const struct rank_facts *facts,
                      int count);

/* Cores, memory, shared memory, kernels and versions of this process' node. */
void node_diagnose(struct diagnosis *diagnosis);

#endif
