/* UTF-8: checking, taking apart, putting together; and a text that grows. */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX = 4 };

/* Offset of the first byte that is no valid UTF-8 (surrogates, overlong forms and
 * numbers above U+10FFFF are not); size where all is valid. */
size_t utf8_first_invalid(const char *text, size_t size);

/* The first character of a valid, not empty text; returns its bytes. */
size_t utf8_decode(uint32_t *out, const char *text);

/* The start of the last character of text[0, size), valid and not empty. */
size_t utf8_last(const char *text, size_t size);

/* Returns the bytes written. c is a valid code point. */
size_t utf8_encode(char out[UTF8_MAX], uint32_t c);

/* A growing text. Once memory ran out `failed` stays set and nothing is added. */
struct utf8_text {
    char *data;
    size_t size, capacity;
    bool failed;
};

void utf8_text_add(struct utf8_text *text, uint32_t c);
void utf8_text_clear(struct utf8_text *text); /* frees; an all-zero one too */

#endif
