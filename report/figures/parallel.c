/* Parallel coordinates. Heights on the axes are computed here: each axis has its own
 * scale, and gnuplot draws plain lines. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 600, NAMED_MAX = 3, NAME_COLUMNS = 60, LABELS_MAX = 12 };

struct axes {
    int count; /* settings and, last, the score */
    const struct figure_settings *all;
    struct scale scales[FIGURE_SETTINGS_MAX + 1];
};

static const char *axis_name(const struct axes *axes, int k)
{
    return k == axes->count - 1 ? axes->all->metric.name : axes->all->settings[k].name;
}

static double axis_value(const struct axes *axes, int k, int i)
{
    return k == axes->count - 1 ? axes->all->scores[i]
                                : axes->all->settings[k].values[i];
}

static int categories(const struct axes *axes, int k)
{
    return k == axes->count - 1 ? 0 : axes->all->settings[k].categories;
}

static void set_axes(struct axes *axes, const struct figure_settings *all)
{
    axes->all = all;
    axes->count = (all->setting_count > FIGURE_SETTINGS_MAX ? FIGURE_SETTINGS_MAX
                                                            : all->setting_count) +
                  1;
    for (int k = 0; k < axes->count; k++) {
        struct scale *s = &axes->scales[k];

        *s = scale_of(k == axes->count - 1 ? all->scores : all->settings[k].values,
                      all->count);
        if (categories(axes, k) > 0) {
            s->log = false;
            s->low = -0.3;
            s->high = categories(axes, k) - 0.7;
        } else if (k == axes->count - 1 && s->log) {
            s->log = false;
            scale_extend(s, NULL, 0);
        }
    }
}

static double height(const struct axes *axes, int k, double value)
{
    double place = isfinite(value) ? scale_place(&axes->scales[k], value) : NAN;
    bool flip = k == axes->count - 1 && !axes->all->metric.higher_is_better;

    return flip ? 1 - place : place; /* better is up */
}

static void write_line(FILE *out, const struct axes *axes, int rank, int i)
{
    for (int k = 0; k < axes->count; k++) {
        double value = axis_value(axes, k, i);

        fprintf(out, "%d,", rank);
        figure_text_cell(out, axes->all->names ? axes->all->names[i] : "",
                         NAME_COLUMNS);
        fprintf(out, ",%d,", k + 1);
        figure_text_cell(out, axis_name(axes, k), NAME_COLUMNS);
        putc(',', out);
        figure_number(out, value);
        putc(',', out);
        figure_number(out, height(axes, k, value));
        putc(',', out);
        figure_number(out, axes->all->scores[i]);
        putc('\n', out);
    }
    putc('\n', out);
}

static void label(FILE *out, double x, double y, const char *align, const char *font)
{
    fprintf(out, " at first %.4f, first %.5f %s font '%s' front\n", x, y, align, font);
}

static void label_axis(FILE *out, const struct axes *axes, int k, int level)
{
    const struct scale *scale = &axes->scales[k];
    double tics[SCALE_DISTINCT_MAX], x = k + 1.04;
    int count = categories(axes, k), step = (count + LABELS_MAX - 1) / LABELS_MAX;

    fprintf(out,
            "set arrow from first %d, first 0 to first %d, first 1 nohead lw 1 lc "
            "rgb 'black'\nset label ",
            k + 1, k + 1);
    figure_text_string(out, axis_name(axes, k), 24);
    label(out, k + 1, -0.06 - 0.055 * level, "center", ",11");
    for (int c = 0; c < count; c += step) {
        fputs("set label ", out);
        figure_text_string(out, axes->all->settings[k].category_names[c], 10);
        label(out, x, height(axes, k, c), "left", ",9.5:Bold");
    }
    if (count > 0)
        return;
    count = scale_tics(scale, 6, tics);
    for (int t = 0; t < count; t++) {
        fprintf(out, "set label '%.5g'", tics[t]);
        label(out, x, height(axes, k, tics[t]), "left", ",9.5:Bold");
    }
}

/* Names stand on as many levels as keep neighbours apart. */
static int label_axes(FILE *out, const struct axes *axes)
{
    int widest = 1, levels;

    for (int k = 0; k < axes->count; k++) {
        char *cleaned = figure_text(axis_name(axes, k), 24);
        int width = cleaned ? figure_text_width(cleaned) : 0;

        widest = width > widest ? width : widest;
        free(cleaned);
    }
    levels = 1 + widest * 7 / (650 / axes->count);
    levels = levels > 4 ? 4 : levels;
    for (int k = 0; k < axes->count; k++)
        label_axis(out, axes, k, k % levels);
    return levels;
}

