/* A safetensors file: whatever is accepted lies within the bytes and fills them.
 *
 * An input is read twice: as a file, and as two bytes that say how much data there is,
 * followed by the header's text; so a changed header keeps its right length. */
#include "storage/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tensor(const struct safetensors *st, size_t i, const uint8_t *bytes,
                         size_t size)
{
    const struct safetensors_tensor *t = &st->tensors[i];
    char shape[40];

    if (t->data < bytes || t->size > size || (size_t)(t->data - bytes) > size - t->size)
        abort();
    if (safetensors_find(st, t->name) != t)
        abort();
    tensor_shape_text(shape, sizeof shape, t);
}

static void parse(const uint8_t *bytes, size_t size)
{
    struct safetensors st;
    struct error err;
    size_t described = 0;

    if (safetensors_parse(&st, bytes, size, "fuzz", &err))
        return;
    for (size_t i = 0; i < st.count; i++) {
        check_tensor(&st, i, bytes, size);
        described += st.tensors[i].size;
    }
    if (described > size - 8)
        abort();
    safetensors_metadata(&st, "format");
    safetensors_clear(&st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t header = size - 2;
    uint8_t *file;
    size_t behind;

    parse(data, size);
    if (size < 2)
        return 0;
    behind = (size_t)data[0] | (size_t)data[1] << 8;
    file = calloc(1, 8 + header + behind);
    if (!file)
        abort();
    memcpy(file, &header, 8);
    memcpy(file + 8, data + 2, header);
    parse(file, 8 + header + behind);
    free(file);
    return 0;
}
