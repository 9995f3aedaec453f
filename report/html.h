/* The frame of our HTML pages: one file without network, light and dark, for phones and
 * printers. Text goes through escape_html. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdio.h>

/* From the doctype to <main> with the title as <h1>. style: more CSS of this page, or
 * NULL. Classes of the frame: .scroll around what is wider than a phone, .note for
 * small print, .warn for what the reader must know, .num for cells of numbers, .long
 * for those of much text, .best, .tied in tables, .cards of .card. Colours: var(--ink),
 * --muted, --paper, --panel,
 * --line,
 * --accent, --warn. Tables of class "sort" are sorted by a click on a heading, by the
 * number in a cell's data-v where it has one. */
void html_begin(FILE *out, const char *title, const char *style);
/* The foot with the program's version, the script of the tables, the end. */
void html_end(FILE *out);

#endif
