/* BERT's normaliser, in the order of Hugging Face's BertNormalizer: clean text, blanks
 * around Chinese characters, strip accents, lower case. */
#ifndef TEXT_NORMALIZER_H
#define TEXT_NORMALIZER_H

#include "common/error.h"
#include "text/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All false: the text stays as it is. */
struct normalizer {
    bool clean_text, chinese_chars, strip_accents, lowercase;
};

/* What one call at a time works with; kept between calls so that they rarely allocate.
 * All-zero at the start. */
struct normalizer_scratch {
    uint32_t *run, *sorted; /* characters with a combining class, not yet ordered */
    size_t count, capacity;
    bool failed;
};

void normalizer_scratch_clear(struct normalizer_scratch *scratch);

/* Adds the normalised form of text, which is valid UTF-8, to out. ERR_MEMORY. */
int normalizer_apply(const struct normalizer *n, const char *text, size_t size,
                     struct normalizer_scratch *scratch, struct utf8_text *out,
                     struct error *err);

/* The same, and where the characters of text went: before[i] is out->size when byte i
 * was read, of a character's first byte; others hold SIZE_MAX. before (size). */
int normalizer_apply_noting(const struct normalizer *n, const char *text, size_t size,
                            struct normalizer_scratch *scratch, struct utf8_text *out,
                            size_t *before, struct error *err);

#endif
