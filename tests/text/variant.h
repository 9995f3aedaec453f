/* The tiny tokenizer of tests/data/text and its variants. */
#ifndef TESTS_TEXT_VARIANT_H
#define TESTS_TEXT_VARIANT_H

#include "text/tokenizer.h"

#include <jansson.h>

/* The base file with the changes: top-level keys of "set" replace the base's (where
 * they have a "type") or are merged into it; "add" lists more added tokens. The caller
 * releases it. */
json_t *variant_json(const json_t *description);

/* Writes it as tokenizer.json into a folder of its own and opens that. */
int variant_open(struct tokenizer **out, json_t *tokenizer, struct error *err);

#endif
