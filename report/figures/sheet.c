/* Puts a figure's files together. */
#include "report/figures/sheet.h"

#include "report/figures/figure_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TITLE_COLUMNS = 90, AXIS_COLUMNS = 60, NOTE_COLUMNS = 128, NOTE_LINES = 4 };

const char *const sheet_colours[SHEET_COLOURS] = {
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "black",
};

static bool name_taken(const struct figures *figures, const char *name)
{
    for (int i = 0; i < figures->count; i++)
        if (!strcmp(figures->rows[i].name, name))
            return true;
    return false;
}

static void name_figure(const struct figures *figures, const char *wanted,
                        char name[FIGURE_NAME])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_";
    int length = 0;

    if (!wanted || !*wanted || *wanted == '-') /* an option to gnuplot */
        name[length++] = '_';
    for (; wanted && *wanted && length < FIGURE_NAME - 12; wanted++)
        name[length++] = strchr(plain, *wanted) ? *wanted : '_';
    name[length] = '\0';
    for (int n = 2; name_taken(figures, name); n++)
        snprintf(name + length, (size_t)(FIGURE_NAME - length), "-%d", n);
}

void sheet_abandon(struct sheet *s)
{
    FILE *streams[] = {s->data, s->setup, s->plot, s->note};

    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        if (streams[i])
            fclose(streams[i]);
    free(s->data_text);
    free(s->setup_text);
    free(s->plot_text);
    free(s->note_text);
    free(s->figure.title);
    *s = (struct sheet){0};
}

int sheet_open(struct sheet *sheet, struct figures *figures,
               const struct figure_heading *heading, struct error *err)
{
    *sheet = (struct sheet){.figures = figures};
    name_figure(figures, heading->name, sheet->figure.name);
    sheet->figure.title = figure_text(heading->title, TITLE_COLUMNS);
    sheet->data = open_memstream(&sheet->data_text, &sheet->data_size);
    sheet->setup = open_memstream(&sheet->setup_text, &sheet->setup_size);
    sheet->plot = open_memstream(&sheet->plot_text, &sheet->plot_size);
    sheet->note = open_memstream(&sheet->note_text, &sheet->note_size);
    if (!sheet->figure.title || !sheet->data || !sheet->setup || !sheet->plot ||
        !sheet->note) {
        sheet_abandon(sheet);
        return error_set(err, ERR_MEMORY, "out of memory for a figure");
    }
    if (heading->note)
        fputs(heading->note, sheet->note);
    return 0;
}

void sheet_note(struct sheet *sheet, const char *fmt, ...)
{
    va_list args;

    if (ftell(sheet->note) > 0)
        fputs(" ", sheet->note);
    va_start(args, fmt);
    vfprintf(sheet->note, fmt, args);
    va_end(args);
}

void sheet_thinned(struct sheet *sheet, int shown, int all, const char *what)
{
    if (shown < all)
        sheet_note(sheet, "Shown are %d of %d %s.", shown, all, what);
}

void sheet_text(struct sheet *sheet, const char *name, const char *text, int width)
{
    fprintf(sheet->setup, "%s = ", name);
    figure_text_string(sheet->setup, text, width);
    putc('\n', sheet->setup);
}

void sheet_axis(struct sheet *sheet, const char *name, const struct figure_axis *axis)
{
    char text[1024];

    if (axis->unit && *axis->unit)
        snprintf(text, sizeof text, "%.500s (%.100s)", axis->name ? axis->name : "",
                 axis->unit);
    else
        snprintf(text, sizeof text, "%.1000s", axis->name ? axis->name : "");
    sheet_text(sheet, name, text, AXIS_COLUMNS);
}

void sheet_metric(struct sheet *sheet, const char *name,
                  const struct figure_metric *metric)
{
    char *cleaned = figure_text(metric->name, 30),
         *unit = figure_text(metric->unit, 10);
    char text[512];

    snprintf(text, sizeof text, "%s%s%s%s (%s is better)", cleaned ? cleaned : "",
             unit && *unit ? " [" : "", unit ? unit : "", unit && *unit ? "]" : "",
             metric->higher_is_better ? "higher" : "lower");
    sheet_text(sheet, name, text, AXIS_COLUMNS + 10);
    free(cleaned);
    free(unit);
}

