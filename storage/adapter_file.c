/* adapterbias.safetensors: the trained tensors under the layout's names. */
#include "storage/adapter_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int adapter_file_write(const char *path, const struct adapter_layout *layout,
                       const float *values, const struct key_value *metadata,
                       int metadata_count, struct error *err)
{
    struct float_tensor *tensors = calloc((size_t)layout->count + 1, sizeof *tensors);
    int rc;

    if (!tensors)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];

        tensors[i] = (struct float_tensor){.name = t->name,
                                           .rows = t->rows,
                                           .cols = t->cols,
                                           .values = values + t->offset};
    }
    rc = safetensors_write(path, tensors, (size_t)layout->count, metadata,
                           (size_t)metadata_count, err);
    free(tensors);
    return rc;
}

int adapter_file_open(struct adapter_file *out, const char *path, struct error *err)
{
    struct stat st;
    bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    char *name = folder ? path_join(path, ADAPTER_FILE_NAME) : strdup(path);
    int rc;

    *out = (struct adapter_file){0};
    if (!name)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    rc = file_map_open(&out->map, name, err);
    if (!rc)
        rc = safetensors_parse(&out->tensors, out->map.data, out->map.size, name, err);
    out->path = name;
    if (rc)
        adapter_file_close(out);
    return rc;
}

void adapter_file_close(struct adapter_file *file)
{
    safetensors_clear(&file->tensors);
    file_map_close(&file->map);
    free(file->path);
    *file = (struct adapter_file){0};
}

static int read_tensor(float *values, const struct adapter_file *file,
                       const struct adapter_tensor *t, struct error *err)
{
    const struct safetensors_tensor *s = safetensors_find(&file->tensors, t->name);
    char shape[160];

    if (!s)
        return error_set(err, ERR_INPUT, "%s: tensor %s is missing", file->path,
                         t->name);
    if (s->type != TENSOR_F32)
        return error_set(err, ERR_INPUT, "%s: %s: dtype %s, only F32", file->path,
                         t->name, s->type_name);
    if (s->dims != (t->cols ? 2 : 1) || s->shape[0] != t->rows ||
        (t->cols && s->shape[1] != t->cols)) {
        tensor_shape_text(shape, sizeof shape, s);
        return error_set(err, ERR_INPUT, "%s: %s: shape %s, needed is [%d%s%.0d]",
                         file->path, t->name, shape, t->rows, t->cols ? ", " : "",
                         t->cols);
    }
    memcpy(values, s->data, s->size);
    for (int64_t i = 0; i < adapter_tensor_size(t); i++)
        if (!isfinite(values[i]))
            return error_set(err, ERR_INPUT, "%s: %s: element %lld is not finite",
                             file->path, t->name, (long long)i);
    return 0;
}

static const char *unknown_tensor(const struct adapter_file *file,
                                  const struct adapter_layout *layout)
{
    for (size_t i = 0; i < file->tensors.count; i++) {
        const char *name = file->tensors.tensors[i].name;
        int k = 0;

        while (k < layout->count && strcmp(layout->tensors[k].name, name))
            k++;
        if (k == layout->count)
            return name;
    }
    return NULL;
}

int adapter_file_read(float *values, const char *path,
                      const struct adapter_layout *layout, struct error *err)
{
    struct adapter_file file;
    const char *unknown;
    int rc = adapter_file_open(&file, path, err);

    for (int i = 0; i < layout->count && !rc; i++)
        rc = read_tensor(values + layout->tensors[i].offset, &file, &layout->tensors[i],
                         err);
    if (!rc && (unknown = unknown_tensor(&file, layout)))
        rc = error_set(err, ERR_INPUT,
                       "%s: tensor %.200s does not belong to these adapter settings",
                       file.path, unknown);
    adapter_file_close(&file);
    return rc;
}
