/* What a cluster's partitions can give, by what sinfo prints. */
#include "cli/slurm_partition.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static const char lines[] = "short* 2 16 64000\n"
                            "long 4 16 64000\n"
                            "long 1 64+ 512000+\n";

static int check(struct job_slurm slurm, int threads, struct error *err)
{
    return slurm_partition_check(&slurm, threads, lines, err);
}

static struct job_slurm wish(const char *partition, int nodes, int ranks,
                             const char *memory)
{
    struct job_slurm slurm = {.nodes = nodes, .ranks_per_node = ranks};
    snprintf(slurm.partition, sizeof slurm.partition, "%s", partition);
    snprintf(slurm.memory, sizeof slurm.memory, "%s", memory);
    return slurm;
}

static void what_fits_is_taken(void)
{
    CU_ASSERT_EQUAL(check(wish("", 2, 16, "62G"), 1, NULL), 0);
    CU_ASSERT_EQUAL(check(wish("long", 5, 4, ""), 4, NULL), 0);
    CU_ASSERT_EQUAL(check(wish("long", 1, 16, "500G"), 4, NULL), 0);
    CU_ASSERT_EQUAL(check(wish("long", 5, 0, "64000"), 16, NULL), 0);
}

static void unknown_partition_is_refused_with_those_there_are(void)
{
    struct error err;
    CU_ASSERT_EQUAL(check(wish("lon", 1, 1, ""), 1, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "slurm.partition: there is no partition \"lon\" "
                                     "(there are: short, long)");
}

static void too_large_nodes_are_refused(void)
{
    struct error err;
    CU_ASSERT_EQUAL(check(wish("long", 2, 32, "80G"), 1, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(
        err.text, "slurm: 2 nodes of 32 cores and 80G asked for, but partition "
                  "long has 5 nodes of up to 64 cores and 512000M");
    CU_ASSERT_EQUAL(check(wish("", 3, 1, ""), 1, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(check(wish("", 1, 8, ""), 3, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(check(wish("", 1, 1, "1T"), 1, &err), ERR_INPUT);
}

static void no_default_asks_for_a_partition(void)
{
    struct job_slurm slurm = wish("", 1, 1, "");
    struct error err;
    CU_ASSERT_EQUAL(slurm_partition_check(&slurm, 1, "a 1 4 1000\nb 1 4 1000\n", &err),
                    ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "slurm.partition: is missing, and the cluster has no "
                           "default (there are: a, b)");
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(what_fits_is_taken),
        SUITE_TEST(unknown_partition_is_refused_with_those_there_are),
        SUITE_TEST(too_large_nodes_are_refused),
        SUITE_TEST(no_default_asks_for_a_partition),
        {NULL, NULL},
    };
    return suite_run("slurm_partition", tests);
}
