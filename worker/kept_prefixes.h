/* The prefixes of a worker's last kinds of trials, open: a sweep may go to and fro
 * between a few, and the last user of a file removes it. */
#ifndef WORKER_KEPT_PREFIXES_H
#define WORKER_KEPT_PREFIXES_H

#include "jobs/settings.h"
#include "worker/prefix.h"

#include <stdbool.h>
#include <stdint.h>

enum { KEPT_PREFIXES = 4 };

/* What tells a worker's prefixes apart. All zero: none. */
struct kept_prefixes {
    struct {
        struct prefix *prefix; /* NULL: none */
        int task, first_layer, microshard_tokens;
        enum pooling pooling;
        enum precision precision;
        uint64_t used; /* the largest: last */
    } slots[KEPT_PREFIXES];
    uint64_t uses;
};

/* Where the prefix of such a trial is, for prefix_open(): its own place, else that of
 * the one used longest ago, which prefix_open() closes. */
struct prefix **kept_prefixes_slot(struct kept_prefixes *kept, int task,
                                   const struct settings *settings);

/* Closes all. True where there was one. */
bool kept_prefixes_close(struct kept_prefixes *kept);

#endif
