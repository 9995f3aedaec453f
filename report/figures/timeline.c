/* Who ran what when. Stretches that are narrower than a pixel are joined with what
 * follows them at once. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PLOT_WIDTH = 560, LABELS_MAX = 45, NAME_COLUMNS = 24 };
#define KINDS (WORK_LOST + 1)

static const struct {
    const char *name, *colour;
} kinds[KINDS] = {
    [WORK_DONE] = {"finished", "#0072B2"},
    [WORK_PAUSED] = {"paused", "#56B4E9"},
    [WORK_STOPPED] = {"stopped early", "#E69F00"},
    [WORK_FAILED] = {"failed", "#D55E00"},
    [WORK_LOST] = {"lost with its worker", "#CC79A7"},
};

/* A bar as it is drawn. */
struct bar {
    int worker, trials;
    double begin, end;
    long long trial;
    enum figure_work outcome;
};

static int compare_bars(const void *a, const void *b)
{
    const struct bar *x = a, *y = b;

    if (x->worker != y->worker)
        return x->worker - y->worker;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool is_known(const struct figure_timeline *t, const struct figure_stretch *s)
{
    return isfinite(s->begin) && isfinite(s->end) && s->end >= s->begin &&
           s->worker >= 0 && s->worker < t->workers && (int)s->outcome >= 0 &&
           s->outcome < KINDS;
}

/* Bars by worker and time; NULL when out of memory. */
static struct bar *collect(const struct figure_timeline *t, int *count)
{
    struct bar *bars = malloc((size_t)(t->stretch_count + 1) * sizeof *bars);

    *count = 0;
    for (int i = 0; bars && i < t->stretch_count; i++) {
        const struct figure_stretch *s = &t->stretches[i];

        if (is_known(t, s))
            bars[(*count)++] =
                (struct bar){s->worker, 1, s->begin, s->end, s->trial, s->outcome};
    }
    if (bars)
        qsort(bars, (size_t)*count, sizeof *bars, compare_bars);
    return bars;
}

/* Joins neighbours of one outcome when both are narrower than `width`, and so is what
 * lies between. Returns how many bars remain. */
static int join(struct bar *bars, int count, double width)
{
    int n = 0;

    for (int i = 0; i < count; i++) {
        struct bar *last = n > 0 ? &bars[n - 1] : NULL;

        if (last && last->worker == bars[i].worker &&
            last->outcome == bars[i].outcome && bars[i].end - bars[i].begin < width &&
            bars[i].begin - last->end < width &&
            (last->end - last->begin) / last->trials < width) {
            last->end = fmax(last->end, bars[i].end);
            last->trials += bars[i].trials;
            last->trial = 0;
        } else {
            bars[n++] = bars[i];
        }
    }
    return n;
}

struct times {
    double end, unit; /* seconds */
    const char *name;
};

static struct times times_of(const struct figure_timeline *t, const struct bar *bars,
                             int count)
{
    struct times times = {t->end, 1, "s"};

    if (!isfinite(times.end)) {
        times.end = 0;
        for (int i = 0; i < count; i++)
            times.end = fmax(times.end, bars[i].end);
    }
    for (int i = 0; i < t->death_count; i++)
        if (isfinite(t->deaths[i].when))
            times.end = fmax(times.end, t->deaths[i].when);
    if (times.end <= 0)
        times.end = 1;
    if (times.end > 7200)
        times = (struct times){times.end, 3600, "h"};
    else if (times.end > 300)
        times = (struct times){times.end, 60, "min"};
    return times;
}

/* Share of the run in which the worker had work; overlaps count once. */
static double busy_share(const struct bar *bars, int count, int worker, double end)
{
    double sum = 0, until = 0;

    for (int i = 0; i < count; i++) {
        if (bars[i].worker != worker || bars[i].end <= until)
            continue;
        sum += bars[i].end - fmax(bars[i].begin, until);
        until = bars[i].end;
    }
    return sum / end;
}

static void write_bars(FILE *out, const struct figure_timeline *t,
                       const struct bar *bars, int count, double unit)
{
    int shade = 0;

    fputs("worker,name,kind,begin,end,trial,trials,outcome,shade\n", out);
    for (int i = 0; i < count; i++) {
        shade = i > 0 && bars[i].worker == bars[i - 1].worker ? !shade : 0;
        fprintf(out, "%d,", bars[i].worker + 1);
        figure_text_cell(out, t->worker_names[bars[i].worker], NAME_COLUMNS);
        fputs(",work,", out);
        figure_number(out, bars[i].begin / unit);
        putc(',', out);
        figure_number(out, bars[i].end / unit);
        fprintf(out, ",%lld,%d,%s,%d\n", bars[i].trial, bars[i].trials,
                kinds[bars[i].outcome].name, shade);
    }
    for (int i = 0; i < t->death_count; i++) {
        const struct figure_death *d = &t->deaths[i];

        if (d->worker < 0 || d->worker >= t->workers || !isfinite(d->when))
            continue;
        fprintf(out, "%d,", d->worker + 1);
        figure_text_cell(out, t->worker_names[d->worker], NAME_COLUMNS);
        fputs(",death,", out);
        figure_number(out, d->when / unit);
        putc(',', out);
        figure_number(out, d->when / unit);
        fputs(",0,0,death,0\n", out);
    }
}

/* Names to the left, shares of busy time to the right, as many as can be read. */
static void label_workers(FILE *out, const struct figure_timeline *t,
                          const double *shares)
{
    int step = (t->workers + LABELS_MAX - 1) / LABELS_MAX;

    fputs("set ytics (", out);
    for (int w = 0; w < t->workers; w += step) {
        fputs(w ? ", " : "", out);
        figure_text_tic(out, t->worker_names[w], NAME_COLUMNS);
        fprintf(out, " %d", w + 1);
    }
    fputs(") scale 0\nset y2tics (", out);
    for (int w = 0; w < t->workers; w += step)
        fprintf(out, "%s'%.0f%%%%' %d", w ? ", " : "", 100 * shares[w], w + 1);
    fprintf(
        out,
        ") scale 0\nset yrange [%d.5:0.5]\nset y2range [%d.5:0.5]\nset label 'busy' at "
        "graph 1.015, graph 1 offset 0,0.5 left font ',10'\nset grid noytics\nset "
        "border 1\nset rmargin 8\n",
        t->workers, t->workers);
}

static void plot(struct sheet *s, const bool used[KINDS], bool deaths, double tick)
{
    const char *comma = "";

    fputs("    plot ", s->plot);
    for (int k = 0; k < KINDS; k++)
        for (int shade = 0; shade < 2 && used[k]; shade++) {
            fprintf(s->plot,
                    "%sdata using (of('%s', %d) ? column(\"begin\") : NaN):\"worker\":"
                    "\"begin\":\"end\":(column(\"worker\") - 0.38):(column(\"worker\") "
                    "+ 0.38) with boxxyerror fs solid %s noborder lw 0 lc rgb '%s' "
                    "notitle",
                    comma, kinds[k].name, shade, shade ? "0.78" : "1.0",
                    kinds[k].colour);
            comma = ", \\\n        ";
        }
    for (int k = 0; k < KINDS; k++)
        if (used[k]) {
            fprintf(s->plot,
                    "%skeyentry with boxes fs solid 1.0 noborder fc rgb '%s' "
                    "title '%s'",
                    comma, kinds[k].colour, kinds[k].name);
            comma = ", \\\n        ";
        }
    fprintf(s->plot,
            "%sdata using (wide(0) ? (column(\"begin\") + column(\"end\"))/2 : NaN):"
            "\"worker\":(stringcolumn(\"trial\")):(ink(stringcolumn(\"outcome\"))) "
            "with labels font "
            "',9' tc rgb variable notitle",
            comma);
    if (deaths)
        fputs(", \\\n        data using (stringcolumn(\"kind\") eq 'death' ? "
              "column(\"begin\") : NaN):\"worker\" with points pt 2 ps 0.9 lw 2 lc rgb "
              "'black' title 'death of the worker'",
              s->plot);
    putc('\n', s->plot);
    fprintf(
        s->setup,
        "of(outcome, shade) = stringcolumn(\"outcome\") eq outcome && "
        "column(\"shade\") == shade\n"
        "ink(outcome) = outcome eq 'finished' || outcome eq 'failed' ? 0xffffff : "
        "0x101010\n"
        "wide(unused) = column(\"trial\") > 0 && column(\"end\") - column(\"begin\") > "
        "%.10g * (1 + strlen(stringcolumn(\"trial\")))\n",
        tick);
}

static int row_height(int workers)
{
    return workers <= 4 ? 30 : workers <= 12 ? 24 : workers <= 45 ? 16 : 640 / workers;
}

static void draw(struct sheet *s, const struct figure_timeline *t, struct bar *bars,
                 int count, double *shares)
{
    struct times times = times_of(t, bars, count);
    double pixel = times.end / PLOT_WIDTH, range[2] = {0, times.end / times.unit};
    bool used[KINDS] = {false};
    int joined, kinds_used = 0, high = row_height(t->workers);
    struct scale x = scale_of(range, 2);

    for (int w = 0; w < t->workers; w++)
        shares[w] = busy_share(bars, count, w, times.end);
    joined = join(bars, count, pixel);
    for (int i = 0; i < joined; i++)
        used[bars[i].outcome] = true;
    for (int k = 0; k < KINDS; k++)
        kinds_used += used[k];
    if (joined < count)
        sheet_note(s,
                   "Neighbours too narrow to be told apart are joined: %d bars of %d.",
                   joined, count);
    write_bars(s->data, t, bars, joined, times.unit);
    sheet_axis(s, "x_text",
               &(struct figure_axis){"time since the run began", times.name});
    sheet_legend(s, kinds_used + (t->death_count > 0), 20);
    sheet_layout(s, 0, (t->workers < 3 ? 3 : t->workers) * (high < 3 ? 3 : high), 58);
    label_workers(s->setup, t, shares);
    x.low = 0;
    x.high = x.max * 1.005;
    x.distinct = 0;
    scale_write(s->setup, &x, "x", 10);
    fputs("set xlabel x_text\n", s->setup);
    plot(s, used, t->death_count > 0, high >= 14 ? 7 * pixel / times.unit : 1e30);
}

int figures_add_timeline(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_timeline *timeline, struct error *err)
{
    int rc, count;
    struct bar *bars = collect(timeline, &count);
    double *shares = malloc((size_t)(timeline->workers + 1) * sizeof *shares);
    struct sheet s;

    if (!bars || !shares)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    else if (timeline->workers <= 0 || count == 0)
        rc = error_set(err, ERR_INPUT, "%s: nobody ran anything", heading->name);
    else
        rc = sheet_open(&s, figures, heading, err);
    if (rc == 0) {
        draw(&s, timeline, bars, count, shares);
        rc = sheet_close(&s, err);
    }
    free(bars);
    free(shares);
    return rc;
}
