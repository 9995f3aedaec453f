#include "tests/text/generated_text.h"

#include "tests/support/places.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64. */
static uint32_t below(uint64_t *state, uint32_t n)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static uint32_t point(uint32_t c) { return c >= 0xd800 && c < 0xe000 ? 0xe9 : c; }

static void add_atom(struct utf8_text *out, uint64_t *state, const json_t *atoms)
{
    const json_t *atom =
        json_array_get(atoms, below(state, (uint32_t)json_array_size(atoms)));
    const char *text = json_string_value(atom);

    for (size_t at = 0; at < json_string_length(atom);) {
        uint32_t c;

        at += utf8_decode(&c, text + at);
        utf8_text_add(out, c);
    }
}

static void add_run(struct utf8_text *out, uint64_t *state)
{
    uint32_t letter = 'a' + below(state, 26);

    for (uint32_t n = below(state, 130); n > 0; n--)
        utf8_text_add(out, letter);
}

static void add_marks(struct utf8_text *out, uint64_t *state)
{
    for (uint32_t n = 1 + below(state, 4); n > 0; n--)
        utf8_text_add(out, 0x300 + below(state, 0x70));
}

static void add_word(struct utf8_text *out, uint64_t *state)
{
    for (uint32_t n = 1 + below(state, 8); n > 0; n--)
        utf8_text_add(out, (uint32_t) "abcdeABtrs"[below(state, 10)]);
}

static void add_part(struct utf8_text *out, uint64_t *state, const json_t *atoms)
{
    uint32_t kind = below(state, 16);

    if (kind < 5)
        add_atom(out, state, atoms);
    else if (kind == 5)
        utf8_text_add(out, point(below(state, 0x110000)));
    else if (kind == 6)
        utf8_text_add(out, point(below(state, 0x3000)));
    else if (kind == 7)
        add_marks(out, state);
    else if (kind == 8)
        utf8_text_add(out, 0xac00 + below(state, 11172));
    else if (kind == 9)
        utf8_text_add(out, 0x4e00 + below(state, 0x5200));
    else if (kind == 10)
        add_run(out, state);
    else if (kind == 11)
        utf8_text_add(out, below(state, 128));
    else if (kind == 12)
        utf8_text_add(out, ' ');
    else
        add_word(out, state);
}

void generated_text(struct utf8_text *out, uint64_t seed, const json_t *atoms)
{
    uint64_t state = seed;

    out->size = 0;
    for (uint32_t parts = below(&state, 24); parts > 0; parts--)
        add_part(out, &state, atoms);
}

void sequence_digest_add(struct digest_stream *stream, const struct token_ids *ids)
{
    int32_t count = ids->count;

    digest_stream_add(stream, &count, sizeof count);
    digest_stream_add(stream, ids->ids, (size_t)count * sizeof *ids->ids);
    digest_stream_add(stream, ids->types, (size_t)count);
}

static void add(struct digest_stream *stream, const struct tokenizer *tokenizer,
                const struct utf8_text *a, const struct utf8_text *b, int max_length,
                struct token_ids *ids)
{
    struct error err = {""};
    const char *second = b ? b->data ? b->data : "" : NULL;

    if (tokenizer_encode(tokenizer, a->data ? a->data : "", a->size, second,
                         b ? b->size : 0, max_length, ids, &err) != 0)
        CU_FAIL(err.text);
    sequence_digest_add(stream, ids);
}

void generated_digest(char out[DIGEST_HEX], const struct tokenizer *tokenizer,
                      int max_length)
{
    const char *path = place_source("tests/data/text/atoms.json");
    json_t *atoms = json_load_file(path, JSON_ALLOW_NUL, NULL);
    struct digest_stream *stream = digest_stream_new();
    struct utf8_text texts[2] = {{0}, {0}};
    struct token_ids ids = {0};

    CU_ASSERT_FATAL(atoms != NULL && stream != NULL);
    for (int i = 0; i < GENERATED_TEXTS; i++) {
        generated_text(&texts[0], (uint64_t)i, atoms);
        add(stream, tokenizer, &texts[0], NULL, max_length, &ids);
    }
    for (int i = 0; i + 1 < GENERATED_TEXTS; i++) {
        generated_text(&texts[0], (uint64_t)i, atoms);
        generated_text(&texts[1], (uint64_t)i + 1, atoms);
        add(stream, tokenizer, &texts[0], &texts[1], max_length, &ids);
    }
    digest_hex(out, digest_stream_value(stream));
    token_ids_clear(&ids);
    utf8_text_clear(&texts[0]);
    utf8_text_clear(&texts[1]);
    digest_stream_free(stream);
    json_decref(atoms);
}
