/* CRC-32C against the published values of RFC 3720, appendix B.4, and the usual check
 * value of "123456789". */
#include "common/crc32c.h"
#include "tests/support/suite.h"

#include <string.h>

static void published_values_come_out(void)
{
    unsigned char bytes[32];

    CU_ASSERT_EQUAL(crc32c("", 0), 0);
    CU_ASSERT_EQUAL(crc32c("123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    CU_ASSERT_EQUAL(crc32c(bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    CU_ASSERT_EQUAL(crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    CU_ASSERT_EQUAL(crc32c(bytes, sizeof bytes), 0x46dd794e);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(published_values_come_out),
        {NULL, NULL},
    };

    return suite_run("crc32c", tests);
}
