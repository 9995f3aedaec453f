/* Which parts of a file are asked for, and which are accepted. */
#include "tests/support/suite.h"
#include "worker/fetch_window.h"

#include <string.h>

static struct fetch_window window;
static struct fetch asked;

static int arrive(uint64_t offset, uint32_t size)
{
    struct chunk m = {.file = window.file, .offset = offset, .size = size};
    return fetch_window_arrived(&window, &m, NULL);
}

static void small_file_is_one_part(void)
{
    fetch_window_begin(&window, 3, 10);
    CU_ASSERT_TRUE(fetch_window_next(&window, &asked));
    CU_ASSERT(asked.file == 3 && asked.offset == 0 && asked.size == 10);
    CU_ASSERT_FALSE(fetch_window_next(&window, &asked));
    CU_ASSERT_FALSE(fetch_window_drained(&window));
    CU_ASSERT_EQUAL(arrive(0, 10), 0);
    CU_ASSERT_TRUE(fetch_window_drained(&window));
    CU_ASSERT_EQUAL(fetch_window_use(&window), 10);
    CU_ASSERT_FALSE(fetch_window_next(&window, &asked));
}

/* Everything once, in order, never more than FETCH_MAX unused. */
static void parts_make_up_the_file_for_any_size(void)
{
    static const uint64_t sizes[] = {1,
                                     CHUNK_MAX - 1,
                                     CHUNK_MAX,
                                     CHUNK_MAX + 1,
                                     (uint64_t)FETCH_MAX * CHUNK_MAX,
                                     (uint64_t)9 * CHUNK_MAX + 17,
                                     (uint64_t)5 << 30};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fetch line[FETCH_MAX];
        uint64_t at = 0, done = 0;
        int waiting = 0;
        fetch_window_begin(&window, 0, sizes[i]);
        while (done < sizes[i]) {
            while (fetch_window_next(&window, &asked)) {
                CU_ASSERT_FATAL(waiting < FETCH_MAX && asked.offset == at);
                line[waiting++] = asked;
                at += asked.size;
            }
            CU_ASSERT_EQUAL_FATAL(arrive(line[0].offset, line[0].size), 0);
            CU_ASSERT_EQUAL_FATAL(fetch_window_use(&window), line[0].size);
            done += line[0].size;
            memmove(line, line + 1, sizeof line - sizeof *line);
            waiting--;
        }
        CU_ASSERT(at == sizes[i] && done == sizes[i] && waiting == 0);
    }
}

static void nothing_more_is_asked_for_until_something_is_used(void)
{
    fetch_window_begin(&window, 0, (uint64_t)99 * CHUNK_MAX);
    for (int i = 0; i < FETCH_MAX; i++)
        CU_ASSERT_TRUE(fetch_window_next(&window, &asked));
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX), 0);
    CU_ASSERT_FALSE(fetch_window_next(&window, &asked));
    fetch_window_use(&window);
    CU_ASSERT_TRUE(fetch_window_next(&window, &asked));
    CU_ASSERT_EQUAL(asked.offset, (uint64_t)FETCH_MAX * CHUNK_MAX);
}

static void chunks_that_are_not_due_are_refused(void)
{
    struct chunk other = {.file = 8, .size = CHUNK_MAX};
    window = (struct fetch_window){0};
    CU_ASSERT_EQUAL(arrive(0, 0), ERR_PROTOCOL); /* nothing is fetched */
    fetch_window_begin(&window, 7, (uint64_t)99 * CHUNK_MAX);
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX), ERR_PROTOCOL); /* not asked for yet */
    fetch_window_next(&window, &asked);
    CU_ASSERT_EQUAL(fetch_window_arrived(&window, &other, NULL), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(arrive(CHUNK_MAX, CHUNK_MAX), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX + 1), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX), 0);
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX), ERR_PROTOCOL); /* twice */
}

static void short_chunk_means_that_the_file_cannot_be_read(void)
{
    fetch_window_begin(&window, 7, (uint64_t)99 * CHUNK_MAX);
    fetch_window_next(&window, &asked);
    fetch_window_next(&window, &asked);
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX - 1), ERR_IO);
    CU_ASSERT_FALSE(fetch_window_drained(&window)); /* the other one still comes */
    CU_ASSERT_EQUAL(arrive(CHUNK_MAX, 0), ERR_IO);
    CU_ASSERT_TRUE(fetch_window_drained(&window));
}

static void stopped_window_takes_what_is_due_and_asks_no_more(void)
{
    fetch_window_begin(&window, 7, (uint64_t)99 * CHUNK_MAX);
    fetch_window_next(&window, &asked);
    fetch_window_next(&window, &asked);
    fetch_window_stop(&window);
    CU_ASSERT_FALSE(fetch_window_next(&window, &asked));
    CU_ASSERT_EQUAL(arrive(0, CHUNK_MAX), 0);
    CU_ASSERT_FALSE(fetch_window_drained(&window));
    CU_ASSERT_EQUAL(arrive(CHUNK_MAX, CHUNK_MAX), 0);
    CU_ASSERT_TRUE(fetch_window_drained(&window));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(small_file_is_one_part),
        SUITE_TEST(parts_make_up_the_file_for_any_size),
        SUITE_TEST(nothing_more_is_asked_for_until_something_is_used),
        SUITE_TEST(chunks_that_are_not_due_are_refused),
        SUITE_TEST(short_chunk_means_that_the_file_cannot_be_read),
        SUITE_TEST(stopped_window_takes_what_is_due_and_asks_no_more),
        {NULL, NULL},
    };
    return suite_run("fetch_window", tests);
}
