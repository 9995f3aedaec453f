/* gnuplot's SVG made fit for an HTML page. */
#ifndef REPORT_FIGURES_SVG_THEME_H
#define REPORT_FIGURES_SVG_THEME_H

#include <stddef.h>
#include <stdio.h>

/* Writes the SVG text (size bytes) to out: without XML declaration; black as
 * currentColor, so that it follows the page's text; ids and references to them
 * prefixed by name; title (cleaned, see figure_text.h) as its <title> and role="img";
 * titles that only name a file or a plot left out. Text between tags is copied as it
 * is: gnuplot has escaped it. */
void svg_theme(FILE *out, const char *svg, size_t size, const char *name,
               const char *title);

#endif
