/* Opening an encoder: which tensors the computation reads, where they are, whether they
 * are what config.json promises. */
#include "storage/encoder.h"

#include "storage/encoder_config.h"
#include "storage/encoder_copy.h"
#include "storage/weight_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct encoder_mapping {
    struct weight_files files;
    struct node_file copy;
};

/* A tensor that the computation reads. */
struct weight {
    const float **at;   /* where the encoder points to it */
    char name[80];      /* without `bert.` */
    int64_t rows, cols; /* cols = 0: one-dimensional */
    bool optional;
    const struct safetensors_tensor *tensor;
    const char *path;
};

struct weight_list {
    struct weight *items;
    int count;
};

static void want(struct weight_list *list, const float **at, int rows, int cols,
                 const char *name)
{
    struct weight *w = &list->items[list->count++];

    *w = (struct weight){.at = at, .rows = rows, .cols = cols};
    snprintf(w->name, sizeof w->name, "%s", name);
}

static void want_pair(struct weight_list *list, const float **weight,
                      const float **bias, int rows, int cols, const char *prefix)
{
    char name[80];

    snprintf(name, sizeof name, "%s.weight", prefix);
    want(list, weight, rows, cols, name);
    snprintf(name, sizeof name, "%s.bias", prefix);
    want(list, bias, rows, 0, name);
}

static void want_layer(struct weight_list *list, struct encoder_layer *l, int number,
                       int hidden, int ffn)
{
    const struct {
        const char *name;
        const float **weight, **bias;
        int rows, cols;
    } pairs[] = {
        {"attention.self.query", &l->query_weight, &l->query_bias, hidden, hidden},
        {"attention.self.key", &l->key_weight, &l->key_bias, hidden, hidden},
        {"attention.self.value", &l->value_weight, &l->value_bias, hidden, hidden},
        {"attention.output.dense", &l->attention_weight, &l->attention_bias, hidden,
         hidden},
        {"attention.output.LayerNorm", &l->attention_ln_weight, &l->attention_ln_bias,
         hidden, 0},
        {"intermediate.dense", &l->ffn_weight, &l->ffn_bias, ffn, hidden},
        {"output.dense", &l->output_weight, &l->output_bias, hidden, ffn},
        {"output.LayerNorm", &l->output_ln_weight, &l->output_ln_bias, hidden, 0},
    };
    char prefix[64];

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        snprintf(prefix, sizeof prefix, "encoder.layer.%d.%s", number, pairs[i].name);
        want_pair(list, pairs[i].weight, pairs[i].bias, pairs[i].rows, pairs[i].cols,
                  prefix);
    }
}

/* In the order of struct encoder, which is the order of the digest. */
static int want_all(struct weight_list *list, struct encoder *e, struct error *err)
{
    const struct encoder_config *c = &e->config;

    list->items = calloc(7 + 16 * (size_t)c->layers, sizeof *list->items);
    if (!list->items)
        return error_set(err, ERR_MEMORY, "out of memory");
    want(list, &e->word_embeddings, c->vocab, c->hidden,
         "embeddings.word_embeddings.weight");
    want(list, &e->position_embeddings, c->positions, c->hidden,
         "embeddings.position_embeddings.weight");
    want(list, &e->type_embeddings, c->types, c->hidden,
         "embeddings.token_type_embeddings.weight");
    want_pair(list, &e->embeddings_ln_weight, &e->embeddings_ln_bias, c->hidden, 0,
              "embeddings.LayerNorm");
    for (int i = 0; i < c->layers; i++)
        want_layer(list, &e->layers[i], i, c->hidden, c->ffn);
    want_pair(list, &e->pooler_weight, &e->pooler_bias, c->hidden, c->hidden,
              "pooler.dense");
    list->items[list->count - 2].optional = true;
    list->items[list->count - 1].optional = true;
    return 0;
}

