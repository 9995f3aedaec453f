#include "tests/support/suite.h"
#include "text/utf8.h"

#include <string.h>

static void every_code_point_survives_encoding_and_decoding(void)
{
    int wrong = 0;

    for (uint32_t c = 0; c < 0x110000; c++) {
        char text[UTF8_MAX];
        uint32_t back = 0;
        size_t size = utf8_encode(text, c);

        if (c >= 0xd800 && c < 0xe000) {
            wrong += utf8_first_invalid(text, size) == size;
            continue;
        }
        wrong += utf8_first_invalid(text, size) != size;
        wrong += utf8_decode(&back, text) != size || back != c;
        wrong += utf8_last(text, size) != 0;
        wrong += size > 1 && utf8_first_invalid(text, size - 1) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Of the two-byte texts exactly the ASCII pairs and the 1920 code points U+0080 to
 * U+07FF are valid; of the three-byte ones beginning with E0..EF, 61440 - 2048. */
static void exactly_the_valid_sequences_are_taken(void)
{
    int pairs = 0, triples = 0;

    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char text[3] = {(char)a, (char)b, 0};

            pairs += utf8_first_invalid(text, 2) == 2;
            for (int c = 0; c < 256 && a >= 0xe0 && a <= 0xef; c++) {
                text[2] = (char)c;
                triples += utf8_first_invalid(text, 3) == 3;
            }
        }
    CU_ASSERT_EQUAL(pairs, 128 * 128 + 1920);
    CU_ASSERT_EQUAL(triples, 0x10000 - 0x800 - 2048);
}

static void text_grows(void)
{
    struct utf8_text text = {0};

    for (int i = 0; i < 1000; i++)
        utf8_text_add(&text, i % 2 ? 0x1f642 : 'a');
    CU_ASSERT_EQUAL(text.size, 500 * 5);
    CU_ASSERT_EQUAL(memcmp(text.data + 2495, "a\xf0\x9f\x99\x82", 5), 0);
    CU_ASSERT_EQUAL(utf8_last(text.data, text.size), 2496);
    utf8_text_clear(&text);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_code_point_survives_encoding_and_decoding),
        SUITE_TEST(exactly_the_valid_sequences_are_taken),
        SUITE_TEST(text_grows),
        {NULL, NULL},
    };

    return suite_run("utf8", tests);
}
