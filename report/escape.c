#include "report/escape.h"

#include <string.h>
#include <utf8proc.h>

enum {
    REPLACEMENT = 0xFFFD,
    ZERO_WIDTH_NON_JOINER = 0x200C,
    ZERO_WIDTH_JOINER = 0x200D
};

static uint32_t shown(utf8proc_int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);

    if (point == '\t' || point == '\n' || point == '\r')
        return ' ';
    if (point == ZERO_WIDTH_NON_JOINER || point == ZERO_WIDTH_JOINER)
        return (uint32_t)point;
    switch (category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return REPLACEMENT;
    default:
        return (uint32_t)point;
    }
}

uint32_t escape_next(const char **at)
{
    utf8proc_int32_t point;
    /* a code point has 4 bytes at most: the whole text need not be measured each time
     */
    utf8proc_ssize_t left = (utf8proc_ssize_t)strnlen(*at, 4), used;

    if (left == 0)
        return 0;
    used = utf8proc_iterate((const utf8proc_uint8_t *)*at, left, &point);
    *at += used > 0 ? used : 1;
    return used > 0 ? shown(point) : REPLACEMENT;
}

static void put_point(FILE *out, uint32_t point)
{
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t size = utf8proc_encode_char((utf8proc_int32_t)point, bytes);

    fwrite(bytes, 1, (size_t)size, out);
}

void escape_html(FILE *out, const char *text)
{
    const char *at = text ? text : "";
    uint32_t point;

    while ((point = escape_next(&at)))
        switch (point) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            put_point(out, point);
        }
}

static const char *latex_command(uint32_t point)
{
    static const struct {
        uint32_t point;
        const char *command;
    } commands[] = {
        {'\\', "\\textbackslash{}"},
        {'{', "\\{"},
        {'}', "\\}"},
        {'$', "\\$"},
        {'&', "\\&"},
        {'#', "\\#"},
        {'%', "\\%"},
        {'_', "\\_"},
        {'^', "\\textasciicircum{}"},
        {'~', "\\textasciitilde{}"},
        {'<', "$<$"},
        {'>', "$>$"},
        {'|', "$|$"},
        {'-', "-{}"}, /* no ligature to a dash */
        {'`', "\\textasciigrave{}"},
        {'[', "{[}"}, /* \\ before it would take an argument */
        {']', "{]}"},
        {'*', "{*}"},
        {0xB1, "$\\pm$"},
        {0xD7, "$\\times$"},
        {0x2013, "--"},
        {0x2014, "---"},
        {0x2026, "\\dots{}"},
        {0x2212, "$-$"},
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].point == point)
            return commands[i].command;
    return NULL;
}

/* Letters with accents that every font encoding can compose. */
static int is_latin_letter(uint32_t point)
{
    return point >= 0xC0 && point <= 0xFF && point != 0xD0 && point != 0xD7 &&
           point != 0xDE && point != 0xF0 && point != 0xF7 && point != 0xFE;
}

void escape_latex(FILE *out, const char *text)
{
    const char *at = text ? text : "", *command;
    uint32_t point;

    while ((point = escape_next(&at)))
        if (point == '"')
            fputs("''", out); /* \textquotedbl needs T1 */
        else if ((command = latex_command(point)))
            fputs(command, out);
        else if (point < 0x80 || is_latin_letter(point))
            put_point(out, point);
        else
            fprintf(out, "{[}U+%04X{]}", (unsigned)point);
}

static int begins_formula(const char *text)
{
    static const uint32_t wide[] = {0xFF1D, 0xFF0B, 0xFF0D, 0xFF20}; /* ＝＋－＠ */
    uint32_t point;

    while ((point = escape_next(&text)) == ' ' || point == 0xA0 || point == REPLACEMENT)
        ;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (point == wide[i])
            return 1;
    return point && point < 0x80 && strchr("=+-@", (int)point) != NULL;
}

void escape_csv(FILE *out, const char *text)
{
    const char *at = text ? text : "";
    int formula = begins_formula(at), quotes = strpbrk(at, ",\"\r\n;\t") != NULL;
    uint32_t point;

    if (quotes)
        fputc('"', out);
    if (formula)
        fputc('\'', out);
    while ((point = escape_next(&at))) {
        if (point == '"')
            fputc('"', out);
        put_point(out, point);
    }
    if (quotes)
        fputc('"', out);
}

void escape_markdown(FILE *out, const char *text)
{
    const char *at = text ? text : "";
    uint32_t point;

    while ((point = escape_next(&at)))
        if (point == '&')
            fputs("&amp;", out);
        else if (point == '<')
            fputs("&lt;", out);
        else {
            /* : @ . part addresses, which would become links */
            if (point < 0x80 && strchr("\\`*_{}[]()>#+-!|~$:@.\"'=^", (int)point))
                fputc('\\', out);
            put_point(out, point);
        }
}
