#include "tests/text/variant.h"

#include "tests/support/places.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void set(json_t *tokenizer, const char *key, json_t *value)
{
    if (json_object_get(value, "type"))
        json_object_set(tokenizer, key, value);
    else
        json_object_update(json_object_get(tokenizer, key), value);
}

static void add(json_t *tokenizer, const json_t *token)
{
    json_t *all =
        json_pack("{s:i, s:b, s:b, s:b, s:b, s:b}", "id", 0, "special", 0,
                  "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0);

    json_object_update(all, (json_t *)token);
    json_array_append_new(json_object_get(tokenizer, "added_tokens"), all);
}

json_t *variant_json(const json_t *description)
{
    const char *path = place_source("tests/data/text/tokenizer.json"), *key;
    json_t *out = json_load_file(path, 0, NULL), *value;
    size_t i;

    CU_ASSERT_FATAL(out != NULL);
    json_object_foreach(json_object_get(description, "set"), key, value)
        set(out, key, value);
    json_array_foreach(json_object_get(description, "add"), i, value) add(out, value);
    return out;
}

int variant_open(struct tokenizer **out, json_t *tokenizer, struct error *err)
{
    static int number;
    char folder[200], path[240];

    snprintf(folder, sizeof folder, "%s/tokenizer%d", place_temporary(), number++);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    CU_ASSERT_FATAL(mkdir(folder, 0700) == 0);
    CU_ASSERT_FATAL(json_dump_file(tokenizer, path, 0) == 0);
    return tokenizer_open(out, folder, err);
}
