/* Reading safetensors: nothing in the header is believed before it fits the file. */
#include "storage/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A checkpoint of 1,000 layers has a header of 2 MB. */
static const uint64_t header_max = 16u << 20;

struct parser {
    struct safetensors *st;
    const char *name;
    const uint8_t *data; /* behind the header */
    uint64_t data_size;
    struct error *err;
};

static const struct {
    const char *name;
    int bytes;
    enum tensor_type type;
} types[] = {
    {"F32", 4, TENSOR_F32},      {"F16", 2, TENSOR_F16},   {"BF16", 2, TENSOR_BF16},
    {"F64", 8, TENSOR_OTHER},    {"I64", 8, TENSOR_OTHER}, {"U64", 8, TENSOR_OTHER},
    {"I32", 4, TENSOR_OTHER},    {"U32", 4, TENSOR_OTHER}, {"I16", 2, TENSOR_OTHER},
    {"U16", 2, TENSOR_OTHER},    {"I8", 1, TENSOR_OTHER},  {"U8", 1, TENSOR_OTHER},
    {"BOOL", 1, TENSOR_OTHER},   {"C64", 8, TENSOR_OTHER}, {"F8_E5M2", 1, TENSOR_OTHER},
    {"F8_E4M3", 1, TENSOR_OTHER}};

static int parse_type(const struct parser *p, struct safetensors_tensor *t,
                      const json_t *dtype, size_t *bytes)
{
    const char *text = json_string_value(dtype);

    for (size_t i = 0; text && i < sizeof types / sizeof *types; i++)
        if (!strcmp(text, types[i].name)) {
            t->type = types[i].type;
            *bytes = (size_t)types[i].bytes;
            snprintf(t->type_name, sizeof t->type_name, "%s", text);
            return 0;
        }
    return error_set(p->err, ERR_INPUT, "%s: %.200s: unknown dtype %.40s", p->name,
                     t->name, text ? text : "(none)");
}

/* Sets shape and the bytes that it needs; *size comes in as the size of one element. */
static int parse_shape(const struct parser *p, struct safetensors_tensor *t,
                       const json_t *shape, size_t *size)
{
    size_t dims = json_array_size(shape);

    if (!json_is_array(shape) || dims > TENSOR_DIMS_MAX)
        return error_set(p->err, ERR_INPUT,
                         "%s: %.200s: shape is not an array of at most %d numbers",
                         p->name, t->name, TENSOR_DIMS_MAX);
    t->dims = (int)dims;
    for (size_t i = 0; i < dims; i++) {
        const json_t *item = json_array_get(shape, i);
        json_int_t n = json_integer_value(item);
        bool good = json_is_integer(item) && n >= 0;

        if (!good || __builtin_mul_overflow(*size, (size_t)n, size))
            return error_set(p->err, ERR_INPUT,
                             "%s: %.200s: shape holds a wrong number", p->name,
                             t->name);
        t->shape[i] = n;
    }
    return 0;
}

static int parse_offsets(const struct parser *p, struct safetensors_tensor *t,
                         const json_t *offsets)
{
    const json_t *first = json_array_get(offsets, 0);
    const json_t *second = json_array_get(offsets, 1);
    json_int_t begin = json_integer_value(first), end = json_integer_value(second);

    if (json_array_size(offsets) != 2 || !json_is_integer(first) ||
        !json_is_integer(second))
        return error_set(p->err, ERR_INPUT,
                         "%s: %.200s: data_offsets are not two integers", p->name,
                         t->name);
    if (begin < 0 || end < begin || (uint64_t)end > p->data_size)
        return error_set(p->err, ERR_INPUT,
                         "%s: %.200s: data_offsets %" JSON_INTEGER_FORMAT
                         "…%" JSON_INTEGER_FORMAT " are outside the file's %" PRIu64
                         " bytes of data",
                         p->name, t->name, begin, end, p->data_size);
    if ((uint64_t)(end - begin) != t->size)
        return error_set(p->err, ERR_INPUT,
                         "%s: %.200s: data_offsets span %" JSON_INTEGER_FORMAT
                         " bytes, shape and dtype need %zu",
                         p->name, t->name, end - begin, t->size);
    t->data = p->data + begin;
    return 0;
}

static int parse_tensor(const struct parser *p, const char *name, const json_t *entry)
{
    struct safetensors_tensor *t = &p->st->tensors[p->st->count];
    int rc;

    t->name = strdup(name);
    if (!t->name)
        return error_set(p->err, ERR_MEMORY, "%s: out of memory", p->name);
    p->st->count++;
    if (!json_is_object(entry))
        return error_set(p->err, ERR_INPUT, "%s: %.200s: not a tensor's description",
                         p->name, name);
    rc = parse_type(p, t, json_object_get(entry, "dtype"), &t->size);
    if (!rc)
        rc = parse_shape(p, t, json_object_get(entry, "shape"), &t->size);
    return rc ? rc : parse_offsets(p, t, json_object_get(entry, "data_offsets"));
}

