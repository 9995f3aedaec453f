/* One table in four forms. */
#include "report/table.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct table *t)
{
    table_init(t, "t", "A | title", "A <note>.");
    table_column(t, "name", TABLE_TEXT, 0);
    table_column(t, "n", TABLE_INTEGER, 0);
    table_column(t, "score", TABLE_SPREAD, 2);
    table_column(t, "range", TABLE_INTERVAL, 1);
    table_row(t, false);
    table_text(t, "=1+1");
    table_integer(t, 12);
    table_spread(t, (struct spread){3, 1.0 / 3, 0.125});
    table_mark(t, MARK_BEST);
    table_interval(t, (struct interval){0.25, 0.5});
    table_row(t, false);
    table_text(t, "b_c");
    table_empty(t);
    table_spread(t, (struct spread){1, 0.25, NAN});
    table_mark(t, MARK_TIED);
    table_row(t, true);
    table_text(t, "base");
    CU_ASSERT(!table_failed(t));
}

static char *written(const struct table *t, int form)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (form == 0)
        table_write_csv(t, out);
    else if (form == 1)
        table_write_markdown(t, out);
    else if (form == 2)
        table_write_latex(t, 1, out);
    else
        table_write_html(t, 1, out);
    fclose(out);
    return text;
}

static void csv_holds_all_digits_and_no_formula(void)
{
    struct table t;
    char *text;

    fill(&t);
    text = written(&t, 0);
    CU_ASSERT_STRING_EQUAL(text,
                           "name,n,score,score sd,score n,range low,range high\r\n"
                           "'=1+1,12,0.33333333333333331,0.125,3,0.25,0.5\r\n"
                           "b_c,,0.25,,1,,\r\n"
                           "base,,,,,,\r\n");
    free(text);
    table_clear(&t);
}

static void markdown_marks_the_best_and_the_tied(void)
{
    struct table t;
    char *text;

    fill(&t);
    text = written(&t, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "### A \\| title\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "| 12 | **0.33±0.12** | [0.2, 0.5] |\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "| b\\_c |  | 0.25† |  |\n"));
    free(text);
    table_clear(&t);
}

static void latex_and_html_leave_out_rows_but_not_the_base(void)
{
    struct table t;
    char *text;

    fill(&t);
    text = written(&t, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\\textbf{0.33\\,$\\pm$\\,0.12}"));
    CU_ASSERT_PTR_NULL(strstr(text, "b\\_c"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "base & {--}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\\bottomrule"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "% 1 more rows"));
    free(text);
    text = written(&t, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "<td class=\"num best\" "
                                        "data-v=\"0.33333333333333331\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "A &lt;note&gt;. The other 1 rows"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "<tr class=\"base\">"));
    CU_ASSERT_PTR_NULL(strstr(text, "b_c"));
    free(text);
    table_clear(&t);
}

static void cells_beyond_the_last_column_are_no_harm(void)
{
    struct table t;

    table_init(&t, "t", NULL, NULL);
    table_integer(&t, 1);
    table_column(&t, "a", TABLE_INTEGER, 0);
    table_row(&t, false);
    table_integer(&t, 1);
    table_integer(&t, 2);
    table_text(&t, "x");
    CU_ASSERT_EQUAL(t.rows[0].cells[0].integer, 1);
    table_clear(&t);
}

int main(void)
{
    const struct suite_test tests[] = {
        SUITE_TEST(csv_holds_all_digits_and_no_formula),
        SUITE_TEST(markdown_marks_the_best_and_the_tied),
        SUITE_TEST(latex_and_html_leave_out_rows_but_not_the_base),
        SUITE_TEST(cells_beyond_the_last_column_are_no_harm),
        {NULL, NULL},
    };

    return suite_run("table", tests);
}
