/* A tiny vocabulary and hard texts against digests recorded from Hugging Face's
 * library, and what a tokenizer refuses. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/text/generated_text.h"
#include "tests/text/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static json_t *load_variants(void)
{
    const char *path = place_source("tests/data/text/variants.json");
    json_t *variants = json_load_file(path, 0, NULL);

    CU_ASSERT_FATAL(variants != NULL);
    return variants;
}

static struct tokenizer *open_variant(const json_t *description)
{
    json_t *json = variant_json(description);
    struct tokenizer *tokenizer;
    struct error err = {""};

    if (variant_open(&tokenizer, json, &err) != 0)
        CU_FAIL_FATAL(err.text);
    json_decref(json);
    return tokenizer;
}

static struct tokenizer *open_base(void)
{
    json_t *nothing = json_object();
    struct tokenizer *tokenizer = open_variant(nothing);

    json_decref(nothing);
    return tokenizer;
}

static json_t *find_variant(json_t *variants, const char *name)
{
    json_t *description;
    size_t i;

    json_array_foreach(
        variants, i,
        description) if (!strcmp(json_string_value(json_object_get(description,
                                                                   "name")),
                                 name)) return description;
    CU_FAIL_FATAL("variant without a description");
    return NULL;
}

static void ids_of_generated_texts_equal_the_reference(void)
{
    const char *path = place_source("tests/golden/tokenizer_variants.txt");
    FILE *golden = fopen(path, "r");
    json_t *variants = load_variants();
    char name[64], wanted[40], got[DIGEST_HEX];
    int max_length, count = 0;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%63s %d %39s", name, &max_length, wanted) == 3) {
        struct tokenizer *t = open_variant(find_variant(variants, name));

        generated_digest(got, t, max_length);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        if (strcmp(got, wanted) != 0)
            fprintf(stderr, "%s at %d differs\n", name, max_length);
        tokenizer_free(t);
        count++;
    }
    CU_ASSERT_EQUAL(count, 2 * (int)json_array_size(variants));
    json_decref(variants);
    fclose(golden);
}

static void repeat(char *out, const char *word, int times)
{
    out[0] = '\0';
    for (int i = 0; i < times; i++)
        strcat(out, word);
}

/* Digest over pairs of 0 to 12 words. */
static void truncation_digest(char out[DIGEST_HEX], const struct tokenizer *t,
                              int max_length)
{
    struct digest_stream *stream = digest_stream_new();
    struct token_ids ids = {0};
    char a[40], b[40];

    for (int i = 0; i < 13; i++)
        for (int j = 0; j < 13; j++) {
            repeat(a, "a ", i);
            repeat(b, "b ", j);
            CU_ASSERT_EQUAL(
                tokenizer_encode(t, a, strlen(a), b, strlen(b), max_length, &ids, NULL),
                0);
            CU_ASSERT_EQUAL(ids.truncated, i + j + 3 > max_length);
            CU_ASSERT_TRUE(ids.pieces[0] == i && ids.pieces[1] == j);
            sequence_digest_add(stream, &ids);
        }
    digest_hex(out, digest_stream_value(stream));
    token_ids_clear(&ids);
    digest_stream_free(stream);
}

static void pairs_are_cut_as_by_the_reference(void)
{
    FILE *golden = fopen(place_source("tests/golden/tokenizer_truncation.txt"), "r");
    struct tokenizer *t = open_base();
    char wanted[40], got[DIGEST_HEX];
    int max_length, count = 0;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%d %39s", &max_length, wanted) == 2) {
        truncation_digest(got, t, max_length);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        count++;
    }
    CU_ASSERT_EQUAL(count, 20);
    fclose(golden);
    tokenizer_free(t);
}

static struct digest digest_of_variant(const json_t *description)
{
    struct tokenizer *t = open_variant(description);
    struct digest digest = tokenizer_digest(t);

    tokenizer_free(t);
    return digest;
}

static void digest_tells_apart_what_gives_other_ids(void)
{
    json_t *variants = load_variants();
    size_t count = json_array_size(variants);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++) {
            struct digest a = digest_of_variant(json_array_get(variants, i));
            struct digest b = digest_of_variant(json_array_get(variants, j));
            /* BertProcessing says the same as the base's template */
            bool same = i == 9 && j == 0;

            CU_ASSERT_EQUAL(digest_equal(a, b), same);
        }
    json_decref(variants);
}

static void digest_ignores_truncation_and_padding(void)
{
    json_t *none = json_object(), *json = variant_json(none);
    struct digest wanted = digest_of_variant(none);
    struct tokenizer *t = NULL;

    json_object_set_new(json, "truncation", json_null());
    json_object_set_new(json, "padding", json_pack("{s:i}", "pad_id", 7));
    CU_ASSERT_EQUAL_FATAL(variant_open(&t, json, NULL), 0);
    CU_ASSERT_TRUE(digest_equal(tokenizer_digest(t), wanted));
    tokenizer_free(t);
    json_decref(json);
    json_decref(none);
}

