/* Telling a process that lives from one that is no more. */
#include "common/process.h"
#include "tests/support/suite.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void this_process_lives_here(void)
{
    struct process self;
    process_self(&self);
    CU_ASSERT(self.pid == getpid() && self.started > 0);
    CU_ASSERT(self.host[0] != '\0' && self.boot_id[0] != '\0');
    CU_ASSERT(process_alive(&self) && process_is_here(&self));
}

static void the_number_given_to_a_later_process_is_not_the_old_one(void)
{
    struct process other;
    process_self(&other);
    other.started--;
    CU_ASSERT(!process_alive(&other));
}

static void an_ended_process_is_dead(void)
{
    struct process child;
    process_self(&child);
    child.pid = fork();
    if (child.pid == 0)
        _exit(0);
    waitpid((pid_t)child.pid, NULL, 0);
    CU_ASSERT(!process_alive(&child));
}

/* As a child of an mpirun that hangs. */
static void a_process_that_nobody_collects_is_dead_too(void)
{
    struct process child;
    siginfo_t info;
    int told[2], end[2];
    char byte;

    CU_ASSERT_EQUAL_FATAL(pipe(told), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        process_self(&child);
        if (write(told[1], &child, sizeof child) != sizeof child)
            _exit(1);
        close(end[1]);
        _exit(read(end[0], &byte, 1) != 0);
    }
    CU_ASSERT_EQUAL_FATAL(read(told[0], &child, sizeof child), sizeof child);
    CU_ASSERT(process_alive(&child));
    close(end[1]);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    CU_ASSERT(!process_alive(&child));
    waitpid(pid, NULL, 0);
    close(end[0]);
    close(told[0]);
    close(told[1]);
}

static void what_ran_before_the_host_restarted_is_dead(void)
{
    struct process old;
    process_self(&old);
    strcpy(old.boot_id, "another");
    CU_ASSERT(!process_alive(&old) && !process_is_here(&old));
}

static void of_another_host_nothing_is_known(void)
{
    struct process far = {.host = "elsewhere.invalid", .boot_id = "b", .pid = 1};
    CU_ASSERT(process_alive(&far) && !process_is_here(&far));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(this_process_lives_here),
        SUITE_TEST(the_number_given_to_a_later_process_is_not_the_old_one),
        SUITE_TEST(an_ended_process_is_dead),
        SUITE_TEST(a_process_that_nobody_collects_is_dead_too),
        SUITE_TEST(what_ran_before_the_host_restarted_is_dead),
        SUITE_TEST(of_another_host_nothing_is_known),
        {NULL, NULL},
    };
    return suite_run("process", tests);
}
