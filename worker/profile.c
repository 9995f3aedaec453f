#include "worker/profile.h"

#include <stdlib.h>
#include <time.h>

static int64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct profile *profile_new(int threads, int64_t (*clock_ns)(void))
{
    struct profile *profiles =
        aligned_alloc(alignof(struct profile), (size_t)threads * sizeof *profiles);

    for (int i = 0; profiles && i < threads; i++) {
        profiles[i] = (struct profile){.clock_ns = clock_ns ? clock_ns : monotonic_ns};
        profiles[i].last_ns = profiles[i].clock_ns();
    }
    return profiles;
}

void profile_add(struct profile *p, enum phase phase, double flop)
{
    struct phase_sum *sum = &p->sums[p->evaluating ? PHASE_EVALUATION : phase];

    sum->flop += flop;
    if (p->evaluating)
        return;
    int64_t now = p->clock_ns();

    sum->nanoseconds += (uint64_t)(now - p->last_ns);
    sum->calls++;
    p->last_ns = now;
}

void profile_evaluation_begins(struct profile *p)
{
    if (p)
        p->evaluating = true;
}

void profile_evaluation_ends(struct profile *p)
{
    if (!p)
        return;
    p->evaluating = false;
    profile_add(p, PHASE_EVALUATION, 0);
}

void profile_read(struct phase_sum sums[PHASE_COUNT], struct profile *profiles,
                  int threads)
{
    for (int i = 0; i < PHASE_COUNT; i++)
        sums[i] = (struct phase_sum){0};
    for (int t = 0; t < threads; t++) {
        if (t > 0)
            profile_add(&profiles[t], PHASE_WAITING, 0);
        for (int i = 0; i < PHASE_COUNT; i++) {
            sums[i].nanoseconds += profiles[t].sums[i].nanoseconds;
            sums[i].calls += profiles[t].sums[i].calls;
            sums[i].flop += profiles[t].sums[i].flop;
        }
    }
}