/* The base's vocabulary as vocab.txt beside a tokenizer_config.json. */
static const char *legacy_folder(const char *config)
{
    static char folder[200];
    static int number;
    json_t *none = json_object(), *json = variant_json(none), *id;
    json_t *vocab = json_object_get(json_object_get(json, "model"), "vocab");
    char path[240];
    const char *piece;
    FILE *file;

    snprintf(folder, sizeof folder, "%s/legacy%d", place_temporary(), number++);
    CU_ASSERT_FATAL(mkdir(folder, 0700) == 0);
    snprintf(path, sizeof path, "%s/vocab.txt", folder);
    CU_ASSERT_FATAL((file = fopen(path, "w")) != NULL);
    json_object_foreach(vocab, piece, id) /* in the order of the file: ids */
        fprintf(file, "%s\n", piece);
    fclose(file);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    CU_ASSERT_FATAL((file = fopen(path, "w")) != NULL);
    fputs(config, file);
    fclose(file);
    json_decref(json);
    json_decref(none);
    return folder;
}

static void vocab_txt_gives_the_same_tokenizer_as_tokenizer_json(void)
{
    static const struct {
        const char *variant, *config;
    } cases[] = {
        {"uncased", "{}"},
        {"uncased",
         "{\"strip_accents\": null, \"mask_token\": {\"content\": \"[MASK]\"}}"},
        {"cased", "{\"do_lower_case\": false}"},
        {"cased_stripped", "{\"do_lower_case\": false, \"strip_accents\": true}"},
        {"uncased_accents", "{\"strip_accents\": false}"},
        {"no_chinese", "{\"tokenize_chinese_chars\": false}"},
    };
    json_t *variants = load_variants();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct digest wanted =
            digest_of_variant(find_variant(variants, cases[i].variant));
        struct tokenizer *t = NULL;

        CU_ASSERT_EQUAL_FATAL(tokenizer_open(&t, legacy_folder(cases[i].config), NULL),
                              0);
        CU_ASSERT_TRUE(digest_equal(tokenizer_digest(t), wanted));
        tokenizer_free(t);
    }
    json_decref(variants);
}

static void expect_refused(const char *set, const char *why)
{
    json_t *description = json_pack("{s:o}", "set", json_loads(set, 0, NULL));
    json_t *json = variant_json(description);
    struct tokenizer *t;
    struct error err = {""};

    CU_ASSERT_EQUAL(variant_open(&t, json, &err), ERR_INPUT);
    CU_ASSERT_PTR_NULL(t);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/tokenizer.json: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    if (!strstr(err.text, why))
        fprintf(stderr, "%s -> %s\n", set, err.text);
    json_decref(json);
    json_decref(description);
}

static void what_is_not_supported_is_refused_by_name(void)
{
    expect_refused("{\"model\": {\"type\": \"BPE\"}}", "model: \"BPE\"");
    expect_refused("{\"model\": {\"unk_token\": \"[NO]\"}}", "unk_token: \"[NO]\"");
    expect_refused("{\"model\": {\"unk_token\": 7}}", "model.unk_token");
    expect_refused("{\"model\": {\"vocab\": {\"a\": -1}}}", "model.vocab: \"a\"");
    expect_refused("{\"model\": {\"vocab\": {\"a\": 4000000000}}}",
                   "model.vocab: \"a\"");
    expect_refused("{\"model\": {\"vocab\": [1]}}", "model.vocab");
    expect_refused("{\"model\": {\"max_input_chars_per_word\": \"x\"}}",
                   "model.max_input_chars_per_word");
    expect_refused("{\"normalizer\": {\"type\": \"NFKC\"}}", "normalizer: \"NFKC\"");
    expect_refused("{\"normalizer\": {\"lowercase\": 1}}", "normalizer.lowercase");
    expect_refused("{\"pre_tokenizer\": {\"type\": \"Whitespace\"}}",
                   "pre_tokenizer: \"Whitespace\"");
    expect_refused("{\"post_processor\": {\"type\": \"RobertaProcessing\"}}",
                   "post_processor: \"RobertaProcessing\"");
    expect_refused("{\"post_processor\": {\"pair\": []}}", "post_processor.pair");
    expect_refused("{\"post_processor\": {\"special_tokens\": {}}}", "has no ids");
}

static void write_text(const char *folder, const char *name, const char *text,
                       size_t size)
{
    char path[260];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    CU_ASSERT_FATAL((file = fopen(path, "w")) != NULL);
    fwrite(text, 1, size, file);
    fclose(file);
}

