#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

static bool is_continuation(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* Bytes of the sequence that starts with this byte, 0 for one that cannot start. */
static size_t sequence_size(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Overlong forms, surrogates and numbers that are too large show in the second byte. */
static bool second_is_valid(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second < 0xa0;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second < 0x90;
    default:
        return true;
    }
}

static size_t valid_sequence(const char *text, size_t size)
{
    size_t bytes = sequence_size((unsigned char)text[0]);

    if (bytes == 0 || bytes > size)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if (!is_continuation(text[i]))
            return 0;
    if (bytes > 1 && !second_is_valid((unsigned char)text[0], (unsigned char)text[1]))
        return 0;
    return bytes;
}

size_t utf8_first_invalid(const char *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t bytes = valid_sequence(text + at, size - at);

        if (bytes == 0)
            break;
        at += bytes;
    }
    return at;
}

size_t utf8_decode(uint32_t *out, const char *text)
{
    static const unsigned char first_bits[UTF8_MAX + 1] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned char first = (unsigned char)text[0];
    size_t bytes = sequence_size(first);
    uint32_t c;

    if (bytes < 2) {
        *out = first;
        return 1;
    }
    c = first & first_bits[bytes];
    for (size_t i = 1; i < bytes; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    *out = c;
    return bytes;
}

size_t utf8_last(const char *text, size_t size)
{
    size_t at = size - 1;

    while (at > 0 && is_continuation(text[at]))
        at--;
    return at;
}

size_t utf8_encode(char out[UTF8_MAX], uint32_t c)
{
    static const unsigned char mark[UTF8_MAX + 1] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t bytes = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = bytes - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(mark[bytes] | c);
    return bytes;
}

static bool grow(struct utf8_text *text)
{
    size_t capacity = text->capacity ? 2 * text->capacity : 256;
    char *data = realloc(text->data, capacity);

    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void utf8_text_add(struct utf8_text *text, uint32_t c)
{
    if (text->failed || (text->capacity - text->size < UTF8_MAX && !grow(text)))
        return;
    if (c < 0x80)
        text->data[text->size++] = (char)c;
    else
        text->size += utf8_encode(text->data + text->size, c);
}

void utf8_text_clear(struct utf8_text *text)
{
    free(text->data);
    *text = (struct utf8_text){0};
}
