/* Successive halving: trials by the epochs that they reached, a panel a bracket. */
#include "report/figures/figures.h"

#include "report/figures/figure_text.h"
#include "report/figures/scale.h"
#include "report/figures/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BRACKETS_MAX = 6 };

/* What became of a trial, in the order in which they are drawn. */
enum fate { FATE_STOPPED, FATE_FAILED, FATE_SURVIVOR, FATE_BEST, FATES };
static const char *const fate_names[FATES] = {"stopped", "failed", "survivor", "best"};
static const int most_shown[FATES] = {450, 50, 150, 1};

static double last_score(const struct figure_rung_trial *trial)
{
    return trial->epochs > 0 ? trial->score[trial->epochs - 1] : NAN;
}

static bool reached(const struct figure_rung_trial *trial, double epoch)
{
    return trial->epochs > 0 && trial->epoch[trial->epochs - 1] >= epoch;
}

static double last_rung(const struct figure_rungs *rungs, int bracket)
{
    int count = rungs->rung_counts[bracket];

    return count > 0 ? rungs->rung_epochs[bracket][count - 1] : INFINITY;
}

static void judge(const struct figure_rungs *rungs, enum fate *fates)
{
    int best = -1;

    for (int i = 0; i < rungs->count; i++) {
        const struct figure_rung_trial *t = &rungs->trials[i];
        double score = last_score(t);

        fates[i] = t->failed                                  ? FATE_FAILED
                   : reached(t, last_rung(rungs, t->bracket)) ? FATE_SURVIVOR
                                                              : FATE_STOPPED;
        if (fates[i] == FATE_SURVIVOR && isfinite(score) &&
            (best < 0 || (rungs->metric.higher_is_better
                              ? score > last_score(&rungs->trials[best])
                              : score < last_score(&rungs->trials[best]))))
            best = i;
    }
    if (best >= 0)
        fates[best] = FATE_BEST;
}

/* A block a trial: its score at its first report, at the rungs, and at its last. */
static void write_trial(FILE *out, const struct figure_rungs *rungs, int i,
                        enum fate fate)
{
    const struct figure_rung_trial *t = &rungs->trials[i];
    int rung = 0, count = rungs->rung_counts[t->bracket];
    const double *at = rungs->rung_epochs[t->bracket];

    for (int k = 0; k < t->epochs; k++) {
        bool last = k == t->epochs - 1, is_rung = false;

        while (rung < count && at[rung] <= t->epoch[k])
            is_rung = at[rung++] == t->epoch[k] || is_rung;
        if (k != 0 && !last && !is_rung)
            continue;
        fprintf(out, "%d,%d,", t->bracket + 1, i + 1);
        figure_number(out, t->epoch[k]);
        putc(',', out);
        figure_number(out, t->score[k]);
        fprintf(out, ",%s,%d\n", fate_names[fate], last);
    }
    putc('\n', out);
}

/* Keeps what is to be drawn of the trials of one fate, evenly over their last scores.
 */
static int keep_some(const struct figure_rungs *rungs, const enum fate *fates,
                     enum fate fate, int max, bool *keep)
{
    double *scores = malloc((size_t)(rungs->count + 1) * sizeof *scores);
    int *numbers = malloc((size_t)(rungs->count + 1) * sizeof *numbers), *order, n = 0;

    for (int i = 0; scores && numbers && i < rungs->count; i++)
        if (fates[i] == fate && rungs->trials[i].epochs > 0) {
            scores[n] = last_score(&rungs->trials[i]);
            numbers[n++] = i;
        }
    order = scores && numbers ? scale_order(scores, n, rungs->metric.higher_is_better)
                              : NULL;
    max = max < n ? max : n;
    for (int k = 0; order && k < max; k++)
        keep[numbers[order[(long long)k * n / max]]] = true;
    free(scores);
    free(numbers);
    if (!order)
        return ERR_MEMORY;
    free(order);
    return max;
}

