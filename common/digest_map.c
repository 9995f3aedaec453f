#include "common/digest_map.h"

#include "common/error.h"

#include <stdlib.h>
#include <string.h>

void digest_map_clear(struct digest_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct digest_map){0};
}

/* The slot that holds key, or the free one where it belongs; there is a free one. */
static size_t slot_of(const struct digest_map *map, struct digest key)
{
    size_t at = key.low & (map->slots - 1);

    while (map->values[at] && !digest_equal(map->keys[at], key))
        at = (at + 1) & (map->slots - 1);
    return at;
}

int64_t digest_map_find(const struct digest_map *map, struct digest key)
{
    return map->slots ? map->values[slot_of(map, key)] : 0;
}

/* Twice the slots: at most half of them are taken. */
static int grow(struct digest_map *map)
{
    struct digest_map grown = {.slots = map->slots ? 2 * map->slots : 16,
                               .count = map->count};

    grown.keys = malloc(grown.slots * sizeof *grown.keys);
    grown.values = calloc(grown.slots, sizeof *grown.values);
    if (!grown.keys || !grown.values) {
        digest_map_clear(&grown);
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < map->slots; i++) {
        if (!map->values[i])
            continue;
        size_t at = slot_of(&grown, map->keys[i]);
        grown.keys[at] = map->keys[i];
        grown.values[at] = map->values[i];
    }
    struct digest_map old = *map;
    *map = grown;
    digest_map_clear(&old);
    return 0;
}

int digest_map_put(struct digest_map *map, struct digest key, int64_t value)
{
    if (2 * (map->count + 1) > map->slots && grow(map))
        return ERR_MEMORY;
    size_t at = slot_of(map, key);
    map->count += !map->values[at];
    map->keys[at] = key;
    map->values[at] = value;
    return 0;
}
