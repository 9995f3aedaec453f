/* How long each kind of trial takes a token: measured on this machine, or by a stated
 * rate. */
#ifndef CLI_PLAN_PACE_H
#define CLI_PLAN_PACE_H

#include "cli/plan_kinds.h"

struct plan_pace {
    int workers;      /* at once on this machine */
    int kinds;        /* that differ in how they are computed */
    int measured;     /* of them */
    double took_s;    /* panels and measuring */
    double panels_s;  /* to make the encoder's panels */
    double processor; /* share of the cores that was to be had, the mean */
};

/* Fills the seconds a token of all kinds. pace's workers are read, the rest is written.
 * Where there are more kinds than there is time for, some are measured and the others
 * lie between them by their operations. Says on stderr what it does. */
int plan_pace_measure(struct plan_pace *pace, struct plan_kinds *kinds,
                      const struct run_setup *setup, const struct encoder *encoder,
                      struct error *err);

/* rate: tokens a second that a worker trains of the kind with the most operations. */
void plan_pace_state(struct plan_kinds *kinds, double rate);

#endif
