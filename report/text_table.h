/* A table in plain text: columns as wide as their cells need. What does not fit into
 * TEXT_TABLE_WIDTH is continued below, with the first column again. */
#ifndef REPORT_TEXT_TABLE_H
#define REPORT_TEXT_TABLE_H

#include <stdio.h>

enum { TEXT_TABLE_WIDTH = 80 };

struct text_table;

/* NULL when out of memory. */
struct text_table *text_table_new(void);
void text_table_free(struct text_table *table);
/* Starts a row. The first is the header, which has a cell for every column; its words
 * (parted by blanks, or begun by _) stand one above the other. */
void text_table_row(struct text_table *table);
/* Appends a cell to the last row. */
void text_table_cell(struct text_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Cells that start with a digit, a sign or a dash stand to the right. Nonzero when
 * memory ran out before, and then nothing is printed. */
int text_table_print(const struct text_table *table, FILE *out);

#endif
