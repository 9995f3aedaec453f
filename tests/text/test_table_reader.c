#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "text/table_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct task_columns by_name = {.header = true,
                                            .text = {"text", NULL},
                                            .label = "label",
                                            .text_at = {-1, -1},
                                            .label_at = -1};
static const struct task_columns one_by_name = {
    .header = true, .text = {"text", NULL}, .text_at = {-1, -1}, .label_at = -1};
static const struct task_columns pair_by_number = {.text_at = {0, 1}, .label_at = 2};

/* "text|second|label@line" of each row joined by blanks; "short@line" for short rows;
 * after an error "!" and its text. */
static const char *read_all(enum task_format format, const struct task_columns *columns,
                            bool label_required, const char *text, size_t size)
{
    static char out[4096];
    struct table_reader *reader;
    struct table_row row;
    struct error err = {""};
    size_t used = 0;
    int rc = table_reader_open_text(&reader, text, size, "f", format, columns,
                                    label_required, &err);

    out[0] = '\0';
    while (rc == 0 && (rc = table_reader_next(reader, &row, &err)) > TABLE_END) {
        if (rc == TABLE_SHORT)
            used += (size_t)snprintf(out + used, sizeof out - used, "short");
        else
            used += (size_t)snprintf(
                out + used, sizeof out - used, "%.*s|%.*s|%.*s", (int)row.text[0].size,
                row.text[0].data ? row.text[0].data : "", (int)row.text[1].size,
                row.text[1].data ? row.text[1].data : "", (int)row.label.size,
                row.label.data ? row.label.data : "");
        used += (size_t)snprintf(out + used, sizeof out - used, "@%d ", (int)row.line);
        rc = 0;
    }
    if (rc < 0)
        snprintf(out + used, sizeof out - used, "!%s", err.text);
    table_reader_free(reader);
    return out;
}

#define TSV(columns, text) read_all(FORMAT_TSV, columns, true, text, sizeof(text) - 1)
#define CSV(columns, text) read_all(FORMAT_CSV, columns, true, text, sizeof(text) - 1)
#define JSONL(columns, text)                                                           \
    read_all(FORMAT_JSONL, columns, true, text, sizeof(text) - 1)

static void tsv_columns_are_found_by_header_name(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "label\tx\ttext\n1\ty\tgood\n0\t\tbad\n"),
                           "good||1@2 bad||0@3 ");
}

static void tsv_columns_are_found_by_number_without_a_header(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&pair_by_number, "a\tb\t1\nc\td\t0\textra\n"),
                           "a|b|1@1 c|d|0@2 ");
}

static void tsv_takes_quotes_as_characters(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&pair_by_number, "\"a\tb\"\"\t1\n\"c\td\t0\n"),
                           "\"a|b\"\"|1@1 \"c|d|0@2 ");
}

static void line_ends_and_the_byte_order_mark_are_no_text(void)
{
    static const char crlf[] = "\xef\xbb\xbf"
                               "text\tlabel\r\na\t1\r\nb\t0";

    CU_ASSERT_STRING_EQUAL(TSV(&by_name, crlf), "a||1@2 b||0@3 ");
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabel\na\t1\n"), "a||1@2 ");
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabel\na\t1\r"), "a||1@2 ");
}

static void empty_lines_are_rows_at_the_end_too(void)
{
    static const char table[] = "text\na\n\nb\n\n\r\n";
    static const char objects[] = "{\"text\": \"a\"}\n\n";

    CU_ASSERT_STRING_EQUAL(
        read_all(FORMAT_TSV, &one_by_name, false, table, sizeof table - 1),
        "a||@2 ||@3 b||@4 ||@5 ||@6 ");
    CU_ASSERT_STRING_EQUAL(
        read_all(FORMAT_CSV, &one_by_name, false, table, sizeof table - 1),
        "a||@2 ||@3 b||@4 ||@5 ||@6 ");
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabel\na\t1\n\n"), "a||1@2 short@3 ");
    CU_ASSERT_PTR_NOT_NULL(
        strstr(read_all(FORMAT_JSONL, &one_by_name, false, objects, sizeof objects - 1),
               "a||@1 !f:2: JSON: "));
}

static void only_line_feeds_end_lines(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabel\na\rb\u2028c\xc2\x85"
                                         "d\ve\t1\nf\t0\n"),
                           "a\rb\u2028c\xc2\x85"
                           "d\ve||1@2 f||0@3 ");
}

static void short_rows_are_told_and_reading_goes_on(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&pair_by_number, "a\tb\t1\nc\td\n\ne\tf\t0\n"),
                           "a|b|1@1 short@2 short@3 e|f|0@4 ");
}

static void a_missing_column_is_an_error_that_lists_the_header(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "sentence\tlabel\na\t1\n"),
                           "!f:1: column \"text\": not in the header: sentence, label");
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabels\na\t1\n"),
                           "!f:1: column \"label\": not in the header: text, labels");
}

static void files_without_labels_are_read_where_none_are_required(void)
{
    static const char named[] = "text\nmore\n", numbered[] = "a\tb\nc\td\n";

    CU_ASSERT_STRING_EQUAL(
        read_all(FORMAT_TSV, &by_name, false, named, sizeof named - 1), "more||@2 ");
    CU_ASSERT_STRING_EQUAL(
        read_all(FORMAT_TSV, &pair_by_number, false, numbered, sizeof numbered - 1),
        "a|b|@1 c|d|@2 ");
}

