#include "tests/support/suite.h"
#include "text/vocabulary.h"

#include <stdio.h>
#include <string.h>

static void pieces_are_found_after_the_table_grew(void)
{
    enum { COUNT = 50000 };
    struct vocabulary *v = vocabulary_new();
    char piece[16];
    int wrong = 0;

    for (int i = 0; i < COUNT; i++) {
        int size = snprintf(piece, sizeof piece, "##%d", i);

        wrong += vocabulary_add(v, piece, (size_t)size, i, NULL) != 0;
    }
    for (int i = 0; i < COUNT; i++) {
        int size = snprintf(piece, sizeof piece, "##%d", i);

        wrong += vocabulary_find(v, piece, (size_t)size) != i;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(vocabulary_count(v), COUNT);
    CU_ASSERT_EQUAL(vocabulary_max_id(v), COUNT - 1);
    CU_ASSERT_EQUAL(vocabulary_longest(v), 7);
    CU_ASSERT_EQUAL(vocabulary_find(v, "##50000", 7), -1);
    CU_ASSERT_EQUAL(vocabulary_find(v, "", 0), -1);
    CU_ASSERT_EQUAL(vocabulary_find(v, "##123456789", 11), -1);
    vocabulary_free(v);
}

static void lines_are_counted_from_zero_and_the_last_of_equal_ones_holds(void)
{
    static const char text[] = "a\r\nb\n\nc d\na\n\xc3\xa9";
    struct vocabulary *v = vocabulary_new();

    CU_ASSERT_EQUAL(vocabulary_add_lines(v, text, sizeof text - 1, "f", NULL), 0);
    CU_ASSERT_EQUAL(vocabulary_find(v, "a", 1), 4);
    CU_ASSERT_EQUAL(vocabulary_find(v, "b", 1), 1);
    CU_ASSERT_EQUAL(vocabulary_find(v, "c d", 3), 3);
    CU_ASSERT_EQUAL(vocabulary_find(v, "\xc3\xa9", 2), 5);
    CU_ASSERT_EQUAL(vocabulary_count(v), 4);
    vocabulary_free(v);
}

static struct digest digest_of_lines(const char *text)
{
    struct vocabulary *v = vocabulary_new();
    struct digest_stream *stream = digest_stream_new();
    struct digest digest;

    CU_ASSERT_EQUAL(vocabulary_add_lines(v, text, strlen(text), "f", NULL), 0);
    CU_ASSERT_EQUAL(vocabulary_digest(v, stream, NULL), 0);
    digest = digest_stream_value(stream);
    digest_stream_free(stream);
    vocabulary_free(v);
    return digest;
}

static void digest_is_of_pieces_and_ids(void)
{
    struct digest wanted = digest_of_lines("a\nb\nc\n");

    CU_ASSERT_TRUE(digest_equal(digest_of_lines("a\r\nb\r\nc"), wanted));
    CU_ASSERT_FALSE(digest_equal(digest_of_lines("a\nc\nb\n"), wanted));
    CU_ASSERT_FALSE(digest_equal(digest_of_lines("a\nbc\n"), wanted));
    CU_ASSERT_FALSE(digest_equal(digest_of_lines("a\n\nb\nc\n"), wanted));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(pieces_are_found_after_the_table_grew),
        SUITE_TEST(lines_are_counted_from_zero_and_the_last_of_equal_ones_holds),
        SUITE_TEST(digest_is_of_pieces_and_ids),
        {NULL, NULL},
    };

    return suite_run("vocabulary", tests);
}
