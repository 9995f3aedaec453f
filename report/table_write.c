/* The four forms. Numbers never need escaping, texts always do. */
#include "report/table.h"

#include "report/escape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void put_real(FILE *out, double value, int decimals)
{
    if (decimals < 0)
        fprintf(out, "%.6g", value);
    else
        fprintf(out, "%.*f", decimals, value);
}

/* As a reader sees it; pm stands between mean and standard deviation. */
static void put_shown(FILE *out, const struct table_column *column,
                      const struct table_cell *cell, const char *pm,
                      void (*escape)(FILE *, const char *))
{
    switch (column->type) {
    case TABLE_TEXT:
        escape(out, cell->text);
        break;
    case TABLE_INTEGER:
        fprintf(out, "%lld", (long long)cell->integer);
        break;
    case TABLE_REAL:
        put_real(out, cell->real, column->decimals);
        break;
    case TABLE_SPREAD:
        put_real(out, cell->spread.mean, column->decimals);
        if (cell->spread.n > 1) {
            fputs(pm, out);
            put_real(out, cell->spread.sd, column->decimals);
        }
        break;
    case TABLE_INTERVAL:
        fputs("[", out);
        put_real(out, cell->interval.low, column->decimals);
        fputs(", ", out);
        put_real(out, cell->interval.high, column->decimals);
        fputs("]", out);
        break;
    }
}

static void put_exact(FILE *out, double value)
{
    if (!isnan(value))
        fprintf(out, "%.17g", value);
}

static void csv_heading(FILE *out, const struct table_column *column)
{
    escape_csv(out, column->name);
    if (column->type == TABLE_SPREAD)
        for (int i = 0; i < 2; i++) {
            fputc(',', out);
            escape_csv(out, column->name);
            fputs(i ? " n" : " sd", out);
        }
    if (column->type == TABLE_INTERVAL) {
        fputs(" low,", out);
        escape_csv(out, column->name);
        fputs(" high", out);
    }
}

static void csv_cell(FILE *out, const struct table_column *column,
                     const struct table_cell *cell)
{
    switch (column->type) {
    case TABLE_TEXT:
        escape_csv(out, cell->text);
        break;
    case TABLE_INTEGER:
        if (!cell->empty)
            fprintf(out, "%lld", (long long)cell->integer);
        break;
    case TABLE_REAL:
        if (!cell->empty)
            put_exact(out, cell->real);
        break;
    case TABLE_SPREAD:
        if (!cell->empty)
            put_exact(out, cell->spread.mean);
        fputc(',', out);
        if (!cell->empty && cell->spread.n > 1)
            put_exact(out, cell->spread.sd);
        fputc(',', out);
        if (!cell->empty)
            fprintf(out, "%d", cell->spread.n);
        break;
    case TABLE_INTERVAL:
        if (!cell->empty)
            put_exact(out, cell->interval.low);
        fputc(',', out);
        if (!cell->empty)
            put_exact(out, cell->interval.high);
        break;
    }
}

void table_write_csv(const struct table *table, FILE *out)
{
    for (int c = 0; c < table->column_count; c++) {
        if (c)
            fputc(',', out);
        csv_heading(out, &table->columns[c]);
    }
    fputs("\r\n", out);
    for (int r = 0; r < table->row_count; r++) {
        for (int c = 0; c < table->column_count; c++) {
            if (c)
                fputc(',', out);
            csv_cell(out, &table->columns[c], &table->rows[r].cells[c]);
        }
        fputs("\r\n", out);
    }
}

void table_write_markdown(const struct table *table, FILE *out)
{
    fputs("### ", out);
    escape_markdown(out, table->title);
    fputs("\n\n|", out);
    for (int c = 0; c < table->column_count; c++) {
        fputc(' ', out);
        escape_markdown(out, table->columns[c].name);
        fputs(" |", out);
    }
    fputs("\n|", out);
    for (int c = 0; c < table->column_count; c++)
        fputs(table->columns[c].type == TABLE_TEXT ? "---|" : "---:|", out);
    fputc('\n', out);
    for (int r = 0; r < table->row_count; r++) {
        fputc('|', out);
        for (int c = 0; c < table->column_count; c++) {
            const struct table_cell *cell = &table->rows[r].cells[c];

            fputs(cell->mark == MARK_BEST ? " **" : " ", out);
            if (!cell->empty)
                put_shown(out, &table->columns[c], cell, "±", escape_markdown);
            fputs(cell->mark == MARK_BEST   ? "** |"
                  : cell->mark == MARK_TIED ? "† |"
                                            : " |",
                  out);
        }
        fputc('\n', out);
    }
    fputc('\n', out);
    escape_markdown(out, table->note);
    fputc('\n', out);
}

/* A line of a paper has no room for all of an error. */
static void escape_latex_short(FILE *out, const char *text)
{
    enum { SHOWN = 60 };
    const char *at = text;
    char *part;
    int points = 0;

    while (points < SHOWN && escape_next(&at))
        points++;
    part = strndup(text, (size_t)(at - text));
    escape_latex(out, part);
    if (*at)
        fputs("\\dots{}", out);
    free(part);
}

