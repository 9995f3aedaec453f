/* Cells are kept as text until all widths are known. Widths count code points, so that
 * a ± takes one place. */
#include "report/text_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 64 };

struct row {
    int count;
    char *cells[COLUMNS_MAX];
};

struct text_table {
    int count, capacity;
    struct row *rows;
    bool failed;
};

struct text_table *text_table_new(void) { return calloc(1, sizeof(struct text_table)); }

void text_table_free(struct text_table *table)
{
    for (int r = 0; table && r < table->count; r++)
        for (int c = 0; c < table->rows[r].count; c++)
            free(table->rows[r].cells[c]);
    if (table)
        free(table->rows);
    free(table);
}

void text_table_row(struct text_table *table)
{
    if (table->count == table->capacity) {
        int capacity = table->capacity ? 2 * table->capacity : 16;
        struct row *rows = realloc(table->rows, (size_t)capacity * sizeof *rows);

        if (!rows) {
            table->failed = true;
            return;
        }
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++].count = 0;
}

void text_table_cell(struct text_table *table, const char *fmt, ...)
{
    struct row *row = table->count ? &table->rows[table->count - 1] : NULL;
    va_list args;

    if (table->failed || !row || row->count == COLUMNS_MAX)
        return;
    va_start(args, fmt);
    if (vasprintf(&row->cells[row->count], fmt, args) < 0)
        table->failed = true;
    else
        row->count++;
    va_end(args);
}

static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_row(const struct row *row, const int *widths, FILE *out)
{
    for (int c = 0; c < row->count; c++) {
        int gap = widths[c] - width_of(row->cells[c]);
        bool right = row->cells[c][0] && strchr("0123456789+-", row->cells[c][0]);

        fprintf(out, "%s%*s%s", c ? "  " : "", right ? gap : 0, "", row->cells[c]);
        if (!right && c + 1 < row->count)
            fprintf(out, "%*s", gap, "");
    }
    fputc('\n', out);
}

int text_table_print(const struct text_table *table, FILE *out)
{
    int widths[COLUMNS_MAX] = {0};

    if (table->failed)
        return -1;
    for (int r = 0; r < table->count; r++)
        for (int c = 0; c < table->rows[r].count; c++) {
            int width = width_of(table->rows[r].cells[c]);

            if (width > widths[c])
                widths[c] = width;
        }
    for (int r = 0; r < table->count; r++)
        print_row(&table->rows[r], widths, out);
    return 0;
}
