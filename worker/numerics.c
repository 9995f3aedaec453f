#include "worker/numerics.h"

#include "worker/kernels.h"

#include <cblas.h>
#include <stdio.h>

void numerics_isa(char *out, size_t size)
{
    snprintf(out, size, "%s/%s", kernels_get()->name, openblas_get_corename());
}
