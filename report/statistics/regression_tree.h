/* A regression tree over numeric and categorical axes, grown on a sample of rows. */
#ifndef REPORT_STATISTICS_REGRESSION_TREE_H
#define REPORT_STATISTICS_REGRESSION_TREE_H

#include "report/statistics/importance.h"

#include <stdbool.h>

struct tree_node {
    int axis; /* -1: a leaf */
    int left, right;
    double threshold; /* numeric: values <= threshold go left */
    uint64_t levels;  /* categorical: these go left */
    double value;     /* mean score of the node's rows */
};

struct tree {
    int count;
    struct tree_node *nodes; /* the root first; room for 2 rows - 1 */
};

/* Sample a tree is grown on. */
struct tree_sample {
    int rows;
    double *points; /* (axes, rows): a column an axis; no NaN */
    double *scores; /* (rows) */
};

struct tree_room; /* working memory for samples of up to `rows` rows */
struct tree_room *tree_room_new(int axes, int rows);
void tree_room_free(struct tree_room *room);

/* Splits where the squared error falls most, until the scores of a leaf are equal or
 * its points are; categorical axes into the best two sets of levels. tree->nodes is the
 * caller's. Cannot fail. */
void tree_grow(struct tree *tree, const struct importance_axis *axes, int axis_count,
               const struct tree_sample *sample, struct tree_room *room);

#endif
