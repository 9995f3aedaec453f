/* Lines with bands: learning curves, expected best score. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>

enum { NAMED_MAX = 6, GREY_MAX = 300, POINTS_MAX = 400, NAME_COLUMNS = 60 };

static bool has_points(const struct figure_line *line)
{
    for (int i = 0; i < line->points; i++)
        if (isfinite(line->x[i]) && isfinite(line->y[i]))
            return true;
    return false;
}

static bool has_band(const struct figure_line *line)
{
    for (int i = 0; line->low && line->high && i < line->points; i++)
        if (isfinite(line->low[i]) && isfinite(line->high[i]))
            return true;
    return false;
}

/* A block of the CSV a line, so that `every :::k::k` is line k. Returns the points
 * written. */
static int write_line(FILE *out, int number, const struct figure_line *line)
{
    int stride = (line->points + POINTS_MAX - 1) / POINTS_MAX, written = 0;

    for (int i = 0; i < line->points; i++) {
        if (i % stride != 0 && i != line->points - 1)
            continue;
        fprintf(out, "%d,", number);
        figure_text_cell(out, line->name, NAME_COLUMNS);
        putc(',', out);
        figure_number(out, line->x[i]);
        putc(',', out);
        figure_number(out, line->y[i]);
        putc(',', out);
        figure_number(out, line->low && line->high ? line->low[i] : NAN);
        putc(',', out);
        figure_number(out, line->low && line->high ? line->high[i] : NAN);
        putc('\n', out);
        written++;
    }
    putc('\n', out);
    return written;
}

/* What is drawn of the lines. */
struct chosen {
    const struct figure_line **lines; /* named ones first */
    int count, named, others;         /* others: all without a name, shown or not */
    int points, points_most;
};

static int choose(struct chosen *out, const struct figure_curves *curves, int named)
{
    int with_points = 0, seen = 0;

    for (int i = 0; i < curves->count; i++)
        with_points += has_points(&curves->lines[i]);
    *out = (struct chosen){.named = with_points < named ? with_points : named};
    out->others = with_points - out->named;
    out->lines = malloc((size_t)(with_points + 1) * sizeof(struct figure_line *));
    for (int i = 0; out->lines && i < curves->count; i++) {
        const struct figure_line *line = &curves->lines[i];
        int grey;

        if (!has_points(line))
            continue;
        grey = seen++ - out->named;
        if (grey < 0 || out->others <= GREY_MAX ||
            (long long)(grey + 1) * GREY_MAX / out->others >
                (long long)grey * GREY_MAX / out->others)
            out->lines[out->count++] = line;
        if (line->points > out->points_most)
            out->points_most = line->points;
    }
    return out->lines ? 0 : ERR_MEMORY;
}

static void scales(const struct chosen *chosen, bool budget, struct scale *x,
                   struct scale *y)
{
    *x = scale_of(chosen->lines[0]->x, chosen->lines[0]->points);
    *y = scale_of(chosen->lines[0]->y, chosen->lines[0]->points);
    x->log = y->log = false;
    for (int i = 0; i < chosen->count; i++) {
        const struct figure_line *line = chosen->lines[i];

        scale_extend(x, line->x, line->points);
        scale_extend(y, line->y, line->points);
        if (i < chosen->named && has_band(line)) {
            scale_extend(y, line->low, line->points);
            scale_extend(y, line->high, line->points);
        }
    }
    if (budget && x->min > 0 && x->max > 100 * x->min) {
        x->log = true;
        scale_extend(x, NULL, 0);
    }
}

static void name_lines(struct sheet *s, const struct chosen *chosen)
{
    int widest = 10;

    for (int i = 0; i < chosen->named; i++) {
        char variable[32], *cleaned = figure_text(chosen->lines[i]->name, NAME_COLUMNS);
        int width = cleaned ? figure_text_width(cleaned) : 0;

        snprintf(variable, sizeof variable, "line_%d", i);
        sheet_text(s, variable, chosen->lines[i]->name, NAME_COLUMNS);
        widest = width > widest ? width : widest;
        free(cleaned);
    }
    sheet_legend(s, chosen->named + (chosen->others > 0), widest);
}

