/* Small text files of the run directory. The lock is advisory: made with O_EXCL, judged
 * by process number and start time on its own host. */
#include "storage/run_dir.h"
#include "storage/file_map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, LINE = 1024, JOB_LIMIT = 16 << 20 };

static void path_in(char out[PATH_SIZE], const char *dir, const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

int outcome_write(const char *dir, const struct outcome *outcome, struct error *err)
{
    char path[PATH_SIZE], line[LINE];
    int size =
        snprintf(line, sizeof line,
                 "exit=%d done=%" PRId64 " given_up=%" PRId64 " left=%" PRId64 "\n",
                 outcome->exit_code, outcome->done, outcome->given_up, outcome->left);
    path_in(path, dir, "outcome");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    int rc = 0;
    if (pwrite(fd, line, (size_t)size, 0) != size || ftruncate(fd, size) || fsync(fd))
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (close(fd) && !rc)
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    return rc;
}

/* The start of a small file as text; false where there is none. */
static bool read_line(const char *dir, const char *name, char line[LINE])
{
    char path[PATH_SIZE];
    path_in(path, dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, line, LINE - 1);
    close(fd);
    line[size > 0 ? size : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return size > 0;
}

/* Reads "name=number" and what parts it from the next; false for anything else. */
static bool take_number(const char **at, const char *name, int64_t *out)
{
    size_t size = strlen(name);
    char *end;
    if (strncmp(*at, name, size) != 0 || (*at)[size] != '=')
        return false;
    errno = 0;
    *out = strtoll(*at + size + 1, &end, 10);
    bool taken = !errno && end > *at + size + 1 && (*end == ' ' || *end == '\0');
    *at = *end == ' ' ? end + 1 : end;
    return taken;
}

/* The same for "name=word". */
static bool take_word(const char **at, const char *name, char out[PROCESS_NAME])
{
    size_t size = strlen(name);
    if (strncmp(*at, name, size) != 0 || (*at)[size] != '=')
        return false;
    const char *word = *at + size + 1;
    size_t length = strcspn(word, " ");
    if (length == 0 || length >= PROCESS_NAME)
        return false;
    memcpy(out, word, length);
    out[length] = '\0';
    *at = word + length + (word[length] == ' ');
    return true;
}

int outcome_read(struct outcome *out, const char *dir, struct error *err)
{
    char line[LINE];
    const char *at = line;
    int64_t code = -1;
    if (!read_line(dir, "outcome", line))
        return error_set(err, ERR_INPUT, "%s: there is no outcome in it", dir);
    if (!take_number(&at, "exit", &code) || !take_number(&at, "done", &out->done) ||
        !take_number(&at, "given_up", &out->given_up) ||
        !take_number(&at, "left", &out->left) || *at || code < 0 || code > 255)
        return error_set(err, ERR_INPUT, "%s/outcome: '%s' is no outcome", dir, line);
    out->exit_code = (int)code;
    return 0;
}

/* What may lie in a directory whose run did not get to work. */
static bool leftover(const char *name)
{
    static const char *const names[] = {".",   "..",      "lock",
                                        "log", "outcome", "datasets"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static int check_new(const char *dir, struct error *err)
{
    DIR *stream = opendir(dir);
    if (!stream)
        return errno == ENOENT
                   ? 0
                   : error_set(err, ERR_INPUT, "%s: %s", dir, strerror(errno));
    int rc = 0;
    for (struct dirent *entry; !rc && (entry = readdir(stream));)
        if (!leftover(entry->d_name))
            rc = error_set(err, ERR_INPUT,
                           "%s: not a run directory, but not empty: it holds %s", dir,
                           entry->d_name);
    closedir(stream);
    return rc;
}

int run_dir_inspect(const char *dir, enum run_dir_state *state, char **job,
                    struct error *err)
{
    char path[PATH_SIZE];
    struct outcome outcome;
    *job = NULL;
    *state = RUN_DIR_NEW;
    path_in(path, dir, "job.cfg");
    if (access(path, F_OK))
        return check_new(dir, err);
    int rc = file_read(job, NULL, path, JOB_LIMIT, err);
    if (rc)
        return rc;
    bool ended = outcome_read(&outcome, dir, NULL) == 0 &&
                 (outcome.exit_code == 0 || outcome.exit_code == 3);
    *state = ended ? RUN_DIR_FINISHED : RUN_DIR_UNFINISHED;
    return 0;
}

static int make_folders(const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, dir, "");
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0777) && errno != EEXIST)
            return error_set(err, errno == ENOSPC ? ERR_IO : ERR_INPUT,
                             "%s: cannot make this folder: %s", path, strerror(errno));
        *at = '/';
    }
    path_in(path, dir, "datasets");
    if (mkdir(path, 0777) && errno != EEXIST)
        return error_set(err, errno == ENOSPC ? ERR_IO : ERR_INPUT,
                         "%s: cannot make this folder: %s", path, strerror(errno));
    return 0;
}

bool run_dir_holder(const char *dir, struct process *holder)
{
    char line[LINE];
    memset(holder, 0, sizeof *holder);
    const char *at = line;
    int64_t started = 0;
    bool held = read_line(dir, "lock", line) && take_word(&at, "host", holder->host) &&
                take_word(&at, "boot", holder->boot_id) &&
                take_number(&at, "pid", &holder->pid) &&
                take_number(&at, "started", &started);
    holder->started = (uint64_t)started;
    return held;
}

static int lock_create(const char *path, struct error *err)
{
    struct process self;
    process_self(&self);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno == EEXIST ? 1
                               : error_set(err, errno == ENOSPC ? ERR_IO : ERR_INPUT,
                                           "%s: %s", path, strerror(errno));
    bool written = dprintf(fd, "host=%s boot=%s pid=%" PRId64 " started=%" PRIu64 "\n",
                           self.host, self.boot_id, self.pid, self.started) > 0;
    int wrong = errno;
    if (close(fd) || !written) {
        unlink(path);
        return error_set(err, ERR_IO, "%s: %s", path, strerror(wrong));
    }
    return 0;
}

int run_dir_lock(const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    struct process holder;
    path_in(path, dir, "lock");
    int rc = make_folders(dir, err);
    if (rc)
        return rc;
    rc = lock_create(path, err);
    if (rc == 1 && run_dir_holder(dir, &holder) && !process_alive(&holder)) {
        unlink(path);
        rc = lock_create(path, err);
    }
    if (rc == 1)
        return error_set(
            err, ERR_INPUT, "%s: process %" PRId64 " on %s works on it (%s says so)",
            dir, holder.pid, holder.host[0] ? holder.host : "an unknown host", path);
    return rc;
}

void run_dir_unlock(const char *dir)
{
    char path[PATH_SIZE];
    path_in(path, dir, "lock");
    unlink(path);
}

void run_dir_remove_unused(const char *dir)
{
    static const char *const files[] = {"job.cfg", "log", "outcome"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_in(path, dir, files[i]);
        unlink(path);
    }
    path_in(path, dir, "datasets");
    rmdir(path);
    rmdir(dir);
}