static void latex_row(FILE *out, const struct table *table, const struct table_row *row)
{
    for (int c = 0; c < table->column_count; c++) {
        const struct table_cell *cell = &row->cells[c];

        if (c)
            fputs(" & ", out);
        if (cell->mark == MARK_BEST)
            fputs("\\textbf{", out);
        if (cell->empty)
            fputs("{--}", out);
        else if (table->columns[c].type == TABLE_INTERVAL) {
            fputc('{', out); /* a [ behind \\ would be its argument */
            put_shown(out, &table->columns[c], cell, "", escape_latex);
            fputc('}', out);
        } else {
            put_shown(out, &table->columns[c], cell, "\\,$\\pm$\\,",
                      escape_latex_short);
        }
        if (cell->mark == MARK_BEST)
            fputc('}', out);
        if (cell->mark == MARK_TIED)
            fputs("$^{\\dagger}$", out);
    }
    fputs(" \\\\\n", out);
}

/* A comment ends at a line's end, which escaped text has none of. */
void table_write_latex(const struct table *table, int rows, FILE *out)
{
    int shown = 0, left = 0;

    fputs("% ", out);
    escape_latex(out, table->title);
    fputs("\n% ", out);
    escape_latex(out, table->note);
    fputs("\n% \\usepackage[utf8]{inputenc} \\usepackage{booktabs}\n"
          "\\begin{tabular}{",
          out);
    for (int c = 0; c < table->column_count; c++)
        fputc(table->columns[c].type == TABLE_TEXT ? 'l' : 'r', out);
    fputs("}\n\\toprule\n", out);
    for (int c = 0; c < table->column_count; c++) {
        fputs(c ? " & " : "", out);
        escape_latex(out, table->columns[c].name);
    }
    fputs(" \\\\\n\\midrule\n", out);
    for (int r = 0; r < table->row_count; r++) {
        const struct table_row *row = &table->rows[r];

        if (!row->base && rows && shown == rows) {
            left++;
            continue;
        }
        shown += !row->base;
        latex_row(out, table, row);
    }
    fputs("\\bottomrule\n\\end{tabular}\n", out);
    if (left)
        fprintf(out, "%% %d more rows are in the .csv and .md files.\n", left);
}

/* What a cell is sorted by. */
static void html_value(FILE *out, const struct table_column *column,
                       const struct table_cell *cell)
{
    fputs(" data-v=\"", out);
    if (!cell->empty && column->type == TABLE_INTEGER)
        fprintf(out, "%lld", (long long)cell->integer);
    else if (!cell->empty)
        put_exact(out, column->type == TABLE_REAL     ? cell->real
                       : column->type == TABLE_SPREAD ? cell->spread.mean
                                                      : cell->interval.low);
    fputc('"', out);
}

static void html_hover(FILE *out, const struct table_cell *cell)
{
    fprintf(out, " title=\"mean %.9g", cell->spread.mean);
    if (cell->spread.n > 1)
        fprintf(out, ", standard deviation %.9g", cell->spread.sd);
    if (cell->spread.n)
        fprintf(out, ", n = %d", cell->spread.n);
    fputc('"', out);
}

enum { LONG_TEXT = 16 };

static void html_cell(FILE *out, const struct table_column *column,
                      const struct table_cell *cell)
{
    bool number = column->type != TABLE_TEXT;

    fprintf(out, "<td class=\"%s%s%s\"", number ? "num" : "text",
            !number && cell->text && strlen(cell->text) > LONG_TEXT ? " long" : "",
            cell->mark == MARK_BEST   ? " best"
            : cell->mark == MARK_TIED ? " tied"
                                      : "");
    if (number)
        html_value(out, column, cell);
    if (column->type == TABLE_SPREAD && !cell->empty)
        html_hover(out, cell);
    fputc('>', out);
    if (!cell->empty)
        put_shown(out, column, cell, "±", escape_html);
    else if (number)
        fputs("–", out);
    fputs("</td>", out);
}

void table_write_html(const struct table *table, int rows, FILE *out)
{
    int shown = 0, left = 0;

    fputs("<h3>", out);
    escape_html(out, table->title);
    fputs("</h3>\n<div class=\"scroll\"><table class=\"sort\"><thead><tr>", out);
    for (int c = 0; c < table->column_count; c++) {
        fprintf(out, "<th scope=\"col\"%s>",
                table->columns[c].type == TABLE_TEXT ? "" : " class=\"num\"");
        escape_html(out, table->columns[c].name);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int r = 0; r < table->row_count; r++) {
        const struct table_row *row = &table->rows[r];

        if (!row->base && rows && shown == rows) {
            left++;
            continue;
        }
        shown += !row->base;
        fputs(row->base ? "<tr class=\"base\">" : "<tr>", out);
        for (int c = 0; c < table->column_count; c++)
            html_cell(out, &table->columns[c], &row->cells[c]);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n<p class=\"note\">", out);
    escape_html(out, table->note);
    if (left)
        fprintf(out, " The other %d rows are in the files.", left);
    fputs(" Files: ", out);
    for (int i = 0; i < 3; i++) {
        static const char *const forms[] = {"csv", "md", "tex"};

        fprintf(out, "%s<a href=\"tables/%s.%s\">%s</a>", i ? ", " : "", table->name,
                forms[i], forms[i]);
    }
    fputs(".</p>\n", out);
}
