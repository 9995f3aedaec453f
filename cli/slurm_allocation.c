#include "cli/slurm_allocation.h"

#include "cli/mpirun_command.h"
#include "cli/timed_child.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double squeue_s = 20; /* a busy slurmctld takes long to answer */
/* Of a process before it has any data: code, MPI, HDF5 (measured). */
static const int64_t program_bytes = 24 << 20;

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

int slurm_allocation_sum(const char *list, int divisor)
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

void slurm_allocation_read(struct slurm_allocation *out)
{
    const char *cores = getenv("SLURM_JOB_CPUS_PER_NODE");
    const char *tasks = getenv("SLURM_TASKS_PER_NODE");
    *out = (struct slurm_allocation){0};
    if (!getenv("SLURM_JOB_ID") || slurm_allocation_sum(cores, 1) == 0)
        return;
    *out = (struct slurm_allocation){
        .inside = true,
        .nodes = (int)number_of("SLURM_JOB_NUM_NODES"),
        .cores = slurm_allocation_sum(cores, 1),
        .tasks = slurm_allocation_sum(tasks, 1),
        .threads = (int)number_of("SLURM_CPUS_PER_TASK"),
        .tasks_given = getenv("SLURM_NTASKS") || getenv("SLURM_CPUS_PER_TASK"),
        .memory = memory_of_node(cores),
    };
}

int slurm_allocation_workers(const struct slurm_allocation *allocation, int threads)
{
    int room = slurm_allocation_sum(getenv("SLURM_JOB_CPUS_PER_NODE"), threads);
    if (allocation->tasks_given && allocation->tasks > 0)
        return allocation->tasks;
    return room > 0 ? room : 1;
}

static const char *plural(int64_t number) { return number == 1 ? "" : "s"; }

int slurm_allocation_check_cores(const struct slurm_allocation *allocation, int workers,
                                 int threads, struct slurm_allocation_warning *warning,
                                 struct error *err)
{
    int cores = allocation->cores, tasks = allocation->tasks;
    warning->text[0] = '\0';
    if (!allocation->inside)
        return 0;
    if (workers > tasks && workers > cores)
        return error_set(err, ERR_INPUT,
                         "%d workers are more than the allocation has: %d task%s on "
                         "%d core%s; ask for more (sbatch --ntasks) or for fewer "
                         "(--workers)",
                         workers, tasks, plural(tasks), cores, plural(cores));
    if ((int64_t)workers * threads > cores)
        snprintf(warning->text, sizeof warning->text,
                 "%d worker%s of %d thread%s share %d core%s and will be slow: ask for "
                 "more (sbatch --cpus-per-task=%d) or for less (--threads, --workers)",
                 workers, plural(workers), threads, plural(threads), cores,
                 plural(cores), threads);
    return 0;
}

void slurm_allocation_check_memory(const struct slurm_allocation *allocation,
                                   int workers, int64_t encoder_bytes,
                                   struct slurm_allocation_warning *warning)
{
    int nodes = allocation->nodes > 0 ? allocation->nodes : 1;
    int here = (workers + nodes - 1) / nodes; /* and the coordinator */
    int64_t needed = encoder_bytes + (here + 1) * program_bytes;
    warning->text[0] = '\0';
    if (!allocation->inside || allocation->memory == 0 || allocation->memory >= needed)
        return;
    snprintf(warning->text, sizeof warning->text,
             "a node of the allocation has %lld MB of memory, but the encoder and %d "
             "worker%s need more than %lld MB: ask for more (sbatch --mem)",
             (long long)allocation->memory >> 20, here, plural(here),
             (long long)needed >> 20);
}

int64_t slurm_allocation_time(const char *text)
{
    struct tm tm = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || (*end && *end != '\n' && *end != ' '))
        return 0;
    time_t seconds = mktime(&tm);
    return seconds > 0 ? (int64_t)seconds : 0;
}

static int64_t end_of_job(void)
{
    const char *job = getenv("SLURM_JOB_ID");
    char squeue[4096];
    int64_t end = number_of("SLURM_JOB_END_TIME"), answer = 0;
    if (end > 0 || !job || !program_find(squeue, sizeof squeue, "squeue"))
        return end;
    char *args[] = {squeue, "-h", "-j", (char *)job, "-o", "%e", NULL};
    struct timed_output *out = malloc(sizeof *out);
    if (out && timed_program(args, squeue_s, out) == TIMED_DONE && out->code == 0)
        answer = slurm_allocation_time(out->text);
    free(out);
    return answer;
}

void slurm_allocation_export_end(void)
{
    char text[32];
    int64_t end = getenv("SHIFTWORK_END_S") ? 0 : end_of_job();
    if (end == 0)
        return;
    snprintf(text, sizeof text, "%lld", (long long)end);
    setenv("SHIFTWORK_END_S", text, 1);
}
