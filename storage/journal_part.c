#include "storage/journal_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 20 };

void journal_part_path(const char *dir, uint32_t number, char path[JOURNAL_PATH])
{
    snprintf(path, JOURNAL_PATH, "%s/journal.%04" PRIu32, dir, number);
}

void journal_head_put(struct bytes *out, uint32_t after, uint64_t length)
{
    struct process self;
    const char *job = getenv("SLURM_JOB_ID");

    process_self(&self);
    bytes_put_u32(out, after);
    bytes_put_u64(out, length);
    bytes_put_text(out, self.host);
    bytes_put_text(out, self.boot_id);
    bytes_put_i64(out, self.pid);
    bytes_put_u64(out, self.started);
    bytes_put_text(out, job && strlen(job) < 64 ? job : "");
    bytes_put_text(out, SHIFTWORK_VERSION);
}

bool journal_head_get(struct journal_head *start, const struct frame *frame)
{
    struct bytes_reader in;

    memset(start, 0, sizeof *start);
    bytes_reader_init(&in, frame->payload, frame->size);
    start->after = bytes_get_u32(&in);
    start->length = bytes_get_u64(&in);
    snprintf(start->process.host, PROCESS_NAME, "%s",
             bytes_get_text(&in, PROCESS_NAME - 1));
    snprintf(start->process.boot_id, PROCESS_NAME, "%s",
             bytes_get_text(&in, PROCESS_NAME - 1));
    start->process.pid = bytes_get_i64(&in);
    start->process.started = bytes_get_u64(&in);
    snprintf(start->slurm_job, sizeof start->slurm_job, "%s",
             bytes_get_text(&in, sizeof start->slurm_job - 1));
    snprintf(start->version, sizeof start->version, "%s",
             bytes_get_text(&in, sizeof start->version - 1));
    return frame->type == JOURNAL_START && bytes_done(&in);
}

void journal_part_close(struct journal_part *part)
{
    if (part->fd >= 0)
        close(part->fd);
    part->fd = -1;
}

int journal_part_open(struct journal_part *part, const char *dir, uint32_t number,
                      struct error *err)
{
    struct stat st;

    *part = (struct journal_part){.number = number};
    journal_part_path(dir, number, part->path);
    part->fd = open(part->path, O_RDONLY | O_CLOEXEC);
    if (part->fd < 0 && errno == ENOENT)
        return 1;
    if (part->fd < 0 || fstat(part->fd, &st)) {
        int rc = error_set(err, ERR_IO, "%s: %s", part->path, strerror(errno));
        journal_part_close(part);
        return rc;
    }
    part->size = (uint64_t)st.st_size;
    return 0;
}

int journal_highest(const char *dir, uint32_t *out, struct error *err)
{
    DIR *folder = opendir(dir);
    struct dirent *entry;

    *out = 0;
    if (!folder)
        return error_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
    while ((entry = readdir(folder))) {
        char *end;
        if (strncmp(entry->d_name, "journal.", 8) != 0)
            continue;
        unsigned long number = strtoul(entry->d_name + 8, &end, 10);
        if (end - entry->d_name >= 12 && !*end && number < MOST_FILES && number > *out)
            *out = (uint32_t)number;
    }
    closedir(folder);
    return 0;
}
