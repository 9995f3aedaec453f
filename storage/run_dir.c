/* The run directory's folders and its small text files. */
#include "storage/run_dir.h"
#include "storage/file_map.h"
#include "storage/file_replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, LINE = RUN_DIR_LINE, JOB_LIMIT = 16 << 20 };

static void path_in(char out[PATH_SIZE], const char *dir, const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

int run_dir_status_of(int number)
{
    static const int passing[] = {ENOSPC, EDQUOT, EIO, ESTALE, EMFILE, ENFILE, ENOMEM};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (number == passing[i])
            return ERR_IO;
    return ERR_INPUT;
}

void outcome_text(char out[RUN_DIR_LINE], const struct outcome *outcome)
{
    snprintf(out, RUN_DIR_LINE,
             "exit=%d done=%" PRId64 " given_up=%" PRId64 " left=%" PRId64 "\n",
             outcome->exit_code, outcome->done, outcome->given_up, outcome->left);
}

/* False where there is no whole outcome to write over, or it cannot be. */
static bool write_over(const char *path, const char *line)
{
    struct stat st;
    ssize_t size = (ssize_t)strlen(line);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = fstat(fd, &st) == 0 && st.st_size > 0 &&
                   pwrite(fd, line, (size_t)size, 0) == size && !ftruncate(fd, size) &&
                   !fsync(fd);
    return !close(fd) && written;
}

int outcome_write(const char *dir, const struct outcome *outcome, struct error *err)
{
    char path[PATH_SIZE], line[LINE];
    outcome_text(line, outcome);
    path_in(path, dir, "outcome");
    int rc = file_replace(path, line, strlen(line), err);
    return rc == ERR_IO && write_over(path, line) ? 0 : rc;
}

/* The start of a small file as text. 1; 0: there is no such file; an ERR_ status:
 * nobody knows what it holds. */
static int read_line(const char *dir, const char *name, char line[LINE],
                     struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, dir, name);
    line[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    ssize_t size = fd < 0 ? -1 : read(fd, line, LINE - 1);
    int wrong = errno;
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return error_set(err, run_dir_status_of(wrong), "%s: cannot read: %s", path,
                         strerror(wrong));
    line[size] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return 1;
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

bool outcome_parse(struct outcome *out, const char *line)
{
    const char *at = line;
    int64_t code = -1;
    bool whole = take_number(&at, "exit", &code) &&
                 take_number(&at, "done", &out->done) &&
                 take_number(&at, "given_up", &out->given_up) &&
                 take_number(&at, "left", &out->left) && !*at;
    out->exit_code = (int)code;
    return whole && code >= 0 && code <= 255;
}

int outcome_read(struct outcome *out, const char *dir, struct error *err)
{
    char line[LINE];
    int rc = read_line(dir, "outcome", line, err);
    if (rc == 0)
        return error_set(err, ERR_INPUT, "%s: there is no outcome in it", dir);
    if (rc > 0 && !outcome_parse(out, line))
        return error_set(err, ERR_INPUT, "%s/outcome: '%s' is no outcome", dir, line);
    return rc < 0 ? rc : 0;
}

/* What may lie in a directory whose run did not get to work. */
static bool leftover(const char *name)
{
    static const char *const names[] = {
        ".",        "..",      "lock",        "lock.stale", "log",     "outcome",
        "datasets", "job.cfg", "checkpoints", "outputs",    "progress"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i]);
        if (!strncmp(name, names[i], size) &&
            (!name[size] || !strncmp(name + size, ".tmp.", 5)))
            return true;
    }
    return !strncmp(name, "journal.", 8); /* that has not begun */
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

/* 1: the directory has a journal with something in it; 0: it has none. */
static int has_journal(const char *dir, struct error *err)
{
    DIR *stream = opendir(dir);
    if (!stream)
        return errno == ENOENT
                   ? 0
                   : error_set(err, ERR_INPUT, "%s: %s", dir, strerror(errno));
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(stream));) {
        struct stat st;
        found = !strncmp(entry->d_name, "journal.", 8) &&
                fstatat(dirfd(stream), entry->d_name, &st, 0) == 0 && st.st_size > 0;
    }
    closedir(stream);
    return found;
}

static int refuse_older(const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, dir, "results.h5");
    return access(path, F_OK) ? 0
                              : error_set(err, ERR_INPUT,
                                          "%s: holds results without a journal, of an "
                                          "older version; choose another directory",
                                          dir);
}

