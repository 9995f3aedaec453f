/* A WordPiece tokenizer of a Hugging Face directory; its ids are those of Hugging
 * Face's tokenizers library, Tokenizer.from_file, truncation longest_first.
 *
 * tokenizer.json decides where it exists, else tokenizer_config.json (and
 * special_tokens_map.json) with vocab.txt. Its truncation and padding are ignored. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* ERR_INPUT names the file and what is missing, wrong or not supported: another model
 * than WordPiece, another normaliser than BERT's, no [UNK]. *out is NULL on failure. */
int tokenizer_open(struct tokenizer **out, const char *dir, struct error *err);
void tokenizer_free(struct tokenizer *tokenizer);

/* Of all that decides the ids; not of the file's wording. */
struct digest tokenizer_digest(const struct tokenizer *tokenizer);

/* The largest id it can give; to be compared with the encoder's embeddings. */
int32_t tokenizer_max_id(const struct tokenizer *tokenizer);

/* The id of a token, -1 where there is none. */
int32_t tokenizer_find(const struct tokenizer *tokenizer, const char *token);

/* Special tokens that a single text or a pair gets. */
int tokenizer_specials(const struct tokenizer *tokenizer, bool pair);

/* The word that a token is a piece of. Words are what the reference's pre-tokenizer
 * cuts: a punctuation mark, a Chinese character, an added token is one of its own. */
struct token_word {
    int text;          /* 0 or 1; -1: a special token of the template */
    size_t start, end; /* bytes of that text as given */
};

struct token_scratch; /* private: memory kept between calls */

/* One sequence. All-zero at the start; may be used for any number of texts. */
struct token_ids {
    int32_t *ids;   /* (count) */
    uint8_t *types; /* (count) token type ids */
    int count, capacity;
    bool truncated;
    int pieces[2];   /* of each text before truncation, without special tokens */
    bool with_words; /* asks for words */
    struct token_word *words; /* (count) where with_words */
    struct token_scratch *scratch;
};

void token_ids_clear(struct token_ids *ids); /* frees; an all-zero one too */

/* Encodes a single text (b NULL) or a pair. The texts may be empty and may hold NUL.
 * Safe from several threads, each with its own out. ERR_INPUT: invalid UTF-8, or a
 * max_length with no room for a text besides the special tokens; ERR_MEMORY. */
int tokenizer_encode(const struct tokenizer *tokenizer, const char *a, size_t a_size,
                     const char *b, size_t b_size, int max_length,
                     struct token_ids *out, struct error *err);

#endif
