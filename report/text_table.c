/* Cells are kept as text until all widths are known. Widths count code points, so that
 * a ± takes one place. A heading's words stand one above the other, the last ones on
 * the line above the rows. */
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

static int width_of(const char *text, size_t size)
{
    int width = 0;

    for (size_t i = 0; i < size; i++)
        width += ((unsigned char)text[i] & 0xC0) != 0x80;
    return width;
}

/* The word at *at, which moves behind it; false at the end. A blank ends a word, an
 * underscore begins the next. */
static bool next_word(const char **at, const char **word, size_t *size)
{
    *at += **at == ' ';
    *word = *at;
    *size = **at ? 1 + strcspn(*at + 1, " _") : 0;
    *at += *size;
    return *size > 0;
}

static int word_count(const char *text)
{
    const char *word;
    size_t size;
    int count = 0;

    while (next_word(&text, &word, &size))
        count++;
    return count;
}

static int heading_width(const char *text)
{
    const char *word;
    size_t size;
    int width = 0;

    while (next_word(&text, &word, &size))
        if (width_of(word, size) > width)
            width = width_of(word, size);
    return width;
}

static bool is_number(const char *text)
{
    return *text && strchr("0123456789+-", *text);
}

/* A line as it is printed. Blanks wait for text behind them, so that none ends with
 * any. */
struct line {
    FILE *out;
    int blanks;
};

static void print_cell(struct line *line, const char *text, size_t size, int width,
                       bool right)
{
    int gap = width - width_of(text, size);

    line->blanks += right ? gap : 0;
    if (size) {
        fprintf(line->out, "%*s%.*s", line->blanks, "", (int)size, text);
        line->blanks = 0;
    }
    line->blanks += (right ? 0 : gap) + 2;
}

/* Columns of one block of lines: the table's first, then first to last - 1. */
struct block {
    int first, last;
};

static int column_after(const struct block *block, int column)
{
    return column == 0 ? block->first : column + 1;
}

/* The word of a heading of that many lines that stands on a line; "" for none. */
static size_t word_at(const char *heading, int line, int lines, const char **word)
{
    size_t size = 0;

    *word = "";
    for (int i = lines - word_count(heading); i <= line; i++)
        next_word(&heading, word, &size);
    return size;
}

static void print_headings(const struct text_table *table, const struct block *block,
                           const int *widths, FILE *out)
{
    const struct row *row = &table->rows[0], *below = &table->rows[table->count > 1];
    const char *word;
    int lines = 0;

    for (int c = 0; c < block->last; c = column_after(block, c))
        if (word_count(row->cells[c]) > lines)
            lines = word_count(row->cells[c]);
    for (int i = 0; i < lines; i++) {
        struct line line = {out, 0};

        for (int c = 0; c < block->last; c = column_after(block, c)) {
            size_t size = word_at(row->cells[c], i, lines, &word);

            print_cell(&line, word, size, widths[c],
                       c < below->count && is_number(below->cells[c]));
        }
        fputc('\n', out);
    }
}

static void print_row(const struct row *row, const struct block *block,
                      const int *widths, FILE *out)
{
    struct line line = {out, 0};

    for (int c = 0; c < block->last && c < row->count; c = column_after(block, c))
        print_cell(&line, row->cells[c], strlen(row->cells[c]), widths[c],
                   is_number(row->cells[c]));
    fputc('\n', out);
}

static void measure(const struct text_table *table, int *widths)
{
    for (int r = 0; r < table->count; r++)
        for (int c = 0; c < table->rows[r].count; c++) {
            const char *text = table->rows[r].cells[c];
            int width = r ? width_of(text, strlen(text)) : heading_width(text);

            if (width > widths[c])
                widths[c] = width;
        }
}

/* As many columns from first on as fit, one at least. */
static struct block block_from(int first, int columns, const int *widths)
{
    struct block block = {first, first};
    int width = widths[0];

    while (block.last < columns &&
           (block.last == first || width + 2 + widths[block.last] <= TEXT_TABLE_WIDTH))
        width += 2 + widths[block.last++];
    return block;
}

int text_table_print(const struct text_table *table, FILE *out)
{
    int widths[COLUMNS_MAX] = {0}, columns = table->count ? table->rows[0].count : 0;
    struct block block = {1, 1};

    if (table->failed)
        return -1;
    measure(table, widths);
    do {
        if (block.last > 1)
            fputc('\n', out);
        block = block_from(block.last, columns, widths);
        print_headings(table, &block, widths, out);
        for (int r = 1; r < table->count; r++)
            print_row(&table->rows[r], &block, widths, out);
    } while (block.last < columns);
    return 0;
}
