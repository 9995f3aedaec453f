/* One figure while it is made: its data and its script in memory, and where things
 * stand on it. Internal to report/figures.
 *
 * The script is: texts and settings (setup), then the drawing (plot) in a loop over the
 * two forms. Texts of users only stand in setup, as variables or labels, never within
 * the loop's braces.
 *
 *      title
 *      [room above the plot: `top`]
 *      plot, `plot` pixels high
 *      tics and label of the x axis, `axis` pixels
 *      legend, `rows` lines
 *      note
 */
#ifndef REPORT_FIGURES_SHEET_H
#define REPORT_FIGURES_SHEET_H

#include "report/figures/figures.h"

#include <stdio.h>

enum { SHEET_WIDTH = 720, SHEET_ROW = 18, SHEET_TITLE = 34, SHEET_NOTE = 14 };

/* Okabe and Ito's, in the order of our use: those that stand out on white and on black
 * first; what would be black is the page's text colour. */
enum { SHEET_COLOURS = 7 };
extern const char *const sheet_colours[SHEET_COLOURS];
#define SHEET_BEST "#D55E00"
#define SHEET_GREY "#8c8c8c"

struct sheet {
    struct figures *figures;
    struct figure figure;
    FILE *data, *setup, *plot, *note;
    char *data_text, *setup_text, *plot_text, *note_text;
    size_t data_size, setup_size, plot_size, note_size;
    int height;         /* pixels, of all */
    int legend_rows;    /* set by sheet_legend */
    int note_lines;     /* set by sheet_layout */
    double bottom, top; /* of the plot, as shares of the height: "screen" */
    int panel_cols, panel_plot, panel_axis;
};

/* Starts a figure; on failure nothing is to be released. */
int sheet_open(struct sheet *sheet, struct figures *figures,
               const struct figure_heading *heading, struct error *err);
/* Writes the files and appends the figure to its set. Releases the sheet. */
int sheet_close(struct sheet *sheet, struct error *err);
void sheet_abandon(struct sheet *sheet); /* instead of sheet_close */
/* A whole file. Not synced as results are: figures are made again at will, and each
 * sync can take a second on a busy disk. */
int sheet_write(const char *path, const char *text, size_t size, struct error *err);

/* A sentence for the line under the figure. */
void sheet_note(struct sheet *sheet, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Says that shown of all `what` are shown, if it is less. */
void sheet_thinned(struct sheet *sheet, int shown, int all, const char *what);

/* A variable of the script: name = 'text'. */
void sheet_text(struct sheet *sheet, const char *name, const char *text, int width);
/* "name (unit)"; and for a metric whether higher is better. */
void sheet_axis(struct sheet *sheet, const char *name, const struct figure_axis *axis);
void sheet_metric(struct sheet *sheet, const char *name,
                  const struct figure_metric *metric);

/* Legend under the plot with so many entries, the widest of so many columns; before
 * sheet_layout. */
void sheet_legend(struct sheet *sheet, int entries, int width);
/* Sets height, margins and title; call it once all notes are made. */
void sheet_layout(struct sheet *sheet, int top, int plot, int axis);

/* Instead of sheet_layout: a grid of panels with one y axis, whose label is the
 * script's y_text. sheet_panel begins the k-th (from 0): its commands and its plot
 * follow. sheet_panels_end after the last. */
void sheet_panels(struct sheet *sheet, int count, int plot, int axis, int top);
void sheet_panel(struct sheet *sheet, int k);
void sheet_panels_end(struct sheet *sheet);

#endif
