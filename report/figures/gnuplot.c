/* Scripts do not share a process: one that fails leaves the others alone, and on
 * several cores they are drawn side by side. */
#include "report/figures/gnuplot.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 4 };

struct drawing {
    int script; /* index */
    pid_t pid;  /* 0: free */
    FILE *says; /* its standard error */
};

bool gnuplot_found(void)
{
    const char *path = getenv("PATH");
    char name[4096];

    while (path && *path) {
        size_t length = strcspn(path, ":");

        snprintf(name, sizeof name, "%.*s/gnuplot", (int)length, path);
        if (length > 0 && length < sizeof name - 9 && access(name, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

static int start(struct drawing *d, const char *folder, const char *script)
{
    posix_spawn_file_actions_t actions;
    char *args[] = {"gnuplot", "-d", (char *)script, NULL};
    int rc;

    d->says = tmpfile();
    if (!d->says)
        return errno;
    if ((rc = posix_spawn_file_actions_init(&actions)) != 0)
        return rc;
    if ((rc = posix_spawn_file_actions_addchdir_np(&actions, folder)) == 0 &&
        (rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY,
                                               0)) == 0 &&
        (rc = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY,
                                               0)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&actions, fileno(d->says), 2)) == 0)
        rc = posix_spawnp(&d->pid, "gnuplot", &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static void release(struct drawing *d)
{
    if (d->says)
        fclose(d->says);
    *d = (struct drawing){0};
}

/* gnuplot shows the line, a caret, an empty line and then what is wrong. */
static void last_line(FILE *says, char *text, int size)
{
    char line[512];

    snprintf(text, (size_t)size, "no reason given");
    rewind(says);
    while (fgets(line, sizeof line, says)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t^")] != '\0')
            snprintf(text, (size_t)size, "%s", line + strspn(line, " \t"));
    }
}

static int report(struct drawing *d, const char *folder, const char *script, int status,
                  bool late, struct error *err)
{
    char text[512];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (late)
        return error_set(err, ERR_IO, "%s/%s: gnuplot took too long and was stopped",
                         folder, script);
    last_line(d->says, text, sizeof text);
    return error_set(err, ERR_IO, "%s/%s: gnuplot: %s", folder, script, text);
}

/* Starts the script in a free slot. */
static int begin(struct drawing *d, const char *folder, const char *const *scripts,
                 int script, struct error *err)
{
    int failed = start(d, folder, scripts[script]);

    d->script = script;
    if (!failed)
        return 0;
    release(d);
    return error_set(err, ERR_IO, "%s/%s: cannot run gnuplot: %s", folder,
                     scripts[script], strerror(failed));
}

/* Whether the drawing has ended; *rc says how. */
static bool ended(struct drawing *d, const char *folder, const char *const *scripts,
                  bool late, int *rc, struct error *err)
{
    int status;

    if (late)
        kill(d->pid, SIGKILL);
    if (waitpid(d->pid, &status, late ? 0 : WNOHANG) != d->pid)
        return false;
    *rc = report(d, folder, scripts[d->script], status, late, err);
    return true;
}

static int slots(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > AT_ONCE_MAX ? AT_ONCE_MAX : (int)cores;
}

int gnuplot_run(const char *folder, const char *const *scripts, int count,
                double timeout_s, bool *done, struct error *err)
{
    struct drawing drawings[AT_ONCE_MAX] = {{0}};
    double deadline = clock_monotonic_s() + timeout_s;
    int first = 0, begun = 0, over = 0, at_once = slots();

    memset(done, 0, (size_t)count * sizeof *done);
    while (over < count) {
        bool late = clock_monotonic_s() >= deadline;

        for (int i = 0; i < at_once; i++) {
            struct drawing *d = &drawings[i];
            int rc = 0;

            if (d->pid == 0 && begun < count) {
                rc = begin(d, folder, scripts, begun++, first ? NULL : err);
                over += rc != 0;
            } else if (d->pid != 0 &&
                       ended(d, folder, scripts, late, &rc, first ? NULL : err)) {
                done[d->script] = rc == 0;
                over++;
                release(d);
            }
            if (!first)
                first = rc;
        }
        clock_sleep_s(0.002);
    }
    return first;
}
