#include "worker/peak.h"

#include "common/clock.h"
#include "worker/linear.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 128, SIDE = 192, CALLS = 32, TURNS = 20 };

/* Seconds of CALLS products. */
static double turn(const struct kernels *kernels, float *y, const float *x,
                   const struct linear *m)
{
    double start = clock_monotonic_s();

    for (int i = 0; i < CALLS; i++)
        linear_forward(kernels, y, x, m, false, ROWS, SIDE, SIDE, NULL);
    return clock_monotonic_s() - start;
}

static double measure(const struct kernels *kernels, float *x, float *y, float *w,
                      float *packed)
{
    struct linear m = {.w = w, .stride = SIDE};
    double best = INFINITY;

    for (int i = 0; i < ROWS * SIDE; i++)
        x[i] = (float)(i % 7);
    for (int i = 0; i < SIDE * SIDE; i++)
        w[i] = (float)(i % 5);
    if (kernels->panel_product) {
        int depth = kernels->panel_depth;

        kernels->panel_pack(packed, &(struct panel_matrix){w, SIDE, true, {0}}, depth,
                            SIDE, SIDE);
        m.forward =
            (struct packed_matrix){.panels = packed, .chunk = depth, .columns = SIDE};
    }
    for (int i = 0; i < TURNS; i++)
        best = fmin(best, turn(kernels, y, x, &m));
    return 2.0 * ROWS * SIDE * SIDE * CALLS / best;
}

double peak_measure(const struct kernels *kernels)
{
    size_t rows = (size_t)ROWS * SIDE, square = (size_t)SIDE * SIDE;
    size_t panels = (size_t)SIDE * (SIDE + 64); /* wider than the widest panel */
    float *x = aligned_alloc(64, (2 * rows + square + panels) * sizeof *x);

    if (!x)
        return 0;
    double peak = measure(kernels, x, x + rows, x + 2 * rows, x + 2 * rows + square);
    free(x);
    return peak;
}
