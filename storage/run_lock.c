/* The lock is made with O_EXCL and stays open: its thread counts up in the file that
 * was made, never in one that another has put in its place. */
#include "storage/run_lock.h"
#include "common/clock.h"
#include "common/log.h"
#include "storage/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, LINE = RUN_DIR_LINE };
enum { HELD = 1 };

static const double beat_s = 2.0, look_s = 0.2;

struct run_lock {
    char *dir;
    struct process self;
    int fd;
    uint64_t beats;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool leaving; /* under mutex */
};

static void path_in(char out[PATH_SIZE], const char *dir, const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

static bool same_process(const struct process *a, const struct process *b)
{
    return !strcmp(a->host, b->host) && !strcmp(a->boot_id, b->boot_id) &&
           a->pid == b->pid && a->started == b->started;
}

/* Always of the same length, so that a line is written over a line. */
static bool write_beat(struct run_lock *lock)
{
    char line[LINE];
    holder_text(line, &lock->self);
    size_t size = strcspn(line, "\n");
    size += (size_t)snprintf(line + size, LINE - size, " beat=%020" PRIu64 "\n",
                             lock->beats++);
    errno = ENOSPC; /* of a write that is cut short */
    return pwrite(lock->fd, line, size, 0) == (ssize_t)size;
}

static int create(struct run_lock *lock, struct error *err)
{
    char path[PATH_SIZE];
    path_in(path, lock->dir, "lock");
    lock->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (lock->fd < 0)
        return errno == EEXIST ? HELD
                               : error_set(err, run_dir_status_of(errno), "%s: %s",
                                           path, strerror(errno));
    if (write_beat(lock) && !fsync(lock->fd))
        return 0;
    int rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    unlink(path);
    return rc;
}

static int refuse_held(const char *dir, const struct process *holder, struct error *err)
{
    if (!holder->host[0])
        return error_set(err, ERR_INPUT, "%s: another process works on it (%s/lock)",
                         dir, dir);
    return error_set(err, ERR_INPUT,
                     "%s: process %" PRId64 " on %s works on it (%s/lock says so)", dir,
                     holder->pid, holder->host, dir);
}

/* 1: it is as it was; 0: it is gone; refused: it has changed. */
static int look(const char *dir, const char *line, struct error *err)
{
    char now[LINE];
    struct process other;
    clock_sleep_s(look_s);
    int rc = run_dir_lock_line(dir, now, err);
    if (rc <= 0 || !strcmp(now, line))
        return rc;
    holder_parse(&other, now);
    return refuse_held(dir, &other, err);
}

/* 0 or 1 when it has not changed for that long. Said after the first look, for one that
 * is being written at this moment is soon whole. */
static int watch(const char *dir, const char *line, const char *host, double lease_s,
                 struct error *err)
{
    double end = clock_monotonic_s() + lease_s;
    int rc = look(dir, line, err);
    if (rc == 1)
        log_line("%s: waiting %.0f s to see whether %s still works on it", dir, lease_s,
                 host[0] ? host : "another process");
    while (rc == 1 && clock_monotonic_s() < end)
        rc = look(dir, line, err);
    return rc;
}

/* Only who made lock.stale may remove another's lock, and looks again before: whoever
 * judged the same lock may have removed it since, and made its own. line: as it was;
 * NULL: it may have changed. */
static int remove_lock(const char *dir, const struct process *of, const char *line,
                       struct error *err)
{
    char path[PATH_SIZE], token[PATH_SIZE], now[LINE];
    struct process holder;
    path_in(path, dir, "lock");
    path_in(token, dir, "lock.stale");
    int fd = open(token, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERR_INPUT,
                         "%s: another process is taking over %s/lock; if there is "
                         "none, remove %s",
                         dir, dir, token);
    if (fd < 0)
        return error_set(err, run_dir_status_of(errno), "%s: %s", token,
                         strerror(errno));
    close(fd);
    int rc = run_dir_lock_line(dir, now, err);
    holder_parse(&holder, now);
    if (rc > 0 && same_process(&holder, of) && (!line || !strcmp(line, now)))
        unlink(path);
    unlink(token);
    return rc < 0 ? rc : 0;
}

int run_lock_remove_dead(const char *dir, const struct process *dead, struct error *err)
{
    return remove_lock(dir, dead, NULL, err);
}

static int refuse_now(const char *dir, struct error *err)
{
    struct process holder;
    int rc = run_dir_holder(dir, &holder, err);
    return rc < 0 ? rc : refuse_held(dir, &holder, err);
}

/* 1: there is a lock, but its holder is no more; 0: there is none. */
static int judge(const char *dir, const char *host, double lease_s, char line[LINE],
                 struct process *holder, struct error *err)
{
    int rc = run_dir_lock_line(dir, line, err);
    if (rc <= 0)
        return rc;
    holder_parse(holder, line);
    if (strcmp(holder->host, host) != 0)
        rc = watch(dir, line, holder->host, fmax(lease_s, RUN_LOCK_LEASE_S), err);
    else if (process_alive(holder))
        rc = refuse_held(dir, holder, err);
    return rc < 0 ? rc : 1;
}

int run_lock_look(const char *dir, double lease_s, struct error *err)
{
    char line[LINE];
    struct process self, holder;
    process_self(&self);
    int rc = judge(dir, self.host, lease_s, line, &holder, err);
    return rc < 0 ? rc : 0;
}

static int take_over(struct run_lock *lock, double lease_s, struct error *err)
{
    char line[LINE];
    struct process holder;
    int rc = judge(lock->dir, lock->self.host, lease_s, line, &holder, err);
    if (rc == 1)
        rc = remove_lock(lock->dir, &holder, line, err);
    if (!rc)
        rc = create(lock, err);
    return rc == HELD ? refuse_now(lock->dir, err) : rc;
}

/* Whether the lock can be read and is another's, or gone; holder: whose. */
static bool lost(const struct run_lock *lock, struct process *holder)
{
    int rc = run_dir_holder(lock->dir, holder, NULL);
    return rc >= 0 && !same_process(holder, &lock->self);
}

int run_lock_check(const struct run_lock *lock, struct error *err)
{
    struct process holder;
    if (!lost(lock, &holder))
        return 0;
    if (!holder.host[0])
        return error_set(err, ERR_IO, "%s: its lock was removed while the run went on",
                         lock->dir);
    return error_set(err, ERR_IO, "%s: process %" PRId64 " on %s has taken it over",
                     lock->dir, holder.pid, holder.host);
}

/* False: it is to leave. */
static bool wait_beat(struct run_lock *lock)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)beat_s;
    pthread_mutex_lock(&lock->mutex);
    while (!lock->leaving && rc == 0)
        rc = pthread_cond_timedwait(&lock->changed, &lock->mutex, &until);
    bool leaving = lock->leaving;
    pthread_mutex_unlock(&lock->mutex);
    return !leaving;
}

