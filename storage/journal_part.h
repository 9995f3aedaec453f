/* Private to the sources of the journal: one of its files, and what START says. */
#ifndef STORAGE_JOURNAL_PART_H
#define STORAGE_JOURNAL_PART_H

#include "storage/journal.h"

enum { JOURNAL_PATH = 4096 };

void journal_part_path(const char *dir, uint32_t number, char path[JOURNAL_PATH]);

/* What a START frame says. */
struct journal_head {
    uint32_t after;  /* file before this one; 0: none */
    uint64_t length; /* of that file: bytes that count */
    struct process process;
    char slurm_job[64];
    char version[64];
};
/* Process, Slurm job and version are this program's. */
void journal_head_put(struct bytes *out, uint32_t after, uint64_t length);
bool journal_head_get(struct journal_head *start, const struct frame *frame);

struct journal_part {
    uint32_t number;
    char path[JOURNAL_PATH];
    int fd;        /* for reading, or -1 */
    uint64_t size; /* of the file */
    struct journal_head start;
};
/* 1: there is no such file. */
int journal_part_open(struct journal_part *part, const char *dir, uint32_t number,
                      struct error *err);
void journal_part_close(struct journal_part *part);

/* The highest number of a journal file in dir; 0: none. */
int journal_highest(const char *dir, uint32_t *out, struct error *err);

#endif