static void expect_vocab_refused(const char *vocab, size_t size, const char *why)
{
    const char *folder = legacy_folder("{}");
    struct tokenizer *t;
    struct error err = {""};

    write_text(folder, "vocab.txt", vocab, size);
    CU_ASSERT_EQUAL(tokenizer_open(&t, folder, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
}

static void broken_vocabularies_are_refused_with_file_and_reason(void)
{
    struct tokenizer *t;
    struct error err = {""};

    expect_vocab_refused("", 0, "vocab.txt: no word pieces");
    expect_vocab_refused("[CLS]\n[SEP]\na\n", 14, "unk_token: \"[UNK]\"");
    expect_vocab_refused("[UNK]\n[SEP]\na\n", 14, "cls_token \"[CLS]\"");
    expect_vocab_refused("[UNK]\n[CLS]\n\xff\n", 14,
                         "vocab.txt:3: word piece: invalid");
    CU_ASSERT_EQUAL(tokenizer_open(&t, place_temporary(), &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "neither tokenizer.json nor vocab.txt"));
    CU_ASSERT_EQUAL(tokenizer_open(&t, legacy_folder("{\"do_lower_case\": 3}"), &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "do_lower_case"));
    CU_ASSERT_EQUAL(tokenizer_open(&t, legacy_folder("{,"), &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tokenizer_config.json:1: JSON"));
}

static void texts_that_cannot_be_encoded_are_refused(void)
{
    struct tokenizer *t = open_base();
    struct token_ids ids = {0};
    struct error err = {""};

    CU_ASSERT_EQUAL(tokenizer_encode(t, "a\xc0", 2, NULL, 0, 8, &ids, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "invalid UTF-8"));
    CU_ASSERT_EQUAL(tokenizer_encode(t, "a", 1, "\xed\xa0\x80", 3, 8, &ids, &err),
                    ERR_INPUT);
    CU_ASSERT_EQUAL(tokenizer_encode(t, "a", 1, NULL, 0, 2, &ids, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(tokenizer_encode(t, "a", 1, NULL, 0, 3, &ids, &err), 0);
    CU_ASSERT_EQUAL(tokenizer_encode(t, "a", 1, "b", 1, 3, &ids, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(tokenizer_encode(t, "", 0, NULL, 0, 8, &ids, &err), 0);
    CU_ASSERT_TRUE(ids.count == 2 && ids.pieces[0] == 0);
    token_ids_clear(&ids);
    tokenizer_free(t);
}

/* A quadratic step would take minutes here and end in the test's timeout. */
static void a_megabyte_without_a_space_is_encoded_at_once(void)
{
    enum { SIZE = 1 << 20 };
    static const char *const parts[] = {
        "a", "\u0301\u0316", "\u302e\U0001d165", "[MASK]", "\u4e2d", "[MAS", "  "};
    struct tokenizer *t = open_base();
    struct token_ids ids = {0};
    char *text = malloc(SIZE + 16);

    CU_ASSERT_FATAL(text != NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t part = strlen(parts[i]), size = 0;

        for (; size < SIZE; size += part)
            memcpy(text + size, parts[i], part);
        CU_ASSERT_EQUAL(tokenizer_encode(t, text, size, NULL, 0, 128, &ids, NULL), 0);
        CU_ASSERT_TRUE(ids.count >= 2 && ids.count <= 128);
    }
    free(text);
    token_ids_clear(&ids);
    tokenizer_free(t);
}

static void pieces_know_the_bytes_of_their_words(void)
{
    static const char text[] = "\x01 Caf\xc3\xa9s [SEP]don't \xe4\xb8\xad"
                               "x";
    static const char *const words[] = {"Caf\xc3\xa9s", "[SEP]", "don", "'", "t",
                                        "\xe4\xb8\xad", "x"};
    struct tokenizer *t;
    struct token_ids ids = {.with_words = true};
    size_t at = 0;

    CU_ASSERT_EQUAL_FATAL(
        tokenizer_open(&t, place_source("tests/data/encoders/tiny-odd"), NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        tokenizer_encode(t, text, sizeof text - 1, "b", 1, 128, &ids, NULL), 0);
    for (int i = 0; i < ids.count; i++) {
        const struct token_word *w = &ids.words[i];
        bool next = i > 0 && (w->text != w[-1].text || w->start != w[-1].start);

        if (w->text != 0)
            continue;
        at += next && w[-1].text == 0;
        CU_ASSERT_FATAL(at < 7);
        CU_ASSERT_EQUAL(w->end - w->start, strlen(words[at]));
        CU_ASSERT(!strncmp(text + w->start, words[at], strlen(words[at])));
    }
    CU_ASSERT_EQUAL(at, 6);
    CU_ASSERT(ids.words[0].text == -1 && ids.words[ids.count - 2].text == 1);
    token_ids_clear(&ids);
    tokenizer_free(t);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(ids_of_generated_texts_equal_the_reference),
        SUITE_TEST(pairs_are_cut_as_by_the_reference),
        SUITE_TEST(digest_tells_apart_what_gives_other_ids),
        SUITE_TEST(digest_ignores_truncation_and_padding),
        SUITE_TEST(vocab_txt_gives_the_same_tokenizer_as_tokenizer_json),
        SUITE_TEST(what_is_not_supported_is_refused_by_name),
        SUITE_TEST(broken_vocabularies_are_refused_with_file_and_reason),
        SUITE_TEST(texts_that_cannot_be_encoded_are_refused),
        SUITE_TEST(pieces_know_the_bytes_of_their_words),
        SUITE_TEST(a_megabyte_without_a_space_is_encoded_at_once),
        {NULL, NULL},
    };

    return suite_run("tokenizer", tests);
}
