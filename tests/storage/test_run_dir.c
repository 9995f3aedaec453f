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

static void put(const char *dir, const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static void outcome_is_one_line(void)
{
    const char *dir = fresh();
    char path[600], line[128];
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
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
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
    CU_ASSERT_EQUAL(outcome_read(&got, dir, &err), ERR_INPUT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(dir, "outcome", texts[i]);
        CU_ASSERT_EQUAL(outcome_read(&got, dir, &err), ERR_INPUT);
    }
}

static void lock_of_a_living_process_refuses_by_name(void)
{
    const char *dir = fresh();
    struct process holder;
    struct error err;
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, &err), 0);
    CU_ASSERT(run_dir_holder(dir, &holder) && holder.pid == getpid());
    CU_ASSERT_EQUAL(run_dir_lock(dir, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, holder.host));
    run_dir_unlock(dir);
    CU_ASSERT(!run_dir_holder(dir, &holder));
    CU_ASSERT_EQUAL(run_dir_lock(dir, &err), 0);
}

static void lock_of_a_dead_process_is_taken_over(void)
{
    const char *dir = fresh();
    char text[700];
    struct process self, holder;
    process_self(&self);
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
    snprintf(text, sizeof text, "host=%s boot=%s pid=%ld started=1\n", self.host,
             self.boot_id, (long)self.pid);
    put(dir, "lock", text);
    CU_ASSERT_EQUAL(run_dir_lock(dir, NULL), 0);
    CU_ASSERT(run_dir_holder(dir, &holder) && holder.started == self.started);
    put(dir, "lock", "host=elsewhere.invalid boot=b pid=1 started=1\n");
    CU_ASSERT_EQUAL(run_dir_lock(dir, NULL), ERR_INPUT); /* who knows? */
}

static void states_are_told_apart(void)
{
    const char *dir = fresh();
    enum run_dir_state state;
    char *job;
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT(state == RUN_DIR_NEW && !job); /* not there */
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, NULL), 0);
    CU_ASSERT(state == RUN_DIR_NEW && !job); /* lock and datasets only */
    put(dir, "job.cfg", "the job");
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
    struct error err;
    char *job;
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
    put(dir, "thesis.tex", "");
    CU_ASSERT_EQUAL(run_dir_inspect(dir, &state, &job, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "thesis.tex"));
    put(dir, "file", "");
    char path[600];
    snprintf(path, sizeof path, "%s/file", dir);
    CU_ASSERT_EQUAL(run_dir_inspect(path, &state, &job, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(run_dir_lock(path, &err), ERR_INPUT);
}

static void what_did_not_work_leaves_no_trace(void)
{
    const char *dir = fresh();
    struct stat info;
    CU_ASSERT_EQUAL_FATAL(run_dir_lock(dir, NULL), 0);
    put(dir, "log", "x");
    put(dir, "job.cfg", "x");
    outcome_write(dir, &(struct outcome){.exit_code = 1}, NULL);
    run_dir_unlock(dir);
    run_dir_remove_unused(dir);
    CU_ASSERT_NOT_EQUAL(stat(dir, &info), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(outcome_is_one_line),
        SUITE_TEST(other_text_is_no_outcome),
        SUITE_TEST(lock_of_a_living_process_refuses_by_name),
        SUITE_TEST(lock_of_a_dead_process_is_taken_over),
        SUITE_TEST(states_are_told_apart),
        SUITE_TEST(a_folder_of_other_things_is_refused),
        SUITE_TEST(what_did_not_work_leaves_no_trace),
        {NULL, NULL},
    };
    return suite_run("run_dir", tests);
}
