/* Writing safetensors: the header from the shapes, then the values as they lie. */
#include "storage/file_replace.h"
#include "storage/safetensors.h"
#include "storage/text_clean.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static size_t tensor_bytes(const struct float_tensor *t)
{
    return (size_t)t->rows * (size_t)(t->cols ? t->cols : 1) * sizeof(float);
}

static json_t *describe(const struct float_tensor *t, size_t at)
{
    json_t *shape = t->cols
                        ? json_pack("[I, I]", (json_int_t)t->rows, (json_int_t)t->cols)
                        : json_pack("[I]", (json_int_t)t->rows);

    size_t end = at + tensor_bytes(t);

    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                     "data_offsets", (json_int_t)at, (json_int_t)end);
}

static int add_metadata(json_t *object, const struct key_value *kv)
{
    char *clean = text_clean(kv->value);
    int rc = clean ? json_object_set_new(object, kv->key, json_string(clean)) : -1;

    free(clean);
    return rc;
}

/* The header's text, padded so that the values start at a multiple of 8. */
static char *make_header(const struct float_tensor *tensors, size_t count,
                         const struct key_value *metadata, size_t metadata_count)
{
    json_t *root = json_object(), *object = json_pack("{s:s}", "format", "pt");
    char *text = NULL, *padded = NULL;
    size_t at = 0, length;
    int rc = json_object_set(root, "__metadata__", object);

    for (size_t i = 0; i < metadata_count; i++)
        rc |= add_metadata(object, &metadata[i]);
    for (size_t i = 0; i < count; i++) {
        rc |= json_object_set_new(root, tensors[i].name, describe(&tensors[i], at));
        at += tensor_bytes(&tensors[i]);
    }
    if (!rc)
        text = json_dumps(root, JSON_COMPACT);
    if (text) {
        length = strlen(text);
        padded = calloc(1, length + 8);
        if (padded) {
            memset(padded, ' ', (length + 7) / 8 * 8);
            memcpy(padded, text, length);
        }
    }
    free(text);
    json_decref(object);
    json_decref(root);
    return padded;
}

/* v wᵀ is added in double, so that each value is rounded once. */
static int write_updated(struct file_replace *f, const struct float_tensor *t,
                         struct error *err)
{
    int64_t cols = t->cols ? t->cols : 1;
    float *row = malloc((size_t)cols * sizeof *row);
    int rc = row ? 0 : error_set(err, ERR_MEMORY, "%s: out of memory", f->path);

    for (int64_t i = 0; i < t->rows && !rc; i++) {
        const float *values = t->values + i * cols;

        for (int64_t k = 0; k < cols; k++)
            row[k] = (float)((double)values[k] + (double)t->v[i] * (double)t->w[k]);
        rc = file_replace_write(f, row, (size_t)cols * sizeof *row, err);
    }
    free(row);
    return rc;
}

int safetensors_write(const char *path, const struct float_tensor *tensors,
                      size_t count, const struct key_value *metadata,
                      size_t metadata_count, struct error *err)
{
    char *header = make_header(tensors, count, metadata, metadata_count);
    uint64_t length = header ? strlen(header) : 0;
    struct file_replace f = {0};
    int rc;

    if (!header)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    rc = file_replace_begin(&f, path, err);
    if (!rc)
        rc = file_replace_write(&f, &length, sizeof length, err); /* little-endian */
    if (!rc)
        rc = file_replace_write(&f, header, length, err);
    for (size_t i = 0; i < count && !rc; i++)
        rc = tensors[i].v ? write_updated(&f, &tensors[i], err)
                          : file_replace_write(&f, tensors[i].values,
                                               tensor_bytes(&tensors[i]), err);
    free(header);
    if (!rc)
        return file_replace_commit(&f, err);
    file_replace_abandon(&f);
    return rc;
}