void sheet_legend(struct sheet *sheet, int entries, int width)
{
    int columns = (int)(680 / (7.6 * width + 50)); /* at 11 pixels a letter's height */

    if (columns < 1)
        columns = 1;
    if (columns > entries)
        columns = entries > 0 ? entries : 1;
    sheet->legend_rows = (entries + columns - 1) / columns;
}

/* Cuts the note into lines at blanks; a variable and a label each. */
static int write_notes(struct sheet *s)
{
    char *text, *at;
    int lines = 0;

    fflush(s->note);
    text = figure_text(s->note_text, NOTE_COLUMNS * NOTE_LINES);
    for (at = text; at && *at && lines < NOTE_LINES; lines++) {
        char *line = at, *cut = NULL;

        for (int columns = 0; *at && (columns < NOTE_COLUMNS || !cut); at++) {
            columns += (*at & 0xc0) != 0x80;
            if (*at == ' ')
                cut = at;
        }
        if (*at && cut)
            at = cut;
        if (*at)
            *at++ = '\0';
        fprintf(s->setup, "note_%d = ", lines + 1);
        figure_text_string(s->setup, line, 2 * NOTE_COLUMNS);
        putc('\n', s->setup);
    }
    free(text);
    return lines;
}

void sheet_layout(struct sheet *s, int top, int plot, int axis)
{
    int below;

    s->note_lines = write_notes(s);
    below = s->note_lines > 0 ? s->note_lines * SHEET_NOTE + 10 : 4;
    s->height = SHEET_TITLE + top + plot + axis + s->legend_rows * SHEET_ROW + below;
    s->bottom = (double)(axis + s->legend_rows * SHEET_ROW + below) / s->height;
    s->top = 1 - (double)(SHEET_TITLE + top) / s->height;
    fprintf(
        s->plot,
        "    set label 9000 title_text at screen 0.5, screen %.5f center font ',13'\n",
        1 - 0.45 * SHEET_TITLE / s->height);
    if (s->legend_rows > 0)
        fprintf(s->setup,
                "set key at screen 0.5, screen %.5f center top vertical Left reverse "
                "maxrows %d samplen 2.5 spacing 1.0 font ',11'\n",
                (double)(s->legend_rows * SHEET_ROW + below - 2) / s->height,
                s->legend_rows);
    for (int i = 1; i <= s->note_lines; i++)
        fprintf(
            s->plot,
            "    set label %d note_%d at screen 0.012, screen %.5f left font ',9.5' "
            "tc rgb '" SHEET_GREY "'\n",
            9000 + i, i, (double)((s->note_lines - i) * SHEET_NOTE + 11) / s->height);
    fprintf(s->setup, "set bmargin at screen %.5f\nset tmargin at screen %.5f\n",
            s->bottom, s->top);
}

void sheet_panels(struct sheet *s, int count, int plot, int axis, int top)
{
    int rows;

    s->panel_cols = count == 4 ? 2 : count < 3 ? count : 3;
    s->panel_plot = plot;
    s->panel_axis = axis;
    rows = (count + s->panel_cols - 1) / s->panel_cols;
    fputs("    unset label\n", s->plot); /* of the form before */
    sheet_layout(s, top, rows * plot + (rows - 1) * axis, axis);
    fputs("    set multiplot\n", s->plot);
}

void sheet_panel(struct sheet *s, int k)
{
    double left = 0.1, right = 0.985, gap = 0.03;
    double width = (right - left - gap * (s->panel_cols - 1)) / s->panel_cols;
    double x = left + k % s->panel_cols * (width + gap);
    int row = k / s->panel_cols;
    double top = s->top - (double)(row * (s->panel_plot + s->panel_axis)) / s->height;

    if (k > 0)
        fputs("unset label\n", s->plot); /* the title and notes are there */
    fprintf(s->plot,
            "set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
            "set tmargin at screen %.5f\nset bmargin at screen %.5f\n"
            "set ylabel %s\nset format y '%s'\n",
            x, x + width, top, top - (double)s->panel_plot / s->height,
            k % s->panel_cols == 0 ? "y_text" : "", k % s->panel_cols == 0 ? "%g" : "");
}

