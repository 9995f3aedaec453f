/* Tokens that are found in the text as they stand, before any word is split: [MASK] and
 * whatever else a tokenizer lists under added_tokens. */
#ifndef TEXT_ADDED_TOKENS_H
#define TEXT_ADDED_TOKENS_H

#include "common/digest.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct added_token {
    char *content; /* what is searched, UTF-8 */
    size_t size;
    int32_t id;
    bool single_word;    /* only where no letter or digit touches it */
    bool lstrip, rstrip; /* takes the white space on that side with it */
};

/* A set that is searched together. All-zero is the empty set. */
struct added_tokens {
    struct added_token *tokens;
    int count, capacity;
    int first[257]; /* tokens that begin with byte b: first[b] up to first[b + 1] */
};

void added_tokens_clear(struct added_tokens *set); /* an all-zero one too */

/* Adds a copy; the same content again is ignored. The content is not empty.
 * ERR_MEMORY. */
int added_tokens_add(struct added_tokens *set, const struct added_token *token,
                     struct error *err);

/* Call after the last addition. */
void added_tokens_finish(struct added_tokens *set);

/* Where a search stands. Start with all-zero. */
struct added_tokens_search {
    size_t searched; /* up to here there is no further token */
    size_t covered;  /* up to here the text was handed out */
};

struct added_tokens_match {
    size_t text_start, text_end; /* the text before the token, may be empty */
    int32_t id;                  /* -1: the rest of the text, no token after it */
};

/* The next token, the leftmost, of several the longest; false at the end of the text.
 * Where a token matches but is no single word the search goes on behind it. */
bool added_tokens_next(const struct added_tokens *set, const char *text, size_t size,
                       struct added_tokens_search *search,
                       struct added_tokens_match *match);

void added_tokens_digest(const struct added_tokens *set, struct digest_stream *stream);

#endif
