/* The lock of a run directory. */
#include "common/clock.h"
#include "storage/run_dir.h"
#include "storage/run_lock.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A fresh run directory. */
static const char *fresh(void)
{
    static char dir[512];
    static int number;
    struct run_dir_made made;
    snprintf(dir, sizeof dir, "%s/run%d", place_temporary(), number++);
    CU_ASSERT_EQUAL_FATAL(run_dir_make(dir, &made, NULL), 0);
    return dir;
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

static void put_foreign(const char *dir, int beat)
{
    char text[128];
    snprintf(text, sizeof text,
             "host=elsewhere.invalid boot=b pid=7 started=1 beat=%020d\n", beat);
    put(dir, "lock", text);
}

static void a_living_process_s_lock_refuses_by_name(void)
{
    const char *dir = fresh();
    struct run_lock *lock, *other;
    struct process holder;
    struct error err;
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, &err), 0);
    CU_ASSERT(run_dir_holder(dir, &holder, NULL) == 1 && holder.pid == getpid());
    CU_ASSERT_EQUAL(run_lock_take(&other, dir, 0, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, holder.host));
    CU_ASSERT_EQUAL(run_lock_check(lock, &err), 0);
    run_lock_release(lock);
    CU_ASSERT_EQUAL(run_dir_holder(dir, &holder, NULL), 0);
}

static void a_held_lock_changes(void)
{
    const char *dir = fresh();
    struct run_lock *lock;
    char first[RUN_DIR_LINE], now[RUN_DIR_LINE];
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, NULL), 0);
    CU_ASSERT_EQUAL(run_dir_lock_line(dir, first, NULL), 1);
    for (int i = 0; i < 300; i++) { /* as long as a busy machine may take */
        clock_sleep_s(0.1);
        CU_ASSERT_EQUAL_FATAL(run_dir_lock_line(dir, now, NULL), 1);
        if (strcmp(first, now) != 0)
            break;
    }
    CU_ASSERT_STRING_NOT_EQUAL(first, now);
    CU_ASSERT_EQUAL(strlen(first), strlen(now));
    run_lock_release(lock);
}

static void a_lock_that_another_has_taken_is_left_alone(void)
{
    const char *dir = fresh();
    struct run_lock *lock;
    struct process holder;
    struct error err;
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, NULL), 0);
    put_foreign(dir, 1); /* even into the same file */
    CU_ASSERT_EQUAL(run_lock_check(lock, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "process 7 on elsewhere.invalid"));
    clock_sleep_s(2.5); /* past a beat */
    CU_ASSERT(run_dir_holder(dir, &holder, NULL) == 1 && holder.pid == 7);
    run_lock_release(lock);
    CU_ASSERT_EQUAL(run_dir_holder(dir, &holder, NULL), 1);
}

static void a_lock_that_is_gone_is_noticed(void)
{
    const char *dir = fresh();
    char path[600];
    struct run_lock *lock;
    struct stat info;
    struct error err;
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, NULL), 0);
    snprintf(path, sizeof path, "%s/lock", dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(run_lock_check(lock, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "was removed"));
    run_lock_release(lock);
    CU_ASSERT_NOT_EQUAL(stat(path, &info), 0);
}

static void a_foreign_lock_that_stands_still_is_taken_over(void)
{
    const char *dir = fresh();
    struct run_lock *lock;
    struct process holder;
    put_foreign(dir, 1);
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, NULL), 0);
    CU_ASSERT(run_dir_holder(dir, &holder, NULL) == 1 && holder.pid == getpid());
    run_lock_release(lock);
}

/* In a child: the holder on another host. */
static pid_t start_beating(const char *dir)
{
    pid_t child = fork();
    for (int beat = 2; child == 0; beat++) {
        clock_sleep_s(0.5);
        put_foreign(dir, beat);
    }
    return child;
}

