/* Which instruction set's kernels run. */
#include "worker/kernels.h"

#include "worker/bf16.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const struct kernels *kernels_named(const char *isa)
{
    const struct kernels *found = NULL;
    const char *name = isa ? isa : "";

    for (int i = 0; kernels_available(i); i++)
        if (!*name || !strcmp(kernels_available(i)->name, name))
            found = kernels_available(i);
    return found;
}

static const struct kernels *chosen;
static char refused[32]; /* what the environment asks for in vain */

static void choose(void)
{
    const char *isa = getenv("SHIFTWORK_ISA");

    chosen = kernels_named(isa);
    if (chosen)
        return;
    snprintf(refused, sizeof refused, "%s", isa);
    chosen = kernels_named(NULL);
}

const struct kernels *kernels_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, choose);
    return chosen;
}

int kernels_check(struct error *err)
{
    char known[64] = "";
    size_t used = 0;

    kernels_get();
    if (!refused[0])
        return 0;
    for (int i = 0; kernels_available(i); i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 i ? ", " : "", kernels_available(i)->name);
    return error_set(err, ERR_INPUT,
                     "SHIFTWORK_ISA: \"%s\" is none of what this processor has: %s",
                     refused, known);
}
