/* An encoder's config.json: accepted sizes are ones that can be computed with. */
#include "storage/encoder_config.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct encoder_config c;
    struct error err;

    if (encoder_config_parse(&c, (const char *)data, size, "fuzz", &err))
        return 0;
    if (c.layers < 1 || c.heads < 1 || c.hidden < c.heads || c.hidden % c.heads ||
        c.ffn < 1 || c.vocab < 1 || c.positions < 1 || c.types < 1 ||
        !(c.layer_norm_eps >= 0) || !(c.initializer_range >= 0))
        abort();
    return 0;
}
