/* What doctor makes of what it finds. */
#include "cli/cgroup.h"
#include "cli/dir_probe.h"
#include "cli/node_probe.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *text;
static size_t size;

static struct diagnosis begin(void)
{
    return (struct diagnosis){.out = open_memstream(&text, &size)};
}

static void expect(struct diagnosis *d, int ok, int notes, int problems,
                   const char *word)
{
    fclose(d->out);
    CU_ASSERT_EQUAL(d->counts[MARK_OK], ok);
    CU_ASSERT_EQUAL(d->counts[MARK_NOTE], notes);
    CU_ASSERT_EQUAL(d->counts[MARK_PROBLEM], problems);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, word));
    free(text);
}

static const struct dir_facts good = {.dir = "/runs",
                                      .type = "nfs",
                                      .network = true,
                                      .room = (uint64_t)5e9,
                                      .locks = true,
                                      .sync_s = 0.004};

static void good_file_system_is_ok(void)
{
    struct diagnosis d = begin();
    dir_facts_judge(&d, &good);
    expect(&d, 3, 0, 0, "5.0 GB free in /runs");
}

static void slow_sync_and_memory_are_notes(void)
{
    struct diagnosis d = begin();
    struct dir_facts facts = good;
    facts.sync_s = 0.2;
    facts.volatile_ = true;
    dir_facts_judge(&d, &facts);
    expect(&d, 1, 2, 0, "200.0 ms for 4 kB");
}

static void full_or_refusing_file_system_is_a_problem(void)
{
    struct diagnosis d = begin();
    struct dir_facts facts = good;
    facts.room = 1000000;
    dir_facts_judge(&d, &facts);
    expect(&d, 2, 0, 1, "1.0 MB free");
    d = begin();
    strcpy(facts.failed, "create a file");
    strcpy(facts.why, "Read-only file system");
    dir_facts_judge(&d, &facts);
    expect(&d, 0, 0, 1, "cannot create a file: Read-only file system");
}

static void looking_at_a_folder_leaves_nothing_in_it(void)
{
    struct diagnosis d = begin();
    char path[4096];
    snprintf(path, sizeof path, "%s/empty", place_temporary());
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    strcat(path, "/not/there/yet");
    dir_diagnose(&d, path);
    CU_ASSERT_EQUAL(d.counts[MARK_PROBLEM], 0);
    fclose(d.out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "/empty: "));
    free(text);
    path[strlen(path) - strlen("/not/there/yet")] = '\0';
    CU_ASSERT_EQUAL(rmdir(path), 0);
}

static struct rank_facts a_rank(void)
{
    return (struct rank_facts){.mpi_rank = 1,
                               .ranks = 2,
                               .host = "n1",
                               .cores = 3,
                               .list = "0-1,4",
                               .kernels = "avx2/own",
                               .blas = "Haswell",
                               .blas_threads = 1};
}

static void line_of_a_rank_is_read_back(void)
{
    struct rank_facts rank = a_rank(), back;
    char line[512];
    rank_facts_text(line, sizeof line, &rank);
    CU_ASSERT_TRUE(rank_facts_parse(&back, line));
    CU_ASSERT_EQUAL(memcmp(&back, &rank, sizeof rank), 0);
    rank.cores = rank.blas_threads = 1;
    rank_facts_text(line, sizeof line, &rank);
    CU_ASSERT_TRUE(rank_facts_parse(&back, line));
    CU_ASSERT_FALSE(rank_facts_parse(&back, "rank 1 of 2 is lost"));
}

static void ranks_that_compute_otherwise_are_noted(void)
{
    struct diagnosis d = begin();
    struct rank_facts ranks[2] = {a_rank(), a_rank()};
    rank_facts_judge(&d, ranks, 2);
    expect(&d, 2, 0, 0, "may use 3 cores (0-1,4)");
    d = begin();
    strcpy(ranks[1].kernels, "avx512/own");
    ranks[1].blas_threads = 8;
    rank_facts_judge(&d, ranks, 2);
    expect(&d, 2, 2, 0, "cluster.isa");
}

static void put(const char *root, const char *name, const char *content)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(content, file);
    fclose(file);
}

static void narrowest_group_of_version_2_counts(void)
{
    const char *root = place_temporary();
    put(root, "/slurm/job_1/memory.max", "max\n");
    put(root, "/slurm/memory.max", "2000000000\n");
    put(root, "/memory.max", "9000000000\n");
    put(root, "/slurm/job_1/cpu.max", "150000 100000\n");
    put(root, "/slurm/cpu.max", "max 100000\n");
    struct cgroup_limits limits = cgroup_limits_read(root, "0::/slurm/job_1\n");
    CU_ASSERT_EQUAL(limits.memory, 2000000000);
    CU_ASSERT_EQUAL(limits.cores, 1.5);
    limits = cgroup_limits_read(root, "0::/\n");
    CU_ASSERT_EQUAL(limits.memory, 9000000000);
    CU_ASSERT_TRUE(isinf(limits.cores));
}

static void groups_of_version_1_are_known(void)
{
    const char *root = place_temporary();
    put(root, "/memory/a/memory.limit_in_bytes", "1000000000\n");
    put(root, "/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put(root, "/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
    put(root, "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
    struct cgroup_limits limits =
        cgroup_limits_read(root, "5:memory:/a\n4:cpu,cpuacct:/a\n");
    CU_ASSERT_EQUAL(limits.memory, 1000000000);
    CU_ASSERT_TRUE(isinf(limits.cores));
    put(root, "/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
    CU_ASSERT_EQUAL(cgroup_limits_read(root, "4:cpu,cpuacct:/a\n").cores, 2);
    CU_ASSERT_EQUAL(cgroup_limits_read(root, "nonsense").memory, UINT64_MAX);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(good_file_system_is_ok),
        SUITE_TEST(slow_sync_and_memory_are_notes),
        SUITE_TEST(full_or_refusing_file_system_is_a_problem),
        SUITE_TEST(looking_at_a_folder_leaves_nothing_in_it),
        SUITE_TEST(line_of_a_rank_is_read_back),
        SUITE_TEST(ranks_that_compute_otherwise_are_noted),
        SUITE_TEST(narrowest_group_of_version_2_counts),
        SUITE_TEST(groups_of_version_1_are_known),
        {NULL, NULL},
    };
    return suite_run("diagnosis", tests);
}