/* The tensor under the weight's name, or under the older one of LayerNorms. */
static void find_weight(struct weight *w, const struct weight_files *files,
                        const char *prefix)
{
    char name[96];
    char *end;

    snprintf(name, sizeof name, "%s%s", prefix, w->name);
    w->tensor = weight_files_find(files, name, &w->path);
    end = strstr(name, "LayerNorm.");
    if (w->tensor || !end)
        return;
    end += strlen("LayerNorm.");
    strcpy(end, *end == 'w' ? "gamma" : "beta");
    w->tensor = weight_files_find(files, name, &w->path);
}

static int check_weight(const struct weight *w, struct error *err)
{
    const struct safetensors_tensor *t = w->tensor;
    char shape[160];

    if (t->type == TENSOR_OTHER)
        return error_set(err, ERR_INPUT, "%s: %s: dtype %s, only F32, F16 and BF16",
                         w->path, t->name, t->type_name);
    if (t->dims == (w->cols ? 2 : 1) && t->shape[0] == w->rows &&
        (!w->cols || t->shape[1] == w->cols))
        return 0;
    tensor_shape_text(shape, sizeof shape, t);
    if (w->cols)
        return error_set(err, ERR_INPUT,
                         "%s: %s: shape %s, config.json needs [%" PRId64 ", %" PRId64
                         "]",
                         w->path, t->name, shape, w->rows, w->cols);
    return error_set(err, ERR_INPUT,
                     "%s: %s: shape %s, config.json needs [%" PRId64 "]", w->path,
                     t->name, shape, w->rows);
}

static int find_all(struct weight_list *list, const struct weight_files *files,
                    const char *dir, struct error *err)
{
    const char *word = "bert.embeddings.word_embeddings.weight";
    const char *prefix = weight_files_find(files, word, NULL) ? "bert." : "";
    const struct weight *pooler = &list->items[list->count - 2];

    for (int i = 0; i < list->count; i++) {
        struct weight *w = &list->items[i];
        int rc = 0;

        find_weight(w, files, prefix);
        if (w->tensor)
            rc = check_weight(w, err);
        else if (!w->optional)
            rc = error_set(err, ERR_INPUT, "%s: tensor %s%s is missing", dir, prefix,
                           w->name);
        if (rc)
            return rc;
    }
    if (!pooler[0].tensor != !pooler[1].tensor)
        return error_set(err, ERR_INPUT, "%s: only one of %s and %s is there", dir,
                         pooler[0].name, pooler[1].name);
    return 0;
}

/* Points the encoder to tensors in place, and to the widened copy of the others. */
static int point_all(struct weight_list *list, struct encoder_mapping *mapping,
                     struct error *err)
{
    size_t room = (size_t)list->count;
    const struct safetensors_tensor **tensors = calloc(room, sizeof *tensors);
    const float **floats = calloc(room, sizeof *floats);
    int count = 0, next = 0, rc = 0;

    if (!tensors || !floats) {
        rc = error_set(err, ERR_MEMORY, "out of memory");
        goto done;
    }
    for (int i = 0; i < list->count; i++)
        if (list->items[i].tensor && !tensor_in_place(list->items[i].tensor))
            tensors[count++] = list->items[i].tensor;
    if (count)
        rc = encoder_copy_open(&mapping->copy, floats, tensors, count, err);
    if (rc)
        goto done;
    for (int i = 0; i < list->count; i++) {
        const struct weight *w = &list->items[i];

        if (w->tensor && tensor_in_place(w->tensor))
            *w->at = (const float *)(const void *)w->tensor->data;
        else if (w->tensor)
            *w->at = floats[next++];
    }
done:
    free(floats);
    free(tensors);
    return rc;
}

enum { SCAN_BLOCK = 4096 };

/* A block of fixed length, so that the compiler uses vectors at -O2 too. */
static uint32_t block_not_finite(const uint32_t *bits)
{
    uint32_t bad = 0;

    for (int i = 0; i < SCAN_BLOCK; i++)
        bad |= (uint32_t) - ((int32_t)(bits[i] & 0x7fffffff) >= 0x7f800000);
    return bad;
}

/* Index of the first value that is infinite or NaN, or -1. */
static int64_t find_not_finite(const float *values, int64_t count)
{
    const uint32_t *bits = (const uint32_t *)(const void *)values;
    int64_t at = 0;

    while (at + SCAN_BLOCK <= count && !block_not_finite(bits + at))
        at += SCAN_BLOCK;
    for (; at < count; at++)
        if ((bits[at] & 0x7fffffff) >= 0x7f800000)
            return at;
    return -1;
}

