/* Linux: /proc tells when a process started, so a number that was given to another
 * process since is not taken for the old one. */
#include "common/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat, counted behind the name, which may hold anything. 0 also
 * for a zombie: it has ended, though its parent may never ask for it. */
static uint64_t started_of(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *at = strrchr(text, ')');
    if (at && at[1] == ' ' && (at[2] == 'Z' || at[2] == 'X'))
        return 0;
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

static void read_boot_id(char out[PROCESS_NAME])
{
    strcpy(out, "-");
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file)
        return;
    if (!fgets(out, PROCESS_NAME, file))
        strcpy(out, "-");
    out[strcspn(out, "\n")] = '\0';
    fclose(file);
}

void process_self(struct process *out)
{
    memset(out, 0, sizeof *out);
    if (gethostname(out->host, sizeof out->host - 1))
        strcpy(out->host, "unknown");
    read_boot_id(out->boot_id);
    out->pid = getpid();
    out->started = started_of(out->pid);
}

bool process_is_here(const struct process *process)
{
    struct process self;
    process_self(&self);
    return !strcmp(process->host, self.host) && !strcmp(process->boot_id, self.boot_id);
}

bool process_exists(int64_t pid) { return kill((pid_t)pid, 0) == 0 || errno == EPERM; }

bool process_alive(const struct process *process)
{
    struct process self;
    process_self(&self);
    if (strcmp(process->host, self.host) != 0)
        return true;
    if (strcmp(process->boot_id, self.boot_id) != 0)
        return false; /* of before a restart of this host */
    return started_of(process->pid) == process->started && process_exists(process->pid);
}
