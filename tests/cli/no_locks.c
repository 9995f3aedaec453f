/* Loaded into every process: files in $SHIFTWORK_TEST_NO_LOCKS are on a file system
 * that has neither locks nor hard links. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool is_there(const char *path)
{
    const char *folder = getenv("SHIFTWORK_TEST_NO_LOCKS");

    return folder && !strncmp(path, folder, strlen(folder));
}

static bool fd_is_there(int fd)
{
    char name[64], path[PATH_MAX];

    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, path, sizeof path - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return is_there(path);
}

static int refuse(int number)
{
    errno = number;
    return -1;
}

int flock(int fd, int operation)
{
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");

    return fd_is_there(fd) ? refuse(ENOLCK) : next(fd, operation);
}

static bool locks(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW;
}

static int next_fcntl(const char *name, int fd, int command, void *argument)
{
    int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);

    if (locks(command) && fd_is_there(fd))
        return refuse(ENOLCK);
    return next(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
    va_list list;

    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return next_fcntl("fcntl", fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    va_list list;

    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return next_fcntl("fcntl64", fd, command, argument);
}

int link(const char *from, const char *to)
{
    int (*next)(const char *, const char *) =
        (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link");

    return is_there(to) ? refuse(EPERM) : next(from, to);
}
