/* Values that a trial starts from. */
#ifndef WORKER_ADAPTER_INIT_H
#define WORKER_ADAPTER_INIT_H

#include "common/adapter_layout.h"
#include "storage/encoder.h"

#include <stdint.h>

/* v and the head's bias 0; w and beta uniform in ±1/sqrt(ffn), as PyTorch's Linear; the
 * head's weight normal with the encoder's initializer_range; LayerNorms as in the
 * checkpoint. Numbers: PHILOX_INIT, counter (kind, layer + 1, element / 4, 0), word
 * element % 4; normals by Box-Muller from words (0, 1) and (2, 3), in double. */
void adapter_init(float *values, const struct adapter_layout *layout,
                  const struct encoder *encoder, uint32_t seed);

#endif
