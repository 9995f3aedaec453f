/* tokenizer.json: a WordPiece model with BERT's normaliser and pre-tokenizer, or a
 * refusal that names what else it found. Every value is checked before it is used;
 * truncation and padding are not read. */
#include "text/tokenizer_parts.h"

#include "text/json_value.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static int read_vocab(struct tokenizer *t, json_t *vocab, const char *name,
                      struct error *err)
{
    const char *piece;
    size_t size;
    json_t *value;
    int rc = 0;

    if (!json_is_object(vocab))
        return error_set(err, ERR_INPUT, "%s: model.vocab: missing or no object", name);
    t->vocabulary = vocabulary_new();
    if (!t->vocabulary)
        return error_set(err, ERR_MEMORY, "out of memory");
    json_object_keylen_foreach(vocab, piece, size, value)
    {
        json_int_t id = json_integer_value(value);

        if (!json_is_integer(value) || id < 0 || id >= INT32_MAX / 2)
            return error_set(err, ERR_INPUT, "%s: model.vocab: \"%.60s\": not an id",
                             name, piece);
        if (size > 0)
            rc = vocabulary_add(t->vocabulary, piece, size, (int32_t)id, err);
        if (rc)
            return error_prefix(err, rc, "%s: model.vocab", name);
    }
    return 0;
}

static bool looks_like_word_piece(json_t *model)
{
    json_t *type = json_object_get(model, "type");

    if (type) /* old files do not say */
        return json_is_string(type) && !strcmp(json_string_value(type), "WordPiece");
    return json_object_get(model, "max_input_chars_per_word") != NULL;
}

static int read_model(struct tokenizer *t, json_t *model, const char *name,
                      struct error *err)
{
    struct json_place place = {name, "model"};
    const char *unknown, *prefix;
    int64_t word_max;
    int rc;

    if (!looks_like_word_piece(model))
        return error_set(err, ERR_INPUT,
                         "%s: model: \"%.60s\": only WordPiece is known", name,
                         json_text_or(json_object_get(model, "type"), "no type"));
    if ((rc = read_vocab(t, json_object_get(model, "vocab"), name, err)) != 0 ||
        (rc = json_text_in(model, "unk_token", &unknown, &place, err)) != 0 ||
        (rc = json_text_in(model, "continuing_subword_prefix", &prefix, &place, err)) ||
        (rc = json_integer_in(model, "max_input_chars_per_word", 0, INT64_MAX,
                              &word_max, &place, err)) != 0)
        return rc;
    return tokenizer_set_model(t, unknown, prefix, word_max, name, err);
}

static int read_normalizer(struct tokenizer *t, json_t *n, const char *name,
                           struct error *err)
{
    struct json_place place = {name, "normalizer"};
    bool accents;
    int rc;

    if (!n || json_is_null(n))
        return 0;
    if (strcmp(json_text_or(json_object_get(n, "type"), ""), "BertNormalizer") != 0)
        return error_set(err, ERR_INPUT,
                         "%s: normalizer: \"%.60s\": only BertNormalizer is known",
                         name, json_text_or(json_object_get(n, "type"), "no type"));
    if ((rc = json_flag_in(n, "clean_text", &t->normalizer.clean_text, &place, err)) ||
        (rc = json_flag_in(n, "handle_chinese_chars", &t->normalizer.chinese_chars,
                           &place, err)) != 0 ||
        (rc = json_flag_in(n, "lowercase", &t->normalizer.lowercase, &place, err)) != 0)
        return rc;
    accents = t->normalizer.lowercase;
    if (json_object_get(n, "strip_accents") &&
        !json_is_null(json_object_get(n, "strip_accents")))
        rc = json_flag_in(n, "strip_accents", &accents, &place, err);
    t->normalizer.strip_accents = accents;
    return rc;
}

static int read_pre_tokenizer(json_t *p, const char *name, struct error *err)
{
    const char *type = json_text_or(json_object_get(p, "type"), "no type");

    if (strcmp(type, "BertPreTokenizer") == 0)
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: pre_tokenizer: \"%.60s\": only BertPreTokenizer is known",
                     name, type);
}

static int read_added(struct tokenizer *t, json_t *list, const char *name,
                      struct error *err)
{
    struct json_place place = {name, "added_tokens"};
    size_t i;
    json_t *entry;
    int rc = 0;

    if (list && !json_is_null(list) && !json_is_array(list))
        return error_set(err, ERR_INPUT, "%s: added_tokens: no list", name);
    json_array_foreach(list, i, entry)
    {
        struct tokenizer_added added;

        if ((rc = json_text_in(entry, "content", &added.content, &place, err)) != 0 ||
            (rc =
                 json_flag_in(entry, "single_word", &added.single_word, &place, err)) ||
            (rc = json_flag_in(entry, "lstrip", &added.lstrip, &place, err)) != 0 ||
            (rc = json_flag_in(entry, "rstrip", &added.rstrip, &place, err)) != 0 ||
            (rc = json_flag_in(entry, "normalized", &added.normalized, &place, err)) ||
            (rc = tokenizer_add(t, &added, err)) != 0)
            return rc;
    }
    return rc;
}

