/* Rows and cells in memory. */
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *copy(struct table *table, const char *text)
{
    char *own = strdup(text ? text : "");

    table->failed = table->failed || !own;
    return own;
}

void table_init(struct table *table, const char *name, const char *title,
                const char *note)
{
    *table = (struct table){0};
    table->name = copy(table, name);
    table->title = copy(table, title);
    table->note = copy(table, note);
}

void table_clear(struct table *table)
{
    for (int r = 0; r < table->row_count; r++) {
        for (int c = 0; c < table->column_count; c++)
            free(table->rows[r].cells[c].text);
        free(table->rows[r].cells);
    }
    for (int c = 0; c < table->column_count; c++)
        free(table->columns[c].name);
    free(table->rows);
    free(table->columns);
    free(table->name);
    free(table->title);
    free(table->note);
    *table = (struct table){0};
}

bool table_failed(const struct table *table) { return table->failed; }

void table_column(struct table *table, const char *name, enum table_type type,
                  int decimals)
{
    struct table_column *columns =
        realloc(table->columns, (size_t)(table->column_count + 1) * sizeof *columns);

    table->failed = table->failed || !columns;
    if (!columns)
        return;
    table->columns = columns;
    columns[table->column_count++] =
        (struct table_column){copy(table, name), type, decimals};
}

void table_row(struct table *table, bool base)
{
    struct table_row row = {
        base, calloc((size_t)table->column_count + 1, sizeof(struct table_cell))};
    int count = table->row_count;

    if (row.cells && (count & (count - 1)) == 0) { /* 0, 1, 2, 4…: double */
        size_t places = count ? 2 * (size_t)count : 1;
        struct table_row *rows = realloc(table->rows, places * sizeof *rows);

        if (rows)
            table->rows = rows;
        else
            table->failed = true;
    }
    if (!row.cells || table->failed) {
        free(row.cells);
        table->failed = true;
        return;
    }
    for (int c = 0; c < table->column_count; c++)
        row.cells[c].empty = true;
    table->rows[table->row_count++] = row;
    table->cell_count = 0;
}

static struct table_cell *next(struct table *table)
{
    static struct table_cell unused;

    if (table->failed || !table->row_count ||
        table->cell_count == table->column_count) {
        unused = (struct table_cell){0};
        return &unused;
    }
    return &table->rows[table->row_count - 1].cells[table->cell_count++];
}

void table_empty(struct table *table) { next(table)->empty = true; }

void table_text(struct table *table, const char *text)
{
    struct table_cell *cell;

    if (table->failed || !table->row_count || table->cell_count == table->column_count)
        return;
    cell = next(table);
    cell->text = copy(table, text);
    cell->empty = !text || !*text;
}

void table_integer(struct table *table, int64_t value)
{
    struct table_cell *cell = next(table);

    cell->integer = value;
    cell->empty = false;
}

void table_real(struct table *table, double value)
{
    struct table_cell *cell = next(table);

    cell->real = value;
    cell->empty = isnan(value);
}

void table_spread(struct table *table, struct spread spread)
{
    struct table_cell *cell = next(table);

    cell->spread = spread;
    cell->empty = isnan(spread.mean);
}

void table_interval(struct table *table, struct interval interval)
{
    struct table_cell *cell = next(table);

    cell->interval = interval;
    cell->empty = isnan(interval.low) || isnan(interval.high);
}

void table_mark(struct table *table, enum table_mark mark)
{
    if (!table->failed && table->row_count && table->cell_count)
        table->rows[table->row_count - 1].cells[table->cell_count - 1].mark = mark;
}
