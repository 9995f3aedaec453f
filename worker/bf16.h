/* Products of a microshard's rows with a frozen matrix in bfloat16, for
 * training.precision = "bf16".
 *
 * Both factors are rounded to bfloat16 (to nearest, ties to even; subnormal numbers to
 * zero), their products summed in float32 by AVX512-BF16's VDPBF16PS, which adds two of
 * them at a time. The layout is that of panel_product (worker/kernels.h) with pairs of
 * rows in the place of rows: where a number of rows is odd, zeros fill it up. An
 * element is one chain of sums in the order of the inner index, whatever its row is
 * beside. */
#ifndef WORKER_BF16_H
#define WORKER_BF16_H

#include "worker/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BF16_WIDTH = 32, BF16_DEPTH = 768 }; /* columns and most rows of a panel */

/* A matrix in panels, as struct packed_matrix. */
struct bf16_matrix {
    const uint16_t *panels; /* NULL: there is none */
    int chunk, columns;     /* chunk even */
    int k, j;
};

/* Whether this processor can, and SHIFTWORK_ISA lets it. Nothing else of this header
 * may be called where not. */
bool bf16_available(void);

/* Numbers of a row or column of n. */
static inline int bf16_padded(int n) { return n + (n & 1); }

/* out (rows, bf16_padded(n)) = x (rows, n), rounded. */
void bf16_round(uint16_t *out, const float *x, int rows, int n);

/* y = x B, or y += x B with add.
 *
 * x  (rows, bf16_padded(inner)) rounded
 * y  (rows, columns) float32 */
void bf16_product(float *y, const uint16_t *x, const struct bf16_matrix *b, bool add,
                  int rows, int inner, int columns);

/* Lays out all of B (inner, columns), b->packed ignored, with chunks of chunk rows, an
 * even number: out (bf16_padded(inner), columns rounded up to BF16_WIDTH). */
void bf16_pack(uint16_t *out, const struct panel_matrix *b, int chunk, int inner,
               int columns);

#endif
