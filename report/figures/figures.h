/* Figures of a report: a folder of NAME.csv (the data), NAME.gp (the gnuplot script,
 * which a user changes and runs again in that folder), NAME.svg and NAME.pdf.
 *
 * Use: figures_init, one call a figure, figures_draw (runs gnuplot once for all),
 * figures_clear. The structs below are plain and borrowed for the call. NaN is "not
 * known" and leaves a gap. Texts may be anything, NULL is "": they are cleaned, cut
 * (figure_text.h) and never executed. More than can be seen is thinned out, and a line
 * under the figure says so. Every call that adds a figure returns 0, ERR_IO,
 * ERR_MEMORY, or ERR_INPUT where there is nothing to draw (err says what is missing);
 * after an error the set is as before and the next figure can be added.
 *
 * The SVGs are meant to stand in an HTML page, light or dark: no background, text and
 * axes in currentColor, ids that differ from figure to figure, the figure's title as
 * <title>. Drawn 720 wide: on a narrow page let them scroll rather than shrink.
 * Colours: Okabe and Ito, Color Universal Design, 2008; scales of colour: cividis,
 * Nunez, Anderton and Renslow, PLOS ONE 13(7), 2018. */
#ifndef REPORT_FIGURES_FIGURES_H
#define REPORT_FIGURES_FIGURES_H

#include "common/error.h"

#include <stdbool.h>

/* Rules of CSS for a dark page: our blue, green and grey lighter within .figure, the
 * class of the element around each SVG. To stand within the page's own condition. */
extern const char figures_dark_css[];

enum { FIGURE_NAME = 64 };

struct figure {
    char name[FIGURE_NAME]; /* files NAME.csv, .gp, .svg, .pdf */
    char *title;            /* cleaned */
    bool drawn;             /* .svg and .pdf are there: set by figures_draw */
};

struct figures {
    char *folder;
    int count;
    struct figure *rows;
};

/* Makes the folder if it is not there (its parent must be). */
int figures_init(struct figures *figures, const char *folder, struct error *err);
void figures_clear(struct figures *figures); /* fine on an all-zero one */
/* Runs gnuplot over all scripts. ERR_INPUT: gnuplot is not installed, one line says
 * what to do; data and scripts are there and the report goes on without pictures.
 * ERR_IO: it failed or took longer than timeout_s; err holds its first line; figures
 * that were drawn are marked as such in any case. */
int figures_draw(struct figures *figures, double timeout_s, struct error *err);
/* Whether figures_draw would find gnuplot in PATH. */
bool figures_can_draw(void);

struct figure_axis {
    const char *name, *unit; /* "training time", "h"; unit may be NULL */
};
struct figure_metric {
    const char *name, *unit;
    bool higher_is_better;
};
/* name: of the files; bytes other than letters, digits, '-' and '_' become '_', and a
 * number is appended where the name is taken: figures->rows[count - 1].name is what
 * came of it. note: a line under the figure, such as what the band is; may be NULL. */
struct figure_heading {
    const char *name, *title, *note;
};

/* A line with a band. low, high: NULL, or NaN where there is no band. */
struct figure_line {
    const char *name;
    int points;
    const double *x, *y, *low, *high; /* (points), x increasing */
};

/* Learning curves: the first ones in colour with names and bands, the others grey.
 * lines: best first. */
struct figure_curves {
    struct figure_axis x;
    struct figure_metric y;
    int count;
    const struct figure_line *lines;
};
int figures_add_curves(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_curves *curves, struct error *err);

/* Expected best score against budget: all lines in colour with names, in dashes that
 * differ. x is logarithmic when it spans more than 100. At most 7 lines. */
int figures_add_budget(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_curves *budget, struct error *err);

/* A hyperparameter. Numbers, or with categories > 0 the index of a category. */
struct figure_setting {
    const char *name;
    const double *values; /* (count) */
    int categories;
    const char *const *category_names; /* (categories) */
};
/* Configurations, in any order, with their mean scores. Settings in the order in which
 * they are to stand, the most important first; the first FIGURE_SETTINGS_MAX. */
enum { FIGURE_SETTINGS_MAX = 12 };
struct figure_settings {
    struct figure_metric metric;
    int count;
    const double *scores;     /* (count); NaN: left out */
    const char *const *names; /* (count), or NULL */
    int setting_count;
    const struct figure_setting *settings;
};
/* Each setting against the metric: a panel each, logarithmic where the values are
 * spread like that, jittered where they repeat, best configuration marked, means of
 * repeated values. */
int figures_add_settings(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_settings *settings, struct error *err);
/* Parallel coordinates of the same, score last, best ones thick and named. */
int figures_add_parallel(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_settings *settings, struct error *err);

/* Shares of variance, drawn largest first. low, high: NULL or an interval. */
struct figure_bars {
    struct figure_axis value;
    int count;
    const char *const *names;
    const double *values, *low, *high; /* (count) */
};
int figures_add_importance(struct figures *figures,
                           const struct figure_heading *heading,
                           const struct figure_bars *bars, struct error *err);

/* A matrix as colours, with the numbers in the cells while they are few: interactions
 * of pairs of settings (rows and columns alike), or the mean score over two settings.
 * NaN: an empty cell. At most 40 x 40. */
struct figure_heat {
    struct figure_axis x, y, value;
    int rows, cols;
    const char *const *row_names, *const *col_names;
    const double *values; /* (rows, cols); row 0 on top */
};
int figures_add_heat(struct figures *figures, const struct figure_heading *heading,
                     const struct figure_heat *heat, struct error *err);

/* Scores of the seeds of each configuration: dots, mean, interval; sorted by mean. */
struct figure_group {
    const char *name;
    int count;
    const double *scores;   /* (count), a seed each; NaN left out */
    double mean, low, high; /* NaN low: no interval */
};
struct figure_spread {
    struct figure_metric metric;
    int count;
    const struct figure_group *groups;
};
int figures_add_spread(struct figures *figures, const struct figure_heading *heading,
                       const struct figure_spread *spread, struct error *err);

/* Who ran what when. Each stretch of work is a bar; what is left is idle time. */
enum figure_work { WORK_DONE, WORK_PAUSED, WORK_STOPPED, WORK_FAILED, WORK_LOST };
struct figure_stretch {
    int worker;        /* index into worker_names */
    double begin, end; /* seconds since the run's begin */
    long long trial;   /* written into wide bars; 0: none */
    enum figure_work outcome;
};
struct figure_death {
    int worker;
    double when; /* seconds */
};
struct figure_timeline {
    double end; /* of the run, seconds; NaN: the last stretch's */
    int workers;
    const char *const *worker_names;
    int stretch_count;
    const struct figure_stretch *stretches; /* in any order */
    int death_count;
    const struct figure_death *deaths;
};
int figures_add_timeline(struct figures *figures, const struct figure_heading *heading,
                         const struct figure_timeline *timeline, struct error *err);

/* Trials by the epochs that they reached, with their score there; those that reached
 * the last rung in colour. A panel a bracket. */
struct figure_rung_trial {
    int bracket;                 /* from 0 */
    int epochs;                  /* reports */
    const double *epoch, *score; /* (epochs), epoch increasing */
    bool failed;
};
struct figure_rungs {
    struct figure_metric metric;
    int brackets;
    const int *rung_counts;           /* (brackets) */
    const double *const *rung_epochs; /* (brackets), each (rung_counts), increasing;
                                         the last is the end of training */
    int count;
    const struct figure_rung_trial *trials;
};
int figures_add_rungs(struct figures *figures, const struct figure_heading *heading,
                      const struct figure_rungs *rungs, struct error *err);

#endif
