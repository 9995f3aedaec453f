/* A safetensors file: whatever is accepted lies within the bytes and fills them. */
#include "storage/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors st;
    struct error err;
    size_t described = 0;

    if (safetensors_parse(&st, data, size, "fuzz", &err))
        return 0;
    for (size_t i = 0; i < st.count; i++) {
        const struct safetensors_tensor *t = &st.tensors[i];
        char shape[40];

        if (t->data < data || t->size > size ||
            (size_t)(t->data - data) > size - t->size)
            abort();
        if (safetensors_find(&st, t->name) != t)
            abort();
        tensor_shape_text(shape, sizeof shape, t);
        described += t->size;
    }
    if (described > size - 8)
        abort();
    safetensors_metadata(&st, "format");
    safetensors_clear(&st);
    return 0;
}
