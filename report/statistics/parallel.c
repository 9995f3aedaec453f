/* Fork and join: a statistic runs long enough for a thread's start not to matter. */
#include "report/statistics/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct shared {
    int items;
    atomic_int next;
    void (*work)(void *context, int thread, int item);
    void *context;
};

struct helper {
    struct shared *shared;
    int thread;
    pthread_t id;
};

static void take_items(struct shared *shared, int thread)
{
    int item;

    while ((item = atomic_fetch_add(&shared->next, 1)) < shared->items)
        shared->work(shared->context, thread, item);
}

static void *run_helper(void *argument)
{
    struct helper *helper = argument;

    take_items(helper->shared, helper->thread);
    return NULL;
}

void parallel_run(int threads, int items,
                  void (*work)(void *context, int thread, int item), void *context)
{
    struct shared shared = {.items = items, .work = work, .context = context};
    struct helper *helpers = NULL;
    int started = 0;

    if (threads > 1)
        helpers = malloc((size_t)threads * sizeof *helpers);
    while (helpers && started < threads - 1) {
        helpers[started] = (struct helper){.shared = &shared, .thread = started + 1};
        if (pthread_create(&helpers[started].id, NULL, run_helper, &helpers[started]))
            break;
        started++;
    }
    take_items(&shared, 0);
    for (int i = 0; i < started; i++)
        pthread_join(helpers[i].id, NULL);
    free(helpers);
}
