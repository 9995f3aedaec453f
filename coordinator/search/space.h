/* sweep.space as a search sees it: points, and what they are as settings.
 *
 * A point has one code for each axis: of a choice the index of its value, of a range
 * the value itself, NAN where the axis does not exist at this point. */
#ifndef COORDINATOR_SEARCH_SPACE_H
#define COORDINATOR_SEARCH_SPACE_H

#include "common/error.h"
#include "jobs/job_spec.h"

#include <stdbool.h>
#include <stdint.h>

enum { SPACE_AXES = 64 }; /* more than there are settings of a trial */

enum space_kind {
    SPACE_CHOICE,  /* words, switches, paths: no value is near another */
    SPACE_ORDERED, /* listed numbers: by their order, however far apart */
    SPACE_WHOLE,   /* a range of whole numbers */
    SPACE_REAL,
};

struct space_axis {
    const struct job_axis *job;
    enum space_kind kind;
    double count;     /* of values; INFINITY of reals */
    int *ranks;       /* of ORDERED: by index its place among the sorted, from 0 */
    int *sorted;      /* the way back */
    double low, high; /* of a range, on its scale; of whole ones half a step outside */
};

struct space {
    const struct job_spec *spec; /* borrowed */
    int count;
    struct space_axis axes[SPACE_AXES];
};

int space_init(struct space *out, const struct job_spec *spec, struct error *err);
void space_clear(struct space *space);

/* Whether axis a's conditions hold: needs the codes before it only. */
bool space_exists(const struct space *space, int a, const double *point);
/* The code at u of [0, 1): equal parts of it are equally likely. Reals have six digits,
 * so that the last bits of a logarithm, which differ between machines, do not show. */
double space_code(const struct space *space, int a, double u);
/* Where a code lies in [0, 1]: of values one after the other the middle of its part. */
double space_place(const struct space *space, int a, double code);
/* The part of [0, 1] that a code of a choice or of whole numbers takes. */
double space_edge(const struct space *space, int a, double code, int side);

/* Six significant digits. */
double space_round(double value);
/* What a code stands for; NAN: the base's value. */
struct setting_value space_value(const struct space *space, int a, double code);

/* out: the base with the point's values. */
void space_settings(const struct space *space, const double *point,
                    struct settings *out);
/* The way back; NAN also where a value is none of its axis. */
void space_point(const struct space *space, const struct settings *settings,
                 double *point);

#endif
