/* Shared by the files of a search; nobody else needs it. */
#ifndef COORDINATOR_SEARCH_PARTS_H
#define COORDINATOR_SEARCH_PARTS_H

#include "common/digest_map.h"
#include "coordinator/search.h"
#include "coordinator/search/grid.h"
#include "coordinator/search/space.h"
#include "coordinator/search/tpe.h"

struct search {
    const struct job_spec *spec;
    struct space space;
    int layers;
    struct digest_map seen; /* what was proposed: 1 + its number */
    int64_t proposed, merged;
    int *epochs; /* (proposed) */
    size_t epochs_room;
    int64_t position; /* the next draw of the sequence, or line of the list */
    struct grid grid;
    struct tpe *tpe; /* NULL: another search */
};

#endif
