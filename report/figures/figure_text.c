/* Cleans texts. After figure_text nothing in a text means anything to gnuplot but % in
 * a tic's label, which is doubled there. Doubling ' within '…' would not do:
 * gnuplot 5.4 takes the '' of a text that begins with one for an empty string, and what
 * follows for commands. */
#include "report/figures/figure_text.h"

#include "storage/text_clean.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    MARKS_MAX = 2, /* combining marks in a row */
    APOSTROPHE = 0x2019,
    GROWTH = 3, /* of a byte that becomes an apostrophe */
};

/* What stands for the code point: itself, a plainer one, or 0 to leave it out. */
static utf8proc_int32_t plain(utf8proc_int32_t code)
{
    utf8proc_category_t category = utf8proc_category(code);

    if (code == '"' || code == '`' || code == '\'')
        return APOSTROPHE;
    if (code == '\\')
        return '/';
    if (code == '\t' || code == '\n' || code == '\r')
        return ' ';
    if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
        category == UTF8PROC_CATEGORY_ZP)
        return ' ';
    if (category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CN ||
        category == UTF8PROC_CATEGORY_CO || category == UTF8PROC_CATEGORY_CS)
        return 0;
    return code;
}

static bool is_mark(utf8proc_int32_t code)
{
    utf8proc_category_t category = utf8proc_category(code);

    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

/* Spreadsheets compute cells that begin so; a number is only itself. */
static bool is_formula(const char *text)
{
    char *end;

    if (!*text || !strchr("=+-@", *text))
        return false;
    strtod(text, &end);
    return *end != '\0';
}

/* Writes code points of `from` to `out` while they fit into width columns; where they
 * do not, "…" takes the place of the last. out has room for all of them and a "…". */
static void copy_plain(char *out, const char *from, int width)
{
    utf8proc_int32_t code;
    int columns = 0, marks = 0;
    char *room = out; /* end of what fits with an ellipsis behind it */

    while (*from) {
        from += utf8proc_iterate((const utf8proc_uint8_t *)from, -1, &code);
        code = plain(code);
        marks = is_mark(code) ? marks + 1 : 0;
        if (code == 0 || marks > MARKS_MAX)
            continue;
        columns += utf8proc_charwidth(code);
        if (columns > width) {
            strcpy(room, "…");
            return;
        }
        out += utf8proc_encode_char(code, (utf8proc_uint8_t *)out);
        if (columns < width)
            room = out;
    }
    *out = '\0';
}

char *figure_text(const char *text, int width)
{
    char *utf8 = text_clean(text);
    char *out = utf8 ? malloc(GROWTH * strlen(utf8) + 8) : NULL;

    if (out) {
        copy_plain(out + GROWTH, utf8, width);
        if (is_formula(out + GROWTH))
            utf8proc_encode_char(APOSTROPHE, (utf8proc_uint8_t *)out);
        else
            memmove(out, out + GROWTH, strlen(out + GROWTH) + 1);
    }
    free(utf8);
    return out;
}

int figure_text_width(const char *cleaned)
{
    utf8proc_int32_t code;
    int columns = 0;

    while (*cleaned) {
        cleaned += utf8proc_iterate((const utf8proc_uint8_t *)cleaned, -1, &code);
        columns += utf8proc_charwidth(code);
    }
    return columns;
}

/* Cleaned, each `twice` as two of it, between two `quote`. Out of memory, nothing: the
 * stream's own buffers would not grow either, which its owner finds at the end. */
static void write_quoted(FILE *out, const char *text, int width, char quote,
                         const char *twice)
{
    char *cleaned = figure_text(text, width);

    putc(quote, out);
    for (const char *c = cleaned ? cleaned : ""; *c; c++) {
        putc(*c, out);
        if (strchr(twice, *c))
            putc(*c, out);
    }
    putc(quote, out);
    free(cleaned);
}

void figure_text_string(FILE *out, const char *text, int width)
{
    write_quoted(out, text, width, '\'', "");
}

void figure_text_tic(FILE *out, const char *text, int width)
{
    write_quoted(out, text, width, '\'', "%");
}

void figure_text_cell(FILE *out, const char *text, int width)
{
    write_quoted(out, text, width, '"', "");
}

void figure_text_xml(FILE *out, const char *text, int width)
{
    char *cleaned = figure_text(text, width);

    for (const char *c = cleaned ? cleaned : ""; *c; c++) {
        if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '>')
            fputs("&gt;", out);
        else if (*c == '&')
            fputs("&amp;", out);
        else
            putc(*c, out);
    }
    free(cleaned);
}

void figure_number(FILE *out, double value)
{
    char digits[32];

    if (!isfinite(value)) {
        fputs("NaN", out);
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    fputs(digits, out);
}
