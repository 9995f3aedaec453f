/* Which prefix stays and which makes room; none of them is really opened. */
#include "tests/support/suite.h"
#include "worker/kept_prefixes.h"

static char opened[KEPT_PREFIXES + 1]; /* stand for open ones */

/* Takes the slot of a trial as a worker does, and puts number i there. */
static struct prefix **put(struct kept_prefixes *kept, int task, int first_layer, int i)
{
    struct settings s = {.first_layer = first_layer, .microshard_tokens = 256};
    struct prefix **slot = kept_prefixes_slot(kept, task, &s);

    *slot = (struct prefix *)(void *)&opened[i];
    return slot;
}

static void trials_of_one_kind_share_a_place(void)
{
    struct kept_prefixes kept = {0};
    struct prefix **first = put(&kept, 0, 1, 0), **second = put(&kept, 0, 2, 1);

    CU_ASSERT(first != second);
    for (int round = 0; round < 3; round++) {
        CU_ASSERT(put(&kept, 0, 1, 0) == first);
        CU_ASSERT(put(&kept, 0, 2, 1) == second);
    }
}

static void every_setting_of_the_kind_tells_them_apart(void)
{
    struct settings base = {.first_layer = 1, .microshard_tokens = 256}, other[4];

    for (int i = 0; i < 4; i++)
        other[i] = base;
    other[0].first_layer = 2;
    other[1].microshard_tokens = 64;
    other[2].pooling = POOLING_MEAN;
    other[3].precision = PRECISION_BF16;
    for (int i = 0; i < 4; i++) {
        struct kept_prefixes kept = {0};
        struct prefix **slot = put(&kept, 0, 1, 0);

        CU_ASSERT(kept_prefixes_slot(&kept, 0, &other[i]) != slot);
        CU_ASSERT(kept_prefixes_slot(&kept, 1, &base) != slot);
        CU_ASSERT(kept_prefixes_slot(&kept, 0, &base) == slot);
    }
}

static void the_one_used_longest_ago_makes_room(void)
{
    struct kept_prefixes kept = {0};
    struct prefix **slots[KEPT_PREFIXES];

    for (int i = 0; i < KEPT_PREFIXES; i++)
        slots[i] = put(&kept, i, 1, i);
    CU_ASSERT(put(&kept, 0, 1, 0) == slots[0]);
    CU_ASSERT(put(&kept, KEPT_PREFIXES, 1, KEPT_PREFIXES) == slots[1]);
    CU_ASSERT(put(&kept, 0, 1, 0) == slots[0]);
    CU_ASSERT(put(&kept, 1, 1, 1) == slots[2]);
}

static void closing_says_whether_there_was_one(void)
{
    struct kept_prefixes kept = {0};

    CU_ASSERT(!kept_prefixes_close(&kept));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(trials_of_one_kind_share_a_place),
        SUITE_TEST(every_setting_of_the_kind_tells_them_apart),
        SUITE_TEST(the_one_used_longest_ago_makes_room),
        SUITE_TEST(closing_says_whether_there_was_one),
        {NULL, NULL},
    };

    return suite_run("kept_prefixes", tests);
}
