/* Widened copies of tensors: each one's floats at a multiple of 64 bytes. */
#include "storage/encoder_copy.h"

#include "common/digest.h"

#include <stdlib.h>
#include <string.h>

struct copy {
    const struct safetensors_tensor *const *tensors;
    int count;
    struct digest source;
    size_t size;
};

bool tensor_in_place(const struct safetensors_tensor *tensor)
{
    return tensor->type == TENSOR_F32 && (uintptr_t)tensor->data % 4 == 0;
}

static size_t element_size(const struct safetensors_tensor *t)
{
    return t->type == TENSOR_F32 ? 4 : 2;
}

static size_t padded(const struct safetensors_tensor *t)
{
    return (t->size / element_size(t) * 4 + 63) / 64 * 64;
}

static int describe(struct copy *copy, struct error *err)
{
    struct digest_stream *stream = digest_stream_new();

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int i = 0; i < copy->count; i++) {
        const struct safetensors_tensor *t = copy->tensors[i];

        digest_stream_add_text(stream, t->name);
        digest_stream_add_text(stream, t->type_name);
        digest_stream_add(stream, &t->size, sizeof t->size);
        digest_stream_add(stream, t->data, t->size);
        copy->size += padded(t);
    }
    copy->source = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}

/* Bits of the float32 with the value of an IEEE half. */
static uint32_t half_bits(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;

    if (exponent == 0x1f)
        return sign | 0x7f800000 | fraction << 13;
    if (exponent == 0) { /* zero or subnormal: fraction · 2^-24 */
        float value = (float)fraction * 0x1p-24f;
        uint32_t bits;

        memcpy(&bits, &value, 4);
        return sign | bits;
    }
    return sign | (exponent + 112) << 23 | fraction << 13;
}

static void widen(uint8_t *to, const struct safetensors_tensor *t)
{
    size_t n = t->size / element_size(t);

    if (t->type == TENSOR_F32) {
        memcpy(to, t->data, t->size);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        uint16_t half;

        memcpy(&half, t->data + 2 * i, 2);
        bits = t->type == TENSOR_BF16 ? (uint32_t)half << 16 : half_bits(half);
        memcpy(to + 4 * i, &bits, 4);
    }
}

static int write_floats(const void *context, struct node_writer *writer)
{
    const struct copy *copy = context;
    int rc = 0;

    for (int i = 0; !rc && i < copy->count; i++) {
        size_t size = padded(copy->tensors[i]);
        uint8_t *buffer = calloc(1, size ? size : 1);

        if (buffer)
            widen(buffer, copy->tensors[i]);
        rc = buffer ? node_writer_put(writer, buffer, size) : -1;
        free(buffer);
    }
    return rc;
}

int encoder_copy_open(struct node_file *file, const float **floats,
                      const struct safetensors_tensor *const *tensors, int count,
                      struct error *err)
{
    struct copy copy = {.tensors = tensors, .count = count};
    const uint8_t *at;
    int rc = describe(&copy, err);

    *file = (struct node_file){0};
    if (rc)
        return rc;
    rc = node_file_open(file,
                        &(struct node_file_plan){.kind = "f32",
                                                 .source = copy.source,
                                                 .size = copy.size,
                                                 .write = write_floats,
                                                 .context = &copy},
                        err);
    at = file->data;
    for (int i = 0; !rc && i < count; i++) {
        floats[i] = (const float *)(const void *)at;
        at += padded(tensors[i]);
    }
    return rc;
}
