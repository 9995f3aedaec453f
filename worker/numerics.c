#include "worker/numerics.h"

#include "worker/kernels.h"

#include <cblas.h>
#include <stdio.h>

void numerics_isa(char *out, size_t size)
{
    const struct kernels *kernels = kernels_get();

    snprintf(out, size, "%s/%s", kernels->name,
             kernels->panel_product ? "own" : openblas_get_corename());
}

void numerics_text(char *out, size_t size)
{
    char isa[64];

    numerics_isa(isa, sizeof isa);
    snprintf(out, size, "%d %.40s", NUMERICS, isa);
}
