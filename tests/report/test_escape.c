#include "report/escape.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static char *escaped(void (*escape)(FILE *, const char *), const char *text)
{
    char *out = NULL;
    size_t size;
    FILE *stream = open_memstream(&out, &size);

    escape(stream, text);
    fclose(stream);
    return out;
}

#define CHECK(escape, text, wanted)                                                    \
    do {                                                                               \
        char *got = escaped(escape, text);                                             \
        CU_ASSERT_STRING_EQUAL(got, wanted);                                           \
        free(got);                                                                     \
    } while (0)

static void html_has_no_tags_and_no_ends_of_attributes(void)
{
    CHECK(escape_html, "<script>alert(\"1\")</script>&amp;'",
          "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;&#39;");
    CHECK(escape_html, NULL, "");
    CHECK(escape_html, "caf\xc3\xa9 \xe4\xb8\xad", "caf\xc3\xa9 \xe4\xb8\xad");
}

static void what_is_not_shown_is_replaced_everywhere(void)
{
    static void (*const all[])(FILE *, const char *) = {escape_html, escape_csv,
                                                        escape_markdown};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(all[i],
              "a\x01\x1b"
              "b",
              "a\xef\xbf\xbd\xef\xbf\xbd"
              "b");
        CHECK(all[i], "a\xe2\x80\xaeold", "a\xef\xbf\xbdold"); /* right-to-left */
        CHECK(all[i], "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    }
    CHECK(escape_html, "a\nb\tc", "a b c");
    CHECK(escape_latex, "a\xe2\x80\xae", "a{[}U+FFFD{]}");
    CHECK(escape_html, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
          "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb");
}

static void latex_has_no_commands(void)
{
    CHECK(escape_latex, "\\input{/etc/passwd}",
          "\\textbackslash{}input\\{/etc/passwd\\}");
    CHECK(escape_latex, "50% of $x_1^2$ & #~",
          "50\\% of \\$x\\_1\\textasciicircum{}2\\$ \\& \\#\\textasciitilde{}");
    CHECK(escape_latex, "a--b", "a-{}-{}b");
    CHECK(escape_latex, "\xc3\xa9\xc2\xb1\xe4\xb8\xad", "\xc3\xa9$\\pm${[}U+4E2D{]}");
}

static void csv_has_no_formulas_and_quotes_what_needs_it(void)
{
    CHECK(escape_csv, "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
    CHECK(escape_csv, "  @SUM(A1)", "'  @SUM(A1)");
    CHECK(escape_csv, "\t=1", "\"' =1\"");
    CHECK(escape_csv,
          "\xef\xbc\x9d"
          "1",
          "'\xef\xbc\x9d"
          "1");
    CHECK(escape_csv, "-1", "'-1");
    CHECK(escape_csv, "a \"b\", c", "\"a \"\"b\"\", c\"");
    CHECK(escape_csv, "line\nend", "\"line end\"");
    CHECK(escape_csv, "plain", "plain");
}

static void markdown_has_no_markup_and_no_links(void)
{
    CHECK(escape_markdown, "[x](http://e.x)|*b*",
          "\\[x\\]\\(http\\://e\\.x\\)\\|\\*b\\*");
    CHECK(escape_markdown, "<img src=x>&lt;", "&lt;img src\\=x\\>&amp;lt;");
}

static void long_text_takes_linear_time(void)
{
    size_t size = 4u << 20;
    char *text = malloc(size + 1), *got;

    memset(text, 'x', size);
    text[size] = 0;
    got = escaped(escape_html, text);
    CU_ASSERT_EQUAL(strlen(got), size);
    free(got);
    free(text);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(html_has_no_tags_and_no_ends_of_attributes),
        SUITE_TEST(what_is_not_shown_is_replaced_everywhere),
        SUITE_TEST(latex_has_no_commands),
        SUITE_TEST(csv_has_no_formulas_and_quotes_what_needs_it),
        SUITE_TEST(markdown_has_no_markup_and_no_links),
        SUITE_TEST(long_text_takes_linear_time),
        {NULL, NULL},
    };

    return suite_run("escape", tests);
}
