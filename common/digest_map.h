/* From digests to numbers: an open hash table that grows. */
#ifndef COMMON_DIGEST_MAP_H
#define COMMON_DIGEST_MAP_H

#include "common/digest.h"

#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. */
struct digest_map {
    struct digest *keys;
    int64_t *values; /* 0: a free slot */
    size_t slots, count;
};

void digest_map_clear(struct digest_map *map);
/* 0 where it is not in the map. */
int64_t digest_map_find(const struct digest_map *map, struct digest key);
/* value is not 0; takes the place of the one before. ERR_MEMORY: nothing changed. */
int digest_map_put(struct digest_map *map, struct digest key, int64_t value);

#endif