void sheet_panels_end(struct sheet *s) { fputs("    unset multiplot\n", s->plot); }

static void write_script(FILE *out, const struct sheet *s)
{
    const char *name = s->figure.name;

    fprintf(out,
            "# Draws %s.svg and %s.pdf from %s.csv. Change it and run, in this "
            "folder:\n#     gnuplot %s.gp\n"
            "reset\nset encoding utf8\nset datafile separator comma\n"
            "set datafile columnheaders\nset datafile commentschars ''\n"
            "data = '%s.csv'\ntitle_text = ",
            name, name, name, name, name);
    figure_text_string(out, s->figure.title, TITLE_COLUMNS + 1);
    fprintf(out, "\n"
                 "set border 3 lw 0.8\nset tics nomirror out scale 0.6 font ',10.5'\n"
                 "set grid lc rgb '#dd000000' lt 1 lw 0.7\nunset key\n"
                 "set rmargin 2\n");
    fwrite(s->setup_text, 1, s->setup_size, out);
    fprintf(out,
            "\ndo for [form in 'svg pdf'] {\n"
            "    if (form eq 'svg') {\n"
            "        set terminal svg size %d,%d dynamic noenhanced font "
            "'sans-serif,12'\n"
            "    } else {\n"
            "        set terminal pdfcairo size %.2fin,%.2fin noenhanced font "
            "'Sans,12' fontscale 0.6 linewidth 1.1\n"
            "    }\n"
            "    set output '%s.' . form\n",
            SHEET_WIDTH, s->height, SHEET_WIDTH / 100.0, s->height / 100.0, name);
    fwrite(s->plot_text, 1, s->plot_size, out);
    fprintf(out, "    set output\n}\n");
}

/* Ends the streams; nonzero when memory ran out in one of them. */
static int end_streams(struct sheet *s)
{
    FILE **streams[] = {&s->data, &s->setup, &s->plot, &s->note};
    int failed = 0;

    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        failed |= ferror(*streams[i]);
        failed |= fclose(*streams[i]);
        *streams[i] = NULL;
    }
    return failed;
}

int sheet_write(const char *path, const char *text, size_t size, struct error *err)
{
    FILE *out = fopen(path, "w");
    int failed = !out || fwrite(text, 1, size, out) != size;

    if (out)
        failed |= fclose(out) != 0;
    return failed
               ? error_set(err, ERR_IO, "%s: cannot write: %s", path, strerror(errno))
               : 0;
}

static int replace(const struct sheet *s, const char *ending, const char *text,
                   size_t size, struct error *err)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/%s.%s", s->figures->folder, s->figure.name,
                 ending) >= (int)sizeof path)
        return error_set(err, ERR_INPUT, "%s: too long a path", s->figures->folder);
    if (!text) { /* a picture of another time */
        unlink(path);
        return 0;
    }
    return sheet_write(path, text, size, err);
}

static int append(struct sheet *s, struct error *err)
{
    struct figures *figures = s->figures;
    struct figure *rows =
        realloc(figures->rows, (size_t)(figures->count + 1) * sizeof *rows);

    if (!rows)
        return error_set(err, ERR_MEMORY, "out of memory for a figure");
    figures->rows = rows;
    rows[figures->count++] = s->figure;
    s->figure.title = NULL;
    return 0;
}

int sheet_close(struct sheet *sheet, struct error *err)
{
    char *script = NULL;
    size_t size = 0;
    FILE *out = NULL;
    int rc;

    if (end_streams(sheet) || !(out = open_memstream(&script, &size))) {
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
        goto done;
    }
    write_script(out, sheet);
    if (fclose(out)) {
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
        goto done;
    }
    if ((rc = replace(sheet, "csv", sheet->data_text, sheet->data_size, err)) == 0 &&
        (rc = replace(sheet, "gp", script, size, err)) == 0 &&
        (rc = replace(sheet, "svg", NULL, 0, err)) == 0 &&
        (rc = replace(sheet, "pdf", NULL, 0, err)) == 0)
        rc = append(sheet, err);
done:
    free(script);
    sheet_abandon(sheet);
    return rc;
}
