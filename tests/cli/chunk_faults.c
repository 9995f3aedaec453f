/* Loaded into every process: files of a node that are filled slowly, or find no room.
 * $SHIFTWORK_TEST_CHUNK_MS: a claim of a chunk takes so long.
 * $SHIFTWORK_TEST_NO_ROOM: nothing can be reserved. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static int passed_on(int fd, int command, void *argument)
{
    int (*real)(int, int, ...) = NULL;
    const char *ms = getenv("SHIFTWORK_TEST_CHUNK_MS");
    int rc;

    *(void **)&real = dlsym(RTLD_NEXT, "fcntl");
    rc = real(fd, command, argument);
    if (ms && command == F_OFD_SETLK && rc == 0 &&
        ((struct flock *)argument)->l_type == F_WRLCK)
        usleep((useconds_t)atoi(ms) * 1000);
    return rc;
}

int fcntl(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    return passed_on(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    return passed_on(fd, command, argument);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    int (*real)(int, int, off_t, off_t) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "fallocate");
    if (!getenv("SHIFTWORK_TEST_NO_ROOM"))
        return real(fd, mode, at, size);
    errno = ENOSPC;
    return -1;
}
