/* `shiftwork doctor`: whether a run would work here, and what runs have left. */
#include "cli/commands.h"
#include "cli/dir_probe.h"
#include "cli/node_probe.h"
#include "cli/run.h"
#include "cli/start_probe.h"
#include "storage/node_place.h"

#include <stdio.h>

enum { OPTION_CLEAN };

static const struct option_spec options_table[] = {
    [OPTION_CLEAN] = {"clean", NULL, "removes those that no process uses"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf(
        "Looks at this machine, or at the Slurm allocation that it is run in, and says "
        "in a line\neach what it finds and what to do: how ranks start (two really "
        "do), cores, BLAS,\ninstruction set, memory, room, the file system of RUN_DIR "
        "(default: this folder), time\nlimit, versions. ok: fine; note: a run works, "
        "but look at it; problem: it would not.\nExit code 1 where there is a "
        "problem. Under mpirun or srun --mpi=pmix each rank prints\nwhat it "
        "has.\n\nWorkers share files in $TMPDIR, /tmp or /dev/shm: weights, panels "
        "of them, and the frozen\nprefix of trials. The last worker removes them; "
        "those of workers that were killed stay\nuntil the next run that needs them, "
        "or --clean, which looks at nothing else. All three\nfolders are looked "
        "through. Run it on the node, as the user of the runs.\n");
}

struct count {
    int used, left, removed;
    uint64_t used_bytes, left_bytes, removed_bytes;
};

static double megabytes(uint64_t bytes) { return (double)bytes / 1e6; }

static void say(void *context, const struct node_entry *entry)
{
    struct count *count = context;
    const char *state = entry->used ? "used" : entry->removed ? "removed" : "left";

    printf("%-7s  %8.1f MB  %s\n", state, megabytes(entry->bytes), entry->path);
    *(entry->used      ? &count->used
      : entry->removed ? &count->removed
                       : &count->left) += 1;
    *(entry->used      ? &count->used_bytes
      : entry->removed ? &count->removed_bytes
                       : &count->left_bytes) += entry->bytes;
}

/* Shared files, a line each, and their sum. */
static int list_shared(bool clean, struct error *err)
{
    struct count found = {0};
    int rc = node_place_list(clean, say, &found, err);
    if (rc)
        return rc;
    printf("%d file%s in use, %.1f MB; ", found.used, found.used == 1 ? "" : "s",
           megabytes(found.used_bytes));
    if (clean)
        printf("%d removed, %.1f MB\n", found.removed, megabytes(found.removed_bytes));
    else
        printf("%d left, %.1f MB%s\n", found.left, megabytes(found.left_bytes),
               found.left ? " (--clean removes them)" : "");
    return EXIT_DONE;
}

static int examine(const char *dir, struct error *err)
{
    struct diagnosis diagnosis = {.out = stdout};
    node_diagnose(&diagnosis);
    slurm_diagnose(&diagnosis);
    dir_diagnose(&diagnosis, dir);
    start_diagnose(&diagnosis);
    int rc = list_shared(false, err);
    printf("%d problem%s, %d note%s\n", diagnosis.counts[MARK_PROBLEM],
           diagnosis.counts[MARK_PROBLEM] == 1 ? "" : "s", diagnosis.counts[MARK_NOTE],
           diagnosis.counts[MARK_NOTE] == 1 ? "" : "s");
    return rc ? rc : diagnosis.counts[MARK_PROBLEM] > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int run(int count, char **args, struct error *err)
{
    const char *dir = NULL;
    bool clean = false;
    const struct option_place places[] = {[OPTION_CLEAN] = {.given = &clean}};
    int rc = arguments_read(&command_doctor, count, args, places, &dir, "run directory",
                            err);
    if (!rc && clean && dir)
        rc = command_misused(err, "'%s': with --clean no argument is wanted", dir);
    if (rc)
        return rc;
    if (clean)
        return list_shared(true, err);
    return run_is_rank() ? rank_probe(err) : examine(dir ? dir : ".", err);
}

const struct command command_doctor = {
    .name = "doctor",
    .synopsis = "[RUN_DIR | --clean]",
    .summary = "Says whether runs work on this machine or in this allocation",
    .options = options_table,
    .help = help,
    .run = run,
};
