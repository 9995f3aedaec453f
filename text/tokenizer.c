/* text -> added tokens cut out -> normaliser -> normalised added tokens cut out ->
 * words -> pieces -> truncation -> special tokens around them. */
#include "text/tokenizer.h"

#include "text/file_text.h"
#include "text/tokenizer_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct token_scratch {
    struct normalizer_scratch normalizer;
    struct word_piece_scratch word_piece;
    struct utf8_text normal;
    struct piece_list pieces[2];
    bool with_words;
    size_t *before; /* see normalizer_apply_noting() */
    size_t before_capacity;
};

void token_ids_clear(struct token_ids *ids)
{
    struct token_scratch *s = ids->scratch;

    if (s) {
        normalizer_scratch_clear(&s->normalizer);
        word_piece_scratch_clear(&s->word_piece);
        utf8_text_clear(&s->normal);
        piece_list_clear(&s->pieces[0]);
        piece_list_clear(&s->pieces[1]);
        free(s->before);
        free(s);
    }
    free(ids->ids);
    free(ids->types);
    free(ids->words);
    *ids = (struct token_ids){0};
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    vocabulary_free(t->vocabulary);
    added_tokens_clear(&t->raw);
    added_tokens_clear(&t->normalized);
    free(t->prefix);
    free(t);
}

struct digest tokenizer_digest(const struct tokenizer *t) { return t->digest; }
int32_t tokenizer_max_id(const struct tokenizer *t) { return t->max_id; }

int32_t tokenizer_find(const struct tokenizer *t, const char *token)
{
    return vocabulary_find(t->vocabulary, token, strlen(token));
}

int tokenizer_specials(const struct tokenizer *t, bool pair)
{
    return t->templates[pair].specials;
}

int tokenizer_set_model(struct tokenizer *t, const char *unknown, const char *prefix,
                        int64_t word_max, const char *name, struct error *err)
{
    struct word_piece *w = &t->word_piece;

    t->prefix = strdup(prefix);
    if (!t->prefix)
        return error_set(err, ERR_MEMORY, "out of memory");
    w->vocabulary = t->vocabulary;
    w->prefix = t->prefix;
    w->prefix_size = strlen(prefix);
    w->word_max = word_max;
    w->unknown = vocabulary_find(t->vocabulary, unknown, strlen(unknown));
    if (w->unknown < 0)
        return error_set(err, ERR_INPUT,
                         "%s: unk_token: \"%.60s\" is not in the vocabulary", name,
                         unknown);
    return 0;
}

static int32_t added_id(const struct tokenizer *t, const char *content, size_t size)
{
    int32_t id = vocabulary_find(t->vocabulary, content, size);
    int32_t count = vocabulary_count(t->vocabulary);

    if (id >= 0)
        return id;
    return t->added_max >= count ? t->added_max + 1 : count;
}

static int add_normalized_token(struct tokenizer *t, struct added_token *token,
                                struct error *err)
{
    struct normalizer_scratch scratch = {0};
    struct utf8_text normal = {0};
    int rc = normalizer_apply(&t->normalizer, token->content, token->size, &scratch,
                              &normal, err);

    token->content = normal.data;
    token->size = normal.size;
    if (rc == 0 && normal.size > 0) /* nothing left: it is never found */
        rc = added_tokens_add(&t->normalized, token, err);
    normalizer_scratch_clear(&scratch);
    utf8_text_clear(&normal);
    return rc;
}

int tokenizer_add(struct tokenizer *t, const struct tokenizer_added *added,
                  struct error *err)
{
    size_t size = strlen(added->content);
    struct added_token token = {.content = (char *)added->content,
                                .size = size,
                                .id = added_id(t, added->content, size),
                                .single_word = added->single_word,
                                .lstrip = added->lstrip,
                                .rstrip = added->rstrip};

    if (size == 0) /* the reference passes over it too */
        return 0;
    if (token.id > t->added_max)
        t->added_max = token.id;
    return added->normalized ? add_normalized_token(t, &token, err)
                             : added_tokens_add(&t->raw, &token, err);
}

