/* The run directory's own files. */
#include "storage/run_dir.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A path in a fresh folder, not made itself. */
static const char *fresh(void)
{
    static char dir[512];
    static int number;
    snprintf(dir, sizeof dir, "%s/a/run%d", place_temporary(), number++);
    return dir;
}

static void make(const char *dir)
{
    struct run_dir_made made;
    CU_ASSERT_EQUAL_FATAL(run_dir_make(dir, &made, NULL), 0);
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[1300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void remove_file(const char *dir, const char *name)
{
    char path[1300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static void outcome_is_one_line(void)
{
    const char *dir = fresh();
    char path[1200], line[128];
    make(dir);
    struct outcome outcome = {.exit_code = 75, .done = 3, .left = 9000}, got;
    CU_ASSERT_EQUAL(outcome_write(dir, &outcome, NULL), 0);
    outcome.left = 9; /* a shorter line over a longer one */
    CU_ASSERT_EQUAL(outcome_write(dir, &outcome, NULL), 0);
    snprintf(path, sizeof path, "%s/outcome", dir);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[size] = '\0';
    CU_ASSERT_STRING_EQUAL(line, "exit=75 done=3 given_up=0 left=9\n");
    CU_ASSERT_EQUAL(outcome_read(&got, dir, NULL), 0);
    CU_ASSERT(got.exit_code == 75 && got.done == 3 && got.given_up == 0 &&
              got.left == 9);
}

static void other_text_is_no_outcome(void)
{
    static const char *const texts[] = {"", "exit=0", "exit=0 done=1 given_up=0 left=x",
                                        "exit=0 done=1 given_up=0 left=2 more",
                                        "exit=999 done=1 given_up=0 left=2"};
    const char *dir = fresh();
    struct outcome got;
    struct error err;
    make(dir);
    CU_ASSERT_EQUAL(outcome_read(&got, dir, &err), ERR_INPUT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(dir, "outcome", texts[i]);
        CU_ASSERT_EQUAL(outcome_read(&got, dir, &err), ERR_INPUT);
    }
}

static void states_are_told_apart(void)
{
    const char *dir = fresh();
    enum run_dir_state state;
    char *job;
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT(state == RUN_DIR_NEW && !job); /* not there */
    make(dir);
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT(state == RUN_DIR_NEW && !job); /* lock and datasets only */
    put(dir, "job.cfg", "the job");
    put(dir, "journal.0001", "something");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT_EQUAL(state, RUN_DIR_UNFINISHED);
    CU_ASSERT_STRING_EQUAL(job, "the job");
    free(job);
    outcome_write(dir, &(struct outcome){.exit_code = 75, .left = 1}, NULL);
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT_EQUAL(state, RUN_DIR_UNFINISHED);
    free(job);
    outcome_write(dir, &(struct outcome){.exit_code = 3, .given_up = 1}, NULL);
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT_EQUAL(state, RUN_DIR_FINISHED);
    free(job);
}

static void a_folder_of_other_things_is_refused(void)
{
    const char *dir = fresh();
    enum run_dir_state state;
    struct run_dir_made made;
    struct error err;
    char *job;
    make(dir);
    put(dir, "thesis.tex", "");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "thesis.tex"));
    put(dir, "file", "");
    char path[1200];
    snprintf(path, sizeof path, "%s/file", dir);
    CU_ASSERT_EQUAL(run_dir_inspect(path, &state, &job, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(run_dir_make(path, &made, &err), ERR_INPUT);
}

static void a_run_whose_journal_never_began_can_begin_again(void)
{
    const char *dir = fresh();
    enum run_dir_state state;
    struct error err;
    char *job;
    make(dir);
    put(dir, "job.cfg", "the job");
    put(dir, "log", "x");
    put(dir, "outcome.tmp.123", "ex");
    put(dir, "journal.0001", "");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT_EQUAL(state, RUN_DIR_NEW);
    CU_ASSERT_STRING_EQUAL(job, "the job"); /* whose it is the caller must see */
    free(job);
    put(dir, "results.h5", "");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "without a journal"));
    remove_file(dir, "results.h5");
    put(dir, "thesis.tex", "");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), ERR_INPUT);
}

