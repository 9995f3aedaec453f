/* What takes too long is ended, with all that it has started. */
#include "cli/timed_child.h"
#include "common/clock.h"
#include "common/process.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct timed_output output;

static enum timed_end shell(const char *script, double limit_s)
{
    char *args[] = {"/bin/sh", "-c", (char *)script, NULL};
    return timed_program(args, limit_s, &output);
}

static void output_and_exit_code_come_back(void)
{
    CU_ASSERT_EQUAL(shell("echo one; echo two >&2; exit 7", 5), TIMED_DONE);
    CU_ASSERT_STRING_EQUAL(output.text, "one\ntwo\n");
    CU_ASSERT_EQUAL(output.code, 7);
    CU_ASSERT_EQUAL(shell("kill -9 $$", 5), TIMED_DONE);
    CU_ASSERT_EQUAL(output.code, 128 + SIGKILL);
}

static void missing_program_is_code_127(void)
{
    char *args[] = {"/nowhere/program", NULL};
    CU_ASSERT_EQUAL(timed_program(args, 5, &output), TIMED_DONE);
    CU_ASSERT_EQUAL(output.code, 127);
    CU_ASSERT_PTR_NOT_NULL(strstr(output.text, "No such file"));
}

static void standard_input_is_empty(void)
{
    CU_ASSERT_EQUAL(shell("cat; echo end", 5), TIMED_DONE);
    CU_ASSERT_STRING_EQUAL(output.text, "end\n");
}

static void too_much_output_is_cut_and_does_not_block(void)
{
    CU_ASSERT_EQUAL(shell("head -c 1000000 /dev/zero | tr '\\0' x", 10), TIMED_DONE);
    CU_ASSERT_EQUAL(output.size, sizeof output.text - 1);
    CU_ASSERT_EQUAL(output.text[output.size], '\0');
}

static void late_program_is_ended_with_what_it_has_started(void)
{
    double begun = clock_monotonic_s();
    CU_ASSERT_EQUAL(shell("trap '' TERM; sleep 60 & echo $!; wait; sleep 60", 0.5),
                    TIMED_LATE);
    CU_ASSERT_TRUE(clock_monotonic_s() - begun < 10);
    int64_t grandchild = strtoll(output.text, NULL, 10);
    CU_ASSERT_TRUE(grandchild > 0);
    struct process process;
    process_self(&process);
    process.pid = grandchild;
    process.started = 0; /* what a process that has ended, or a zombie, is read as */
    bool gone = false;
    for (int i = 0; i < 500 && !gone; i++, clock_sleep_s(0.01))
        gone = !process_exists(grandchild) || process_alive(&process);
    CU_ASSERT_TRUE(gone);
}

static void silent_program_that_closed_its_output_is_late_too(void)
{
    CU_ASSERT_EQUAL(shell("exec >&- 2>&-; sleep 60", 0.5), TIMED_LATE);
}

static void doubled(const void *arg, void *out) { *(int *)out = 2 * *(const int *)arg; }

static void sleeper(const void *arg, void *out)
{
    (void)arg;
    *(int *)out = 1;
    clock_sleep_s(60);
}

static void crasher(const void *arg, void *out)
{
    (void)arg;
    *(int *)out = 1;
    raise(SIGKILL);
}

static void call_gives_its_answer(void)
{
    int number = 21, out = 0;
    CU_ASSERT_EQUAL(timed_call(doubled, &number, &out, sizeof out, 5), TIMED_DONE);
    CU_ASSERT_EQUAL(out, 42);
}

static void call_without_answer_leaves_out_as_it_was(void)
{
    int out = 5;
    CU_ASSERT_EQUAL(timed_call(sleeper, NULL, &out, sizeof out, 0.3), TIMED_LATE);
    CU_ASSERT_EQUAL(timed_call(crasher, NULL, &out, sizeof out, 5), TIMED_DIED);
    CU_ASSERT_EQUAL(out, 5);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(output_and_exit_code_come_back),
        SUITE_TEST(missing_program_is_code_127),
        SUITE_TEST(standard_input_is_empty),
        SUITE_TEST(too_much_output_is_cut_and_does_not_block),
        SUITE_TEST(late_program_is_ended_with_what_it_has_started),
        SUITE_TEST(silent_program_that_closed_its_output_is_late_too),
        SUITE_TEST(call_gives_its_answer),
        SUITE_TEST(call_without_answer_leaves_out_as_it_was),
        {NULL, NULL},
    };
    return suite_run("timed_child", tests);
}
