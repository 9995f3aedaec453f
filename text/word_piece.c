#include "text/word_piece.h"

#include "text/unicode_class.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

void piece_list_add(struct piece_list *list, int32_t id)
{
    if (list->failed)
        return;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 128;
        int32_t *ids = realloc(list->ids, capacity * sizeof *ids);

        struct text_span *words =
            ids ? realloc(list->words, capacity * sizeof *words) : NULL;

        if (ids)
            list->ids = ids;
        if (!words) {
            list->failed = true;
            return;
        }
        list->words = words;
        list->capacity = capacity;
    }
    list->words[list->count] = (struct text_span){0, 0};
    list->ids[list->count++] = id;
}

void piece_list_mark(struct piece_list *list, size_t first, struct text_span word)
{
    for (size_t i = first; i < list->count; i++)
        list->words[i] = word;
}

void piece_list_clear(struct piece_list *list)
{
    free(list->ids);
    free(list->words);
    *list = (struct piece_list){0};
}

void word_piece_scratch_clear(struct word_piece_scratch *scratch)
{
    free(scratch->buffer);
    *scratch = (struct word_piece_scratch){0};
}

/* Bytes of the longest piece at the start of text, its id in *id; 0 for none. */
static size_t longest_piece(const struct vocabulary *v, const char *text, size_t size,
                            size_t shortest, int32_t *id)
{
    size_t longest = vocabulary_longest(v);

    if (size > longest) {
        size = longest;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
            size--;
    }
    while (size > shortest) {
        *id = vocabulary_find(v, text, size);
        if (*id >= 0)
            return size;
        size = utf8_last(text, size);
    }
    return 0;
}

/* buffer holds the word behind room for the prefix, which is put before what is left
 * of the word each time a piece was taken. */
static void add_word(const struct word_piece *w, char *buffer, size_t size,
                     struct piece_list *out)
{
    size_t before = out->count, prefix = 0;
    char *at = buffer + w->prefix_size, *end = at + size;

    while (at < end) {
        int32_t id;
        char *start = at - prefix;
        size_t bytes;

        memcpy(start, w->prefix, prefix);
        bytes = longest_piece(w->vocabulary, start, (size_t)(end - start), prefix, &id);
        if (bytes == 0) {
            out->count = before;
            piece_list_add(out, w->unknown);
            return;
        }
        piece_list_add(out, id);
        at = start + bytes;
        prefix = w->prefix_size;
    }
}

static bool make_room(struct word_piece_scratch *scratch, size_t size)
{
    char *buffer;

    if (size <= scratch->capacity)
        return true;
    buffer = realloc(scratch->buffer, 2 * size);
    if (!buffer)
        return false;
    scratch->buffer = buffer;
    scratch->capacity = 2 * size;
    return true;
}

static void add_pieces(const struct word_piece *w, const char *word, size_t size,
                       int64_t characters, struct word_piece_scratch *scratch,
                       struct piece_list *out)
{
    if (characters > w->word_max) {
        piece_list_add(out, w->unknown);
        return;
    }
    if (!make_room(scratch, w->prefix_size + size)) {
        out->failed = true;
        return;
    }
    memcpy(scratch->buffer + w->prefix_size, word, size);
    add_word(w, scratch->buffer, size, out);
}

static void put_word(const struct word_piece *w, const char *text,
                     struct text_span word, int64_t characters,
                     struct word_piece_scratch *scratch, struct piece_list *out)
{
    size_t first = out->count;

    if (characters == 0)
        return;
    add_pieces(w, text + word.start, word.end - word.start, characters, scratch, out);
    piece_list_mark(out, first, word);
}

enum kind { KIND_LETTER, KIND_SPACE, KIND_PUNCTUATION };

static enum kind kind_of(uint32_t c)
{
    if (c < 0x80) {
        if ((c | 0x20) - 'a' < 26 || c - '0' < 10)
            return KIND_LETTER;
        if (c == ' ' || (c >= '\t' && c <= '\r'))
            return KIND_SPACE;
        return c > ' ' && c < 0x7f ? KIND_PUNCTUATION : KIND_LETTER;
    }
    if (unicode_is_space(c))
        return KIND_SPACE;
    return unicode_is_punctuation(c) ? KIND_PUNCTUATION : KIND_LETTER;
}

int word_piece_split(const struct word_piece *w, const char *text, size_t size,
                     struct word_piece_scratch *scratch, struct piece_list *out,
                     struct error *err)
{
    size_t word = 0;
    int64_t characters = 0;

    for (size_t at = 0, bytes; at < size; at += bytes) {
        uint32_t c;
        enum kind kind;

        bytes = utf8_decode(&c, text + at);
        kind = kind_of(c);
        if (kind == KIND_LETTER) {
            characters++;
            continue;
        }
        put_word(w, text, (struct text_span){word, at}, characters, scratch, out);
        characters = 0;
        word = at + bytes;
        if (kind == KIND_PUNCTUATION)
            put_word(w, text, (struct text_span){at, word}, 1, scratch, out);
    }
    put_word(w, text, (struct text_span){word, size}, characters, scratch, out);
    if (out->failed)
        return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}
