/* What a trial's bits depend on besides its identity (docs/design.md, "What it depends
 * on"). */
#ifndef WORKER_NUMERICS_H
#define WORKER_NUMERICS_H

#include <stddef.h>

/* Raised when a change of ours changes bits. */
enum { NUMERICS = 3 };

/* Instruction set of our kernels and what multiplies the frozen matrices, our own
 * kernel or one of OpenBLAS': "avx2/own", "portable/Haswell". */
void numerics_isa(char *out, size_t size);

/* Both, as results.h5 has them for each trial: "3 avx2/own". */
void numerics_text(char *out, size_t size);

#endif
