/* Numbers with scores in their order, the best first (of equals the lower number): a
 * treap, so that placing one, its place and the one at a place take O(log n). */
#ifndef COORDINATOR_SCHEDULER_RANKING_H
#define COORDINATOR_SCHEDULER_RANKING_H

#include <stdbool.h>
#include <stdint.h>

struct ranking_node {
    double score;
    int64_t left, right; /* numbers; 0: none */
    int64_t count;       /* of the subtree; 0: not in a ranking */
    uint64_t priority;
};

/* Nodes belong to the caller, indexed by number from 1; several rankings share them. */
struct ranking {
    int64_t root;
};

bool ranking_has(const struct ranking_node *nodes, int64_t number);
int64_t ranking_count(const struct ranking *ranking, const struct ranking_node *nodes);
void ranking_insert(struct ranking *ranking, struct ranking_node *nodes, int64_t number,
                    double score);
/* One that is in it. */
void ranking_remove(struct ranking *ranking, struct ranking_node *nodes,
                    int64_t number);
/* From 0, of one that is in it. */
int64_t ranking_place(const struct ranking *ranking, const struct ranking_node *nodes,
                      int64_t number);
int64_t ranking_at(const struct ranking *ranking, const struct ranking_node *nodes,
                   int64_t place);

#endif
