/* Checkpoint bytes as a worker or a file may send them; what decodes encodes to the
 * same bytes. */
#include "storage/checkpoint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint checkpoint;
    struct bytes again = {0};
    struct error err;

    if (checkpoint_decode(&checkpoint, data, size, &err))
        return 0;
    if (checkpoint_encode(&again, &checkpoint, &err) || again.size != size ||
        memcmp(again.data, data, size))
        abort();
    bytes_clear(&again);
    checkpoint_clear(&checkpoint);
    return 0;
}
