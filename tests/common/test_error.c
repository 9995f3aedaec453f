/* Error text is one printable line, whatever a file put into it. */
#include "common/error.h"
#include "tests/support/suite.h"

#include <string.h>

static void reason_and_status_come_back(void)
{
    struct error err;

    CU_ASSERT_EQUAL(error_set(&err, ERR_IO, "%s: %d of %d", "file", 3, 4), ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "file: 3 of 4");
    CU_ASSERT_EQUAL(error_set(NULL, ERR_NUMERIC, "nobody asks"), ERR_NUMERIC);
}

static void prefix_comes_before_the_reason(void)
{
    struct error err;

    error_set(&err, ERR_INPUT, "too long");
    CU_ASSERT_EQUAL(error_prefix(&err, ERR_INPUT, "%s:%d", "job.cfg", 7), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "job.cfg:7: too long");
    CU_ASSERT_EQUAL(error_prefix(NULL, ERR_INPUT, "x"), ERR_INPUT);
}

static void control_characters_do_not_get_through(void)
{
    struct error err;

    error_set(&err, ERR_INPUT, "%s", "a\x1b[31m\nb\x7f\t\xc3\xa4");
    CU_ASSERT_STRING_EQUAL(err.text, "a?[31m?b??\xc3\xa4");
    error_prefix(&err, ERR_INPUT, "\r");
    CU_ASSERT_STRING_EQUAL(err.text, "?: a?[31m?b??\xc3\xa4");
}

static void long_text_is_cut_at_the_end(void)
{
    struct error err;
    char text[3000];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    error_set(&err, ERR_INPUT, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, ERR_INPUT, "%s", "place");
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    CU_ASSERT_EQUAL(strncmp(err.text, "place: xxx", 10), 0);
    error_prefix(&err, ERR_INPUT, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(reason_and_status_come_back),
        SUITE_TEST(prefix_comes_before_the_reason),
        SUITE_TEST(control_characters_do_not_get_through),
        SUITE_TEST(long_text_is_cut_at_the_end),
        {NULL, NULL},
    };

    return suite_run("error", tests);
}