static int parse_metadata(const struct parser *p, const json_t *object)
{
    struct safetensors *st = p->st;
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return error_set(p->err, ERR_INPUT, "%s: __metadata__ is not an object",
                         p->name);
    st->metadata = calloc(json_object_size(object) + 1, sizeof *st->metadata);
    if (!st->metadata)
        return error_set(p->err, ERR_MEMORY, "%s: out of memory", p->name);
    json_object_foreach((json_t *)object, key, value)
    {
        struct key_value *kv = &st->metadata[st->metadata_count];

        if (!json_is_string(value))
            return error_set(p->err, ERR_INPUT,
                             "%s: __metadata__: %.200s is not a text", p->name, key);
        kv->key = strdup(key);
        kv->value = strdup(json_string_value(value));
        st->metadata_count++;
        if (!kv->key || !kv->value)
            return error_set(p->err, ERR_MEMORY, "%s: out of memory", p->name);
    }
    return 0;
}

static int parse_entries(const struct parser *p, const json_t *root)
{
    const char *key;
    json_t *value;
    int rc = 0;

    if (!json_is_object(root))
        return error_set(p->err, ERR_INPUT, "%s: header is not a JSON object", p->name);
    p->st->tensors = calloc(json_object_size(root) + 1, sizeof *p->st->tensors);
    if (!p->st->tensors)
        return error_set(p->err, ERR_MEMORY, "%s: out of memory", p->name);
    json_object_foreach((json_t *)root, key, value)
    {
        if (!strcmp(key, "__metadata__"))
            rc = parse_metadata(p, value);
        else
            rc = parse_tensor(p, key, value);
        if (rc)
            break;
    }
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;

    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size); /* empty ones first */
}

static int by_name(const void *a, const void *b)
{
    const struct safetensors_tensor *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Tensors follow each other without hole or overlap, up to the end. */
static int check_places(const struct parser *p)
{
    struct safetensors *st = p->st;
    const uint8_t *at = p->data;

    qsort(st->tensors, st->count, sizeof *st->tensors, by_place);
    for (size_t i = 0; i < st->count; i++) {
        const struct safetensors_tensor *t = &st->tensors[i];

        if (t->data != at)
            return error_set(
                p->err, ERR_INPUT, "%s: %.200s: data_offsets %s", p->name, t->name,
                t->data < at ? "overlap another tensor's" : "leave a hole before them");
        at += t->size;
    }
    if ((uint64_t)(at - p->data) != p->data_size)
        return error_set(p->err, ERR_INPUT,
                         "%s: %" PRIu64 " bytes of data, the header describes %" PRIu64,
                         p->name, p->data_size, (uint64_t)(at - p->data));
    qsort(st->tensors, st->count, sizeof *st->tensors, by_name);
    return 0;
}

static uint64_t little_endian(const uint8_t *bytes)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static int parse_header(struct parser *p, const uint8_t *bytes, size_t size)
{
    json_error_t reason;
    json_t *root;
    uint64_t length;
    int rc;

    if (size < 8)
        return error_set(p->err, ERR_INPUT, "%s: %zu bytes, too short for safetensors",
                         p->name, size);
    length = little_endian(bytes);
    if (length > size - 8)
        return error_set(p->err, ERR_INPUT,
                         "%s: header of %" PRIu64 " bytes in a file of %zu", p->name,
                         length, size);
    if (length > header_max)
        return error_set(p->err, ERR_INPUT,
                         "%s: header of %" PRIu64 " bytes, at most %" PRIu64, p->name,
                         length, header_max);
    p->data = bytes + 8 + length;
    p->data_size = size - 8 - length;
    root = json_loadb((const char *)bytes + 8, length, JSON_REJECT_DUPLICATES, &reason);
    if (!root)
        return error_set(p->err, ERR_INPUT, "%s: header: %s", p->name, reason.text);
    rc = parse_entries(p, root);
    json_decref(root);
    return rc ? rc : check_places(p);
}

int safetensors_parse(struct safetensors *out, const void *bytes, size_t size,
                      const char *name, struct error *err)
{
    struct parser p = {.st = out, .name = name, .err = err};
    int rc;

    *out = (struct safetensors){0};
    rc = parse_header(&p, bytes, size);
    if (rc)
        safetensors_clear(out);
    return rc;
}

void safetensors_clear(struct safetensors *st)
{
    for (size_t i = 0; i < st->count; i++)
        free(st->tensors[i].name);
    for (size_t i = 0; i < st->metadata_count; i++) {
        free(st->metadata[i].key);
        free(st->metadata[i].value);
    }
    free(st->tensors);
    free(st->metadata);
    *st = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *st,
                                                  const char *name)
{
    struct safetensors_tensor key = {.name = (char *)name};

    return st->count ? bsearch(&key, st->tensors, st->count, sizeof key, by_name)
                     : NULL;
}

const char *safetensors_metadata(const struct safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->metadata_count; i++)
        if (!strcmp(st->metadata[i].key, key))
            return st->metadata[i].value;
    return NULL;
}

void tensor_shape_text(char *out, size_t size, const struct safetensors_tensor *t)
{
    size_t used = (size_t)snprintf(out, size, "[");

    for (int i = 0; i < t->dims && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, i ? ", " : "",
                                 t->shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}