/* A beat that cannot be written is no reason to stop: if that lasts, another takes
 * over, which is seen. */
static void *keep(void *argument)
{
    struct run_lock *lock = argument;
    struct process holder;
    while (wait_beat(lock))
        if (!lost(lock, &holder) && write_beat(lock))
            fdatasync(lock->fd);
    return NULL;
}

/* Signals stay with the other threads. */
static int start_thread(struct run_lock *lock, struct error *err)
{
    pthread_condattr_t attributes;
    sigset_t all, before;
    pthread_mutex_init(&lock->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lock->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&lock->thread, NULL, keep, lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc ? error_set(err, ERR_IO, "cannot start a thread: %s", strerror(rc)) : 0;
}

static void remove_own(const struct run_lock *lock)
{
    char path[PATH_SIZE];
    struct process holder;
    path_in(path, lock->dir, "lock");
    if (run_dir_holder(lock->dir, &holder, NULL) > 0 &&
        same_process(&holder, &lock->self))
        unlink(path);
}

static void lock_free(struct run_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock->dir);
    free(lock);
}

int run_lock_take(struct run_lock **out, const char *dir, double lease_s,
                  struct error *err)
{
    struct run_dir_made made;
    struct run_lock *lock = calloc(1, sizeof *lock);
    if (!lock || !(lock->dir = strdup(dir))) {
        free(lock);
        return error_set(err, ERR_MEMORY, "%s: out of memory", dir);
    }
    lock->fd = -1;
    process_self(&lock->self);
    int rc = run_dir_make(dir, &made, err);
    if (!rc) {
        rc = create(lock, err);
        if (rc == HELD)
            rc = take_over(lock, lease_s, err);
        if (!rc && (rc = start_thread(lock, err)))
            remove_own(lock);
        if (rc)
            run_dir_unmake(dir, &made);
    }
    if (rc)
        lock_free(lock);
    else
        *out = lock;
    return rc;
}

void run_lock_release(struct run_lock *lock)
{
    if (!lock)
        return;
    pthread_mutex_lock(&lock->mutex);
    lock->leaving = true;
    pthread_cond_broadcast(&lock->changed);
    pthread_mutex_unlock(&lock->mutex);
    pthread_join(lock->thread, NULL);
    pthread_cond_destroy(&lock->changed);
    pthread_mutex_destroy(&lock->mutex);
    remove_own(lock);
    lock_free(lock);
}
