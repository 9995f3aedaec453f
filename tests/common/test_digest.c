/* XXH3-128 in its canonical form (recorded with Python's xxhash), and its text. */
#include "common/digest.h"
#include "tests/support/suite.h"

#include <string.h>

static uint8_t bytes[256 * 40];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
}

static void check(const void *data, size_t size, const char *wanted)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, digest_of(data, size));
    CU_ASSERT_STRING_EQUAL(hex, wanted);
}

static void digests_are_canonical(void)
{
    fill();
    check("", 0, "99aa06d3014798d86001c324468d497f");
    check("shiftwork", 9, "d1b6df99e62359f7e9fdebbb3f12a130");
    check(bytes, sizeof bytes, "1cb22534d0d96975c03d2231ab9348f3");
}

static void stream_gives_what_the_whole_gives(void)
{
    struct digest_stream *stream = digest_stream_new();

    fill();
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    for (size_t at = 0; at < sizeof bytes; at += 77)
        digest_stream_add(stream, bytes + at,
                          sizeof bytes - at < 77 ? sizeof bytes - at : 77);
    CU_ASSERT(
        digest_equal(digest_stream_value(stream), digest_of(bytes, sizeof bytes)));
    digest_stream_free(stream);
    digest_stream_free(NULL);
}

static struct digest of_two(const char *a, const char *b)
{
    struct digest_stream *stream = digest_stream_new();
    struct digest digest;

    digest_stream_add_text(stream, a);
    digest_stream_add_text(stream, b);
    digest = digest_stream_value(stream);
    digest_stream_free(stream);
    return digest;
}

static void texts_do_not_run_into_each_other(void)
{
    CU_ASSERT(!digest_equal(of_two("ab", "c"), of_two("a", "bc")));
    CU_ASSERT(digest_equal(of_two("ab", "c"), of_two("ab", "c")));
}

static void hex_reads_back(void)
{
    struct digest digest = {.high = 0x0123456789abcdef, .low = 0xfedcba9876543210};
    struct digest again = {0};
    char hex[DIGEST_HEX];

    digest_hex(hex, digest);
    CU_ASSERT_STRING_EQUAL(hex, "0123456789abcdeffedcba9876543210");
    CU_ASSERT_EQUAL(digest_parse(&again, hex), 0);
    CU_ASSERT(digest_equal(digest, again));
    CU_ASSERT(!digest_equal(digest, (struct digest){.high = digest.high}));
}

static void other_texts_are_no_digest(void)
{
    static const char *const others[] = {
        "",
        "0123456789abcdeffedcba987654321",   /* short */
        "0123456789abcdeffedcba98765432100", /* long */
        "0123456789ABCDEFfedcba9876543210",
        "0123456789abcdefgedcba9876543210",
        " 123456789abcdeffedcba9876543210",
        "0x23456789abcdeffedcba9876543210",
    };
    struct digest digest;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CU_ASSERT_EQUAL(digest_parse(&digest, others[i]), -1);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(digests_are_canonical),
        SUITE_TEST(stream_gives_what_the_whole_gives),
        SUITE_TEST(texts_do_not_run_into_each_other),
        SUITE_TEST(hex_reads_back),
        SUITE_TEST(other_texts_are_no_digest),
        {NULL, NULL},
    };

    return suite_run("digest", tests);
}
