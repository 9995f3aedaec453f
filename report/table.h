/* A table of a report: typed cells, written in four forms from the same numbers.
 *
 * CSV holds what was computed (17 digits, a spread in columns of its own), the others
 * what a reader wants to see. A call that fails for want of memory makes the table
 * useless; table_failed() tells. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "report/statistics/spread.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum table_type {
    TABLE_TEXT,
    TABLE_INTEGER,
    TABLE_REAL,     /* NaN: nothing */
    TABLE_SPREAD,   /* mean±sd */
    TABLE_INTERVAL, /* [low, high] */
};

struct table_column {
    char *name;
    enum table_type type;
    int decimals; /* of numbers; -1: as many as they need */
};

enum table_mark { MARK_NONE, MARK_BEST, MARK_TIED };

struct table_cell {
    enum table_mark mark;
    bool empty;
    char *text;
    int64_t integer;
    double real;
    struct spread spread;
    struct interval interval;
};

struct table_row {
    bool base; /* the majority class or mean: below the others, not ranked */
    struct table_cell *cells;
};

struct table {
    char *name;  /* of its files */
    char *title; /* one line */
    char *note;  /* what the numbers are, on which rows, among how many */
    int column_count, row_count, cell_count; /* cells of the last row */
    struct table_column *columns;
    struct table_row *rows;
    bool failed;
};

/* Texts are copied. */
void table_init(struct table *table, const char *name, const char *title,
                const char *note);
void table_clear(struct table *table);
bool table_failed(const struct table *table);

/* All columns come before the first row. */
void table_column(struct table *table, const char *name, enum table_type type,
                  int decimals);
/* Cells of a row that are not given are empty. */
void table_row(struct table *table, bool base);
void table_empty(struct table *table);
void table_text(struct table *table, const char *text);
void table_integer(struct table *table, int64_t value);
void table_real(struct table *table, double value);
void table_spread(struct table *table, struct spread spread);
void table_interval(struct table *table, struct interval interval);
/* Of the cell that was given last. */
void table_mark(struct table *table, enum table_mark mark);

/* rows: at most so many that are not base; 0: all. What is left out is said. LaTeX is
 * a tabular for \input, with booktabs; best in bold, tied with a dagger. */
void table_write_csv(const struct table *table, FILE *out);
void table_write_markdown(const struct table *table, FILE *out);
void table_write_latex(const struct table *table, int rows, FILE *out);
void table_write_html(const struct table *table, int rows, FILE *out);

#endif