void tokenizer_bert_templates(struct tokenizer *t, int32_t cls, int32_t sep)
{
    static const int texts[] = {-1, 0, -1, 1, -1};
    static const uint8_t types[] = {0, 0, 0, 1, 1};

    for (int pair = 0; pair < 2; pair++) {
        struct token_template *template = &t->templates[pair];

        template->count = pair ? 5 : 3;
        template->specials = pair ? 3 : 2;
        for (int i = 0; i < template->count; i++)
            template->items[i] =
                (struct template_item){texts[i], i == 0 ? cls : sep, types[i]};
    }
}

static void digest_settings(const struct tokenizer *t, struct digest_stream *stream)
{
    const struct normalizer *n = &t->normalizer;
    uint8_t flags[] = {n->clean_text, n->chinese_chars, n->strip_accents, n->lowercase};
    int64_t numbers[] = {t->word_piece.unknown, t->word_piece.word_max};

    digest_stream_add_text(stream, "wordpiece 1");
    digest_stream_add(stream, flags, sizeof flags);
    digest_stream_add(stream, numbers, sizeof numbers);
    digest_stream_add_text(stream, t->prefix);
}

static void digest_template(const struct token_template *template,
                            struct digest_stream *stream)
{
    for (int i = 0; i < template->count; i++) {
        const struct template_item *item = &template->items[i];
        int32_t parts[] = {item->text, item->text < 0 ? item->id : 0, item->type};

        digest_stream_add(stream, parts, sizeof parts);
    }
}

/* A change of what goes in here changes the identity of every trial. */
static int make_digest(struct tokenizer *t, struct error *err)
{
    struct digest_stream *stream = digest_stream_new();
    int rc;

    if (!stream)
        return error_set(err, ERR_MEMORY, "out of memory");
    digest_settings(t, stream);
    rc = vocabulary_digest(t->vocabulary, stream, err);
    added_tokens_digest(&t->raw, stream);
    added_tokens_digest(&t->normalized, stream);
    digest_template(&t->templates[0], stream);
    digest_template(&t->templates[1], stream);
    t->digest = digest_stream_value(stream);
    digest_stream_free(stream);
    return rc;
}

static int32_t largest_id(const struct tokenizer *t)
{
    int32_t largest = vocabulary_max_id(t->vocabulary);

    if (t->added_max > largest)
        largest = t->added_max;
    for (int pair = 0; pair < 2; pair++)
        for (int i = 0; i < t->templates[pair].count; i++)
            if (t->templates[pair].items[i].id > largest)
                largest = t->templates[pair].items[i].id;
    return largest;
}

/* The text of dir/name, NULL where there is no such file. */
static int read_optional(char **text, size_t *size, const char *dir, const char *name,
                         struct error *err)
{
    char *path = NULL;
    int rc = 0;

    if (asprintf(&path, "%s/%s", dir, name) < 0)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (access(path, F_OK) == 0)
        rc = file_text_read(text, size, path, err);
    free(path);
    return rc;
}

static int read_texts(struct tokenizer *t, const struct tokenizer_texts *texts,
                      const char *dir, struct error *err)
{
    char name[512];

    if (!texts->json && !texts->vocab)
        return error_set(
            err, ERR_INPUT,
            "%s: no tokenizer: neither tokenizer.json nor vocab.txt is there", dir);
    if (!texts->json)
        return tokenizer_legacy_read(t, texts, dir, err);
    snprintf(name, sizeof name, "%s/tokenizer.json", dir);
    return tokenizer_json_read(t, texts->json, texts->json_size, name, err);
}

int tokenizer_open_texts(struct tokenizer **out, const struct tokenizer_texts *texts,
                         const char *dir, struct error *err)
{
    struct tokenizer *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return error_set(err, ERR_MEMORY, "out of memory");
    rc = read_texts(t, texts, dir, err);
    if (rc == 0) {
        added_tokens_finish(&t->raw);
        added_tokens_finish(&t->normalized);
        t->max_id = largest_id(t);
        rc = make_digest(t, err);
    }
    if (rc == 0)
        *out = t;
    else
        tokenizer_free(t);
    return rc;
}