static struct scale score_scale(const struct figure_rungs *rungs, const bool *keep)
{
    struct scale scale = {0};

    for (int i = 0; i < rungs->count; i++) {
        const struct figure_rung_trial *t = &rungs->trials[i];

        for (int k = 0; keep[i] && k < t->epochs; k++)
            if (isfinite(t->score[k]) && scale.low == scale.high)
                scale = scale_of(&t->score[k], 1);
        if (keep[i] && scale.low != scale.high)
            scale_extend(&scale, t->score, t->epochs);
    }
    if (scale.low == scale.high)
        scale = scale_of(NULL, 0);
    return scale;
}

/* How many came to each rung, above it. */
static void label_rungs(FILE *out, const struct figure_rungs *rungs, int bracket)
{
    for (int r = 0; r < rungs->rung_counts[bracket]; r++) {
        double epoch = rungs->rung_epochs[bracket][r];
        int n = 0;

        for (int i = 0; i < rungs->count; i++)
            n += rungs->trials[i].bracket == bracket &&
                 reached(&rungs->trials[i], epoch);
        fprintf(out, "set label '%d' at first %.10g, graph 1.04 center font ',10'\n", n,
                epoch);
    }
}

static void plot_bracket(FILE *out, const struct figure_rungs *rungs, int bracket,
                         double first_epoch)
{
    int count = rungs->rung_counts[bracket];
    double high = count > 0 ? rungs->rung_epochs[bracket][count - 1] : 1;
    double low = fmin(first_epoch, count > 0 ? rungs->rung_epochs[bracket][0] : 1);

    label_rungs(out, rungs, bracket);
    fprintf(out, "set xrange [%.10g:%.10g]\nset xtics (", low > 0 ? low * 0.93 : 0.9,
            high * 1.08);
    for (int r = 0; r < count; r++)
        fprintf(out, "%s'%g' %.10g", r ? ", " : "", rungs->rung_epochs[bracket][r],
                rungs->rung_epochs[bracket][r]);
    fputs(")\n", out);
    if (rungs->brackets > 1)
        fprintf(out, "set xlabel 'epochs, bracket %d'\n", bracket + 1);
    else
        fputs("set xlabel 'epochs'\n", out);
    fprintf(out,
            "plot data using (is(%d, 'stopped') ? column(\"epoch\") : NaN):\"score\" "
            "with lines lw 0.6 lc rgb '#908c8c8c' notitle, \\\n"
            "    data using (is(%d, 'stopped') && column(\"last\") == 1 ? "
            "column(\"epoch\") "
            ": NaN):\"score\" with points pt 7 ps 0.25 lc rgb '" SHEET_GREY
            "' notitle, \\\n"
            "    data using (is(%d, 'failed') ? column(\"epoch\") : NaN):\"score\" "
            "with linespoints pt 2 ps 0.4 lw 0.6 lc rgb '#CC79A7' notitle, \\\n"
            "    data using (is(%d, 'survivor') ? column(\"epoch\") : NaN):\"score\" "
            "with linespoints pt 7 ps 0.35 lw 1 lc rgb '#500072B2' notitle, \\\n"
            "    data using (is(%d, 'best') ? column(\"epoch\") : NaN):\"score\" with "
            "linespoints pt 13 ps 0.8 lw 2.2 lc rgb '" SHEET_BEST "' notitle",
            bracket + 1, bracket + 1, bracket + 1, bracket + 1, bracket + 1);
}

static void plot_legend(FILE *out, bool failed)
{
    fputs(", \\\n    keyentry with lines lw 1 lc rgb '" SHEET_GREY
          "' title 'stopped or waiting', \\\n    keyentry with linespoints pt 7 ps 0.4 "
          "lw "
          "1.1 lc rgb '#0072B2' title 'reached the last rung', \\\n    keyentry with "
          "linespoints pt 13 ps 0.8 lw 2.2 lc rgb '" SHEET_BEST "' title 'best'",
          out);
    if (failed)
        fputs(", \\\n    keyentry with linespoints pt 2 ps 0.5 lw 0.6 lc rgb '#CC79A7' "
              "title 'failed'",
              out);
}

