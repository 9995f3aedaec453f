#include "coordinator/scheduler/ranking.h"

#include "coordinator/scheduler/heap.h"

/* splitmix64's mixing: the tree's shape depends on the numbers only. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool is_better(const struct ranking_node *nodes, int64_t a, int64_t b)
{
    return heap_better((struct heap_entry){nodes[a].score, a},
                       (struct heap_entry){nodes[b].score, b});
}

static int64_t count_of(const struct ranking_node *nodes, int64_t i)
{
    return i ? nodes[i].count : 0;
}

static void recount(struct ranking_node *nodes, int64_t i)
{
    nodes[i].count =
        1 + count_of(nodes, nodes[i].left) + count_of(nodes, nodes[i].right);
}

/* Into those better than number and the others. */
static void split(struct ranking_node *nodes, int64_t tree, int64_t number,
                  int64_t *better, int64_t *others)
{
    if (!tree) {
        *better = *others = 0;
    } else if (is_better(nodes, tree, number)) {
        *better = tree;
        split(nodes, nodes[tree].right, number, &nodes[tree].right, others);
        recount(nodes, tree);
    } else {
        *others = tree;
        split(nodes, nodes[tree].left, number, better, &nodes[tree].left);
        recount(nodes, tree);
    }
}

/* All of a are better than all of b. */
static int64_t join(struct ranking_node *nodes, int64_t a, int64_t b)
{
    if (!a || !b)
        return a ? a : b;
    if (nodes[a].priority > nodes[b].priority) {
        nodes[a].right = join(nodes, nodes[a].right, b);
        recount(nodes, a);
        return a;
    }
    nodes[b].left = join(nodes, a, nodes[b].left);
    recount(nodes, b);
    return b;
}

bool ranking_has(const struct ranking_node *nodes, int64_t number)
{
    return nodes[number].count > 0;
}

int64_t ranking_count(const struct ranking *ranking, const struct ranking_node *nodes)
{
    return count_of(nodes, ranking->root);
}

void ranking_insert(struct ranking *ranking, struct ranking_node *nodes, int64_t number,
                    double score)
{
    int64_t *at = &ranking->root;

    nodes[number] =
        (struct ranking_node){.score = score, .priority = mix((uint64_t)number)};
    while (*at && nodes[*at].priority >= nodes[number].priority) {
        nodes[*at].count++;
        at = is_better(nodes, number, *at) ? &nodes[*at].left : &nodes[*at].right;
    }
    int64_t below = *at;
    *at = number;
    split(nodes, below, number, &nodes[number].left, &nodes[number].right);
    recount(nodes, number);
}

void ranking_remove(struct ranking *ranking, struct ranking_node *nodes, int64_t number)
{
    int64_t *at = &ranking->root;

    while (*at != number) {
        nodes[*at].count--;
        at = is_better(nodes, number, *at) ? &nodes[*at].left : &nodes[*at].right;
    }
    *at = join(nodes, nodes[number].left, nodes[number].right);
    nodes[number].count = 0;
}

int64_t ranking_place(const struct ranking *ranking, const struct ranking_node *nodes,
                      int64_t number)
{
    int64_t place = 0, at = ranking->root;

    while (at != number) {
        if (is_better(nodes, number, at)) {
            at = nodes[at].left;
        } else {
            place += 1 + count_of(nodes, nodes[at].left);
            at = nodes[at].right;
        }
    }
    return place + count_of(nodes, nodes[at].left);
}

int64_t ranking_at(const struct ranking *ranking, const struct ranking_node *nodes,
                   int64_t place)
{
    int64_t at = ranking->root;

    for (;;) {
        int64_t better = count_of(nodes, nodes[at].left);
        if (place == better)
            return at;
        if (place < better) {
            at = nodes[at].left;
        } else {
            place -= better + 1;
            at = nodes[at].right;
        }
    }
}
