#include "worker/thread_pool.h"

#include "common/clock.h"
#include "tests/support/suite.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { ITEMS = 1000 };

struct tally {
    atomic_int calls[ITEMS];
    atomic_int threads, wrong;
    int limit;
};

static void count_item(void *context, int thread, int item)
{
    struct tally *t = context;

    atomic_fetch_add(&t->calls[item], 1);
    if (thread < 0 || thread >= t->limit)
        atomic_fetch_add(&t->wrong, 1);
}

static void every_item_is_done_once(void)
{
    for (int threads = 1; threads <= 5; threads += 2) {
        struct tally t = {.limit = threads};
        struct thread_pool *pool;

        CU_ASSERT_EQUAL_FATAL(thread_pool_new(&pool, threads, NULL), 0);
        CU_ASSERT_EQUAL(thread_pool_threads(pool), threads);
        for (int items = 0; items <= ITEMS; items += 250)
            thread_pool_run(pool, items, count_item, &t);
        thread_pool_free(pool);
        CU_ASSERT_EQUAL(t.wrong, 0);
        for (int i = 0; i < ITEMS; i++)
            CU_ASSERT_EQUAL(t.calls[i], 4 - i / 250);
    }
}

static void sleep_item(void *context, int thread, int item)
{
    (void)context, (void)thread, (void)item;
    clock_sleep_s(0.05);
}

static double processor_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void items_run_side_by_side_and_waiting_sleeps(void)
{
    struct thread_pool *pool;
    double start, processor;

    CU_ASSERT_EQUAL_FATAL(thread_pool_new(&pool, 8, NULL), 0);
    start = clock_monotonic_s();
    processor = processor_seconds();
    thread_pool_run(pool, 8, sleep_item, NULL);
    CU_ASSERT(clock_monotonic_s() - start < 0.3); /* 0.4 one after the other */
    CU_ASSERT(processor_seconds() - processor < 0.02);
    thread_pool_free(pool);
}

static void pool_without_threads_is_refused(void)
{
    struct thread_pool *pool;

    CU_ASSERT_EQUAL(thread_pool_new(&pool, 0, NULL), ERR_INPUT);
    CU_ASSERT_PTR_NULL(pool);
    thread_pool_free(NULL);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_item_is_done_once),
        SUITE_TEST(items_run_side_by_side_and_waiting_sleeps),
        SUITE_TEST(pool_without_threads_is_refused),
        {NULL, NULL},
    };

    return suite_run("thread_pool", tests);
}
