/* Words of a normalised text, and each word as pieces of the vocabulary: the longest
 * piece that fits, again and again. */
#ifndef TEXT_WORD_PIECE_H
#define TEXT_WORD_PIECE_H

#include "common/error.h"
#include "text/vocabulary.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word_piece {
    const struct vocabulary *vocabulary;
    int32_t unknown;    /* a word that cannot be put together */
    const char *prefix; /* of pieces inside a word: "##" */
    size_t prefix_size;
    int64_t word_max; /* longer words, in characters, are unknown */
};

/* Bytes of a text. */
struct text_span {
    size_t start, end;
};

/* A growing list of ids. Once memory ran out `failed` stays set. */
struct piece_list {
    int32_t *ids;
    struct text_span *words; /* (count) of the word that a piece is part of */
    size_t count, capacity;
    bool failed;
};

void piece_list_add(struct piece_list *list, int32_t id);
/* Pieces from `first` on are of the word at these bytes. */
void piece_list_mark(struct piece_list *list, size_t first, struct text_span word);
void piece_list_clear(struct piece_list *list); /* frees; an all-zero one too */

/* A buffer kept between calls; all-zero at the start. */
struct word_piece_scratch {
    char *buffer;
    size_t capacity;
};

void word_piece_scratch_clear(struct word_piece_scratch *scratch);

/* Adds the pieces of text (valid UTF-8, normalised), their words as bytes of it: split
 * at white space, punctuation marks words of their own, as Hugging Face's
 * BertPreTokenizer and WordPiece do. ERR_MEMORY. */
int word_piece_split(const struct word_piece *w, const char *text, size_t size,
                     struct word_piece_scratch *scratch, struct piece_list *out,
                     struct error *err);

#endif
