/* The encoder's frozen matrices laid out for panel_product, or rounded for
 * bf16_product, both ways, in a file that the workers of a node share
 * (storage/node_file.h). float32 products have the same bits without it, but take
 * longer; bf16 ones need it. */
#ifndef WORKER_PANELS_H
#define WORKER_PANELS_H

#include "jobs/settings.h"
#include "storage/encoder.h"
#include "worker/linear.h"

#include <stddef.h>

enum frozen_matrix {
    FROZEN_QUERY,
    FROZEN_KEY,
    FROZEN_VALUE,
    FROZEN_ATTENTION, /* attention.output.dense */
    FROZEN_FFN,       /* intermediate.dense */
    FROZEN_OUTPUT,    /* output.dense */
    FROZEN_COUNT
};

struct panels;

/* *out is NULL where the instruction set's kernels do not use panels for float32.
 * ERR_INPUT: this processor has no bf16. ERR_IO: no directory of the node can hold the
 * file. ERR_MEMORY. */
int panels_open(struct panels **out, const struct encoder *encoder,
                enum precision precision, struct error *err);
void panels_close(struct panels *panels);
/* What the file of an encoder of this shape takes; 0: there would be none. */
size_t panels_bytes(const struct encoder *encoder, enum precision precision);
enum precision panels_precision(const struct panels *panels); /* NULL: float32 */

/* Whether this machine can compute with it: ERR_INPUT. */
int panels_check(enum precision precision, struct error *err);

/* A layer's matrix; in panels unless panels is NULL. */
struct linear panels_matrix(const struct panels *panels, const struct encoder *encoder,
                            int layer, enum frozen_matrix which);

#endif
