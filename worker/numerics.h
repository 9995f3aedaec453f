/* What a trial's bits depend on besides its identity (docs/design.md, "What it depends
 * on"). */
#ifndef WORKER_NUMERICS_H
#define WORKER_NUMERICS_H

#include <stddef.h>

/* Raised when a change of ours changes bits. */
enum { NUMERICS = 3 };

/* Instruction set of our kernels and kernel of the BLAS in use: "avx2/Haswell". */
void numerics_isa(char *out, size_t size);

#endif