static void a_foreign_lock_that_changes_refuses_by_name(void)
{
    const char *dir = fresh();
    struct run_lock *lock;
    struct error err;
    put_foreign(dir, 1);
    pid_t child = start_beating(dir);
    CU_ASSERT_EQUAL(run_lock_take(&lock, dir, 60, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "elsewhere.invalid") || strstr(err.text, "another"));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void write_dead_lock(const char *dir, struct process *dead)
{
    char text[RUN_DIR_LINE];
    process_self(dead);
    dead->started = 1; /* the number has been given to another since */
    holder_text(text, dead);
    put(dir, "lock", text);
}

static void a_dead_process_s_lock_is_taken_over_at_once(void)
{
    const char *dir = fresh();
    struct process dead, holder;
    struct run_lock *lock;
    write_dead_lock(dir, &dead);
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 3600, NULL), 0);
    CU_ASSERT(run_dir_holder(dir, &holder, NULL) == 1 && holder.started != 1);
    run_lock_release(lock);
}

static void a_look_takes_nothing(void)
{
    const char *dir = fresh();
    struct process dead, holder;
    struct run_lock *lock;
    struct error err;
    CU_ASSERT_EQUAL(run_lock_look(dir, 0, &err), 0);
    CU_ASSERT_EQUAL(run_dir_holder(dir, &holder, NULL), 0);
    write_dead_lock(dir, &dead);
    CU_ASSERT_EQUAL(run_lock_look(dir, 0, &err), 0);
    CU_ASSERT(run_dir_holder(dir, &holder, NULL) == 1 && holder.started == 1);
    CU_ASSERT_EQUAL_FATAL(run_lock_take(&lock, dir, 0, NULL), 0);
    CU_ASSERT_EQUAL(run_lock_look(dir, 0, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "works on it"));
    run_lock_release(lock);
}

static void only_the_dead_process_s_lock_is_removed(void)
{
    const char *dir = fresh();
    struct process dead, holder;
    struct error err;
    write_dead_lock(dir, &dead);
    dead.pid++;
    CU_ASSERT_EQUAL(run_lock_remove_dead(dir, &dead, NULL), 0);
    CU_ASSERT_EQUAL(run_dir_holder(dir, &holder, NULL), 1);
    put(dir, "lock.stale", "");
    dead.pid--;
    CU_ASSERT_EQUAL(run_lock_remove_dead(dir, &dead, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "lock.stale"));
    CU_ASSERT_EQUAL(run_dir_holder(dir, &holder, NULL), 1);
}

/* In a child: takes the lock, then waits until all have tried. */
static void try_lock(const char *dir, int go, int done)
{
    struct run_lock *lock;
    char byte;
    bool ready = read(go, &byte, 1) == 0;
    byte = ready && run_lock_take(&lock, dir, 0, NULL) == 0 ? 'y' : 'n';
    if (write(done, &byte, 1) != 1)
        _exit(1);
    pause();
}

enum { RIVALS = 8, TURNS = 40 };

/* How many of several processes get a lock that a dead one holds. */
static int count_winners(const char *dir)
{
    int go[2], done[2], winners = 0;
    pid_t children[RIVALS];
    CU_ASSERT_EQUAL_FATAL(pipe(go), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(done), 0);
    for (int i = 0; i < RIVALS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            close(go[1]);
            try_lock(dir, go[0], done[1]);
        }
    }
    close(go[1]); /* all begin at once */
    for (int i = 0; i < RIVALS; i++) {
        char byte = 0;
        CU_ASSERT_EQUAL(read(done[0], &byte, 1), 1);
        winners += byte == 'y';
    }
    for (int i = 0; i < RIVALS; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    close(go[0]);
    close(done[0]);
    close(done[1]);
    return winners;
}

static void one_of_many_takes_a_dead_lock_over(void)
{
    const char *dir = fresh();
    struct process dead;
    for (int i = 0; i < TURNS; i++) {
        write_dead_lock(dir, &dead);
        CU_ASSERT_EQUAL(count_winners(dir), 1);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(a_living_process_s_lock_refuses_by_name),
        SUITE_TEST(a_held_lock_changes),
        SUITE_TEST(a_lock_that_another_has_taken_is_left_alone),
        SUITE_TEST(a_lock_that_is_gone_is_noticed),
        SUITE_TEST(a_foreign_lock_that_stands_still_is_taken_over),
        SUITE_TEST(a_foreign_lock_that_changes_refuses_by_name),
        SUITE_TEST(a_dead_process_s_lock_is_taken_over_at_once),
        SUITE_TEST(a_look_takes_nothing),
        SUITE_TEST(only_the_dead_process_s_lock_is_removed),
        SUITE_TEST(one_of_many_takes_a_dead_lock_over),
        {NULL, NULL},
    };
    return suite_run("run_lock", tests);
}
