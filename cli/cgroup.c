#include "cli/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, LINE = 128 };

/* The first line of a small file; false: there is none. */
static bool read_word(char out[LINE], const char *root, const char *group,
                      const char *name)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof path, "%s%s/%s", root, group, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, out, LINE - 1);
    if (fd >= 0)
        close(fd);
    out[size > 0 ? size : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return size > 0;
}

static void take_memory(struct cgroup_limits *limits, const char *text)
{
    char *end;
    errno = 0;
    uint64_t bytes = strtoull(text, &end, 10);
    /* "max", or of version 1 a number beyond any machine */
    if (end != text && !errno && bytes < (uint64_t)1 << 60 && bytes < limits->memory)
        limits->memory = bytes;
}

static void take_cores(struct cgroup_limits *limits, const char *quota,
                       const char *period)
{
    double cores = strtod(quota, NULL) / strtod(period, NULL);
    if (isfinite(cores) && cores > 0)
        limits->cores = fmin(limits->cores, cores);
}

static void take_group_2(struct cgroup_limits *limits, const char *root,
                         const char *group)
{
    char text[LINE];
    if (read_word(text, root, group, "memory.max"))
        take_memory(limits, text);
    char *period = read_word(text, root, group, "cpu.max") ? strchr(text, ' ') : NULL;
    if (period && strncmp(text, "max", 3) != 0)
        take_cores(limits, text, period);
}

static void take_memory_1(struct cgroup_limits *limits, const char *root,
                          const char *group)
{
    char text[LINE];
    if (read_word(text, root, group, "memory.limit_in_bytes"))
        take_memory(limits, text);
}

static void take_cores_1(struct cgroup_limits *limits, const char *root,
                         const char *group)
{
    char quota[LINE], period[LINE];
    if (read_word(quota, root, group, "cpu.cfs_quota_us") &&
        read_word(period, root, group, "cpu.cfs_period_us"))
        take_cores(limits, quota, period);
}

/* The group and all above it. */
static void walk(struct cgroup_limits *limits, const char *root, const char *path,
                 void (*take)(struct cgroup_limits *, const char *, const char *))
{
    char group[PATH_SIZE];
    snprintf(group, sizeof group, "%s", path);
    for (size_t length = strlen(group);; length--) {
        bool ends = !group[length] || group[length] == '/';
        group[length] = '\0';
        if (ends)
            take(limits, root, group);
        if (length == 0)
            return;
    }
}

/* Whether `name` is one of the words that commas part. */
static bool has_word(const char *list, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (size_t at = 0; at < size; at += strcspn(list + at, ",:") + 1)
        if (strcspn(list + at, ",:") == length && !strncmp(list + at, name, length))
            return true;
    return false;
}

/* "4:cpu,cpuacct:/slurm/job_1" */
static void take_line(struct cgroup_limits *limits, const char *root, const char *line)
{
    char below[PATH_SIZE];
    const char *names = strchr(line, ':');
    const char *path = names ? strchr(names + 1, ':') : NULL;
    if (!path)
        return;
    size_t size = (size_t)(path++ - ++names);
    if (size == 0) {
        walk(limits, root, path, take_group_2);
        return;
    }
    snprintf(below, sizeof below, "%s/%.*s", root, (int)size, names);
    if (has_word(names, size, "memory"))
        walk(limits, below, path, take_memory_1);
    if (has_word(names, size, "cpu"))
        walk(limits, below, path, take_cores_1);
}

struct cgroup_limits cgroup_limits_read(const char *root, const char *membership)
{
    struct cgroup_limits limits = {.memory = UINT64_MAX, .cores = INFINITY};
    char line[PATH_SIZE];
    for (const char *at = membership; *at;) {
        size_t length = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        take_line(&limits, root, line);
        at += length + (at[length] == '\n');
    }
    return limits;
}
