/* A pass over the tags; nothing else of XML needs to be known, since gnuplot writes no
 * comments, no CDATA and no '>' in attributes. */
#include "report/figures/svg_theme.h"

#include "report/figures/figure_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TITLE_WIDTH = 300 };

static bool begins(const char *at, const char *end, const char *what)
{
    size_t length = strlen(what);

    return (size_t)(end - at) >= length && memcmp(at, what, length) == 0;
}

/* What at begins with, and what is written instead. */
struct rule {
    const char *from, *to;
};

static const struct rule rules[] = {
    {" color=\"black\"", ""}, /* inherited */
    {" color='rgb(  0,   0,   0)'", ""},
    {"\"black\"", "\"currentColor\""},
    {"'black'", "'currentColor'"},
    {"'rgb(  0,   0,   0)'", "'currentColor'"},
    {"\"rgb(  0,   0,   0)\"", "\"currentColor\""},
};
static const char *const references[] = {"id=\"", "id='", "href='#", "href=\"#",
                                         "url(#"};

/* "rgb( 86, 180, 233)" as #56b4e9: a third shorter, and there are thousands. Returns
 * its length, or 0. */
static size_t write_colour(FILE *out, const char *at, const char *end)
{
    int r, g, b, used = 0;
    char text[32];

    if (!begins(at, end, "rgb(") || end - at < 18)
        return 0;
    memcpy(text, at, 18);
    text[18] = '\0';
    if (sscanf(text, "rgb(%d,%d,%d)%n", &r, &g, &b, &used) != 3 || used != 18)
        return 0;
    fprintf(out, "#%02x%02x%02x", (unsigned)r & 255, (unsigned)g & 255,
            (unsigned)b & 255);
    return 18;
}

/* One step within a tag. Returns how many bytes of it are dealt with. */
static size_t write_step(FILE *out, const char *at, const char *end, const char *name)
{
    size_t length;

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (begins(at, end, rules[i].from)) {
            fputs(rules[i].to, out);
            return strlen(rules[i].from);
        }
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (begins(at, end, references[i])) {
            fprintf(out, "%s%s-", references[i], name);
            return strlen(references[i]);
        }
    if ((length = write_colour(out, at, end)) > 0)
        return length;
    putc(*at, out);
    return 1;
}

/* Titles of plots without a name of their own would show as tips: file names. */
static bool is_empty_title(const char *at, const char *end)
{
    return begins(at, end, "<title>gnuplot_plot_") ||
           begins(at, end, "<title></title>");
}

static const char *find(const char *at, const char *end, char what)
{
    const char *found = memchr(at, what, (size_t)(end - at));

    return found ? found : end;
}

static const char *skip_element(const char *at, const char *end)
{
    at = find(find(at, end, '/'), end, '>');
    return at < end ? at + 1 : end;
}

void svg_theme(FILE *out, const char *svg, size_t size, const char *name,
               const char *title)
{
    const char *at = svg, *end = svg + size;
    bool titled = false;

    while (at < end) {
        const char *tag = find(at, end, '<'), *close = find(tag, end, '>');

        fwrite(at, 1, (size_t)(tag - at), out);
        at = tag;
        if (begins(at, end, "<?xml")) {
            at = close < end ? close + 1 : end;
            at += at < end && *at == '\n';
        } else if (begins(at, end, "<title>Gnuplot</title>") && !titled) {
            fputs("<title>", out);
            figure_text_xml(out, title, TITLE_WIDTH);
            fputs("</title>", out);
            at += strlen("<title>Gnuplot</title>");
            titled = true;
        } else if (is_empty_title(at, end)) {
            at = skip_element(at + 7, end);
        } else {
            if (begins(at, end, "<svg")) {
                fputs("<svg role=\"img\"", out);
                at += 4;
            }
            while (at < close)
                at += write_step(out, at, close, name);
        }
    }
}
