/* The real encoder's tokenizer against digests recorded from Hugging Face's library:
 * hard generated texts, and every column and pair of columns of every row of every
 * benchmark file. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/text/file_cells.h"
#include "tests/text/generated_text.h"

#include <stdio.h>
#include <string.h>

static struct tokenizer *tokenizer;

static void add(void *stream, const struct token_ids *ids)
{
    sequence_digest_add(stream, ids);
}

/* False where the file is not there. */
static bool compare_file(const char *name, int max_length, long long count,
                         const char *wanted)
{
    const char *path = place_data(name);
    struct digest_stream *stream = digest_stream_new();
    struct error err = {""};
    char got[DIGEST_HEX];

    if (path) {
        CU_ASSERT_EQUAL(file_cells(path, tokenizer, max_length, add, stream, &err),
                        count);
        digest_hex(got, digest_stream_value(stream));
        CU_ASSERT_STRING_EQUAL(got, wanted);
        if (strcmp(got, wanted) != 0)
            fprintf(stderr, "%s at %d differs %s\n", name, max_length, err.text);
    }
    digest_stream_free(stream);
    return path != NULL;
}

static void ids_of_every_row_of_every_file_equal_the_reference(void)
{
    FILE *golden = fopen(place_source("tests/golden/tokenizer_data.txt"), "r");
    char name[200], wanted[40];
    int max_length, files = 0, absent = 0;
    long long count;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%199s %d %lld %39s", name, &max_length, &count, wanted) ==
           4) {
        files++;
        absent += !compare_file(name, max_length, count, wanted);
    }
    CU_ASSERT_EQUAL(files, 134);
    CU_ASSERT_EQUAL(absent, 0);
    fclose(golden);
}

static void ids_of_generated_texts_equal_the_reference(void)
{
    FILE *golden = fopen(place_source("tests/golden/tokenizer_encoder.txt"), "r");
    char wanted[40], got[DIGEST_HEX];
    int max_length, count = 0;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "encoder %d %39s ", &max_length, wanted) == 2) {
        generated_digest(got, tokenizer, max_length);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        count++;
    }
    CU_ASSERT_EQUAL(count, 2);
    fclose(golden);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(ids_of_every_row_of_every_file_equal_the_reference),
        SUITE_TEST(ids_of_generated_texts_equal_the_reference),
        {NULL, NULL},
    };
    struct error err = {""};
    int rc;

    if (!place_encoder() || !place_data("README.md")) {
        fprintf(stderr, "skipped: needs the real encoder and the benchmark data\n");
        return SUITE_SKIPPED;
    }
    if (tokenizer_open(&tokenizer, place_encoder(), &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rc = suite_run("tokenizer_data", tests);
    tokenizer_free(tokenizer);
    return rc;
}
