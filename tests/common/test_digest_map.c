#include "common/digest_map.h"
#include "tests/support/suite.h"

#include <stdio.h>

static struct digest key_of(int i)
{
    char text[16];

    return digest_of(text, (size_t)snprintf(text, sizeof text, "%d", i));
}

static void finds_what_was_put_and_nothing_else(void)
{
    struct digest_map map = {0};

    CU_ASSERT_EQUAL(digest_map_find(&map, key_of(1)), 0);
    for (int i = 1; i <= 1000; i++)
        CU_ASSERT_EQUAL(digest_map_put(&map, key_of(i), i), 0);
    CU_ASSERT_EQUAL(map.count, 1000);
    for (int i = 1; i <= 1000; i++)
        CU_ASSERT_EQUAL(digest_map_find(&map, key_of(i)), i);
    for (int i = 1001; i <= 2000; i++)
        CU_ASSERT_EQUAL(digest_map_find(&map, key_of(i)), 0);
    digest_map_clear(&map);
}

static void keys_of_one_slot_stay_apart(void)
{
    struct digest_map map = {0};

    for (uint64_t high = 1; high <= 5; high++)
        CU_ASSERT_EQUAL(
            digest_map_put(&map, (struct digest){.high = high}, (int64_t)high), 0);
    for (uint64_t high = 1; high <= 5; high++)
        CU_ASSERT_EQUAL(digest_map_find(&map, (struct digest){.high = high}), high);
    CU_ASSERT_EQUAL(digest_map_find(&map, (struct digest){.high = 6}), 0);
    digest_map_clear(&map);
}

static void later_value_takes_the_place_of_the_earlier(void)
{
    struct digest_map map = {0};

    digest_map_put(&map, key_of(1), 5);
    digest_map_put(&map, key_of(1), 6);
    CU_ASSERT_EQUAL(digest_map_find(&map, key_of(1)), 6);
    CU_ASSERT_EQUAL(map.count, 1);
    digest_map_clear(&map);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(finds_what_was_put_and_nothing_else),
        SUITE_TEST(keys_of_one_slot_stay_apart),
        SUITE_TEST(later_value_takes_the_place_of_the_earlier),
        {NULL, NULL},
    };

    return suite_run("digest_map", tests);
}
