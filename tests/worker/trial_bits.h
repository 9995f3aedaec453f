/* Runs trials in several ways and compares all that they give, bit for bit. */
#ifndef TESTS_WORKER_TRIAL_BITS_H
#define TESTS_WORKER_TRIAL_BITS_H

#include "worker/trial.h"

/* What a trial is made of. */
struct trial_parts {
    const struct encoder *encoder;
    const struct panels *panels; /* NULL: none */
    const struct dataset *dataset;
    const struct task *task;
    struct settings settings;
};

/* How it is run: with so many threads; with a checkpoint taken, encoded, decoded and
 * given to a fresh trial after each report; stopped from another thread after so many
 * microshards (0: not) and carried over likewise. */
struct trial_way {
    int threads;
    int carry;
    unsigned long long stop_after;
};

/* Text of everything that the trial gives, numbers by their bits, seconds left out; to
 * be freed. NULL where the trial failed. interruptions: how often it was carried over;
 * may be NULL. */
char *trial_bits(const struct trial_parts *parts, struct trial_way way,
                 int *interruptions);

#endif
