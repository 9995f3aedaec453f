/* gnuplot's SVG for an HTML page. */
#include "report/figures/svg_theme.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static int becomes(const char *svg, const char *title, const char *expected)
{
    char *got = NULL;
    size_t size;
    FILE *out = open_memstream(&got, &size);
    int same;

    svg_theme(out, svg, strlen(svg), "n", title);
    fclose(out);
    same = !strcmp(got, expected);
    if (!same)
        printf("\n    got <%s>", got);
    free(got);
    return same;
}

static void black_follows_the_text_of_the_page(void)
{
    CU_ASSERT(becomes("<g color=\"black\" stroke=\"black\" fill='rgb(  0,   0,   0)'/>",
                      "", "<g stroke=\"currentColor\" fill='currentColor'/>"));
}

static void colours_become_hexadecimal(void)
{
    CU_ASSERT(becomes("<g stroke='rgb( 86, 180, 233)'/>", "", "<g stroke='#56b4e9'/>"));
    CU_ASSERT(becomes("<g stroke='rgb(1'/>", "", "<g stroke='rgb(1'/>"));
}

static void ids_and_references_carry_the_name(void)
{
    CU_ASSERT(becomes("<use xlink:href='#gpPt6' id='a'/><g id=\"b\" fill=\"url(#c)\"/>",
                      "",
                      "<use xlink:href='#n-gpPt6' id='n-a'/><g id=\"n-b\" "
                      "fill=\"url(#n-c)\"/>"));
}

static void the_title_is_the_figures_own(void)
{
    CU_ASSERT(becomes("<?xml version=\"1.0\"?>\n<svg \n><title>Gnuplot</title>",
                      "a <b> & \"c\"",
                      "<svg role=\"img\" \n><title>a &lt;b&gt; &amp; ’c’</title>"));
    CU_ASSERT(becomes("<title>gnuplot_plot_1</title><g/>", "", "<g/>"));
    CU_ASSERT(becomes("<title>best of all</title>", "", "<title>best of all</title>"));
}

static void text_between_tags_is_left_alone(void)
{
    CU_ASSERT(becomes("<text>id=\"x\" rgb(  0,   0,   0) color=\"black\"</text>", "",
                      "<text>id=\"x\" rgb(  0,   0,   0) color=\"black\"</text>"));
}

static void a_torn_file_ends_the_pass(void)
{
    CU_ASSERT(becomes("<svg", "", "<svg role=\"img\""));
    CU_ASSERT(becomes("<title></tit", "", "<title></tit"));
    CU_ASSERT(becomes("<", "", "<"));
    CU_ASSERT(becomes("", "", ""));
}

static const struct suite_test tests[] = {
    SUITE_TEST(black_follows_the_text_of_the_page),
    SUITE_TEST(colours_become_hexadecimal),
    SUITE_TEST(ids_and_references_carry_the_name),
    SUITE_TEST(the_title_is_the_figures_own),
    SUITE_TEST(text_between_tags_is_left_alone),
    SUITE_TEST(a_torn_file_ends_the_pass),
    {NULL, NULL},
};

int main(void) { return suite_run("svg_theme", tests); }
