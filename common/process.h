/* Which process this is, and whether another is still there. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROCESS_NAME = 256 };

struct process {
    char host[PROCESS_NAME];
    char boot_id[PROCESS_NAME]; /* of the host's running system; "-" where unknown */
    int64_t pid;
    uint64_t started; /* clock ticks since boot: with pid and boot_id, one process */
};

void process_self(struct process *out);
/* Lives now, on this host; a zombie does not. Of another host's process nothing is
 * known: true. */
bool process_alive(const struct process *process);
/* Of this host and not yet collected by its parent; quick, but takes another process
 * that was given the number since for the old one. */
bool process_exists(int64_t pid);
bool process_is_here(const struct process *process); /* this host, this boot */

#endif
