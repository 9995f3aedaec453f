/* Texts of users in figures: labels that are data to gnuplot, SVG, PDF and to whoever
 * opens the CSV in a spreadsheet. */
#ifndef REPORT_FIGURES_FIGURE_TEXT_H
#define REPORT_FIGURES_FIGURE_TEXT_H

#include <stdio.h>

/* A copy on the heap, at most `width` columns wide: cut texts end in "…". What is not
 * UTF-8 is '?'; control characters and line ends are one blank; marks that turn the
 * direction of text, other invisible ones and heaps of combining marks are left out;
 * quotes of all kinds (' " `) become ’ and \ becomes /, since gnuplot reads them in
 * data or strings; what a spreadsheet would compute (=, +, -, @ at the start, and no
 * number) gets a ’ in front.
 * NULL is "". Returns NULL when out of memory. */
char *figure_text(const char *text, int width);
int figure_text_width(const char *cleaned); /* in columns */

/* The same, written: as a string of a gnuplot script, as a label of tics there (where
 * gnuplot reads % as a format), as a cell of the CSV. */
void figure_text_string(FILE *out, const char *text, int width);
void figure_text_tic(FILE *out, const char *text, int width);
void figure_text_cell(FILE *out, const char *text, int width);
/* As text of XML. */
void figure_text_xml(FILE *out, const char *text, int width);

/* Shortest digits that read back as the same number; "NaN" for what is not finite. */
void figure_number(FILE *out, double value);

#endif
