/* Every axis is sorted once; a node is the same range of all orders, which splitting
 * partitions in place and stably, so a level of the tree costs rows · axes. */
#include "report/statistics/regression_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tree_room {
    int axes, rows;
    int32_t *order; /* (axes, rows) rows by value on each axis */
    int32_t *moved; /* (rows) */
    char *left;     /* (rows) whether the row goes left */
    int *stack;     /* (rows, 3) node, from, to */
};

struct split {
    int axis;
    double threshold, gain;
    uint64_t levels;
};

/* Rows from…to-1 of every order. */
struct range {
    int from, to;
    double sum; /* of their scores */
};

struct tree_room *tree_room_new(int axes, int rows)
{
    struct tree_room *room = calloc(1, sizeof *room);

    if (!room)
        return NULL;
    room->axes = axes;
    room->rows = rows;
    room->order = malloc((size_t)axes * (size_t)rows * sizeof *room->order);
    room->moved = malloc((size_t)rows * sizeof *room->moved);
    room->left = malloc((size_t)rows);
    room->stack = malloc(3 * ((size_t)rows + 1) * sizeof *room->stack);
    if (!room->order || !room->moved || !room->left || !room->stack) {
        tree_room_free(room);
        return NULL;
    }
    return room;
}

void tree_room_free(struct tree_room *room)
{
    if (!room)
        return;
    free(room->order);
    free(room->moved);
    free(room->left);
    free(room->stack);
    free(room);
}

static int by_value(const void *a, const void *b, void *context)
{
    const double *x = context;
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;

    if (x[i] != x[j])
        return x[i] < x[j] ? -1 : 1;
    return (i > j) - (i < j);
}

/* What splitting off `count` rows with this sum lowers the squared error by, up to a
 * constant of the node. */
static double gain_of(double sum, int count, const struct range *range)
{
    double other = range->sum - sum;
    int others = range->to - range->from - count;

    return sum * sum / count + other * other / others;
}

static void split_numeric(struct split *best, int axis, const int32_t *order,
                          const double *x, const double *scores,
                          const struct range *range)
{
    double sum = 0;

    for (int i = range->from; i + 1 < range->to; i++) {
        double here = x[order[i]], next = x[order[i + 1]], gain, middle;

        sum += scores[order[i]];
        if (here == next)
            continue;
        gain = gain_of(sum, i + 1 - range->from, range);
        if (gain > best->gain) {
            middle = here + (next - here) / 2;
            *best = (struct split){
                .axis = axis, .gain = gain, .threshold = middle < next ? middle : here};
        }
    }
}

/* Sorted by mean score, the best two sets of levels are neighbours (Breiman et al.,
 * Classification and Regression Trees, 1984, theorem 4.5). */
static void split_categorical(struct split *best, int axis, int levels,
                              const int32_t *order, const double *x,
                              const double *scores, const struct range *range)
{
    double sums[IMPORTANCE_LEVELS_MAX] = {0}, sum = 0;
    int counts[IMPORTANCE_LEVELS_MAX] = {0}, by_mean[IMPORTANCE_LEVELS_MAX];
    int seen = 0, count = 0;
    uint64_t set = 0;

    for (int i = range->from; i < range->to; i++) {
        sums[(int)x[order[i]]] += scores[order[i]];
        counts[(int)x[order[i]]]++;
    }
    for (int l = 0; l < levels; l++) {
        int place = seen;

        if (counts[l] == 0)
            continue;
        for (; place > 0; place--) {
            int before = by_mean[place - 1];

            if (sums[before] * counts[l] <= sums[l] * counts[before])
                break;
            by_mean[place] = before;
        }
        by_mean[place] = l;
        seen++;
    }
    for (int i = 0; i + 1 < seen; i++) {
        double gain;

        sum += sums[by_mean[i]];
        count += counts[by_mean[i]];
        set |= (uint64_t)1 << by_mean[i];
        gain = gain_of(sum, count, range);
        if (gain > best->gain)
            *best = (struct split){.axis = axis, .gain = gain, .levels = set};
    }
}

/* axis -1 where nothing can be gained. */
static struct split best_split(const struct importance_axis *axes, int axis_count,
                               const struct tree_sample *sample,
                               const struct tree_room *room, const struct range *range)
{
    int count = range->to - range->from;
    struct split best = {.axis = -1};

    best.gain = range->sum * range->sum / count * (1 + 1e-12) + 1e-300;
    for (int j = 0; j < axis_count; j++) {
        const int32_t *order = room->order + (size_t)j * (size_t)room->rows;
        const double *x = sample->points + (size_t)j * (size_t)sample->rows;

        if (axes[j].levels)
            split_categorical(&best, j, axes[j].levels, order, x, sample->scores,
                              range);
        else
            split_numeric(&best, j, order, x, sample->scores, range);
    }
    return best;
}

/* Marks and counts the rows that go left, and moves them to the front of the range in
 * all orders. */
static int partition(const struct split *split, const struct importance_axis *axes,
                     int axis_count, const struct tree_sample *sample,
                     struct tree_room *room, const struct range *range)
{
    const double *x = sample->points + (size_t)split->axis * (size_t)sample->rows;
    int left = 0;

    for (int i = range->from; i < range->to; i++) {
        int32_t row = room->order[i];

        room->left[row] = axes[split->axis].levels
                              ? (char)(split->levels >> (int)x[row] & 1)
                              : x[row] <= split->threshold;
        left += room->left[row];
    }
    for (int j = 0; j < axis_count; j++) {
        int32_t *order = room->order + (size_t)j * (size_t)room->rows;
        int kept = range->from, moved = 0;

        for (int i = range->from; i < range->to; i++) {
            if (room->left[order[i]])
                order[kept++] = order[i];
            else
                room->moved[moved++] = order[i];
        }
        memcpy(order + kept, room->moved, (size_t)moved * sizeof *order);
    }
    return left;
}

static double sum_of(const struct tree_sample *sample, const struct tree_room *room,
                     int from, int to)
{
    double sum = 0;

    for (int i = from; i < to; i++)
        sum += sample->scores[room->order[i]];
    return sum;
}

static void push(struct tree *tree, int **top, int from, int to)
{
    *(*top)++ = tree->count++;
    *(*top)++ = from;
    *(*top)++ = to;
}

void tree_grow(struct tree *tree, const struct importance_axis *axes, int axis_count,
               const struct tree_sample *sample, struct tree_room *room)
{
    int *top = room->stack;

    for (int j = 0; j < axis_count; j++) {
        int32_t *order = room->order + (size_t)j * (size_t)room->rows;

        for (int i = 0; i < sample->rows; i++)
            order[i] = i;
        qsort_r(order, (size_t)sample->rows, sizeof *order, by_value,
                sample->points + (size_t)j * (size_t)sample->rows);
    }
    tree->count = 0;
    push(tree, &top, 0, sample->rows);
    while (top > room->stack) {
        struct range range = {.from = top[-2], .to = top[-1]};
        struct tree_node *node = &tree->nodes[top[-3]];
        struct split split;
        int middle;

        top -= 3;
        range.sum = sum_of(sample, room, range.from, range.to);
        split = best_split(axes, axis_count, sample, room, &range);
        *node = (struct tree_node){.axis = split.axis,
                                   .threshold = split.threshold,
                                   .levels = split.levels,
                                   .value = range.sum / (range.to - range.from)};
        if (split.axis < 0)
            continue;
        middle = range.from + partition(&split, axes, axis_count, sample, room, &range);
        node->left = tree->count;
        push(tree, &top, range.from, middle);
        node->right = tree->count;
        push(tree, &top, middle, range.to);
    }
}
