#include "cli/allocation.h"

#include "cli/mpirun_command.h"
#include "cli/timed_child.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double squeue_s = 20; /* a busy slurmctld takes long to answer */

/* Reads "4(x2)" or "2" and stands behind it; NULL: it is neither. */
static const char *list_part(const char *at, int *value, int *times)
{
    char *end;
    long number = strtol(at, &end, 10), count = 1;
    if (end == at || number < 1 || number > 1 << 20)
        return NULL;
    if (!strncmp(end, "(x", 2)) {
        count = strtol(end + 2, &end, 10);
        if (*end++ != ')' || count < 1 || count > 1 << 20)
            return NULL;
    }
    *value = (int)number;
    *times = (int)count;
    return *end == ',' ? end + 1 : *end ? NULL : end;
}

int allocation_sum(const char *list, int divisor)
{
    int64_t sum = 0;
    for (const char *at = list; at && *at;) {
        int value, times;
        if (!(at = list_part(at, &value, &times)))
            return 0;
        sum += (int64_t)(value / divisor) * times;
    }
    return sum > INT_MAX ? INT_MAX : (int)sum;
}

/* The least of a list; 0: it is none. */
static int list_least(const char *list)
{
    int least = 0;
    for (const char *at = list; at && *at;) {
        int value, times;
        if (!(at = list_part(at, &value, &times)))
            return 0;
        least = least == 0 || value < least ? value : least;
    }
    return least;
}

static int64_t number_of(const char *name)
{
    const char *text = getenv(name);
    long long number = text ? strtoll(text, NULL, 10) : 0;
    return number > 0 && number < 1LL << 40 ? number : 0;
}

static int64_t memory_of_node(const char *cores)
{
    int64_t node = number_of("SLURM_MEM_PER_NODE");
    int64_t core = number_of("SLURM_MEM_PER_CPU");
    return (node > 0 ? node : core * list_least(cores)) << 20;
}

void allocation_read(struct allocation *out)
{
    const char *cores = getenv("SLURM_JOB_CPUS_PER_NODE");
    const char *tasks = getenv("SLURM_TASKS_PER_NODE");
    *out = (struct allocation){0};
    if (!getenv("SLURM_JOB_ID") || allocation_sum(cores, 1) == 0)
        return;
    *out = (struct allocation){
        .inside = true,
        .nodes = (int)number_of("SLURM_JOB_NUM_NODES"),
        .cores = allocation_sum(cores, 1),
        .tasks = allocation_sum(tasks, 1),
        .threads = (int)number_of("SLURM_CPUS_PER_TASK"),
        .tasks_given = getenv("SLURM_NTASKS") || getenv("SLURM_CPUS_PER_TASK"),
        .memory = memory_of_node(cores),
    };
}

int allocation_workers(const struct allocation *allocation, int threads)
{
    int room = allocation_sum(getenv("SLURM_JOB_CPUS_PER_NODE"), threads);
    if (allocation->tasks_given && allocation->tasks > 0)
        return allocation->tasks;
    return room > 0 ? room : 1;
}

int allocation_check(const struct allocation *allocation, int workers, int threads,
                     char *text, int size, struct error *err)
{
    int cores = allocation->cores;
    int64_t wanted = (int64_t)workers * threads;
    *text = '\0';
    if (!allocation->inside)
        return 0;
    if (workers > allocation->tasks && workers > cores)
        return error_set(err, ERR_INPUT,
                         "%d workers are more than the allocation has: %d task%s on "
                         "%d core%s; ask for more (sbatch --ntasks) or give --workers",
                         workers, allocation->tasks, allocation->tasks == 1 ? "" : "s",
                         cores, cores == 1 ? "" : "s");
    if (wanted > cores)
        snprintf(text, (size_t)size,
                 "%d worker%s of %d threads share %d core%s, which makes them slow: "
                 "ask for %d threads a task (sbatch --cpus-per-task=%d) or give "
                 "--threads %d",
                 workers, workers == 1 ? "" : "s", threads, cores,
                 cores == 1 ? "" : "s", threads, threads,
                 cores / workers > 0 ? cores / workers : 1);
    return 0;
}

int64_t allocation_time(const char *text)
{
    struct tm tm = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end && *end != '\n' && *end != ' '))
        return 0;
    time_t seconds = mktime(&tm);
    return seconds > 0 ? (int64_t)seconds : 0;
}

int64_t allocation_end(void)
{
    const char *job = getenv("SLURM_JOB_ID");
    char squeue[4096];
    int64_t end = number_of("SLURM_JOB_END_TIME"), answer = 0;
    if (end > 0 || !job || !program_find(squeue, sizeof squeue, "squeue"))
        return end;
    char *args[] = {squeue, "-h", "-j", (char *)job, "-o", "%e", NULL};
    struct timed_output *out = malloc(sizeof *out);
    if (out && timed_program(args, squeue_s, out) == TIMED_DONE && out->code == 0)
        answer = allocation_time(out->text);
    free(out);
    return answer;
}
