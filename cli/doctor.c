/* `shiftwork doctor`: what runs have left on this machine. */
#include "cli/commands.h"
#include "storage/node_place.h"

#include <stdio.h>

enum { OPTION_CLEAN };

static const struct option_spec options_table[] = {
    [OPTION_CLEAN] = {"clean", NULL, "removes those that no process uses"},
    {NULL, NULL, NULL},
};

static void help(void)
{
    printf("Workers share files in $TMPDIR, /tmp or /dev/shm: weights, panels of them, "
           "and the frozen\nprefix of trials. The last worker removes them; those of "
           "workers that were killed stay\nuntil the next run that needs them, or "
           "--clean. All three folders are looked through.\nRun it on the node, as the "
           "user of the runs.\n");
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

static int run(int count, char **args, struct error *err)
{
    struct count found = {0};
    const char *plain = NULL;
    bool clean = false;
    const struct option_place places[] = {[OPTION_CLEAN] = {.given = &clean}};
    int rc =
        arguments_read(&command_doctor, count, args, places, &plain, "argument", err);

    if (!rc && plain)
        rc = command_misused(err, "'%s': no argument is wanted", plain);
    if (rc)
        return rc;
    if ((rc = node_place_list(clean, say, &found, err)))
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

const struct command command_doctor = {
    .name = "doctor",
    .synopsis = "[--clean]",
    .summary = "Shows what workers share or have left on this machine",
    .options = options_table,
    .help = help,
    .run = run,
};
