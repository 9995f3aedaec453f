#include "cli/slurm_partition.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Partition with a * behind the default one, nodes, cores and megabytes of each. */
const char *const slurm_partition_format = "%P %D %c %m";

struct node_group {
    char partition[256];
    int nodes, cores;
    long long memory; /* megabytes */
    bool is_default;
};

/* The group of one line; false: it is none. */
static bool read_group(struct node_group *out, const char *line)
{
    int got = sscanf(line, "%255s %d %d%*[+] %lld", out->partition, &out->nodes,
                     &out->cores, &out->memory);
    if (got < 4)
        got = sscanf(line, "%255s %d %d %lld", out->partition, &out->nodes, &out->cores,
                     &out->memory);
    size_t length = got == 4 ? strlen(out->partition) : 0;
    out->is_default = length > 0 && out->partition[length - 1] == '*';
    if (out->is_default)
        out->partition[length - 1] = '\0';
    return got == 4;
}

static int64_t megabytes(const char *text)
{
    char *end;
    int64_t number = strtoll(text, &end, 10);
    switch (*end) {
    case 'K':
        return (number + 1023) >> 10;
    case 'G':
        return number << 10;
    case 'T':
        return number << 20;
    default:
        return number;
    }
}

/* What there is of the partition that is wanted. */
struct supply {
    char name[256];
    int nodes;   /* all */
    int fitting; /* with cores and memory enough */
    int cores;   /* of the largest node */
    long long memory;
    char others[512]; /* names of all partitions */
};

static void add_name(struct supply *supply, const char *name)
{
    size_t at = strlen(supply->others), length = strlen(name);
    const char *found = strstr(supply->others, name);
    if (found && (found[length] == ',' || !found[length]) &&
        (found == supply->others || found[-1] == ' '))
        return;
    snprintf(supply->others + at, sizeof supply->others - at, "%s%s", at ? ", " : "",
             name);
}

static void look(struct supply *out, const struct job_slurm *slurm, int64_t cores,
                 const char *lines)
{
    *out = (struct supply){0};
    for (const char *line = lines; *line; line += *line == '\n') {
        struct node_group group;
        bool read = read_group(&group, line);
        line += strcspn(line, "\n");
        if (!read)
            continue;
        add_name(out, group.partition);
        if (slurm->partition[0] ? strcmp(group.partition, slurm->partition) != 0
                                : !group.is_default)
            continue;
        memcpy(out->name, group.partition, sizeof out->name);
        out->nodes += group.nodes;
        if (group.cores >= cores && group.memory >= megabytes(slurm->memory))
            out->fitting += group.nodes;
        out->cores = group.cores > out->cores ? group.cores : out->cores;
        out->memory = group.memory > out->memory ? group.memory : out->memory;
    }
}

static int refuse_size(const struct job_slurm *slurm, int64_t cores,
                       const struct supply *supply, struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "slurm: %d node%s of %lld core%s%s%s asked for, but partition %s "
                     "has %d node%s of up to %d core%s and %lldM",
                     slurm->nodes, slurm->nodes == 1 ? "" : "s", (long long)cores,
                     cores == 1 ? "" : "s", slurm->memory[0] ? " and " : "",
                     slurm->memory, supply->name, supply->nodes,
                     supply->nodes == 1 ? "" : "s", supply->cores,
                     supply->cores == 1 ? "" : "s", supply->memory);
}

int slurm_partition_check(const struct job_slurm *slurm, int threads, const char *lines,
                          struct error *err)
{
    struct supply supply;
    int64_t cores =
        (int64_t)(slurm->ranks_per_node ? slurm->ranks_per_node : 1) * threads;
    look(&supply, slurm, cores, lines);
    if (!supply.nodes && slurm->partition[0])
        return error_set(
            err, ERR_INPUT,
            "slurm.partition: there is no partition \"%s\" (there are: %s)",
            slurm->partition, supply.others);
    if (!supply.nodes)
        return error_set(
            err, ERR_INPUT,
            "slurm.partition: is missing, and the cluster has no default (there "
            "are: %s)",
            supply.others);
    if (supply.fitting >= slurm->nodes)
        return 0;
    return refuse_size(slurm, cores, &supply, err);
}
