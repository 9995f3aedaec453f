/* Exact functional ANOVA of one regression tree, uniformly over its axes. */
#ifndef REPORT_STATISTICS_TREE_ANOVA_H
#define REPORT_STATISTICS_TREE_ANOVA_H

#include "report/statistics/regression_tree.h"

/* variance  written: of the tree over the space
 * main      (axes) written: variance of the main effects
 * pairs     (axes, axes) written: of the interactions, symmetric, >= 0, 0 on the
 *           diagonal
 *
 * Leaves · axes² and, for a pair, the product of the axes' distinct thresholds.
 * ERR_MEMORY.
 * Source: Hutter, Hoos, Leyton-Brown, ICML 2014, section 4: here all cells of a
 * marginal get the leaves that cover them by summed differences, rather than one at a
 * time. */
int tree_anova(double *variance, double *main, double *pairs, const struct tree *tree,
               const struct importance_axis *axes, int axis_count, struct error *err);

#endif
