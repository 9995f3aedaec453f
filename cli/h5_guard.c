/* The child reads all that its parent will, as the parent will, and tells by dying. */
#include "cli/h5_guard.h"

#include "storage/dataset_file.h"
#include "storage/results_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 120 }; /* of computing: gigabytes are read in less */

static void read_results(const char *path, int what)
{
    struct results results;

    results_read(&results, path, what, NULL);
}

static void read_dataset(const char *path, int what)
{
    struct dataset dataset;

    (void)what;
    dataset_file_read(&dataset, path, NULL);
}

/* A crash is expected: no core file, and no word of a sanitizer. */
static void prepare_child(void)
{
    struct rlimit none = {0, 0}, seconds = {SECONDS_MAX, SECONDS_MAX};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_CPU, &seconds);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
}

static int guard(void (*read_it)(const char *path, int what), const char *path,
                 int what, struct error *err)
{
    int how = 0;
    pid_t ended, child = fork();

    if (child < 0)
        return error_set(err, ERR_MEMORY, "%s: no process to read it: %s", path,
                         strerror(errno));
    if (child == 0) {
        prepare_child();
        read_it(path, what);
        _exit(0);
    }
    do
        ended = waitpid(child, &how, 0);
    while (ended < 0 && errno == EINTR);
    if (ended == child && (!WIFEXITED(how) || WEXITSTATUS(how) != 0))
        return error_set(err, ERR_INPUT, "%s: damaged, HDF5 breaks down over it", path);
    return 0;
}

int h5_guard_results(const char *path, int what, struct error *err)
{
    return guard(read_results, path, what, err);
}

int h5_guard_dataset(const char *path, struct error *err)
{
    return guard(read_dataset, path, 0, err);
}
