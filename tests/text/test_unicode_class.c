/* Every code point against what Hugging Face's library does with it. */
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "text/normalizer.h"
#include "text/unicode_class.h"

#include "common/digest.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 0x1000, PIECES_SPACE = 2, PIECES_PUNCTUATION = 3, PIECES_LETTER = 1 };

static const struct normalizer steps[] = {
    {.clean_text = true}, {.chinese_chars = true},  {.strip_accents = true},
    {.lowercase = true},  {true, true, true, true},
};

/* Kept over all code points: allocating for each takes most of the time. */
static struct {
    struct normalizer_scratch scratch;
    struct utf8_text text, out;
} work;

static void work_clear(void)
{
    normalizer_scratch_clear(&work.scratch);
    utf8_text_clear(&work.text);
    utf8_text_clear(&work.out);
}

static bool add_form(struct digest_stream *stream, const struct normalizer *step,
                     const uint32_t *points, int count)
{
    int rc;

    work.text.size = work.out.size = 0;
    for (int i = 0; i < count; i++)
        utf8_text_add(&work.text, points[i]);
    rc = normalizer_apply(step, work.text.data, work.text.size, &work.scratch,
                          &work.out, NULL);
    utf8_text_add(&work.out, 0);
    digest_stream_add(stream, work.out.data, work.out.size);
    return rc == 0;
}

/* Alone, between letters, and among marks that take part in the canonical order. */
static bool add_point(struct digest_stream *stream, uint32_t c)
{
    const uint32_t letters[] = {'a', c, 'b'}, marks[] = {0x302e, c, 0x1885, 0x1d165};
    uint8_t classes[2] = {unicode_is_space(c)         ? PIECES_SPACE
                          : unicode_is_punctuation(c) ? PIECES_PUNCTUATION
                                                      : PIECES_LETTER,
                          unicode_is_word(c)};

    bool good = true;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        good = good && add_form(stream, &steps[i], &c, 1) &&
               add_form(stream, &steps[i], letters, 3) &&
               add_form(stream, &steps[i], marks, 4);
    digest_stream_add(stream, classes, sizeof classes);
    return good;
}

static void every_code_point_is_taken_as_by_the_reference(void)
{
    FILE *golden = fopen(place_source("tests/golden/unicode_blocks.txt"), "r");
    char wanted[40], got[DIGEST_HEX];
    unsigned block, count = 0;
    bool good = true;

    CU_ASSERT_FATAL(golden != NULL);
    while (fscanf(golden, "%x %39s", &block, wanted) == 2) {
        struct digest_stream *stream = digest_stream_new();

        for (uint32_t c = block; c < block + BLOCK; c++)
            if (c < 0xd800 || c >= 0xe000)
                good = good && add_point(stream, c);
        digest_hex(got, digest_stream_value(stream));
        digest_stream_free(stream);
        CU_ASSERT_STRING_EQUAL(got, wanted);
        if (strcmp(got, wanted) != 0)
            fprintf(stderr, "block %06x differs\n", block);
        count++;
    }
    CU_ASSERT_TRUE(good);
    CU_ASSERT_EQUAL(count, 0x110000 / BLOCK);
    work_clear();
    fclose(golden);
}

static void versions_differ_where_the_reference_says(void)
{
    uint32_t out[UNICODE_DECOMPOSED_MAX];

    CU_ASSERT_FALSE(unicode_is_punctuation(0x0a76)); /* Po since 11.0 */
    CU_ASSERT_TRUE(unicode_is_punctuation(0x166d));  /* Po until 11.0 */
    CU_ASSERT_TRUE(unicode_is_punctuation('$'));     /* ASCII symbols are */
    CU_ASSERT_FALSE(unicode_is_punctuation(0x20ac)); /* the euro is none */
    CU_ASSERT_FALSE(unicode_is_mark(0x08d4));        /* Mn since 9.0 */
    CU_ASSERT_TRUE(unicode_is_mark(0x08e3));         /* Mn of 8.0 */
    CU_ASSERT_FALSE(unicode_is_dropped(0x08e2));     /* Cf since 9.0 */
    CU_ASSERT_FALSE(unicode_is_chinese(0x2b820));
    CU_ASSERT_TRUE(unicode_is_chinese(0x2b920));
    CU_ASSERT_EQUAL(unicode_decompose(out, 0x11938), 1); /* decomposes since 13.0 */
    CU_ASSERT_EQUAL(unicode_lower(out, 0x1c89), 1);      /* since 16.0 */
    CU_ASSERT_EQUAL(out[0], 0x1c8a);
}

static void numbers_that_are_no_code_points_have_no_class(void)
{
    static const uint32_t numbers[] = {0x110000, 0x7fffffff, 0xffffffff};

    for (int i = 0; i < 3; i++) {
        uint32_t out[UNICODE_DECOMPOSED_MAX], c = numbers[i];

        CU_ASSERT_FALSE(unicode_is_dropped(c) || unicode_is_blank(c) ||
                        unicode_is_space(c) || unicode_is_punctuation(c) ||
                        unicode_is_mark(c) || unicode_is_chinese(c) ||
                        unicode_is_word(c));
        CU_ASSERT_EQUAL(unicode_decompose(out, c), 1);
        CU_ASSERT_EQUAL(unicode_lower(out, c), 1);
        CU_ASSERT_EQUAL(unicode_combining_class(c), 0);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_code_point_is_taken_as_by_the_reference),
        SUITE_TEST(versions_differ_where_the_reference_says),
        SUITE_TEST(numbers_that_are_no_code_points_have_no_class),
        {NULL, NULL},
    };

    return suite_run("unicode_class", tests);
}
