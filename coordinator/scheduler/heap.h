/* A heap of numbers with scores, the best or the worst first. Of equal scores the lower
 * number is the better. Scores are not NaN. All zero is an empty one, best first. */
#ifndef COORDINATOR_SCHEDULER_HEAP_H
#define COORDINATOR_SCHEDULER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    double score;
    int64_t number;
};

struct heap {
    struct heap_entry *entries; /* the first is entries[0] */
    size_t count, room;
    bool worst_first;
};

void heap_clear(struct heap *heap);
bool heap_better(struct heap_entry a, struct heap_entry b);
int heap_push(struct heap *heap, struct heap_entry entry); /* 0 or ERR_MEMORY */
/* Of one that is not empty. */
struct heap_entry heap_pop(struct heap *heap);

#endif
