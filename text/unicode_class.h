/* What a character is for a BERT tokenizer, as Hugging Face's library takes it.
 *
 * Categories are Unicode 8.0's, NFD is 9.0's, lower case is newer: the tables are read
 * off the library (make_unicode_tables.py). Any 32-bit number may be asked for. */
#ifndef TEXT_UNICODE_CLASS_H
#define TEXT_UNICODE_CLASS_H

#include <stdbool.h>
#include <stdint.h>

bool unicode_is_dropped(uint32_t c); /* by clean_text: control, format, private use */
bool unicode_is_blank(uint32_t c);   /* made a blank by clean_text */
bool unicode_is_space(uint32_t c);   /* separates words */
bool unicode_is_punctuation(uint32_t c); /* a word of its own */
bool unicode_is_mark(uint32_t c);        /* Mn: dropped by strip_accents */
bool unicode_is_chinese(uint32_t c);     /* gets blanks around it */
bool unicode_is_word(uint32_t c);        /* \w of regular expressions */

enum { UNICODE_LOWER_MAX = 2, UNICODE_DECOMPOSED_MAX = 4 };

/* Lower case of c alone (no final sigma); returns the count written, 1 or 2. */
int unicode_lower(uint32_t out[UNICODE_LOWER_MAX], uint32_t c);

/* Canonical decomposition of c, not yet ordered; returns the count written. */
int unicode_decompose(uint32_t out[UNICODE_DECOMPOSED_MAX], uint32_t c);

/* Canonical combining class, 0 for starters. */
int unicode_combining_class(uint32_t c);

#endif
