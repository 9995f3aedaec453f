/* Tokens are sorted by their first byte, longer ones first, so that a search looks at
 * few of them and takes the first that fits. */
#include "text/added_tokens.h"

#include "text/unicode_class.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

void added_tokens_clear(struct added_tokens *set)
{
    for (int i = 0; i < set->count; i++)
        free(set->tokens[i].content);
    free(set->tokens);
    *set = (struct added_tokens){0};
}

static bool has(const struct added_tokens *set, const struct added_token *token)
{
    for (int i = 0; i < set->count; i++)
        if (set->tokens[i].size == token->size &&
            memcmp(set->tokens[i].content, token->content, token->size) == 0)
            return true;
    return false;
}

static bool grow(struct added_tokens *set)
{
    int capacity = set->capacity ? 2 * set->capacity : 8;
    struct added_token *tokens =
        realloc(set->tokens, (size_t)capacity * sizeof *tokens);

    if (!tokens)
        return false;
    set->tokens = tokens;
    set->capacity = capacity;
    return true;
}

int added_tokens_add(struct added_tokens *set, const struct added_token *token,
                     struct error *err)
{
    char *content;

    if (has(set, token))
        return 0;
    content = malloc(token->size);
    if (!content || (set->count == set->capacity && !grow(set))) {
        free(content);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    memcpy(content, token->content, token->size);
    set->tokens[set->count] = *token;
    set->tokens[set->count++].content = content;
    return 0;
}

static int by_first_byte_then_size(const void *a, const void *b)
{
    const struct added_token *x = a, *y = b;
    unsigned char p = (unsigned char)x->content[0], q = (unsigned char)y->content[0];
    size_t size = x->size < y->size ? x->size : y->size;

    if (p != q)
        return p < q ? -1 : 1;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return memcmp(x->content, y->content, size);
}

void added_tokens_finish(struct added_tokens *set)
{
    int at = 0;

    if (set->count)
        qsort(set->tokens, (size_t)set->count, sizeof *set->tokens,
              by_first_byte_then_size);
    for (int b = 0; b < 256; b++) {
        set->first[b] = at;
        while (at < set->count && (unsigned char)set->tokens[at].content[0] == b)
            at++;
    }
    set->first[256] = at;
}

static const struct added_token *match_at(const struct added_tokens *set,
                                          const char *text, size_t size)
{
    unsigned char byte = (unsigned char)text[0];

    for (int i = set->first[byte]; i < set->first[byte + 1]; i++) {
        const struct added_token *t = &set->tokens[i];

        if (t->size <= size && memcmp(t->content, text, t->size) == 0)
            return t;
    }
    return NULL;
}

static bool word_before(const char *text, size_t at)
{
    uint32_t c;

    if (at == 0)
        return false;
    utf8_decode(&c, text + utf8_last(text, at));
    return unicode_is_word(c);
}

static bool word_after(const char *text, size_t size, size_t at)
{
    uint32_t c;

    if (at == size)
        return false;
    utf8_decode(&c, text + at);
    return unicode_is_word(c);
}

static size_t strip_left(const char *text, size_t from, size_t at)
{
    while (at > from) {
        size_t last = utf8_last(text, at);
        uint32_t c;

        utf8_decode(&c, text + last);
        if (!unicode_is_space(c))
            break;
        at = last;
    }
    return at > from ? at : from;
}

static size_t strip_right(const char *text, size_t size, size_t at)
{
    while (at < size) {
        uint32_t c;
        size_t bytes = utf8_decode(&c, text + at);

        if (!unicode_is_space(c))
            break;
        at += bytes;
    }
    return at;
}

static void take(const struct added_token *t, const char *text, size_t size,
                 size_t start, size_t end, struct added_tokens_search *search,
                 struct added_tokens_match *match)
{
    match->text_start = search->covered;
    if (t->lstrip)
        start = strip_left(text, search->covered, start);
    if (t->rstrip) /* up to covered is white space that was looked at already */
        end = strip_right(text, size, end > search->covered ? end : search->covered);
    /* white space taken by the token before may cover this one's start */
    match->text_end = start > search->covered ? start : search->covered;
    match->id = t->id;
    search->covered = end;
}

bool added_tokens_next(const struct added_tokens *set, const char *text, size_t size,
                       struct added_tokens_search *search,
                       struct added_tokens_match *match)
{
    for (size_t at = search->searched; set->count && at < size;) {
        const struct added_token *t = match_at(set, text + at, size - at);

        if (!t) {
            at++;
            continue;
        }
        search->searched = at + t->size;
        if (!t->single_word ||
            (!word_before(text, at) && !word_after(text, size, at + t->size))) {
            take(t, text, size, at, at + t->size, search, match);
            return true;
        }
        at = search->searched;
    }
    search->searched = size;
    if (search->covered >= size)
        return false;
    *match = (struct added_tokens_match){search->covered, size, -1};
    search->covered = size;
    return true;
}

void added_tokens_digest(const struct added_tokens *set, struct digest_stream *stream)
{
    digest_stream_add(stream, &set->count, sizeof set->count);
    for (int i = 0; i < set->count; i++) {
        const struct added_token *t = &set->tokens[i];
        uint64_t head[2] = {t->size, (uint32_t)t->id};
        uint8_t flags[3] = {t->single_word, t->lstrip, t->rstrip};

        digest_stream_add(stream, head, sizeof head);
        digest_stream_add(stream, flags, sizeof flags);
        digest_stream_add(stream, t->content, t->size);
    }
}
