/* Done in a child: a dead file server must not stop who asks. */
#include "cli/dir_probe.h"

#include "cli/timed_child.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

static const double limit_s = 10.0;
static const double slow_sync_s = 0.05;

static const struct {
    uint32_t magic;
    const char *name;
    bool network, volatile_;
} types[] = {
    {0xEF53, "ext4", false, false},        {0x58465342, "xfs", false, false},
    {0x9123683E, "btrfs", false, false},   {0x2FC12FC1, "zfs", false, false},
    {0x794C7630, "overlay", false, false}, {0x01021994, "tmpfs", false, true},
    {0x858458F6, "ramfs", false, true},    {0x6969, "nfs", true, false},
    {0x0BD00BD0, "lustre", true, false},   {0x47504653, "gpfs", true, false},
    {0x19830326, "beegfs", true, false},   {0x00C36400, "ceph", true, false},
    {0xFF534D42, "cifs", true, false},     {0xFE534D42, "smb2", true, false},
    {0x01021997, "9p", true, false},       {0x65735546, "fuse", true, false},
};

static void look_type(struct dir_facts *f)
{
    struct statfs fs;
    if (statfs(f->dir, &fs))
        return;
    f->room = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
    snprintf(f->type, sizeof f->type, "type 0x%x", (unsigned)fs.f_type);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].magic == (uint32_t)fs.f_type) {
            snprintf(f->type, sizeof f->type, "%s", types[i].name);
            f->network = types[i].network;
            f->volatile_ = types[i].volatile_;
        }
}

static void fail(struct dir_facts *f, const char *what)
{
    snprintf(f->why, sizeof f->why, "%s", strerror(errno));
    snprintf(f->failed, sizeof f->failed, "%s", what);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool look_sync(struct dir_facts *f, int fd)
{
    enum { TIMES = 5 };
    static const char block[4096];
    double took[TIMES];
    for (int i = 0; i < TIMES; i++) {
        double begun = clock_monotonic_s();
        if (write(fd, block, sizeof block) != sizeof block || fsync(fd)) {
            fail(f, "write and sync a file");
            return false;
        }
        took[i] = clock_monotonic_s() - begun;
    }
    qsort(took, TIMES, sizeof *took, by_value);
    f->sync_s = took[TIMES / 2];
    return true;
}

static void look_files(struct dir_facts *f)
{
    char one[sizeof f->dir + 64], two[sizeof f->dir + 64];
    snprintf(one, sizeof one, "%s/.shiftwork-doctor.%ld", f->dir, (long)getpid());
    snprintf(two, sizeof two, "%s/.shiftwork-doctor.%ld.new", f->dir, (long)getpid());
    int fd = open(one, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail(f, "create a file");
        return;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    f->locks = fcntl(fd, F_SETLK, &lock) == 0;
    if (look_sync(f, fd) && rename(one, two))
        fail(f, "rename a file");
    close(fd);
    unlink(one);
    unlink(two);
}

static void look(const void *arg, void *out)
{
    struct dir_facts *f = out;
    struct stat st;
    snprintf(f->dir, sizeof f->dir, "%s", (const char *)arg);
    for (char *slash; stat(f->dir, &st) && errno == ENOENT;) {
        slash = strrchr(f->dir, '/');
        if (!slash)
            strcpy(f->dir, ".");
        else
            slash[slash == f->dir] = '\0';
    }
    look_type(f);
    look_files(f);
}

static void judge_room(struct diagnosis *d, const struct dir_facts *f)
{
    enum { LEAST = 10000000, GOOD = 1000000000 };
    char room[SIZE_TEXT];
    size_text(room, (double)f->room);
    diagnosis_say(d,
                  f->room < LEAST  ? MARK_PROBLEM
                  : f->room < GOOD ? MARK_NOTE
                                   : MARK_OK,
                  "room", "%s free in %s%s", room, f->dir,
                  f->room < GOOD
                      ? ": checkpoints and results need more than that soon; "
                        "free some"
                      : "");
}

void dir_facts_judge(struct diagnosis *d, const struct dir_facts *f)
{
    if (f->failed[0]) {
        diagnosis_say(d, MARK_PROBLEM, "run dir",
                      "%s (%s): cannot %s: %s; choose another", f->dir, f->type,
                      f->failed, f->why);
        return;
    }
    diagnosis_say(d, f->volatile_ ? MARK_NOTE : MARK_OK, "run dir",
                  "%s: %s, files are created, renamed, %s%s", f->dir, f->type,
                  f->locks ? "locked" : "not locked (no locks are needed)",
                  f->volatile_ ? "; it is in memory: the run is lost with the machine"
                  : f->network ? ""
                               : "; only this node sees it, unless it is exported: see "
                                 "cluster.stage for several");
    diagnosis_say(d, f->sync_s > slow_sync_s ? MARK_NOTE : MARK_OK, "sync",
                  "%.1f ms for 4 kB%s", 1e3 * f->sync_s,
                  f->sync_s > slow_sync_s
                      ? ": short trials wait for it; a folder on another file system "
                        "may be faster"
                      : "");
    judge_room(d, f);
}

void dir_diagnose(struct diagnosis *d, const char *dir)
{
    struct dir_facts facts = {.type = "unknown"};
    enum timed_end end = timed_call(look, dir, &facts, sizeof facts, limit_s);
    if (end == TIMED_DONE)
        dir_facts_judge(d, &facts);
    else
        diagnosis_say(d, MARK_PROBLEM, "run dir",
                      end == TIMED_LATE ? "%s: its file system does not answer within "
                                          "%.0f s: ask its administrator"
                                        : "%s: looking at it failed (%.0f s allowed)",
                      dir, limit_s);
}
