/* What the file system of a run directory can do. */
#ifndef CLI_DIR_PROBE_H
#define CLI_DIR_PROBE_H

#include "cli/diagnosis.h"

#include <stdbool.h>
#include <stdint.h>

struct dir_facts {
    char dir[4096];  /* the folder, or the nearest above that exists */
    char type[32];   /* "ext4" */
    bool network;    /* of a kind that other nodes see too */
    bool volatile_;  /* in memory */
    uint64_t room;   /* bytes free for this user */
    char failed[64]; /* what could not be done: "create a file"; "" */
    char why[128];
    bool locks;    /* fcntl's */
    double sync_s; /* what a synced append of 4 kB takes, of several the median */
};

void dir_facts_judge(struct diagnosis *diagnosis, const struct dir_facts *facts);
/* Looks, within some seconds, and judges. Leaves nothing in the folder. */
void dir_diagnose(struct diagnosis *diagnosis, const char *dir);

#endif