int tokenizer_open(struct tokenizer **out, const char *dir, struct error *err)
{
    struct tokenizer_texts t = {0};
    int rc;

    *out = NULL;
    if ((rc = read_optional(&t.json, &t.json_size, dir, "tokenizer.json", err)) == 0 &&
        (rc = read_optional(&t.vocab, &t.vocab_size, dir, "vocab.txt", err)) == 0 &&
        (rc = read_optional(&t.config, &t.config_size, dir, "tokenizer_config.json",
                            err)) == 0 &&
        (rc = read_optional(&t.specials, &t.specials_size, dir,
                            "special_tokens_map.json", err)) == 0)
        rc = tokenizer_open_texts(out, &t, dir, err);
    free(t.json);
    free(t.vocab);
    free(t.config);
    free(t.specials);
    return rc;
}

static bool room_to_note(struct token_scratch *s, size_t size)
{
    size_t *before;

    if (!s->with_words || size <= s->before_capacity)
        return true;
    before = realloc(s->before, 2 * size * sizeof *before);
    if (!before)
        return false;
    s->before = before;
    s->before_capacity = 2 * size;
    return true;
}

/* Words of the pieces from `first` on, in order, from bytes of the normalised text to
 * those of the given one, of which this is the part of size bytes at `at`. */
static void words_as_given(const struct token_scratch *s, struct piece_list *list,
                           size_t first, size_t at, size_t size)
{
    size_t start = 0, end = 0;

    for (size_t i = first; i < list->count; i++) {
        struct text_span *word = &list->words[i];

        for (size_t j = start;
             j < size && (s->before[j] == SIZE_MAX || s->before[j] <= word->start); j++)
            if (s->before[j] != SIZE_MAX)
                start = j;
        for (end = start + 1;
             end < size && (s->before[end] == SIZE_MAX || s->before[end] < word->end);)
            end++;
        *word = (struct text_span){at + start, at + end};
    }
}

/* The part of a text between two added tokens. */
static int add_normalized(const struct tokenizer *t, const char *whole,
                          const struct added_tokens_match *part,
                          struct token_scratch *s, struct piece_list *out,
                          struct error *err)
{
    struct added_tokens_search search = {0};
    struct added_tokens_match match;
    size_t size = part->text_end - part->text_start, first = out->count;
    int rc;

    s->normal.size = 0;
    if (!room_to_note(s, size))
        return error_set(err, ERR_MEMORY, "out of memory");
    rc = normalizer_apply_noting(&t->normalizer, whole + part->text_start, size,
                                 &s->normalizer, &s->normal,
                                 s->with_words ? s->before : NULL, err);
    while (rc == 0 && added_tokens_next(&t->normalized, s->normal.data, s->normal.size,
                                        &search, &match)) {
        size_t before = out->count;

        rc = word_piece_split(&t->word_piece, s->normal.data + match.text_start,
                              match.text_end - match.text_start, &s->word_piece, out,
                              err);
        for (size_t i = before; i < out->count; i++) {
            out->words[i].start += match.text_start;
            out->words[i].end += match.text_start;
        }
        before = out->count;
        if (match.id >= 0)
            piece_list_add(out, match.id);
        piece_list_mark(out, before,
                        (struct text_span){match.text_end, search.covered});
    }
    if (s->with_words && rc == 0)
        words_as_given(s, out, first, part->text_start, size);
    return rc;
}

static int add_text(const struct tokenizer *t, const char *text, size_t size,
                    struct token_scratch *s, struct piece_list *out, struct error *err)
{
    struct added_tokens_search search = {0};
    struct added_tokens_match match;
    int rc = 0;

    if (utf8_first_invalid(text, size) != size)
        return error_set(err, ERR_INPUT, "invalid UTF-8");
    out->count = 0;
    while (rc == 0 && added_tokens_next(&t->raw, text, size, &search, &match)) {
        if (match.text_end > match.text_start)
            rc = add_normalized(t, text, &match, s, out, err);
        if (match.id >= 0) {
            size_t before = out->count;

            piece_list_add(out, match.id);
            piece_list_mark(out, before,
                            (struct text_span){match.text_end, search.covered});
        }
    }
    if (rc == 0 && (out->failed || out->count > INT32_MAX / 4))
        rc = error_set(err, ERR_MEMORY, "out of memory");
    return rc;
}

