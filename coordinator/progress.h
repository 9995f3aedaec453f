/* How far a run is: the text of one line. */
#ifndef COORDINATOR_PROGRESS_H
#define COORDINATOR_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_WINDOW = 16 };

/* Training examples over time, for a rate over the last half minute or so. All zero is
 * a new one. */
struct progress_rate {
    int count, at;
    double times[PROGRESS_WINDOW];
    uint64_t examples[PROGRESS_WINDOW];
};

/* Keeps one sample every two seconds. examples: of the whole run so far. */
void progress_sample(struct progress_rate *rate, double now, uint64_t examples);
/* Examples per second; NaN while not known. */
double progress_per_second(const struct progress_rate *rate, double now,
                           uint64_t examples);

/* What was counted of one worker: examples since a lease began. All zero is a new one.
 */
struct progress_share {
    uint64_t trial; /* 0: none yet */
    uint32_t lease;
    uint64_t examples;
};

/* The worker has done so many under this lease. How many of them are new: none where it
 * has said more before, in a heartbeat that overtook a report. */
uint64_t progress_advance(struct progress_share *share, uint64_t trial, uint32_t lease,
                          uint64_t examples);

/* "45 s", "3 min", "2.5 h", "4 days": rounded up where it is short. */
void duration_text(char *out, size_t size, double seconds);

struct progress {
    int64_t trials, done, given_up, running;
    double per_second;     /* examples; NaN: not known yet */
    double examples_left;  /* of all trials, if none ends early */
    const char *best_task; /* NULL where the run has one task only */
    double best;           /* score; NaN: none yet */
    const char *state;     /* "", or "stopping" … */
};

/* "12/48 trials, 2 running, 1 given up | 118 examples/s | best 0.8427 | 3 min left",
 * parts dropped from the right, "best" last, until it fits columns (0: no limit). */
void progress_text(char *out, size_t size, const struct progress *progress,
                   int columns);

#endif
