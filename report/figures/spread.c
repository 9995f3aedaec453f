/* Scores of seeds by configuration: rows with names while they are few, else columns by
 * rank. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 40, GROUPS_MAX = 500, ROW = 20, NAME_COLUMNS = 44 };

static void write_row(FILE *out, int rank, const struct figure_group *group,
                      const char *kind, double score, double low, double high)
{
    fprintf(out, "%d,", rank);
    figure_text_cell(out, group->name, NAME_COLUMNS);
    fprintf(out, ",%s,", kind);
    figure_number(out, score);
    putc(',', out);
    figure_number(out, low);
    putc(',', out);
    figure_number(out, high);
    putc('\n', out);
}

static void write_group(FILE *out, int rank, const struct figure_group *group)
{
    for (int i = 0; i < group->count; i++)
        if (isfinite(group->scores[i]))
            write_row(out, rank, group, "seed", group->scores[i], NAN, NAN);
    write_row(out, rank, group, "mean", group->mean, group->low, group->high);
}

static struct scale score_scale(const struct figure_spread *spread, const int *order,
                                const bool *keep, int known)
{
    struct scale scale = {0};

    for (int r = 0; r < known; r++) {
        const struct figure_group *g = &spread->groups[order[r]];
        double ends[3] = {g->mean, g->low, g->high};

        if (!keep[order[r]])
            continue;
        if (scale.low == scale.high)
            scale = scale_of(&g->mean, 1);
        scale_extend(&scale, ends, 3);
        scale_extend(&scale, g->scores, g->count);
    }
    return scale;
}

static void plot_rows(struct sheet *s, const struct figure_spread *spread,
                      const int *order, int count, const struct scale *scale)
{
    sheet_layout(s, 0, (count < 4 ? 4 : count) * ROW, 58);
    fputs("set ytics (", s->setup);
    for (int r = 0; r < count; r++) {
        fputs(r ? ", " : "", s->setup);
        figure_text_tic(s->setup, spread->groups[order[r]].name, NAME_COLUMNS);
        fprintf(s->setup, " %d", r + 1);
    }
    fprintf(s->setup,
            ") scale 0\nset yrange [%d.6:0.4]\nset xlabel metric_text\nset border 1\n",
            count < 4 ? 4 : count);
    scale_write(s->setup, scale, "x", 9);
    fputs(
        "    plot data using \"score\":(is('seed') ? column(\"rank\") : NaN) with "
        "points pt 6 ps 0.6 lc rgb '" SHEET_GREY "' title 'a seed', \\\n"
        "        data using \"score\":(is('mean') ? column(\"rank\") : NaN):\"low\":"
        "\"high\" with xerrorbars pt -1 lw 1.6 lc rgb '#0072B2' title 'interval', \\\n"
        "        data using \"score\":(is('mean') ? column(\"rank\") : NaN) with "
        "points pt 7 ps 0.7 lc rgb '#0072B2' title 'mean'\n",
        s->plot);
}

static void plot_columns(struct sheet *s, int known, const struct scale *scale)
{
    sheet_layout(s, 0, 310, 62);
    fprintf(s->setup,
            "set xrange [0:%d]\nset xlabel 'rank of the configuration, by its mean'\n"
            "set ylabel metric_text\n",
            known + 1);
    scale_write(s->setup, scale, "y", 9);
    fputs(
        "    plot data using (is('seed') ? column(\"rank\") : NaN):\"score\" with "
        "points pt 7 ps 0.22 lc rgb '#8c8c8c' notitle, \\\n"
        "        data using (is('mean') ? column(\"rank\") : NaN):\"low\":(0):"
        "(column(\"high\") - column(\"low\")) with vectors nohead lw 1 lc rgb "
        "'#56B4E9' notitle, \\\n"
        "        data using (is('mean') ? column(\"rank\") : NaN):\"score\" with "
        "points pt 7 ps 0.3 lc rgb '#0072B2' notitle, \\\n"
        "        keyentry with points pt 7 ps 0.5 lc rgb '#8c8c8c' title 'a seed', \\\n"
        "        keyentry with lines lw 2 lc rgb '#56B4E9' title 'interval', \\\n"
        "        keyentry with points pt 7 ps 0.6 lc rgb '#0072B2' title 'mean'\n",
        s->plot);
}

static void draw(struct sheet *s, const struct figure_spread *spread, const int *order,
                 int known, bool *keep)
{
    struct scale scale;
    int shown;

    memset(keep, 0, (size_t)spread->count * sizeof *keep);
    shown = scale_thin(order, known, GROUPS_MAX, keep);
    scale = score_scale(spread, order, keep, known);
    sheet_thinned(s, shown, known, "configurations, evenly over their ranks");
    fputs("rank,configuration,kind,score,low,high\n", s->data);
    for (int r = 0; r < known; r++)
        if (keep[order[r]])
            write_group(s->data, r + 1, &spread->groups[order[r]]);
    sheet_metric(s, "metric_text", &spread->metric);
    fputs("is(kind) = stringcolumn(\"kind\") eq kind\n", s->setup);
    sheet_legend(s, 3, 12);
    if (known <= ROWS_MAX)
        plot_rows(s, spread, order, known, &scale);
    else
        plot_columns(s, known, &scale);
}

int figures_add_spread(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_spread *spread, struct error *err)
{
    double *means = malloc((size_t)(spread->count + 1) * sizeof *means);
    bool *keep = malloc((size_t)spread->count + 1);
    int *order = NULL, rc, known = 0;
    struct sheet s;

    for (int i = 0; means && i < spread->count; i++)
        means[i] = spread->groups[i].mean;
    if (means)
        order = scale_order(means, spread->count, spread->metric.higher_is_better);
    while (order && known < spread->count && isfinite(means[order[known]]))
        known++;
    if (!order || !keep)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    else if (known == 0)
        rc = error_set(err, ERR_INPUT, "%s: no configuration has a score",
                       heading->name);
    else
        rc = sheet_open(&s, figures, heading, err);
    if (rc == 0) {
        draw(&s, spread, order, known, keep);
        rc = sheet_close(&s, err);
    }
    free(means);
    free(keep);
    free(order);
    return rc;
}
