/* Word pieces and their ids. */
#ifndef TEXT_VOCABULARY_H
#define TEXT_VOCABULARY_H

#include "common/digest.h"
#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

struct vocabulary;

struct vocabulary *vocabulary_new(void); /* NULL when out of memory */
void vocabulary_free(struct vocabulary *vocabulary);

/* A copy of the piece; one that is there already gets the new id. ERR_MEMORY. */
int vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t size,
                   int32_t id, struct error *err);

/* Adds the lines of a vocab.txt, ids by line from 0. An empty line only counts; of
 * equal lines the last one's id holds, as in Hugging Face's reader. name is for
 * messages. ERR_INPUT (file:line) for invalid UTF-8 and for a text without a piece. */
int vocabulary_add_lines(struct vocabulary *vocabulary, const char *text, size_t size,
                         const char *name, struct error *err);

/* The id, or -1. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *piece,
                        size_t size);

int32_t vocabulary_count(const struct vocabulary *vocabulary);  /* pieces */
int32_t vocabulary_max_id(const struct vocabulary *vocabulary); /* -1: empty */
size_t vocabulary_longest(const struct vocabulary *vocabulary); /* bytes of a piece */

/* Adds all pieces in order of id. ERR_MEMORY. */
int vocabulary_digest(const struct vocabulary *vocabulary, struct digest_stream *stream,
                      struct error *err);

#endif
