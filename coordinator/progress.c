/* Numbers come in, a line goes out: no clock, no terminal. */
#include "coordinator/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const double sample_seconds = 2.0;

static int newest(const struct progress_rate *rate)
{
    return (rate->at + PROGRESS_WINDOW - 1) % PROGRESS_WINDOW;
}

void progress_sample(struct progress_rate *rate, double now, uint64_t examples)
{
    if (rate->count > 0 && now - rate->times[newest(rate)] < sample_seconds)
        return;
    rate->times[rate->at] = now;
    rate->examples[rate->at] = examples;
    rate->at = (rate->at + 1) % PROGRESS_WINDOW;
    if (rate->count < PROGRESS_WINDOW)
        rate->count++;
}

double progress_per_second(const struct progress_rate *rate, double now,
                           uint64_t examples)
{
    int oldest = (rate->at + PROGRESS_WINDOW - rate->count) % PROGRESS_WINDOW;
    if (rate->count == 0 || now - rate->times[oldest] < 1.0 ||
        examples <= rate->examples[oldest])
        return NAN;
    return (double)(examples - rate->examples[oldest]) / (now - rate->times[oldest]);
}

uint64_t progress_advance(struct progress_share *share, uint64_t trial, uint32_t lease,
                          uint64_t examples)
{
    bool same = share->trial == trial && share->lease == lease;
    uint64_t before = same ? share->examples : 0;
    if (examples < before)
        examples = before;
    *share = (struct progress_share){trial, lease, examples};
    return examples - before;
}

void duration_text(char *out, size_t size, double seconds)
{
    if (!isfinite(seconds) || seconds < 0)
        seconds = 0;
    if (seconds < 90)
        snprintf(out, size, "%.0f s", ceil(seconds));
    else if (seconds < 90 * 60)
        snprintf(out, size, "%.0f min", ceil(seconds / 60));
    else if (seconds < 48 * 3600)
        snprintf(out, size, "%.1f h", seconds / 3600);
    else
        snprintf(out, size, "%.0f days", seconds / 86400);
}

static void trials_text(char *out, size_t size, const struct progress *p)
{
    char given_up[48] = "", running[48] = "";
    if (p->running > 0)
        snprintf(running, sizeof running, ", %" PRId64 " running", p->running);
    if (p->given_up > 0)
        snprintf(given_up, sizeof given_up, ", %" PRId64 " given up", p->given_up);
    snprintf(out, size, "%" PRId64 "/%" PRId64 " trials%s%s", p->done, p->trials,
             running, given_up);
}

/* Parts in the order in which they are shown, and how dear each is: the least dear goes
 * first when there is no room. */
enum { PART_TRIALS, PART_STATE, PART_RATE, PART_BEST, PART_LEFT, PARTS };
enum { PART_SIZE = 192 };
static const int dear[PARTS] = {[PART_TRIALS] = 5,
                                [PART_STATE] = 4,
                                [PART_RATE] = 1,
                                [PART_BEST] = 3,
                                [PART_LEFT] = 2};

static size_t join(char *out, size_t size, char parts[PARTS][PART_SIZE])
{
    size_t length = 0;
    out[0] = '\0';
    for (int i = 0; i < PARTS; i++)
        if (parts[i][0] && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s%s",
                                       length > 0 ? " | " : "", parts[i]);
    return length;
}

static void drop_cheapest(char parts[PARTS][PART_SIZE])
{
    int cheapest = PART_TRIALS;
    for (int i = 0; i < PARTS; i++)
        if (parts[i][0] && dear[i] < dear[cheapest])
            cheapest = i;
    parts[cheapest][0] = '\0';
}

void progress_text(char *out, size_t size, const struct progress *p, int columns)
{
    char parts[PARTS][PART_SIZE] = {{0}};
    trials_text(parts[PART_TRIALS], sizeof parts[0], p);
    snprintf(parts[PART_STATE], sizeof parts[0], "%s", p->state);
    if (!isnan(p->per_second))
        snprintf(parts[PART_RATE], sizeof parts[0], "%.*f examples/s",
                 p->per_second < 10 ? 1 : 0, p->per_second);
    if (!isnan(p->best))
        snprintf(parts[PART_BEST], sizeof parts[0], "best %s%s%.4f",
                 p->best_task ? p->best_task : "", p->best_task ? " " : "", p->best);
    if (p->per_second > 0 && !p->state[0]) {
        char left[32];
        duration_text(left, sizeof left, p->examples_left / p->per_second);
        snprintf(parts[PART_LEFT], sizeof parts[0], "%s left", left);
    }
    while (join(out, size, parts) > (size_t)columns && columns > 0 &&
           (parts[PART_STATE][0] || parts[PART_RATE][0] || parts[PART_BEST][0] ||
            parts[PART_LEFT][0]))
        drop_cheapest(parts);
}
