/* The rate of OpenBLAS' sgemm on request, for bench/compare.
 *
 * After the line "ready CORE", the kernel in use (OPENBLAS_CORETYPE chooses it), each
 * line "M N K MATRICES S" of standard input has one line of answer, "flops wall_s
 * best_rate": products y = x W' for at least S seconds, x (M, K), with MATRICES weight
 * matrices W (N, K) in turn, so that many of them are not in the caches when they are
 * read, as in training. A pass goes over all of them, again and again for at least 20
 * GFLOP; best_rate is the fastest pass's, in flops a second. */
#include "common/clock.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

struct product {
    int m, n, k, matrices;
};

static void multiply(const struct product *p, const float *x, const float *w, float *y)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->m, p->n, p->k, 1, x, p->k,
                w, p->k, 0, y, p->n);
}

static void measure(const struct product *p, double seconds, const float *x,
                    const float *w, float *y)
{
    size_t weights = (size_t)p->n * (size_t)p->k;
    double each = 2.0 * p->m * p->n * p->k, start = clock_monotonic_s();
    double flops = 0, best = 0, wall = 0;

    do {
        double before = clock_monotonic_s(), pass = 0, rate;

        while (pass < 20e9)
            for (int i = 0; i < p->matrices; i++, pass += each)
                multiply(p, x, w + (size_t)i * weights, y);
        rate = pass / (clock_monotonic_s() - before);
        best = rate > best ? rate : best;
        flops += pass;
        wall = clock_monotonic_s() - start;
    } while (wall < seconds);
    printf("%.6e %.6f %.6e\n", flops, wall, best);
}

/* Small numbers, none of which is a subnormal. */
static float *filled(size_t count)
{
    float *x = malloc(count * sizeof *x);

    for (size_t i = 0; x && i < count; i++)
        x[i] = 0.001f * (float)(i % 1009 + 1);
    return x;
}

static int answer(const struct product *p, double seconds)
{
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    float *x = filled(m * k), *w = filled(n * k * (size_t)p->matrices);
    float *y = filled(m * n);
    int rc = x && w && y ? 0 : 1;

    if (rc == 0)
        measure(p, seconds, x, w, y);
    else
        fprintf(stderr, "out of memory\n");
    free(y);
    free(w);
    free(x);
    return rc;
}

int main(void)
{
    struct product p;
    double seconds;

    printf("ready %s\n", openblas_get_corename());
    fflush(stdout);
    while (scanf("%d %d %d %d %lf", &p.m, &p.n, &p.k, &p.matrices, &seconds) == 5) {
        if (p.m < 1 || p.n < 1 || p.k < 1 || p.matrices < 1 || answer(&p, seconds))
            return 1;
        fflush(stdout);
    }
    return 0;
}