static int template_add(struct token_template *out, int text, json_t *id, json_t *type,
                        const char *name, struct error *err)
{
    struct template_item item = {.text = text};

    if (out->count == TEMPLATE_ITEMS_MAX)
        return error_set(err, ERR_INPUT, "%s: post_processor: more than %d places",
                         name, TEMPLATE_ITEMS_MAX);
    if (text < 0 && (!json_is_integer(id) || json_integer_value(id) < 0 ||
                     json_integer_value(id) >= INT32_MAX / 2))
        return error_set(err, ERR_INPUT, "%s: post_processor: a token without an id",
                         name);
    if (!json_is_integer(type) || json_integer_value(type) < 0 ||
        json_integer_value(type) > UINT8_MAX)
        return error_set(err, ERR_INPUT,
                         "%s: post_processor: type_id: not a number up to 255", name);
    item.id = text < 0 ? (int32_t)json_integer_value(id) : 0;
    item.type = (uint8_t)json_integer_value(type);
    out->specials += text < 0;
    out->items[out->count++] = item;
    return 0;
}

/* {"SpecialToken": {"id": "[CLS]", "type_id": 0}}; its ids stand in the table. */
static int template_add_special(struct token_template *out, json_t *special,
                                json_t *table, const char *name, struct error *err)
{
    const char *token = json_text_or(json_object_get(special, "id"), "");
    json_t *ids = json_object_get(json_object_get(table, token), "ids");
    size_t i;
    json_t *id;
    int rc = 0;

    if (json_array_size(ids) == 0)
        return error_set(err, ERR_INPUT,
                         "%s: post_processor.special_tokens: \"%.60s\" has no ids",
                         name, token);
    json_array_foreach(ids, i, id)
    {
        rc = template_add(out, -1, id, json_object_get(special, "type_id"), name, err);
        if (rc)
            break;
    }
    return rc;
}

/* {"Sequence": {"id": "A", "type_id": 0}} */
static int template_add_text(struct token_template *out, json_t *sequence, bool pair,
                             const char *name, struct error *err)
{
    const char *id = json_text_or(json_object_get(sequence, "id"), "");
    int text = strcmp(id, "A") == 0 ? 0 : strcmp(id, "B") == 0 ? 1 : 2;

    for (int i = 0; i < out->count; i++)
        if (out->items[i].text == text)
            text = 2;
    if (text > (int)pair)
        return error_set(err, ERR_INPUT,
                         "%s: post_processor.%s: sequence \"%.60s\": unexpected", name,
                         pair ? "pair" : "single", id);
    return template_add(out, text, NULL, json_object_get(sequence, "type_id"), name,
                        err);
}

static int read_template(struct token_template *out, json_t *processor, bool pair,
                         const char *name, struct error *err)
{
    json_t *items = json_object_get(processor, pair ? "pair" : "single");
    json_t *table = json_object_get(processor, "special_tokens"), *item;
    size_t i;
    int rc = 0;

    json_array_foreach(items, i, item)
    {
        json_t *special = json_object_get(item, "SpecialToken");
        json_t *sequence = json_object_get(item, "Sequence");

        if (special)
            rc = template_add_special(out, special, table, name, err);
        else
            rc = template_add_text(out, sequence, pair, name, err);
        if (rc)
            return rc;
    }
    if (out->count - out->specials != 1 + (int)pair)
        return error_set(err, ERR_INPUT, "%s: post_processor.%s: a text is missing",
                         name, pair ? "pair" : "single");
    return 0;
}

/* BertProcessing: "sep": ["[SEP]", 102], "cls": ["[CLS]", 101] */
static int read_bert_processing(struct tokenizer *t, json_t *processor,
                                const char *name, struct error *err)
{
    json_t *cls = json_array_get(json_object_get(processor, "cls"), 1);
    json_t *sep = json_array_get(json_object_get(processor, "sep"), 1);
    json_int_t a = json_integer_value(cls), b = json_integer_value(sep);

    if (!json_is_integer(cls) || !json_is_integer(sep) || a < 0 || b < 0 ||
        a >= INT32_MAX / 2 || b >= INT32_MAX / 2)
        return error_set(err, ERR_INPUT, "%s: post_processor: cls or sep has no id",
                         name);
    tokenizer_bert_templates(t, (int32_t)a, (int32_t)b);
    return 0;
}

static int read_post_processor(struct tokenizer *t, json_t *p, const char *name,
                               struct error *err)
{
    const char *type = json_text_or(json_object_get(p, "type"), "none");
    int rc;

    if (strcmp(type, "BertProcessing") == 0)
        return read_bert_processing(t, p, name, err);
    if (strcmp(type, "TemplateProcessing") != 0)
        return error_set(err, ERR_INPUT,
                         "%s: post_processor: \"%.60s\": only TemplateProcessing and "
                         "BertProcessing are known",
                         name, type);
    rc = read_template(&t->templates[0], p, false, name, err);
    return rc ? rc : read_template(&t->templates[1], p, true, name, err);
}

int tokenizer_json_read(struct tokenizer *t, const char *text, size_t size,
                        const char *name, struct error *err)
{
    json_t *root;
    int rc = json_text_parse(&root, text, size, name, err);

    if (rc)
        return rc;
    if ((rc = read_model(t, json_object_get(root, "model"), name, err)) == 0 &&
        (rc = read_normalizer(t, json_object_get(root, "normalizer"), name, err)) ==
            0 &&
        (rc = read_pre_tokenizer(json_object_get(root, "pre_tokenizer"), name, err)) ==
            0 &&
        (rc = read_added(t, json_object_get(root, "added_tokens"), name, err)) == 0)
        rc = read_post_processor(t, json_object_get(root, "post_processor"), name, err);
    json_decref(root);
    return rc;
}
