#include "text/json_value.h"

int json_text_parse(json_t **out, const char *text, size_t size, const char *name,
                    struct error *err)
{
    json_error_t reason;

    *out = json_loadb(text, size, 0, &reason);
    if (!*out)
        return error_set(err, ERR_INPUT, "%s:%d: JSON: %s", name, reason.line,
                         reason.text);
    if (json_is_object(*out))
        return 0;
    json_decref(*out);
    *out = NULL;
    return error_set(err, ERR_INPUT, "%s:1: JSON: an object was expected", name);
}

const char *json_text_or(const json_t *value, const char *fallback)
{
    return json_is_string(value) ? json_string_value(value) : fallback;
}

static int wrong(const json_t *value, const char *key, const char *wanted,
                 const struct json_place *place, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s: %s.%s: %s, %s was expected", place->file,
                     place->object, key, value ? "wrong type or range" : "missing",
                     wanted);
}

int json_text_in(const json_t *object, const char *key, const char **out,
                 const struct json_place *place, struct error *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return wrong(value, key, "a string", place, err);
    *out = json_string_value(value);
    return 0;
}

int json_flag_in(const json_t *object, const char *key, bool *out,
                 const struct json_place *place, struct error *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_boolean(value))
        return wrong(value, key, "true or false", place, err);
    *out = json_is_true(value);
    return 0;
}

int json_integer_in(const json_t *object, const char *key, int64_t min, int64_t max,
                    int64_t *out, const struct json_place *place, struct error *err)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return wrong(value, key, "a whole number", place, err);
    *out = json_integer_value(value);
    return 0;
}
