/* What the control groups of this process allow: memory and processor time. */
#ifndef CLI_CGROUP_H
#define CLI_CGROUP_H

#include <stdint.h>

struct cgroup_limits {
    uint64_t memory; /* bytes; UINT64_MAX: no limit */
    double cores;    /* processor time a second; infinity: no limit */
};

/* The narrowest of a process' groups and of those above. membership: text of
 * /proc/self/cgroup; root: where the groups are, /sys/fs/cgroup. Both versions of
 * control groups are known. What cannot be read limits nothing. */
struct cgroup_limits cgroup_limits_read(const char *root, const char *membership);

#endif
