/* Typed values out of jansson's objects, with messages that name file and key. */
#ifndef TEXT_JSON_VALUE_H
#define TEXT_JSON_VALUE_H

#include "common/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_place {
    const char *file, *object; /* for messages: file: object.key: … */
};

/* An object; ERR_INPUT with file:line for anything else. Release with json_decref(). */
int json_text_parse(json_t **out, const char *text, size_t size, const char *name,
                    struct error *err);

/* The string, or fallback where value is no string (NULL too). Borrowed. */
const char *json_text_or(const json_t *value, const char *fallback);

/* Members that must be there and have the type: ERR_INPUT. Strings are borrowed. */
int json_text_in(const json_t *object, const char *key, const char **out,
                 const struct json_place *place, struct error *err);
int json_flag_in(const json_t *object, const char *key, bool *out,
                 const struct json_place *place, struct error *err);
int json_integer_in(const json_t *object, const char *key, int64_t min, int64_t max,
                    int64_t *out, const struct json_place *place, struct error *err);

#endif