/* longest_first: the longer text is cut first; where both must be, they share the room
 * and the one that was longer (of equals the second) gets the odd place. */
static void truncate_longest_first(size_t *a, size_t *b, size_t room)
{
    size_t *shorter = *a > *b ? b : a, *longer = *a > *b ? a : b;

    if (*a + *b <= room)
        return;
    if (2 * *shorter <= room) {
        *longer = room - *shorter;
        return;
    }
    *shorter = room / 2;
    *longer = room - room / 2;
}

static int make_room(struct token_ids *out, int count, struct error *err)
{
    int32_t *ids;
    uint8_t *types;

    struct token_word *words;

    if (count <= out->capacity && (!out->with_words || out->words))
        return 0;
    ids = realloc(out->ids, (size_t)count * sizeof *ids);
    if (ids)
        out->ids = ids;
    types = realloc(out->types, (size_t)count);
    if (types)
        out->types = types;
    words = out->with_words ? realloc(out->words, (size_t)count * sizeof *words) : NULL;
    if (words)
        out->words = words;
    if (!ids || !types || (out->with_words && !words))
        return error_set(err, ERR_MEMORY, "out of memory");
    out->capacity = count;
    return 0;
}

/* The words of one place of the template, whose tokens come next. */
static void fill_words(const struct template_item *item,
                       const struct token_scratch *scratch, size_t count,
                       struct token_ids *out)
{
    for (size_t i = 0; i < count; i++) {
        struct token_word word = {.text = item->text};

        if (item->text >= 0) {
            word.start = scratch->pieces[item->text].words[i].start;
            word.end = scratch->pieces[item->text].words[i].end;
        }
        out->words[(size_t)out->count + i] = word;
    }
}

static void fill(const struct token_template *template,
                 const struct token_scratch *scratch, const size_t counts[2],
                 struct token_ids *out)
{
    out->count = 0;
    for (int i = 0; i < template->count; i++) {
        const struct template_item *item = &template->items[i];
        const int32_t *ids =
            item->text < 0 ? &item->id : scratch->pieces[item->text].ids;
        size_t count = item->text < 0 ? 1 : counts[item->text];

        if (count == 0)
            continue;
        memcpy(out->ids + out->count, ids, count * sizeof *ids);
        memset(out->types + out->count, item->type, count);
        if (out->with_words)
            fill_words(item, scratch, count, out);
        out->count += (int)count;
    }
}

static int assemble(const struct tokenizer *t, bool pair, int max_length,
                    struct token_ids *out, struct error *err)
{
    const struct token_template *template = &t->templates[pair];
    struct token_scratch *s = out->scratch;
    size_t counts[2] = {s->pieces[0].count, pair ? s->pieces[1].count : 0};
    size_t all = counts[0] + counts[1];
    int rc;

    if (max_length <= template->specials)
        return error_set(err, ERR_INPUT,
                         "max_length %d: no room for a text, special tokens take %d",
                         max_length, template->specials);
    out->pieces[0] = (int)counts[0];
    out->pieces[1] = (int)counts[1];
    truncate_longest_first(&counts[0], &counts[1],
                           (size_t)(max_length - template->specials));
    out->truncated = counts[0] + counts[1] < all;
    rc = make_room(out, template->specials + (int)(counts[0] + counts[1]), err);
    if (rc == 0)
        fill(template, s, counts, out);
    return rc;
}

int tokenizer_encode(const struct tokenizer *t, const char *a, size_t a_size,
                     const char *b, size_t b_size, int max_length,
                     struct token_ids *out, struct error *err)
{
    int rc;

    if (!out->scratch)
        out->scratch = calloc(1, sizeof *out->scratch);
    if (!out->scratch)
        return error_set(err, ERR_MEMORY, "out of memory");
    out->count = 0;
    out->scratch->with_words = out->with_words;
    rc = add_text(t, a, a_size, out->scratch, &out->scratch->pieces[0], err);
    if (rc == 0 && b)
        rc = add_text(t, b, b_size, out->scratch, &out->scratch->pieces[1], err);
    return rc ? rc : assemble(t, b != NULL, max_length, out, err);
}
