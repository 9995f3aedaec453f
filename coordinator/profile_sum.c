#include "coordinator/profile_sum.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct profile_sum {
    int workers;
    struct measured last[]; /* (workers); threads 0: nothing yet */
};

struct profile_sum *profile_sum_new(int workers)
{
    struct profile_sum *sum =
        calloc(1, sizeof *sum + (size_t)workers * sizeof *sum->last);

    if (sum)
        sum->workers = workers;
    return sum;
}

void profile_sum_free(struct profile_sum *sum) { free(sum); }

void profile_sum_take(struct profile_sum *sum, int worker, const struct measured *m)
{
    sum->last[worker] = *m;
}

/* possible: operations that a phase's time would have been enough for. */
static void add_worker(struct profile_total *total, double possible[PHASE_COUNT],
                       const struct measured *m)
{
    total->workers++;
    total->threads += m->threads;
    total->limit += m->peak * m->threads * 1e-9;
    for (int i = 0; i < PHASE_COUNT; i++) {
        struct profile_row *row = &total->rows[i];
        double seconds = 1e-9 * (double)m->sums[i].nanoseconds;

        row->seconds += seconds;
        row->calls += m->sums[i].calls;
        row->gflop += 1e-9 * m->sums[i].flop;
        total->seconds += seconds;
        possible[i] += 1e-9 * m->peak * seconds;
    }
}

void profile_sum_total(const struct profile_sum *sum, struct profile_total *out)
{
    double possible[PHASE_COUNT] = {0};

    *out = (struct profile_total){0};
    for (int w = 0; w < sum->workers; w++)
        if (sum->last[w].threads > 0)
            add_worker(out, possible, &sum->last[w]);
    if (out->threads > 0)
        out->limit /= out->threads;
    for (int i = 0; i < PHASE_COUNT; i++) {
        struct profile_row *row = &out->rows[i];

        row->share = out->seconds > 0 ? row->seconds / out->seconds : 0;
        row->gflop_per_s = row->seconds > 0 ? row->gflop / row->seconds : 0;
        row->of_limit = possible[i] > 0 ? row->gflop / possible[i] : (double)NAN;
    }
}

static void put_line(struct bytes *out, const char *name, const struct profile_row *row)
{
    char line[256], products[96] = ",";

    if (row->gflop > 0)
        snprintf(products, sizeof products, "%.6f,%.3f", row->gflop, row->gflop_per_s);
    snprintf(line, sizeof line, "%s,%.9f,%.6f,%" PRIu64 ",%s\n", name, row->seconds,
             row->share, row->calls, products);
    bytes_put(out, line, strlen(line));
}

void profile_total_csv(struct bytes *out, const struct profile_total *total)
{
    static const char header[] = "phase,seconds,share,calls,gflop,gflop_per_s\n";

    bytes_put(out, header, sizeof header - 1);
    for (int i = 0; i < PHASE_COUNT; i++)
        put_line(out, phase_names[i], &total->rows[i]);
}
