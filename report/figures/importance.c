/* Bars of shares of variance. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>

enum { BARS_MAX = 30, BAR = 22, NAME_COLUMNS = 36 };

/* Where the number is written: behind the bar and its interval. (In the CSV, because
 * gnuplot 5.4 crashes on labels whose places it computes from NaN.) */
static double end_of(const struct figure_bars *bars, int i)
{
    double high = bars->high ? bars->high[i] : NAN;

    return isfinite(high) ? fmax(high, bars->values[i]) : bars->values[i];
}

static void write_bar(FILE *out, const struct figure_bars *bars, int place, int i)
{
    fprintf(out, "%d,", place);
    figure_text_cell(out, bars->names[i], NAME_COLUMNS);
    putc(',', out);
    figure_number(out, bars->values[i]);
    putc(',', out);
    figure_number(out, bars->low ? bars->low[i] : NAN);
    putc(',', out);
    figure_number(out, bars->high ? bars->high[i] : NAN);
    putc(',', out);
    figure_number(out, end_of(bars, i));
    putc('\n', out);
}

static double longest(const struct figure_bars *bars, const int *order, int count)
{
    double most = 0;

    for (int k = 0; k < count; k++)
        most = fmax(most, end_of(bars, order[k]));
    return most > 0 ? most : 1;
}

static void draw(struct sheet *s, const struct figure_bars *bars, const int *order,
                 int known)
{
    int count = known < BARS_MAX ? known : BARS_MAX;
    double most = longest(bars, order, count);

    sheet_thinned(s, count, known, "bars");
    fputs("place,name,value,low,high,end\n", s->data);
    for (int k = 0; k < count; k++)
        write_bar(s->data, bars, k + 1, order[k]);
    sheet_axis(s, "x_text", &bars->value);
    sheet_layout(s, 0, (count < 3 ? 3 : count) * BAR, 58);
    fputs("set ytics (", s->setup);
    for (int k = 0; k < count; k++) {
        fputs(k ? ", " : "", s->setup);
        figure_text_tic(s->setup, bars->names[order[k]], NAME_COLUMNS);
        fprintf(s->setup, " %d", k + 1);
    }
    fprintf(s->setup,
            ") scale 0\nset yrange [%d.5:0.5]\nset xrange [0:%.10g]\nset xlabel "
            "x_text\nset grid noytics\nset border 1\nset style fill solid 0.85\n",
            count < 3 ? 3 : count, 1.12 * most);
    fprintf(
        s->plot,
        "    plot data using (column(\"value\")/2):\"place\":(column(\"value\")/2):"
        "(0.36) with boxxyerror lw 0 lc rgb '#0072B2', \\\n"
        "        data using \"value\":\"place\":\"low\":\"high\" with xerrorbars pt "
        "-1 lw 1.2 lc rgb 'black', \\\n"
        "        data using \"end\":\"place\":(sprintf('%%.3g', column(\"value\"))) "
        "with "
        "labels left offset 0.6,0 font ',10'\n");
}

int figures_add_importance(struct figures *figures,
                           const struct figure_heading *heading,
                           const struct figure_bars *bars, struct error *err)
{
    int *order = scale_order(bars->values, bars->count, true);
    int rc, known = 0;
    struct sheet s;

    while (order && known < bars->count && isfinite(bars->values[order[known]]))
        known++;
    if (!order)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    else if (known == 0)
        rc = error_set(err, ERR_INPUT, "%s: no bar has a value", heading->name);
    else
        rc = sheet_open(&s, figures, heading, err);
    if (rc == 0) {
        draw(&s, bars, order, known);
        rc = sheet_close(&s, err);
    }
    free(order);
    return rc;
}
