/* The child leads a process group of its own, so that what it has started ends with it.
 * Its answer comes through a pipe, whose end says that it is whole. */
#include "cli/timed_child.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const double kill_s = 1.0;  /* for a process to end after a signal */
static const double look_s = 2e-3; /* between two looks whether it has */

struct child {
    pid_t pid;
    int fd; /* its answer */
    double end;
};

/* In the child, which is to end with its parent. */
static void settle(pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* Like fork(): 0 in the child, with *answer to write to. */
static pid_t child_start(struct child *child, double limit_s, int *answer)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    fflush(NULL);
    child->pid = fork();
    if (child->pid == 0) {
        settle(parent);
        *answer = ends[1];
        return 0;
    }
    close(ends[1]);
    child->fd = ends[0];
    child->end = clock_monotonic_s() + limit_s;
    if (child->pid < 0)
        close(ends[0]);
    else
        setpgid(child->pid, child->pid); /* whoever comes first */
    return child->pid;
}

/* One read of what there is; what does not fit is thrown away. Bytes, 0 at the end, -1:
 * failed or interrupted. */
static ssize_t read_some(int fd, char *out, size_t room)
{
    char beyond[4096];
    return room > 0 ? read(fd, out, room) : read(fd, beyond, sizeof beyond);
}

/* To the pipe's end. *size: what was kept. */
static enum timed_end child_read(const struct child *child, char *out, size_t room,
                                 size_t *size)
{
    *size = 0;
    for (;;) {
        double left = child->end - clock_monotonic_s();
        struct pollfd wait = {.fd = child->fd, .events = POLLIN};
        if (left <= 0)
            return TIMED_LATE;
        if (poll(&wait, 1, (int)(left * 1000) + 1) <= 0)
            continue;
        ssize_t n = read_some(child->fd, out + *size, room - *size);
        if (n == 0)
            return TIMED_DONE;
        if (n < 0 && errno != EINTR)
            return TIMED_DIED;
        if (n > 0 && *size < room)
            *size += (size_t)n;
    }
}

static bool child_ended(const struct child *child, int *status, double end)
{
    do {
        pid_t pid = waitpid(child->pid, status, WNOHANG);
        if (pid == child->pid || (pid < 0 && errno != EINTR))
            return true;
        clock_sleep_s(look_s);
    } while (clock_monotonic_s() < end);
    return false;
}

/* It has until its limit to end by itself where it has answered. The rest of its group
 * is ended in any case. */
static enum timed_end child_end(struct child *child, enum timed_end end, int *status)
{
    close(child->fd);
    if (end == TIMED_DONE && child_ended(child, status, child->end)) {
        kill(-child->pid, SIGKILL);
        return TIMED_DONE;
    }
    kill(-child->pid, SIGTERM);
    if (!child_ended(child, status, clock_monotonic_s() + kill_s)) {
        kill(-child->pid, SIGKILL);
        child_ended(child, status, clock_monotonic_s() + kill_s);
    }
    return end == TIMED_DONE ? TIMED_LATE : end;
}

static void answer_call(void (*look)(const void *arg, void *out), const void *arg,
                        void *out, size_t size, int answer)
{
    look(arg, out);
    for (size_t at = 0; at < size;) {
        ssize_t n = write(answer, (char *)out + at, size - at);
        if (n < 0 && errno != EINTR)
            _exit(1);
        at += n > 0 ? (size_t)n : 0;
    }
    _exit(0);
}

enum timed_end timed_call(void (*look)(const void *arg, void *out), const void *arg,
                          void *out, size_t size, double limit_s)
{
    struct child child;
    size_t got = 0;
    int answer, status;
    char *bytes = malloc(size);
    pid_t pid = bytes ? child_start(&child, limit_s, &answer) : -1;
    if (pid == 0)
        answer_call(look, arg, out, size, answer);
    enum timed_end end = TIMED_DIED;
    if (pid > 0)
        end = child_end(&child, child_read(&child, bytes, size, &got), &status);
    if (end == TIMED_DONE && got < size)
        end = TIMED_DIED;
    if (end == TIMED_DONE)
        memcpy(out, bytes, size);
    free(bytes);
    return end;
}

static void become_program(char *const *args, int answer)
{
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(answer, STDOUT_FILENO);
    dup2(answer, STDERR_FILENO);
    execv(args[0], args);
    fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
    _exit(127);
}

enum timed_end timed_program(char *const *args, double limit_s,
                             struct timed_output *out)
{
    struct child child;
    int answer, status = 0;
    double begun = clock_monotonic_s();
    out->size = 0;
    out->text[0] = '\0';
    pid_t pid = child_start(&child, limit_s, &answer);
    if (pid == 0)
        become_program(args, answer);
    if (pid < 0)
        return TIMED_DIED;
    enum timed_end end =
        child_read(&child, out->text, sizeof out->text - 1, &out->size);
    end = child_end(&child, end, &status);
    out->text[out->size] = '\0';
    out->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    out->seconds = clock_monotonic_s() - begun;
    return end;
}
