/* Texts that are hard on a tokenizer, the same ones that
 * tests/golden/make_tokenizer_goldens.py makes; and digests over sequences. */
#ifndef TESTS_TEXT_GENERATED_TEXT_H
#define TESTS_TEXT_GENERATED_TEXT_H

#include "common/digest.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <jansson.h>
#include <stdint.h>

enum { GENERATED_TEXTS = 4000 };

/* Makes text number `seed` out of the atoms (an array of strings) and random parts. */
void generated_text(struct utf8_text *out, uint64_t seed, const json_t *atoms);

/* Count, ids and types of one sequence. */
void sequence_digest_add(struct digest_stream *stream, const struct token_ids *ids);

/* Digest over all generated texts as single texts, then each with the next one as a
 * pair. Fails the running test where a text is refused. */
void generated_digest(char out[DIGEST_HEX], const struct tokenizer *tokenizer,
                      int max_length);

#endif