int run_dir_inspect(const char *dir, enum run_dir_state *state, char **job,
                    struct error *err)
{
    char path[PATH_SIZE];
    struct outcome outcome;
    *job = NULL;
    *state = RUN_DIR_NEW;
    path_in(path, dir, "job.cfg");
    int begun = has_journal(dir, err), rc = begun < 0 ? begun : 0;
    if (begun == 0 && !(rc = refuse_older(dir, err)))
        rc = check_new(dir, err);
    if (!rc && access(path, F_OK) == 0)
        rc = file_read(job, NULL, path, JOB_LIMIT, err);
    if (rc || !begun)
        return rc;
    bool ended = outcome_read(&outcome, dir, NULL) == 0 &&
                 (outcome.exit_code == 0 || outcome.exit_code == 3);
    *state = ended ? RUN_DIR_FINISHED : RUN_DIR_UNFINISHED;
    return 0;
}

static int make_folder(const char *path, size_t length, struct run_dir_made *made,
                       struct error *err)
{
    if (!mkdir(path, 0777)) {
        made->from = made->from ? made->from : length;
        return 0;
    }
    if (errno == EEXIST)
        return 0;
    return error_set(err, run_dir_status_of(errno), "%s: cannot make this folder: %s",
                     path, strerror(errno));
}

/* Each folder of the first length bytes of path, dir's or more. */
static int make_folders(const char *dir, char *path, size_t length,
                        struct run_dir_made *made, struct error *err)
{
    int rc = 0;
    *made = (struct run_dir_made){0};
    for (size_t n = 1; !rc && n <= length; n++) {
        if (path[n] != '/' && path[n] != '\0')
            continue;
        char cut = path[n];
        path[n] = '\0';
        rc = make_folder(path, n, made, err);
        path[n] = cut;
    }
    if (rc)
        run_dir_unmake(dir, made);
    return rc;
}

int run_dir_make(const char *dir, struct run_dir_made *made, struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, dir, "datasets");
    return make_folders(dir, path, strlen(path), made, err);
}

int run_dir_make_above(const char *dir, struct run_dir_made *made, struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, dir, "");
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 0 && path[length - 1] == '/')
        length--;
    return make_folders(dir, path, length, made, err);
}

void run_dir_unmake(const char *dir, const struct run_dir_made *made)
{
    char path[PATH_SIZE];
    path_in(path, dir, "datasets");
    for (size_t n = strlen(path); made->from && n >= made->from; n--)
        if (path[n] == '/' || path[n] == '\0') {
            path[n] = '\0';
            rmdir(path); /* fails where something is in it, or it is not there */
        }
}

void holder_text(char out[RUN_DIR_LINE], const struct process *holder)
{
    snprintf(out, RUN_DIR_LINE, "host=%s boot=%s pid=%" PRId64 " started=%" PRIu64 "\n",
             holder->host, holder->boot_id, holder->pid, holder->started);
}

bool holder_parse(struct process *out, const char *line)
{
    const char *at = line;
    int64_t started = 0;
    memset(out, 0, sizeof *out);
    bool whole =
        take_word(&at, "host", out->host) && take_word(&at, "boot", out->boot_id) &&
        take_number(&at, "pid", &out->pid) && take_number(&at, "started", &started);
    out->started = (uint64_t)started;
    if (!whole)
        memset(out, 0, sizeof *out);
    return whole;
}

int run_dir_lock_line(const char *dir, char line[RUN_DIR_LINE], struct error *err)
{
    return read_line(dir, "lock", line, err);
}

int run_dir_holder(const char *dir, struct process *holder, struct error *err)
{
    char line[LINE];
    int rc = run_dir_lock_line(dir, line, err);
    holder_parse(holder, line);
    return rc;
}

/* Journals that never began. */
static void remove_empty_journals(const char *dir)
{
    DIR *stream = opendir(dir);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        struct stat st;
        if (!strncmp(entry->d_name, "journal.", 8) &&
            fstatat(dirfd(stream), entry->d_name, &st, 0) == 0 && st.st_size == 0)
            unlinkat(dirfd(stream), entry->d_name, 0);
    }
    if (stream)
        closedir(stream);
}

void run_dir_forget(const char *dir)
{
    static const char *const files[] = {"job.cfg", "outcome", "progress"};
    static const char *const folders[] = {"checkpoints", "outputs"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_in(path, dir, files[i]);
        unlink(path);
    }
    remove_empty_journals(dir);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        path_in(path, dir, folders[i]);
        rmdir(path); /* an empty one */
    }
}
