#include "tests/support/places.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was handed out stays reachable, so that leak checkers are content. */
static struct kept {
    struct kept *next;
    char path[];
} * kept;

static const char *join(const char *folder, const char *relative)
{
    size_t size = strlen(folder) + strlen(relative) + 2;
    struct kept *k = malloc(sizeof *k + size);

    if (!k)
        abort();
    snprintf(k->path, size, "%s/%s", folder, relative);
    k->next = kept;
    kept = k;
    return k->path;
}

static const char *if_readable(const char *path)
{
    return path && access(path, R_OK) == 0 ? path : NULL;
}

const char *place_source(const char *relative) { return join(SOURCE_DIR, relative); }

const char *place_encoder(void)
{
    const char *given = getenv("SHIFTWORK_ENCODER");

    return if_readable(given ? given : join(SOURCE_DIR, "encoders/all-MiniLM-L6-v2"));
}

const char *place_data(const char *relative)
{
    const char *given = getenv("SHIFTWORK_DATA");

    return if_readable(join(given ? given : SOURCE_DIR "/../shared/data", relative));
}

static char temporary[64];

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void remove_temporary(void)
{
    nftw(temporary, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *place_temporary(void)
{
    if (!temporary[0]) {
        snprintf(temporary, sizeof temporary, "/tmp/shiftwork-test-XXXXXX");
        if (!mkdtemp(temporary))
            abort();
        atexit(remove_temporary);
    }
    return temporary;
}
