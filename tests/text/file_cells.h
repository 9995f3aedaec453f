/* Every column of every line of a tab-separated file as a single text, and every two
 * neighbouring columns as a pair, headers and labels too: what the goldens of whole
 * files are made of. */
#ifndef TESTS_TEXT_FILE_CELLS_H
#define TESTS_TEXT_FILE_CELLS_H

#include "text/tokenizer.h"

#include <stdint.h>

/* Calls take for each sequence; returns their number, or an ERR_ status. */
int64_t file_cells(const char *path, const struct tokenizer *tokenizer, int max_length,
                   void (*take)(void *data, const struct token_ids *ids), void *data,
                   struct error *err);

#endif
