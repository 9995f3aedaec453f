/* vocab.txt with tokenizer_config.json and special_tokens_map.json, as transformers
 * turns them into a fast tokenizer: BERT's defaults for what they do not say. */
#include "text/tokenizer_parts.h"

#include "text/json_value.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 100, SPECIAL_COUNT = 5 };

static const struct {
    const char *key, *token;
} specials[SPECIAL_COUNT] = {
    {"unk_token", "[UNK]"}, {"cls_token", "[CLS]"},   {"sep_token", "[SEP]"},
    {"pad_token", "[PAD]"}, {"mask_token", "[MASK]"},
};

/* A flag that may be absent or null. */
static int optional_flag(const json_t *config, const char *key, bool *out,
                         const struct json_place *place, struct error *err)
{
    const json_t *value = json_object_get(config, key);

    if (!value || json_is_null(value))
        return 0;
    return json_flag_in(config, key, out, place, err);
}

static int read_flags(struct tokenizer *t, const json_t *config, const char *name,
                      struct error *err)
{
    struct json_place place = {name, "tokenizer"};
    struct normalizer *n = &t->normalizer;
    int rc;

    *n = (struct normalizer){true, true, true, true};
    rc = optional_flag(config, "do_lower_case", &n->lowercase, &place, err);
    if (rc == 0)
        rc = optional_flag(config, "tokenize_chinese_chars", &n->chinese_chars, &place,
                           err);
    n->strip_accents = n->lowercase;
    if (rc == 0)
        rc = optional_flag(config, "strip_accents", &n->strip_accents, &place, err);
    return rc;
}

/* A token is written as a string, or as an object with its content. */
static const char *token_text(const json_t *value)
{
    return json_text_or(
        json_is_object(value) ? json_object_get(value, "content") : value, NULL);
}

/* What the files say of a special token, NULL for nothing. */
static const json_t *special_value(const json_t *config, const json_t *map, int special)
{
    const json_t *value = json_object_get(config, specials[special].key);

    return token_text(value) ? value : json_object_get(map, specials[special].key);
}

static const char *special_text(const json_t *config, const json_t *map, int special)
{
    const char *text = token_text(special_value(config, map, special));

    return text ? text : specials[special].token;
}

/* A token written as an object, with the flags it has there. */
static int add_described(struct tokenizer *t, const json_t *described, const char *name,
                         struct error *err)
{
    struct json_place place = {name, "added token"};
    struct tokenizer_added added = {0};
    int rc;

    if ((rc = json_text_in(described, "content", &added.content, &place, err)) != 0 ||
        (rc = optional_flag(described, "single_word", &added.single_word, &place,
                            err)) ||
        (rc = optional_flag(described, "lstrip", &added.lstrip, &place, err)) != 0 ||
        (rc = optional_flag(described, "rstrip", &added.rstrip, &place, err)) != 0 ||
        (rc = optional_flag(described, "normalized", &added.normalized, &place, err)))
        return rc;
    return tokenizer_add(t, &added, err);
}

static int add_tokens(struct tokenizer *t, const json_t *config, const json_t *map,
                      const char *name, struct error *err)
{
    json_t *decoder = json_object_get(config, "added_tokens_decoder"), *described;
    const char *id;
    int rc = 0;

    json_object_foreach(decoder, id, described)
    {
        rc = add_described(t, described, name, err);
        if (rc)
            return rc;
    }
    for (int i = 0; i < SPECIAL_COUNT && rc == 0; i++) {
        const json_t *value = special_value(config, map, i);
        struct tokenizer_added added = {.content = special_text(config, map, i)};

        if (json_is_object(value) && token_text(value))
            rc = add_described(t, value, name, err);
        else if (vocabulary_find(t->vocabulary, added.content, strlen(added.content)) >=
                 0)
            rc = tokenizer_add(t, &added, err);
    }
    return rc;
}

static int set_templates(struct tokenizer *t, const json_t *config, const json_t *map,
                         const char *vocab, struct error *err)
{
    int32_t ids[2];

    for (int i = 0; i < 2; i++) {
        const char *text = special_text(config, map, 1 + i);

        ids[i] = vocabulary_find(t->vocabulary, text, strlen(text));
        if (ids[i] < 0)
            return error_set(err, ERR_INPUT,
                             "%s: %s \"%.60s\" is not in the vocabulary", vocab,
                             specials[1 + i].key, text);
    }
    tokenizer_bert_templates(t, ids[0], ids[1]);
    return 0;
}

static int read_parts(struct tokenizer *t, const struct tokenizer_texts *texts,
                      const json_t *config, const json_t *map, const char *dir,
                      struct error *err)
{
    char vocab[512], name[512];
    int rc;

    snprintf(vocab, sizeof vocab, "%s/vocab.txt", dir);
    snprintf(name, sizeof name, "%s/tokenizer_config.json", dir);
    t->vocabulary = vocabulary_new();
    if (!t->vocabulary)
        return error_set(err, ERR_MEMORY, "out of memory");
    if ((rc = vocabulary_add_lines(t->vocabulary, texts->vocab, texts->vocab_size,
                                   vocab, err)) != 0 ||
        (rc = read_flags(t, config, name, err)) != 0 ||
        (rc = tokenizer_set_model(t, special_text(config, map, 0), "##", WORD_MAX,
                                  vocab, err)) != 0 ||
        (rc = add_tokens(t, config, map, name, err)) != 0)
        return rc;
    return set_templates(t, config, map, vocab, err);
}

int tokenizer_legacy_read(struct tokenizer *t, const struct tokenizer_texts *texts,
                          const char *dir, struct error *err)
{
    json_t *config = NULL, *map = NULL;
    char name[512];
    int rc = 0;

    snprintf(name, sizeof name, "%s/tokenizer_config.json", dir);
    if (texts->config)
        rc = json_text_parse(&config, texts->config, texts->config_size, name, err);
    snprintf(name, sizeof name, "%s/special_tokens_map.json", dir);
    if (rc == 0 && texts->specials)
        rc = json_text_parse(&map, texts->specials, texts->specials_size, name, err);
    if (rc == 0)
        rc = read_parts(t, texts, config, map, dir, err);
    json_decref(map);
    json_decref(config);
    return rc;
}