static void plot(struct sheet *s, int shown, int named)
{
    int good = shown / 10 > named ? shown / 10 : named;

    fprintf(s->plot, "    plot ");
    if (shown > good)
        fprintf(s->plot,
                "data every :::%d using \"axis\":\"height\" with lines lw 0.6 lc rgb "
                "'#%s8c8c8c' title 'others', \\\n        ",
                good, shown > 100 ? "b0" : "70");
    if (good > named)
        fprintf(s->plot,
                "data every :::%d::%d using \"axis\":\"height\" with lines lw 0.8 lc "
                "rgb '#800072B2' title 'best tenth', \\\n        ",
                named, good - 1);
    for (int i = named - 1; i >= 0; i--)
        fprintf(s->plot,
                "data every :::%d::%d using \"axis\":\"height\" with lines lw 2 dt %d "
                "lc rgb '%s' notitle, \\\n        ",
                i, i, i + 1, sheet_colours[i + 1]);
    for (int i = 0; i < named; i++)
        fprintf(s->plot, "%skeyentry with lines lw 2 dt %d lc rgb '%s' title best_%d",
                i ? ", \\\n        " : "", i + 1, sheet_colours[i + 1], i + 1);
    putc('\n', s->plot);
}

static void name_best(struct sheet *s, const struct axes *axes, const int *order,
                      int named, int shown)
{
    int widest = 10;

    for (int i = 0; i < named; i++) {
        char variable[32], text[512];
        char *name = figure_text(axes->all->names ? axes->all->names[order[i]] : NULL,
                                 NAME_COLUMNS - 6);

        snprintf(variable, sizeof variable, "best_%d", i + 1);
        snprintf(text, sizeof text, "%d. %s", i + 1, name ? name : "");
        sheet_text(s, variable, text, NAME_COLUMNS);
        if (name && figure_text_width(name) + 3 > widest)
            widest = figure_text_width(name) + 3;
        free(name);
    }
    sheet_legend(s, named + (shown > named) + (shown / 10 > named), widest);
}

static void draw(struct sheet *s, const struct axes *axes, const int *order, int known,
                 bool *keep)
{
    int shown, named = known < NAMED_MAX ? known : NAMED_MAX, levels;

    memset(keep, 0, (size_t)axes->all->count * sizeof *keep);
    shown = scale_thin(order, known, LINES_MAX, keep);
    for (int i = 0; i < named; i++) { /* the best by rank, thinned or not */
        shown += !keep[order[i]];
        keep[order[i]] = true;
    }
    sheet_thinned(s, shown, known, "configurations, evenly over their ranks");
    sheet_thinned(s, axes->count - 1, axes->all->setting_count, "settings");
    if (!axes->all->metric.higher_is_better)
        sheet_note(s, "The last axis is turned: better is up.");
    fputs("rank,configuration,axis,name,value,height,score\n", s->data);
    for (int r = 0; r < known; r++)
        if (keep[order[r]])
            write_line(s->data, axes, r + 1, order[r]);
    name_best(s, axes, order, named, shown);
    levels = label_axes(s->setup, axes);
    sheet_layout(s, 0, 300, 22 + 17 * levels);
    fprintf(s->setup,
            "unset border\nunset xtics\nunset ytics\nunset grid\nset lmargin 3\nset "
            "rmargin 3\nset xrange [0.6:%d.55]\nset yrange [0:1]\n",
            axes->count);
    plot(s, shown, named);
}

int figures_add_parallel(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_settings *settings, struct error *err)
{
    int *order = scale_order(settings->scores, settings->count,
                             settings->metric.higher_is_better);
    bool *keep = malloc((size_t)settings->count + 1);
    int rc, known = 0;
    struct axes axes;
    struct sheet s;

    while (order && known < settings->count && isfinite(settings->scores[order[known]]))
        known++;
    if (!order || !keep)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    else if (settings->setting_count == 0)
        rc = error_set(err, ERR_INPUT, "%s: no setting varies", heading->name);
    else if (known == 0)
        rc = error_set(err, ERR_INPUT, "%s: no configuration has a score",
                       heading->name);
    else
        rc = sheet_open(&s, figures, heading, err);
    if (rc == 0) {
        set_axes(&axes, settings);
        draw(&s, &axes, order, known, keep);
        rc = sheet_close(&s, err);
    }
    free(order);
    free(keep);
    return rc;
}
