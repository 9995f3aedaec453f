#include "coordinator/scheduler/heap.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_ROOM = 8 };

void heap_clear(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){.worst_first = heap->worst_first};
}

bool heap_better(struct heap_entry a, struct heap_entry b)
{
    return a.score > b.score || (a.score == b.score && a.number < b.number);
}

static bool before(const struct heap *heap, struct heap_entry a, struct heap_entry b)
{
    return heap->worst_first ? heap_better(b, a) : heap_better(a, b);
}

int heap_push(struct heap *heap, struct heap_entry entry)
{
    if (heap->count == heap->room) {
        size_t room = heap->room ? 2 * heap->room : FIRST_ROOM;
        struct heap_entry *grown = realloc(heap->entries, room * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        heap->entries = grown;
        heap->room = room;
    }
    size_t at = heap->count++;
    for (size_t up; at > 0; at = up) {
        up = (at - 1) / 2;
        if (!before(heap, entry, heap->entries[up]))
            break;
        heap->entries[at] = heap->entries[up];
    }
    heap->entries[at] = entry;
    return 0;
}

struct heap_entry heap_pop(struct heap *heap)
{
    assert(heap->count > 0);
    struct heap_entry first = heap->entries[0], last = heap->entries[--heap->count];
    size_t at = 0;
    for (size_t down; (down = 2 * at + 1) < heap->count; at = down) {
        if (down + 1 < heap->count &&
            before(heap, heap->entries[down + 1], heap->entries[down]))
            down++;
        if (!before(heap, heap->entries[down], last))
            break;
        heap->entries[at] = heap->entries[down];
    }
    heap->entries[at] = last;
    return first;
}
