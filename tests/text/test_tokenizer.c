/* A tiny vocabulary and hard texts against digests recorded from Hugging Face's
 * library, and what a tokenizer refuses. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/text/generated_text.h"
#include "tests/text/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *load_variants(void)
{
    const char *path = place_source("tests/data/text/variants.json");
    json_t *variants = json_load_file(path, 0, NULL);

    CU_ASSERT_FATAL(variants != NULL);
    return variants;
}

static struct tokenizer *open_variant(const json_t *description)
{
    json_t *json = variant_json(description);
    struct tokenizer *tokenizer;
    struct error err = {""};

    if (variant_open(&tokenizer, json, &err) != 0)
        CU_FAIL_FATAL(err.text);
    json_decref(json);
    return tokenizer;
}

static struct tokenizer *open_base(void)
{
    json_t *nothing = json_object();
    struct tokenizer *tokenizer = open_variant(nothing);

    json_decref(nothing);
    return tokenizer;
}

static json_t *find_variant(json_t *variants, const char *name)
{
    json_t *description;
    size_t i;

    json_array_foreach(
        variants, i,
        description) if (!strcmp(json_string_value(json_object_get(description,
                                                                   "name")),
                                 name)) return description;
    CU_FAIL_FATAL("variant without a description");
    return NULL;
}

static void ids_of_generated_texts_equal_the_reference(void)
{
    const char *path = place_source("tests/golden/tokenizer_variants.txt");
    FILE *golden = fopen(path, "r");
    json_t *variants = load_variants();
    char name[64], wanted[40], got[DIGEST_HEX];
    int max_length, count = 0;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%63s %d %39s", name, &max_length, wanted) == 3) {
        struct tokenizer *t = open_variant(find_variant(variants, name));

        generated_digest(got, t, max_length);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        if (strcmp(got, wanted) != 0)
            fprintf(stderr, "%s at %d differs\n", name, max_length);
        tokenizer_free(t);
        count++;
    }
    CU_ASSERT_EQUAL(count, 2 * (int)json_array_size(variants));
    json_decref(variants);
    fclose(golden);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(ids_of_generated_texts_equal_the_reference),
        {NULL, NULL},
    };

    (void)open_base;
    return suite_run("tokenizer", tests);
}
