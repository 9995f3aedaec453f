/* What Slurm's variables and squeue's answers mean, and which workers fit. */
#include "cli/slurm_allocation.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void set_job(const char *cores, const char *tasks)
{
    static const char *const others[] = {"SLURM_NTASKS", "SLURM_CPUS_PER_TASK",
                                         "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_JOB_NUM_NODES", "2", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", cores, 1);
    setenv("SLURM_TASKS_PER_NODE", tasks, 1);
}

static void lists_are_summed(void)
{
    CU_ASSERT_EQUAL(slurm_allocation_sum("4(x2),2", 1), 10);
    CU_ASSERT_EQUAL(slurm_allocation_sum("7(x3)", 2), 9);
    CU_ASSERT_EQUAL(slurm_allocation_sum("2,1", 1), 3);
    CU_ASSERT_EQUAL(slurm_allocation_sum(NULL, 1), 0);
}

static void what_is_no_list_counts_as_nothing(void)
{
    static const char *const bad[] = {"",       "x",     "4(x",    "4(x2",
                                      "4(y2)",  "4 2",   "-4",     "0",
                                      "4(x2)3", "4(x0)", "4(x-1)", "99999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(slurm_allocation_sum(bad[i], 1), 0);
}

static void outside_of_slurm_there_is_none(void)
{
    struct slurm_allocation a;
    unsetenv("SLURM_JOB_ID");
    slurm_allocation_read(&a);
    CU_ASSERT_FALSE(a.inside);
    CU_ASSERT_EQUAL(a.cores + a.tasks + a.threads, 0);
}

static void tasks_are_the_workers(void)
{
    struct slurm_allocation a;
    set_job("4(x2)", "2(x2)");
    setenv("SLURM_CPUS_PER_TASK", "2", 1);
    slurm_allocation_read(&a);
    CU_ASSERT(a.inside);
    CU_ASSERT_EQUAL(a.cores, 8);
    CU_ASSERT_EQUAL(a.threads, 2);
    CU_ASSERT_EQUAL(slurm_allocation_workers(&a, 2), 4);
}

/* A node's left-over cores are not another node's. */
static void without_tasks_each_node_has_room_by_its_cores(void)
{
    struct slurm_allocation a;
    set_job("7(x2)", "7(x2)");
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(slurm_allocation_workers(&a, 1), 14);
    CU_ASSERT_EQUAL(slurm_allocation_workers(&a, 4), 2);
    CU_ASSERT_EQUAL(slurm_allocation_workers(&a, 8), 1);
}

static void memory_is_that_of_the_smallest_node(void)
{
    struct slurm_allocation a;
    set_job("4,2", "4,2");
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(a.memory, 0);
    setenv("SLURM_MEM_PER_CPU", "500", 1);
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(a.memory, 1000LL << 20);
    setenv("SLURM_MEM_PER_NODE", "800", 1);
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(a.memory, 800LL << 20);
}

static void more_workers_than_places_are_refused(void)
{
    struct slurm_allocation_warning warning;
    struct slurm_allocation a;
    struct error err;
    set_job("2(x2)", "2(x2)");
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(slurm_allocation_check_cores(&a, 4, 1, &warning, &err), 0);
    CU_ASSERT_STRING_EQUAL(warning.text, "");
    CU_ASSERT_EQUAL(slurm_allocation_check_cores(&a, 5, 1, &warning, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "5 workers are more than the allocation has: 4 tasks on 4 "
                           "cores; ask for more (sbatch --ntasks) or for fewer "
                           "(--workers)");
}

static void threads_that_share_cores_are_said(void)
{
    struct slurm_allocation_warning warning;
    struct slurm_allocation a;
    set_job("2(x2)", "2(x2)");
    slurm_allocation_read(&a);
    CU_ASSERT_EQUAL(slurm_allocation_check_cores(&a, 4, 3, &warning, NULL), 0);
    CU_ASSERT_STRING_EQUAL(
        warning.text, "4 workers of 3 threads share 4 cores and will be slow: ask "
                      "for more (sbatch --cpus-per-task=3) or for less (--threads, "
                      "--workers)");
}

static void missing_memory_is_said(void)
{
    struct slurm_allocation_warning warning;
    struct slurm_allocation a;
    set_job("2(x2)", "2(x2)");
    setenv("SLURM_MEM_PER_NODE", "150", 1);
    slurm_allocation_read(&a);
    slurm_allocation_check_memory(&a, 4, 60LL << 20, &warning);
    CU_ASSERT_STRING_EQUAL(warning.text, "");
    slurm_allocation_check_memory(&a, 4, 90LL << 20, &warning);
    CU_ASSERT_STRING_EQUAL(warning.text,
                           "a node of the allocation has 150 MB of memory, but the "
                           "encoder and 2 workers need more than 162 MB: ask for more "
                           "(sbatch --mem)");
    setenv("SLURM_MEM_PER_NODE", "0", 1); /* all that there is */
    slurm_allocation_read(&a);
    slurm_allocation_check_memory(&a, 4, 90LL << 20, &warning);
    CU_ASSERT_STRING_EQUAL(warning.text, "");
}

static void times_are_local(void)
{
    setenv("TZ", "UTC-2", 1);
    tzset();
    CU_ASSERT_EQUAL(slurm_allocation_time("2026-11-23T19:01:46\n"), 1795453306);
    CU_ASSERT_EQUAL(slurm_allocation_time("NONE\n"), 0);
    CU_ASSERT_EQUAL(slurm_allocation_time("N/A"), 0);
    CU_ASSERT_EQUAL(slurm_allocation_time("2026-11-23T19:01:46Z"), 0);
    CU_ASSERT_EQUAL(slurm_allocation_time(""), 0);
}

/* Newer Slurms say it themselves; what the launcher has said stays. */
static void the_end_is_told_to_children_once(void)
{
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_JOB_END_TIME", "1795460506", 1);
    unsetenv("SHIFTWORK_END_S");
    slurm_allocation_export_end();
    CU_ASSERT_STRING_EQUAL(getenv("SHIFTWORK_END_S"), "1795460506");
    setenv("SLURM_JOB_END_TIME", "1795469999", 1);
    slurm_allocation_export_end();
    CU_ASSERT_STRING_EQUAL(getenv("SHIFTWORK_END_S"), "1795460506");
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(lists_are_summed),
        SUITE_TEST(what_is_no_list_counts_as_nothing),
        SUITE_TEST(outside_of_slurm_there_is_none),
        SUITE_TEST(tasks_are_the_workers),
        SUITE_TEST(without_tasks_each_node_has_room_by_its_cores),
        SUITE_TEST(memory_is_that_of_the_smallest_node),
        SUITE_TEST(more_workers_than_places_are_refused),
        SUITE_TEST(threads_that_share_cores_are_said),
        SUITE_TEST(missing_memory_is_said),
        SUITE_TEST(times_are_local),
        SUITE_TEST(the_end_is_told_to_children_once),
        {NULL, NULL},
    };
    return suite_run("slurm_allocation", tests);
}
