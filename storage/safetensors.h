/* The safetensors format: 8 bytes of header length, a JSON header, the tensors' bytes.
 *
 * Source: huggingface.co/docs/safetensors, "Format". As there, the tensors must fill
 * the data exactly: no overlap, no hole, nothing behind. */
#ifndef STORAGE_SAFETENSORS_H
#define STORAGE_SAFETENSORS_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

enum tensor_type { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_OTHER };
enum { TENSOR_DIMS_MAX = 8 };

struct safetensors_tensor {
    char *name;
    enum tensor_type type;
    char type_name[12]; /* as the file has it */
    int dims;
    int64_t shape[TENSOR_DIMS_MAX];
    const uint8_t *data; /* within the bytes given, maybe not aligned */
    size_t size;         /* bytes, what type and shape need */
};

struct key_value {
    char *key, *value;
};

struct safetensors {
    struct safetensors_tensor *tensors; /* by name */
    size_t count;
    struct key_value *metadata; /* __metadata__ */
    size_t metadata_count;
};

/* Checks and describes bytes (borrowed, must outlive out); name is for messages.
 * ERR_INPUT: a length that lies, JSON that is wrong, a duplicate name, an unknown type,
 * offsets that overlap, leave holes or do not fit the shape. */
int safetensors_parse(struct safetensors *out, const void *bytes, size_t size,
                      const char *name, struct error *err);
void safetensors_clear(struct safetensors *st);
const struct safetensors_tensor *safetensors_find(const struct safetensors *st,
                                                  const char *name);
/* NULL where there is none. */
const char *safetensors_metadata(const struct safetensors *st, const char *key);

/* "[2, 384]" for messages. */
void tensor_shape_text(char *out, size_t size, const struct safetensors_tensor *t);

/* A tensor to write: float32, row-major. cols = 0: one-dimensional.
 *
 * Where v is not NULL, v wᵀ is added, v (rows), w (cols, or 1). All borrowed. */
struct float_tensor {
    const char *name;
    int64_t rows, cols;
    const float *values;
    const float *v, *w;
};

/* Writes path by write-beside-and-rename, tensors in the order given.
 *
 * metadata gets format = "pt", which transformers asks for, beside what is given. */
int safetensors_write(const char *path, const struct float_tensor *tensors,
                      size_t count, const struct key_value *metadata,
                      size_t metadata_count, struct error *err);

#endif