static int choose(struct sheet *s, const struct figure_rungs *rungs, enum fate *fates,
                  bool *keep)
{
    int shown = 0, rc = 0;

    judge(rungs, fates);
    memset(keep, 0, (size_t)rungs->count * sizeof *keep);
    for (int f = 0; f < FATES && rc >= 0; f++) {
        rc = keep_some(rungs, fates, (enum fate)f, most_shown[f], keep);
        shown += rc;
    }
    sheet_note(s, "Numbers above: trials that reached this rung.");
    sheet_thinned(s, shown, rungs->count, "trials, evenly over their scores");
    return rc < 0 ? rc : 0;
}

static void draw(struct sheet *s, const struct figure_rungs *rungs,
                 const enum fate *fates, const bool *keep)
{
    struct scale y = score_scale(rungs, keep);
    double first = INFINITY;
    bool failed = false;

    fputs("bracket,trial,epoch,score,fate,last\n", s->data);
    for (int i = 0; i < rungs->count; i++)
        if (keep[i]) {
            write_trial(s->data, rungs, i, fates[i]);
            first = fmin(first, rungs->trials[i].epoch[0]);
            failed |= fates[i] == FATE_FAILED;
        }
    sheet_metric(s, "y_text", &rungs->metric);
    sheet_legend(s, 3 + failed, 22);
    sheet_panels(s, rungs->brackets < BRACKETS_MAX ? rungs->brackets : BRACKETS_MAX,
                 rungs->brackets > 1 ? 220 : 300, 74, 16);
    fprintf(s->setup,
            "is(bracket, fate) = column(\"bracket\") == bracket && "
            "stringcolumn(\"fate\") eq fate\nset logscale x\nset yrange "
            "[%.10g:%.10g]\nset border 3\n",
            y.low, y.high);
    for (int b = 0; b < rungs->brackets && b < BRACKETS_MAX; b++) {
        sheet_panel(s, b);
        fputs(b == 0 ? "set key on\n" : "unset key\n", s->plot);
        plot_bracket(s->plot, rungs, b, first);
        if (b == 0)
            plot_legend(s->plot, failed);
        putc('\n', s->plot);
    }
    sheet_panels_end(s);
}

static int check(const struct figure_rungs *rungs, const char *name, struct error *err)
{
    int reports = 0;

    for (int i = 0; i < rungs->count; i++) {
        if (rungs->trials[i].bracket < 0 || rungs->trials[i].bracket >= rungs->brackets)
            return error_set(err, ERR_INPUT, "%s: trial %d is in bracket %d of %d",
                             name, i + 1, rungs->trials[i].bracket, rungs->brackets);
        reports += rungs->trials[i].epochs > 0;
    }
    return reports > 0 ? 0
                       : error_set(err, ERR_INPUT, "%s: no trial has reported", name);
}

int figures_add_rungs(struct figures *figures, const struct figure_heading *heading,
                      const struct figure_rungs *rungs, struct error *err)
{
    enum fate *fates = malloc((size_t)(rungs->count + 1) * sizeof *fates);
    bool *keep = malloc((size_t)rungs->count + 1);
    struct sheet s = {0};
    int rc = check(rungs, heading->name, err);

    if (!fates || !keep)
        rc = error_set(err, ERR_MEMORY, "out of memory for a figure");
    if (rc || (rc = sheet_open(&s, figures, heading, err)) != 0)
        goto done;
    if ((rc = choose(&s, rungs, fates, keep)) != 0) {
        sheet_abandon(&s);
        error_set(err, rc, "out of memory for a figure");
        goto done;
    }
    draw(&s, rungs, fates, keep);
    rc = sheet_close(&s, err);
done:
    free(fates);
    free(keep);
    return rc;
}
