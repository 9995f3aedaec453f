#include "tests/worker/pairs.h"

#include "common/philox.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>

static const double tolerance = 2e-6;

struct pair pair_new(int n, uint32_t seed, float scale)
{
    struct pair p = {malloc(sizeof(float) * (size_t)n),
                     malloc(sizeof(double) * (size_t)n), n};
    uint32_t word[4];

    for (int i = 0; i < n; i++) {
        philox(word, seed, PHILOX_INIT, (uint32_t)i, 0, 0, 0);
        p.f[i] = scale * (2 * philox_uniform(word[0]) - 1);
        p.d[i] = p.f[i];
    }
    return p;
}

void pair_free(struct pair *p)
{
    free(p->f);
    free(p->d);
}

void pair_check(const struct pair *p)
{
    double worst = 0, top = 1e-30;

    for (int i = 0; i < p->n; i++) {
        double d = fabs(p->f[i] - p->d[i]);

        worst = d > worst || isnan(d) ? d : worst;
        top = fabs(p->d[i]) > top ? fabs(p->d[i]) : top;
    }
    CU_ASSERT(worst <= tolerance * top);
}

void pairs_free(struct pair *p, int count)
{
    for (int i = 0; i < count; i++)
        pair_free(&p[i]);
}
