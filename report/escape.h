/* Text of others (data, labels, errors, names) in the formats that we write. What comes
 * out is text there and nothing else: no tag, command, formula or link.
 *
 * In all of them a control or format character (line ends and marks of direction among
 * them, the joiners of emoji not) and each byte that is not UTF-8 is U+FFFD, a tab or
 * line end a blank. NULL is "". Failures of the stream are its own (ferror). */
#ifndef REPORT_ESCAPE_H
#define REPORT_ESCAPE_H

#include <stdint.h>
#include <stdio.h>

/* The code point at *at as it may be shown; *at moves behind it; 0 at the end. */
uint32_t escape_next(const char **at);

/* Between tags or within a quoted attribute. */
void escape_html(FILE *out, const char *text);
/* Within a paragraph or a cell of tabular, for pdflatex with any font encoding: beyond
 * Latin-1's letters a character is [U+4E2D]. */
void escape_latex(FILE *out, const char *text);
/* A cell, in quotes where it needs them (RFC 4180). What a spreadsheet could take for a
 * formula (begins with = + - @, also behind blanks or in full width) has ' before it.
 */
void escape_csv(FILE *out, const char *text);
/* Within a paragraph or a cell of a table of GitHub's Markdown. */
void escape_markdown(FILE *out, const char *text);

#endif
