/* Hyperparameters against the metric: a panel each. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS_MAX = 6000, /* in all panels: they end in the page's SVG */
    PANEL_HEIGHT = 190,
    LABELS_MAX = 8, /* of categories in a panel */
};

/* One panel: a setting and its axis. */
struct panel {
    const struct figure_setting *setting;
    struct scale scale;
    bool repeats; /* few values, many configurations: jitter and means */
};

static struct panel panel_of(const struct figure_setting *setting, int count)
{
    struct panel p = {.setting = setting, .scale = scale_of(setting->values, count)};

    if (setting->categories > 0) {
        p.scale.log = false;
        p.scale.low = -0.6;
        p.scale.high = setting->categories - 0.4;
    }
    p.repeats = setting->categories > 0 ||
                (p.scale.distinct > 0 && p.scale.distinct < (count + 1) / 2);
    return p;
}

static void write_point(FILE *out, int panel, const char *kind,
                        const struct figure_settings *all, int i)
{
    const struct figure_setting *setting = &all->settings[panel];
    double value = setting->values[i];

    fprintf(out, "%d,", panel + 1);
    figure_text_cell(out, setting->name, 60);
    fprintf(out, ",%s,", kind);
    figure_number(out, value);
    putc(',', out);
    figure_text_cell(out,
                     setting->categories > 0 && value >= 0 &&
                             value < setting->categories
                         ? setting->category_names[(int)value]
                         : "",
                     60);
    putc(',', out);
    figure_number(out, all->scores[i]);
    putc(',', out);
    figure_text_cell(out, all->names ? all->names[i] : "", 60);
    putc('\n', out);
}

static void write_mean(FILE *out, int panel, const struct figure_settings *all,
                       double value)
{
    const struct figure_setting *setting = &all->settings[panel];
    double sum = 0;
    int n = 0;

    for (int i = 0; i < all->count; i++)
        if (setting->values[i] == value && isfinite(all->scores[i])) {
            sum += all->scores[i];
            n++;
        }
    if (n < 2)
        return;
    fprintf(out, "%d,", panel + 1);
    figure_text_cell(out, setting->name, 60);
    fputs(",mean,", out);
    figure_number(out, value);
    fputs(",\"\",", out);
    figure_number(out, sum / n);
    fputs(",\"\"\n", out);
}

static void write_panel(FILE *out, int panel, const struct panel *p,
                        const struct figure_settings *all, const int *order,
                        const bool *keep)
{
    for (int i = 0; i < all->count; i++)
        if (keep[i])
            write_point(out, panel, i == order[0] ? "best" : "one", all, i);
    if (p->repeats && p->setting->categories > 0)
        for (int k = 0; k < p->setting->categories; k++)
            write_mean(out, panel, all, k);
    else if (p->repeats)
        for (int k = 0; k < p->scale.distinct; k++)
            write_mean(out, panel, all, p->scale.values[k]);
}

/* Categories' labels as variables, since the panels are drawn within braces. */
static void name_categories(struct sheet *s, int panel,
                            const struct figure_setting *setting)
{
    int step = (setting->categories + LABELS_MAX - 1) / LABELS_MAX;
    int width = setting->categories > 3 ? 9 : 14;

    for (int k = 0; k < setting->categories; k += step) {
        fprintf(s->setup, "category_%d_%d = ", panel + 1, k);
        figure_text_tic(s->setup, setting->category_names[k], width);
        putc('\n', s->setup);
    }
}

static void write_category_axis(FILE *out, int panel,
                                const struct figure_setting *setting)
{
    int step = (setting->categories + LABELS_MAX - 1) / LABELS_MAX;

    fprintf(out, "unset logscale x\nset xrange [-0.6:%d.6]\nset xtics %s(",
            setting->categories - 1,
            setting->categories > 3 ? "rotate by 30 right " : "norotate ");
    for (int k = 0; k < setting->categories; k += step)
        fprintf(out, "%scategory_%d_%d %d", k ? ", " : "", panel + 1, k, k);
    fputs(")\n", out);
}

/* Jitter moves repeated values by up to a fiftieth of the axis, by the row's number;
 * means are short bars. */
