/* Checks of config.json. What it does not say has transformers' BertConfig's default,
 * but the sizes that decide tensors' shapes must be there. */
#include "storage/encoder_config.h"

#include "storage/file_map.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const json_t *root;
    const char *name;
    struct error *err;
};

/* fallback < 0: the key must be there. */
static int read_size(const struct reader *r, const char *key, int fallback, int max,
                     int *out)
{
    const json_t *item = json_object_get(r->root, key);

    if (!item && fallback >= 0) {
        *out = fallback;
        return 0;
    }
    if (!json_is_integer(item))
        return error_set(r->err, ERR_INPUT, "%s: %s: %s", r->name, key,
                         item ? "not an integer" : "missing");
    if (json_integer_value(item) < 1 || json_integer_value(item) > max)
        return error_set(r->err, ERR_INPUT,
                         "%s: %s: %" JSON_INTEGER_FORMAT " is outside [1, %d]", r->name,
                         key, json_integer_value(item), max);
    *out = (int)json_integer_value(item);
    return 0;
}

static int read_real(const struct reader *r, const char *key, float fallback, float min,
                     float max, float *out)
{
    const json_t *item = json_object_get(r->root, key);
    double value = json_number_value(item);

    if (!item) {
        *out = fallback;
        return 0;
    }
    if (!json_is_number(item) || !(value >= min && value <= max))
        return error_set(r->err, ERR_INPUT, "%s: %s: not a number between %g and %g",
                         r->name, key, min, max);
    *out = (float)value;
    return 0;
}

/* The key's text must be wanted; absent or null is the default and so is good. */
static int check_text(const struct reader *r, const char *key, const char *wanted)
{
    const json_t *item = json_object_get(r->root, key);
    const char *text = json_string_value(item);

    if (!item || json_is_null(item) || (text && !strcmp(text, wanted)))
        return 0;
    return error_set(r->err, ERR_INPUT, "%s: %s: %.60s is not supported, only %s",
                     r->name, key, text ? text : "(not a text)", wanted);
}

static int check_false(const struct reader *r, const char *key)
{
    const json_t *item = json_object_get(r->root, key);

    if (!item || json_is_false(item) || json_is_null(item))
        return 0;
    return error_set(r->err, ERR_INPUT, "%s: %s is not supported", r->name, key);
}

static int read_activation(const struct reader *r, enum activation *out)
{
    static const struct {
        const char *name;
        enum activation activation;
    } known[] = {{"gelu", ACTIVATION_GELU},
                 {"gelu_new", ACTIVATION_GELU_NEW},
                 {"gelu_pytorch_tanh", ACTIVATION_GELU_NEW},
                 {"relu", ACTIVATION_RELU}};
    const json_t *item = json_object_get(r->root, "hidden_act");
    const char *text = item ? json_string_value(item) : "gelu";

    for (size_t i = 0; text && i < sizeof known / sizeof *known; i++)
        if (!strcmp(text, known[i].name)) {
            *out = known[i].activation;
            return 0;
        }
    return error_set(r->err, ERR_INPUT,
                     "%s: hidden_act: %.60s is not supported, only gelu, gelu_new "
                     "(gelu_pytorch_tanh) and relu",
                     r->name, text ? text : "(not a text)");
}

static int check_kind(const struct reader *r)
{
    int rc;

    if (!json_is_object(r->root))
        return error_set(r->err, ERR_INPUT, "%s: not a JSON object", r->name);
    if (!json_is_string(json_object_get(r->root, "model_type")))
        return error_set(r->err, ERR_INPUT, "%s: model_type: missing", r->name);
    rc = check_text(r, "model_type", "bert");
    if (!rc)
        rc = check_text(r, "position_embedding_type", "absolute");
    if (!rc)
        rc = check_false(r, "is_decoder");
    if (!rc)
        rc = check_false(r, "add_cross_attention");
    return rc;
}

static int read_sizes(const struct reader *r, struct encoder_config *c)
{
    const struct {
        const char *key;
        int fallback, max;
        int *out;
    } sizes[] = {{"num_hidden_layers", -1, 1024, &c->layers},
                 {"hidden_size", -1, 1 << 16, &c->hidden},
                 {"intermediate_size", -1, 1 << 18, &c->ffn},
                 {"num_attention_heads", -1, 1 << 12, &c->heads},
                 {"vocab_size", -1, 1 << 24, &c->vocab},
                 {"max_position_embeddings", 512, 1 << 20, &c->positions},
                 {"type_vocab_size", 2, 256, &c->types}};
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof sizes / sizeof *sizes; i++)
        rc = read_size(r, sizes[i].key, sizes[i].fallback, sizes[i].max, sizes[i].out);
    if (!rc && c->hidden % c->heads)
        rc = error_set(r->err, ERR_INPUT,
                       "%s: hidden_size: %d is not a multiple of %d heads", r->name,
                       c->hidden, c->heads);
    return rc;
}

int encoder_config_parse(struct encoder_config *out, const char *text, size_t size,
                         const char *name, struct error *err)
{
    json_error_t reason;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    struct reader r = {.root = root, .name = name, .err = err};
    int rc;

    *out = (struct encoder_config){0};
    if (!root)
        return error_set(err, ERR_INPUT, "%s:%d: %s", name, reason.line, reason.text);
    rc = check_kind(&r);
    if (!rc)
        rc = read_sizes(&r, out);
    if (!rc)
        rc = read_activation(&r, &out->activation);
    if (!rc)
        rc = read_real(&r, "layer_norm_eps", 1e-12f, 0, 1, &out->layer_norm_eps);
    if (!rc)
        rc = read_real(&r, "initializer_range", 0.02f, 0, 100, &out->initializer_range);
    json_decref(root);
    return rc;
}

int encoder_config_read(struct encoder_config *out, const char *dir, struct error *err)
{
    char *path = path_join(dir, "config.json"), *text = NULL;
    size_t size = 0;
    int rc;

    if (!path)
        return error_set(err, ERR_MEMORY, "%s: out of memory", dir);
    rc = file_read(&text, &size, path, 1 << 20, err);
    if (!rc)
        rc = encoder_config_parse(out, text, size, path, err);
    free(text);
    free(path);
    return rc;
}
