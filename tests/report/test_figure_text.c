/* Texts of users in figures. */
#include "report/figures/figure_text.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int is_cleaned(const char *text, int width, const char *expected)
{
    char *cleaned = figure_text(text, width);
    int same = cleaned && !strcmp(cleaned, expected);

    if (!same)
        printf("\n    got <%s>, not <%s>", cleaned ? cleaned : "(null)", expected);
    free(cleaned);
    return same;
}

static void plain_text_stays_as_it_is(void)
{
    CU_ASSERT(is_cleaned("learning_rate=2e-3, naïve 日本", 60,
                         "learning_rate=2e-3, naïve 日本"));
    CU_ASSERT(is_cleaned(NULL, 10, ""));
    CU_ASSERT(is_cleaned("", 10, ""));
}

static void what_gnuplot_would_read_is_replaced(void)
{
    CU_ASSERT(is_cleaned("`rm` \"a\" \\n", 20, "’rm’ ’a’ /n"));
}

static void controls_become_blanks_and_hidden_marks_go(void)
{
    CU_ASSERT(is_cleaned("a\nb\tc\x1b[0m\x7f", 20, "a b c [0m "));
    CU_ASSERT(is_cleaned("a\xe2\x80\xae"
                         "b\xe2\x81\xa6"
                         "c\xe2\x80\x8b"
                         "d\xef\xbb\xbf",
                         20, "abcd"));
    CU_ASSERT(is_cleaned("a\xe2\x80\xa8"
                         "b\xc2\x85"
                         "c",
                         20, "a b c"));
    CU_ASSERT(is_cleaned("a\xff\xc3", 20, "a??"));
    CU_ASSERT(is_cleaned("\xef\xbf\xbf", 20, "")); /* U+FFFF: not in XML */
}

static void heaps_of_combining_marks_are_cut(void)
{
    CU_ASSERT(is_cleaned("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x", 20,
                         "e\xcc\x81\xcc\x81x"));
}

static void long_texts_end_in_an_ellipsis(void)
{
    char text[10001];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT(is_cleaned(text, 5, "xxxx…"));
    CU_ASSERT(is_cleaned("12345", 5, "12345"));
    CU_ASSERT(is_cleaned("日本語日本語", 5, "日本…"));
}

static void formulas_of_spreadsheets_are_defused_and_numbers_stay(void)
{
    CU_ASSERT(is_cleaned("=1+1", 20, "’=1+1"));
    CU_ASSERT(is_cleaned("@SUM(A1)", 20, "’@SUM(A1)"));
    CU_ASSERT(is_cleaned("-2+3", 20, "’-2+3"));
    CU_ASSERT(is_cleaned("+1", 20, "+1"));
    CU_ASSERT(is_cleaned("-0.5", 20, "-0.5"));
    CU_ASSERT(is_cleaned("\t=1", 20, " =1"));
}

static int is_written(void (*write)(FILE *, const char *, int), const char *text,
                      const char *expected)
{
    char *got = NULL;
    size_t size;
    FILE *out = open_memstream(&got, &size);
    int same;

    write(out, text, 40);
    fclose(out);
    same = !strcmp(got, expected);
    free(got);
    return same;
}

static void strings_tics_cells_and_xml_are_quoted(void)
{
    CU_ASSERT(is_written(figure_text_string, "it's 5%", "'it’s 5%'"));
    CU_ASSERT(is_written(figure_text_tic, "it's 5% %d", "'it’s 5%% %%d'"));
    CU_ASSERT(is_written(figure_text_cell, "a,\"b\"\n", "\"a,’b’ \""));
    CU_ASSERT(
        is_written(figure_text_xml, "<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;/b&gt;"));
}

static void write_one(FILE *out, const char *text, int width)
{
    (void)width;
    figure_number(out, strtod(text, NULL));
}

static void numbers_read_back_the_same_and_are_short(void)
{
    CU_ASSERT(is_written(write_one, "0.1", "0.1"));
    CU_ASSERT(is_written(write_one, "0.30000000000000004", "0.30000000000000004"));
    CU_ASSERT(is_written(write_one, "-3", "-3"));
    CU_ASSERT(is_written(write_one, "nan", "NaN"));
    CU_ASSERT(is_written(write_one, "-inf", "NaN"));
}

static const struct suite_test tests[] = {
    SUITE_TEST(plain_text_stays_as_it_is),
    SUITE_TEST(what_gnuplot_would_read_is_replaced),
    SUITE_TEST(controls_become_blanks_and_hidden_marks_go),
    SUITE_TEST(heaps_of_combining_marks_are_cut),
    SUITE_TEST(long_texts_end_in_an_ellipsis),
    SUITE_TEST(formulas_of_spreadsheets_are_defused_and_numbers_stay),
    SUITE_TEST(strings_tics_cells_and_xml_are_quoted),
    SUITE_TEST(numbers_read_back_the_same_and_are_short),
    {NULL, NULL},
};

int main(void) { return suite_run("figure_text", tests); }
