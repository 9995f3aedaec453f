/* Little-endian bytes: what is written is read, and nothing outside is touched. */
#include "common/bytes.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static void numbers_are_little_endian(void)
{
    struct bytes out = {0};
    bytes_put_u8(&out, 0x01);
    bytes_put_u16(&out, 0x0302);
    bytes_put_u32(&out, 0x07060504);
    bytes_put_u64(&out, 0x0f0e0d0c0b0a0908);
    bytes_put_i32(&out, -2);
    static const uint8_t wanted[] = {1,  2,  3,  4,  5,  6,    7,    8,    9,   10,
                                     11, 12, 13, 14, 15, 0xfe, 0xff, 0xff, 0xff};
    CU_ASSERT_EQUAL_FATAL(out.size, sizeof wanted);
    CU_ASSERT_EQUAL(memcmp(out.data, wanted, sizeof wanted), 0);
    bytes_clear(&out);
}

static void what_is_put_is_got(void)
{
    struct bytes out = {0};
    const float floats[3] = {1.5f, -0.0f, 3e38f};
    float got[3];
    bytes_put_i64(&out, INT64_MIN);
    bytes_put_f64(&out, -NAN);
    bytes_put_text(&out, "naïve");
    bytes_put_floats(&out, floats, 3);
    bytes_put_digest(&out, (struct digest){.high = 1, .low = 2});
    struct bytes_reader in;
    bytes_reader_init(&in, out.data, out.size);
    CU_ASSERT_EQUAL(bytes_get_i64(&in), INT64_MIN);
    double nan = bytes_get_f64(&in);
    CU_ASSERT(isnan(nan) && signbit(nan));
    CU_ASSERT_STRING_EQUAL(bytes_get_text(&in, 6), "naïve");
    bytes_get_floats(&in, got, 3);
    CU_ASSERT_EQUAL(memcmp(got, floats, sizeof got), 0);
    struct digest digest = bytes_get_digest(&in);
    CU_ASSERT(digest.high == 1 && digest.low == 2);
    CU_ASSERT(bytes_done(&in));
    bytes_clear(&out);
}

static void reading_past_the_end_gives_zeros_and_fails(void)
{
    const uint8_t data[3] = {1, 2, 3};
    struct bytes_reader in;
    bytes_reader_init(&in, data, sizeof data);
    CU_ASSERT_EQUAL(bytes_get_u32(&in), 0);
    CU_ASSERT_EQUAL(bytes_get_u8(&in), 0); /* a failed reader stays failed */
    CU_ASSERT_PTR_NULL(bytes_get(&in, 0));
    CU_ASSERT(!bytes_done(&in));
    CU_ASSERT_EQUAL(bytes_left(&in), 0);
}

static void sizes_near_overflow_fail(void)
{
    const uint8_t data[8] = {0};
    struct bytes_reader in;
    bytes_reader_init(&in, data, sizeof data);
    in.at = 4;
    CU_ASSERT_PTR_NULL(bytes_get(&in, SIZE_MAX - 1));
    float none;
    bytes_reader_init(&in, data, sizeof data);
    bytes_get_floats(&in, &none, SIZE_MAX / 2 + 2);
    CU_ASSERT(in.failed);
    struct bytes out = {0};
    CU_ASSERT(!bytes_reserve(&out, SIZE_MAX));
    bytes_put_u8(&out, 1);
    CU_ASSERT(out.failed && out.size == 0);
    bytes_clear(&out);
}

static const char *text_of(const char *raw, size_t size, size_t max, bool *failed)
{
    struct bytes_reader in;
    bytes_reader_init(&in, raw, size);
    const char *text = bytes_get_text(&in, max);
    *failed = in.failed;
    return text;
}

static void texts_must_be_whole(void)
{
    bool failed;
    CU_ASSERT_STRING_EQUAL(text_of("\2\0\0\0ab", 7, 2, &failed), "ab");
    CU_ASSERT(!failed);
    CU_ASSERT_STRING_EQUAL(text_of("\2\0\0\0ab", 7, 1, &failed), "");
    CU_ASSERT(failed); /* longer than allowed */
    text_of("\2\0\0\0abc", 7, 9, &failed);
    CU_ASSERT(failed); /* not closed */
    text_of("\2\0\0\0a\0", 7, 9, &failed);
    CU_ASSERT(failed); /* a zero inside */
    text_of("\2\0\0\0ab", 6, 9, &failed);
    CU_ASSERT(failed); /* cut before its zero */
    text_of("\xff\xff\xff\xff", 4, SIZE_MAX, &failed);
    CU_ASSERT(failed);
}

static void bytes_can_be_set_later(void)
{
    struct bytes out = {0};
    bytes_put_u32(&out, 0);
    bytes_set_u32(&out, 0, 0x01020304);
    bytes_set_u32(&out, 1, 7); /* not there: ignored */
    static const uint8_t wanted[] = {4, 3, 2, 1};
    CU_ASSERT_EQUAL(memcmp(out.data, wanted, 4), 0);
    bytes_clear(&out);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(numbers_are_little_endian),
        SUITE_TEST(what_is_put_is_got),
        SUITE_TEST(reading_past_the_end_gives_zeros_and_fails),
        SUITE_TEST(sizes_near_overflow_fail),
        SUITE_TEST(texts_must_be_whole),
        SUITE_TEST(bytes_can_be_set_later),
        {NULL, NULL},
    };
    return suite_run("bytes", tests);
}