static void empty_files_are_refused(void)
{
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, ""), "!f:1: file: it is empty");
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "\n\n"), "!f:1: file: it is empty");
    CU_ASSERT_STRING_EQUAL(JSONL(&by_name, "\xef\xbb\xbf"), "!f:1: file: it is empty");
}

static void invalid_utf8_is_refused_with_its_line(void)
{
    static const char *const bad[] = {
        "\xff", "\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80",
        "\x80", "\xf4\x90\x80\x80", "\xe2\x82",     "\xf8\x88\x80\x80\x80"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        int size =
            snprintf(text, sizeof text, "text\tlabel\na\t1\nb%s\t0\nc\t1\n", bad[i]);

        CU_ASSERT_STRING_EQUAL(read_all(FORMAT_TSV, &by_name, true, text, (size_t)size),
                               "!f:3: text: invalid UTF-8");
    }
    CU_ASSERT_STRING_EQUAL(TSV(&by_name, "text\tlabel\na\t1\nb\t\xe2\x82"),
                           "!f:3: text: invalid UTF-8");
}

static void csv_fields_in_quotes_hold_commas_quotes_and_lines(void)
{
    CU_ASSERT_STRING_EQUAL(CSV(&by_name, "text,label\r\n\"a, \"\"b\"\"\r\nc\",1\r\n"
                                         "plain, text,0\r\n"),
                           "a, \"b\"\r\nc||1@2 plain|| text@4 ");
    CU_ASSERT_STRING_EQUAL(CSV(&pair_by_number, "\"\",\"\"\"\",\"1\"\nx,,0"),
                           "|\"|1@1 x||0@2 ");
}

static void csv_that_breaks_the_rules_is_refused(void)
{
    CU_ASSERT_STRING_EQUAL(CSV(&pair_by_number, "a,b,1\nc,\"d\n,0\n"),
                           "a|b|1@1 !f:2: field 2: its quote is never closed");
    CU_ASSERT_STRING_EQUAL(CSV(&pair_by_number, "a\"b,c,1\n"),
                           "!f:1: field 1: a quote inside a field without quotes");
    CU_ASSERT_STRING_EQUAL(CSV(&pair_by_number, "a,\"b\"c,1\n"),
                           "!f:1: field 2: text behind its closing quote");
}

static void jsonl_gives_strings_numbers_and_booleans(void)
{
    CU_ASSERT_STRING_EQUAL(
        JSONL(&by_name, "{\"label\": 1, \"text\": \"a\\tb\\u00e9\"}\n"
                        "{\"text\": \"c\", \"label\": \"neg\", \"more\": []}\r\n"
                        "{\"text\": \"d\", \"label\": true}\n"
                        "{\"text\": \"e\", \"label\": 2.5}"),
        "a\tb\u00e9||1@1 c||neg@2 d||true@3 e||2.5@4 ");
}

static void jsonl_that_is_none_is_refused(void)
{
    CU_ASSERT_PTR_NOT_NULL(
        strstr(JSONL(&by_name, "{\"text\": \"a\", \"label\": 1}\n{\"text\": \n"),
               "a||1@1 !f:2: JSON: "));
    CU_ASSERT_STRING_EQUAL(JSONL(&by_name, "[1]\n"),
                           "!f:1: JSON: an object was expected");
    CU_ASSERT_STRING_EQUAL(JSONL(&by_name, "{\"text\": [], \"label\": 1}\n"),
                           "short@1 ");
}

static void a_missing_file_is_named(void)
{
    struct table_reader *reader;
    struct error err = {""};

    CU_ASSERT_EQUAL(
        table_reader_open(&reader, "/no/such.tsv", FORMAT_TSV, &by_name, true, &err),
        ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "/no/such.tsv: cannot open: No such file or directory");
    CU_ASSERT_EQUAL(
        table_reader_open(&reader, place_temporary(), FORMAT_TSV, &by_name, true, &err),
        ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not a regular file"));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(tsv_columns_are_found_by_header_name),
        SUITE_TEST(tsv_columns_are_found_by_number_without_a_header),
        SUITE_TEST(tsv_takes_quotes_as_characters),
        SUITE_TEST(line_ends_and_the_byte_order_mark_are_no_text),
        SUITE_TEST(empty_lines_are_rows_at_the_end_too),
        SUITE_TEST(only_line_feeds_end_lines),
        SUITE_TEST(short_rows_are_told_and_reading_goes_on),
        SUITE_TEST(a_missing_column_is_an_error_that_lists_the_header),
        SUITE_TEST(files_without_labels_are_read_where_none_are_required),
        SUITE_TEST(empty_files_are_refused),
        SUITE_TEST(invalid_utf8_is_refused_with_its_line),
        SUITE_TEST(csv_fields_in_quotes_hold_commas_quotes_and_lines),
        SUITE_TEST(csv_that_breaks_the_rules_is_refused),
        SUITE_TEST(jsonl_gives_strings_numbers_and_booleans),
        SUITE_TEST(jsonl_that_is_none_is_refused),
        SUITE_TEST(a_missing_file_is_named),
        {NULL, NULL},
    };

    return suite_run("table_reader", tests);
}