static void plot_panel(FILE *out, int panel, const struct panel *p, int points)
{
    double span = p->scale.high - p->scale.low;
    double ratio = p->scale.log ? p->scale.high / p->scale.low : 1;
    double dense = points > 1000 ? 0.25 : points > 200 ? 0.35 : 0.5;

    fprintf(out, "set xlabel setting_%d\n", panel + 1);
    if (p->setting->categories > 0)
        write_category_axis(out, panel, p->setting);
    else {
        fputs("set xtics norotate\n", out);
        scale_write(out, &p->scale, "x", 4);
    }
    if (p->scale.log)
        fprintf(out, "moved(x, by) = x * %.10g**by\n", ratio);
    else
        fprintf(out, "moved(x, by) = x + %.10g * by\n", span);
    fprintf(out,
            "plot data using (is(%d, 'one') ? moved(column(\"value\"), %s) : "
            "NaN):\"score\" with points pt 7 ps %.2f lc rgb '#%s0072B2', \\\n"
            "    data using (is(%d, 'mean') ? column(\"value\") : NaN):\"score\":"
            "(moved(column(\"value\"), -0.035)):(moved(column(\"value\"), 0.035)) with "
            "xerrorbars pt -1 lw 2.5 lc rgb 'black', \\\n"
            "    data using (is(%d, 'best') ? column(\"value\") : NaN):\"score\" with "
            "points pt 13 ps 1.1 lc rgb '" SHEET_BEST "'\n",
            panel + 1, p->repeats ? "jitter(column(0))" : "0", dense,
            points > 800 ? "90" : "50", panel + 1, panel + 1);
}

/* Panels with settings in common, thinned in the order of their scores. */
static void draw(struct sheet *s, const struct figure_settings *all,
                 const struct panel *panels, int count, const int *order, bool *keep)
{
    int known = 0, room = POINTS_MAX / count, shown;
    struct scale y = scale_of(all->scores, all->count);

    while (known < all->count && isfinite(all->scores[order[known]]))
        known++;
    memset(keep, 0, (size_t)all->count * sizeof *keep);
    shown = scale_thin(order, known, room > 500 ? room : 500, keep);
    sheet_thinned(s, shown, known, "configurations, evenly over their ranks");
    sheet_thinned(s, count, all->setting_count, "settings");
    fputs("panel,setting,kind,value,category,score,configuration\n", s->data);
    for (int k = 0; k < count; k++)
        write_panel(s->data, k, &panels[k], all, order, keep);
    sheet_metric(s, "y_text", &all->metric);
    sheet_panels(s, count, PANEL_HEIGHT, 62, 0);
    fprintf(s->setup,
            "is(panel, kind) = column(\"panel\") == panel && stringcolumn(\"kind\") eq "
            "kind\n"
            "jitter(row) = 0.04 * (row * 0.618034 - floor(row * 0.618034) - 0.5)\n"
            "set errorbars 0\nset yrange [%.10g:%.10g]\n",
            y.low, y.high);
    for (int k = 0; k < count; k++) {
        char variable[32];

        snprintf(variable, sizeof variable, "setting_%d", k + 1);
        sheet_text(s, variable, panels[k].setting->name, 34);
        name_categories(s, k, panels[k].setting);
    }
    for (int k = 0; k < count; k++) {
        sheet_panel(s, k);
        plot_panel(s->plot, k, &panels[k], shown);
    }
    sheet_panels_end(s);
}

int figures_add_settings(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_settings *settings, struct error *err)
{
    struct panel panels[FIGURE_SETTINGS_MAX];
    int *order = scale_order(settings->scores, settings->count,
                             settings->metric.higher_is_better);
    bool *keep = malloc((size_t)settings->count + 1), means = false;
    int rc, count = settings->setting_count;
    struct sheet s;

    if (!order || !keep)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    else if (count == 0)
        rc = error_set(err, ERR_INPUT, "%s: no setting varies", heading->name);
    else if (settings->count == 0 || !isfinite(settings->scores[order[0]]))
        rc = error_set(err, ERR_INPUT, "%s: no configuration has a score",
                       heading->name);
    else
        rc = sheet_open(&s, figures, heading, err);
    if (rc)
        goto done;
    count = count > FIGURE_SETTINGS_MAX ? FIGURE_SETTINGS_MAX : count;
    for (int k = 0; k < count; k++) {
        panels[k] = panel_of(&settings->settings[k], settings->count);
        means |= panels[k].repeats;
    }
    sheet_note(&s, "A dot a configuration (mean of its seeds); diamond: the best%s",
               means ? "; bar: mean of all with this value; sideways jitter." : ".");
    draw(&s, settings, panels, count, order, keep);
    rc = sheet_close(&s, err);
done:
    free(order);
    free(keep);
    return rc;
}
