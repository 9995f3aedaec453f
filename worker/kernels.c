/* Which instruction set's kernels run. */
#include "worker/kernels.h"

#include "worker/bf16.h"

#include <stdbool.h>
#include <stddef.h>

extern const struct kernels kernels_portable, kernels_avx2, kernels_avx512;

#if defined(__x86_64__)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw");
}
#endif

bool bf16_available(void)
{
#if defined(__x86_64__)
    return kernels_get() == &kernels_avx512 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

const struct kernels *kernels_available(int i)
{
    const struct kernels *list[3] = {&kernels_portable};

    if (i < 0 || i > 2)
        return NULL;
#if defined(__x86_64__)
    if (has_avx2())
        list[1] = &kernels_avx2;
    if (has_avx512())
        list[2] = &kernels_avx512;
#endif
    return list[i];
}

const struct kernels *kernels_get(void)
{
    const struct kernels *best = NULL;

    for (int i = 0; kernels_available(i); i++)
        best = kernels_available(i);
    return best;
}