static void plot_lines(struct sheet *s, const struct chosen *chosen, bool budget)
{
    const char *style = chosen->points_most == 1    ? "points pt 7 ps 0.7"
                        : chosen->points_most <= 30 ? "linespoints pt 7 ps 0.3"
                                                    : "lines";
    const char *comma = "";
    int grey = chosen->count - chosen->named;
    const char *grey_style = chosen->points_most > 1 && grey > 20 ? "lines" : style;

    fputs("    plot ", s->plot);
    if (grey > 0) {
        fprintf(
            s->plot,
            "data every :::%d using \"x\":\"y\" with %s lw 0.7 lc rgb '#%02x8c8c8c' "
            "title '%d %s'",
            chosen->named, grey_style, grey > 60 ? 0xa0 : 0x60, chosen->others,
            chosen->others == 1 ? "other" : "others");
        comma = ", \\\n        ";
    }
    for (int i = 0; i < chosen->named; i++)
        if (has_band(chosen->lines[i])) {
            fprintf(s->plot,
                    "%sdata every :::%d::%d using \"x\":\"low\":\"high\" with "
                    "filledcurves fs solid %.2f noborder fc rgb '%s' notitle",
                    comma, i, i, chosen->named > 2 ? 0.13 : 0.2, sheet_colours[i]);
            comma = ", \\\n        ";
        }
    for (int i = chosen->named - 1; i >= 0; i--) { /* the best on top */
        fprintf(s->plot,
                "%sdata every :::%d::%d using \"x\":\"y\" with %s lw 1.8 dt %d lc rgb "
                "'%s' notitle",
                comma, i, i, style, budget ? i % 5 + 1 : 1, sheet_colours[i]);
        comma = ", \\\n        ";
    }
    for (int i = 0; i < chosen->named; i++)
        fprintf(s->plot, "%skeyentry with lines lw 1.8 dt %d lc rgb '%s' title line_%d",
                comma, budget ? i % 5 + 1 : 1, sheet_colours[i], i);
    putc('\n', s->plot);
}

static void note_thinning(struct sheet *s, const struct chosen *chosen)
{
    sheet_thinned(s, chosen->count, chosen->named + chosen->others, "lines");
    if (chosen->points_most > POINTS_MAX)
        sheet_note(s, "Of lines with more than %d points every %s is drawn.",
                   POINTS_MAX,
                   chosen->points_most <= 2 * POINTS_MAX ? "second one" : "few-th one");
}

static int add_lines(struct figures *figures, const struct figure_heading *heading,
                     const struct figure_curves *curves, bool budget, struct error *err)
{
    struct chosen chosen;
    struct sheet s;
    struct scale x, y;
    int rc = choose(&chosen, curves, budget ? SHEET_COLOURS : NAMED_MAX);

    if (rc)
        return error_set(err, rc, "out of memory for a figure");
    if (chosen.count == 0)
        rc = error_set(err, ERR_INPUT, "%s: no line has a point", heading->name);
    if (rc || (rc = sheet_open(&s, figures, heading, err)) != 0)
        goto done;
    fputs("line,name,x,y,low,high\n", s.data);
    for (int i = 0; i < chosen.count; i++)
        write_line(s.data, i + 1, chosen.lines[i]);
    scales(&chosen, budget, &x, &y);
    if (!x.log && x.max > x.min) /* from the first point: there is no epoch 0 */
        x.low = x.min - 0.02 * (x.max - x.min);
    sheet_axis(&s, "x_text", &curves->x);
    sheet_metric(&s, "y_text", &curves->y);
    name_lines(&s, &chosen);
    note_thinning(&s, &chosen);
    sheet_layout(&s, 0, 310, 58);
    fputs("set xlabel x_text\nset ylabel y_text\n", s.setup);
    scale_write(s.setup, &x, "x", 11);
    scale_write(s.setup, &y, "y", 9);
    plot_lines(&s, &chosen, budget);
    rc = sheet_close(&s, err);
done:
    free(chosen.lines);
    return rc;
}

int figures_add_curves(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_curves *curves, struct error *err)
{
    return add_lines(figures, heading, curves, false, err);
}

int figures_add_budget(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_curves *budget, struct error *err)
{
    return add_lines(figures, heading, budget, true, err);
}