static void what_did_not_work_leaves_no_trace(void)
{
    const char *dir = fresh();
    char path[1200];
    struct run_dir_made made;
    struct stat info;
    snprintf(path, sizeof path, "%s/b//c", dir);
    CU_ASSERT_EQUAL_FATAL(run_dir_make(path, &made, NULL), 0);
    put(path, "job.cfg", "x");
    outcome_write(path, &(struct outcome){.exit_code = 1}, NULL);
    run_dir_forget(path);
    run_dir_unmake(path, &made);
    CU_ASSERT_NOT_EQUAL(stat(dir, &info), 0);
}

static void folders_above_are_made_alone(void)
{
    char path[512];
    struct run_dir_made made;
    struct stat info;
    snprintf(path, sizeof path, "%s/above/a//b/run//", place_temporary());
    CU_ASSERT_EQUAL_FATAL(run_dir_make_above(path, &made, NULL), 0);
    CU_ASSERT_NOT_EQUAL(stat(path, &info), 0);
    snprintf(path, sizeof path, "%s/above/a/b", place_temporary());
    CU_ASSERT_EQUAL(stat(path, &info), 0);
    snprintf(path, sizeof path, "%s/above/a//b/run//", place_temporary());
    run_dir_unmake(path, &made);
    snprintf(path, sizeof path, "%s/above", place_temporary());
    CU_ASSERT_NOT_EQUAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(run_dir_make_above("run", &made, NULL), 0);
    CU_ASSERT_EQUAL(run_dir_make_above("/", &made, NULL), 0);
}

static void folders_of_others_stay(void)
{
    const char *dir = fresh();
    char path[1200];
    struct run_dir_made first, made;
    struct stat info;
    snprintf(path, sizeof path, "%s/datasets", dir);
    CU_ASSERT_EQUAL_FATAL(run_dir_make(dir, &first, NULL), 0);
    CU_ASSERT_EQUAL(run_dir_make(dir, &made, NULL), 0);
    run_dir_unmake(dir, &made); /* it has made none */
    CU_ASSERT_EQUAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(run_dir_make(dir, &made, NULL), 0);
    run_dir_unmake(dir, &made); /* only the one within */
    CU_ASSERT_EQUAL(stat(dir, &info), 0);
    CU_ASSERT_NOT_EQUAL(stat(path, &info), 0);
    put(dir, "notes", "");
    run_dir_unmake(dir, &first);
    CU_ASSERT_EQUAL(stat(dir, &info), 0);
}

static void folders_that_cannot_be_made_leave_none(void)
{
    const char *dir = fresh();
    char path[1200];
    struct run_dir_made made;
    struct error err;
    struct stat info;
    CU_ASSERT_EQUAL_FATAL(run_dir_make(dir, &made, NULL), 0);
    snprintf(path, sizeof path, "%s/x/%.300d/y", dir, 0); /* a name too long */
    CU_ASSERT_EQUAL(run_dir_make(path, &made, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "name too long"));
    snprintf(path, sizeof path, "%s/x", dir);
    CU_ASSERT_NOT_EQUAL(stat(path, &info), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(outcome_is_one_line),
        SUITE_TEST(other_text_is_no_outcome),
        SUITE_TEST(states_are_told_apart),
        SUITE_TEST(a_folder_of_other_things_is_refused),
        SUITE_TEST(a_run_whose_journal_never_began_can_begin_again),
        SUITE_TEST(what_did_not_work_leaves_no_trace),
        SUITE_TEST(folders_above_are_made_alone),
        SUITE_TEST(folders_of_others_stay),
        SUITE_TEST(folders_that_cannot_be_made_leave_none),
        {NULL, NULL},
    };
    return suite_run("run_dir", tests);
}
