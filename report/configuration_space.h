/* The configurations of a task as points: one axis a setting that differs among them.
 */
#ifndef REPORT_CONFIGURATION_SPACE_H
#define REPORT_CONFIGURATION_SPACE_H

#include "report/analysis.h"
#include "report/statistics/importance.h"

enum { CONFIGURATION_AXES_MAX = 64 };

/* Configurations with a score, best first. */
struct configuration_space {
    int axes, rows;
    double *scores;                         /* (rows) */
    char *names[CONFIGURATION_AXES_MAX];    /* (axes) of settings */
    double *values[CONFIGURATION_AXES_MAX]; /* (axes) of (rows): numbers, or indices of
                                               categories */
    int categories[CONFIGURATION_AXES_MAX]; /* 0: numbers */
    char **category_names[CONFIGURATION_AXES_MAX];
    int order[CONFIGURATION_AXES_MAX]; /* axes, in the order in which to show them */
    bool adaptive;
    const char *method; /* how the importance was computed, and what to beware of */
};

/* ERR_INPUT: no configuration has a score, or no setting differs. */
int configuration_space_init(struct configuration_space *out,
                             const struct analysis *analysis,
                             const struct analysis_task *task, struct error *err);
void configuration_space_clear(struct configuration_space *space);

/* Exactly where the configurations are a full grid, by a forest elsewhere; sets method.
 * ERR_INPUT: too few for either. */
int configuration_space_importance(struct importance *out,
                                   struct configuration_space *space, int threads,
                                   struct error *err);
/* Largest first. */
void configuration_space_order(struct configuration_space *space,
                               const double *importance);

#endif