static int scan_weight(const struct weight *w, struct digest_stream *stream,
                       struct error *err)
{
    int64_t count = w->rows * (w->cols ? w->cols : 1);
    int64_t at = find_not_finite(*w->at, count);

    if (at >= 0)
        return error_set(err, ERR_INPUT, "%s: %s: element %" PRId64 " is %s", w->path,
                         w->tensor->name, at,
                         (*w->at)[at] != (*w->at)[at] ? "NaN" : "infinite");
    digest_stream_add(stream, *w->at, (size_t)count * sizeof(float));
    return 0;
}

static void digest_config(struct digest_stream *stream, const struct encoder_config *c)
{
    const int sizes[] = {c->layers, c->hidden,    c->ffn,   c->heads,
                         c->vocab,  c->positions, c->types, (int)c->activation};

    digest_stream_add_text(stream, "bert");
    digest_stream_add(stream, sizes, sizeof sizes);
    digest_stream_add(stream, &c->layer_norm_eps, sizeof c->layer_norm_eps);
    digest_stream_add(stream, &c->initializer_range, sizeof c->initializer_range);
}

/* Reads every value once: finite, and part of the digest. */
static int scan_all(const struct weight_list *list, struct encoder *e,
                    struct error *err)
{
    struct digest_stream *stream = digest_stream_new();
    int rc = 0;

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    digest_config(stream, &e->config);
    for (int i = 0; i < list->count && !rc; i++)
        if (list->items[i].tensor)
            rc = scan_weight(&list->items[i], stream, err);
    if (!rc)
        e->digest = digest_stream_value(stream);
    digest_stream_free(stream);
    return rc;
}

static int open_weights(struct encoder *e, const char *dir, struct error *err)
{
    struct weight_list list = {0};
    int rc;

    e->layers = calloc((size_t)e->config.layers, sizeof *e->layers);
    e->mapping = calloc(1, sizeof *e->mapping);
    if (!e->layers || !e->mapping)
        return error_set(err, ERR_MEMORY, "out of memory");
    rc = weight_files_open(&e->mapping->files, dir, err);
    if (!rc)
        rc = want_all(&list, e, err);
    if (!rc)
        rc = find_all(&list, &e->mapping->files, dir, err);
    if (!rc)
        rc = point_all(&list, e->mapping, err);
    if (!rc)
        rc = scan_all(&list, e, err);
    free(list.items);
    return rc;
}

int encoder_open(struct encoder *out, const char *dir, struct error *err)
{
    int rc;

    *out = (struct encoder){0};
    rc = encoder_config_read(&out->config, dir, err);
    if (!rc)
        rc = open_weights(out, dir, err);
    if (rc)
        encoder_close(out);
    return rc;
}

void encoder_close(struct encoder *encoder)
{
    if (encoder->mapping) {
        node_file_close(&encoder->mapping->copy);
        weight_files_close(&encoder->mapping->files);
    }
    free(encoder->mapping);
    free(encoder->layers);
    *encoder = (struct encoder){0};
}

int encoder_tensors(struct encoder_tensor **out, int *count,
                    const struct encoder *encoder, struct error *err)
{
    struct encoder copy = *encoder; /* want_all wants places to write to */
    struct weight_list list = {0};
    int rc = want_all(&list, &copy, err);

    *count = 0;
    *out = rc ? NULL : calloc((size_t)list.count, sizeof **out);
    if (!rc && !*out)
        rc = error_set(err, ERR_MEMORY, "out of memory");
    for (int i = 0; !rc && i < list.count; i++) {
        const struct weight *w = &list.items[i];
        struct encoder_tensor *t = &(*out)[*count];

        if (!*w->at)
            continue; /* no pooler */
        *t =
            (struct encoder_tensor){.rows = w->rows, .cols = w->cols, .values = *w->at};
        memcpy(t->name, w->name, sizeof t->name);
        ++*count;
    }
    free(list.items);
    return rc;
}
