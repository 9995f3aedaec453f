/* How much of the variance of the score over a space of hyperparameters each of them
 * explains, alone and in pairs. */
#ifndef REPORT_STATISTICS_IMPORTANCE_H
#define REPORT_STATISTICS_IMPORTANCE_H

#include "common/error.h"

#include <stdint.h>

enum { IMPORTANCE_AXES_MAX = 64, IMPORTANCE_LEVELS_MAX = 64 };

/* Shares of the variance; all shares of all orders sum to 1. */
struct importance {
    int axes;
    double *main;    /* (axes) main effects */
    double *main_sd; /* (axes) over the trees of a forest; 0 for a grid */
    double *pairs;   /* (axes, axes) pairwise interactions without main effects,
                        symmetric,   0 on the diagonal */
    double rest;     /* what main effects and pairs leave: higher interactions */
    double variance; /* of the score, uniformly over the space */
};
void importance_clear(struct importance *importance);

/* One hyperparameter of a space. */
struct importance_axis {
    int levels;       /* of a categorical axis, 2…IMPORTANCE_LEVELS_MAX; 0: numeric */
    double low, high; /* of a numeric axis, low < high; of its logarithm where the
                         search was uniform in it: the caller transforms */
};

/* Exact decomposition of a full grid, each cell as likely as the other.
 *
 * levels  (axes) values on each axis; 1 is allowed and explains nothing
 * cells   (rows, axes) level numbers 0…levels-1, in any order
 * scores  (rows) one score a configuration, its mean over seeds
 *
 * Any axis may be numeric or categorical: only which cells share a level counts. The
 * noise of seeds is in the scores, and shows as interactions. Cost: rows · axes².
 *
 * ERR_INPUT with the reason: a missing, doubled or undefined cell (use
 * importance_forest then; conditional axes make no full grid either), the same score
 * everywhere, axes outside 1…IMPORTANCE_AXES_MAX. ERR_MEMORY. Source: Sobol',
 * "Sensitivity estimates for nonlinear mathematical models" (1993); Fisher's ANOVA of a
 * balanced layout. */
int importance_grid(struct importance *out, const int *levels, int axes,
                    const int *cells, const double *scores, int64_t rows,
                    struct error *err);

struct forest_size {
    int trees;     /* 0: 64 */
    int rows_max;  /* rows drawn for a tree at most; 0: 2000 */
    uint32_t seed; /* the same seed, the same numbers, with any number of threads */
    int threads;   /* at least 1 */
};

/* Functional ANOVA over a forest of trees: the forest is fitted to the scores, and each
 * tree, a piecewise constant function, is decomposed exactly, uniformly over the axes'
 * ranges; shares are means over trees.
 *
 * axes    (axis_count)
 * points  (rows, axis_count) level numbers on categorical axes, values within low…high
 *         on numeric ones, NaN where the axis does not apply to the configuration
 *         (conditional) or is not known
 * scores  (rows) one score a configuration
 *
 * A NaN means "any value gives this score": each tree draws one uniformly from the
 * axis, so that a conditional axis matters only where it applies. Shares are of the
 * forest's own variance: noise and too few rows make it rough, so do trust the order of
 * axes before their numbers. Where early stopping or an adaptive search (TPE, PBT)
 * chose the points the forest knows good regions better than bad ones: the caller
 * warns.
 *
 * A tree takes 4/5 of the rows, at most rows_max, without replacement: bootstrap
 * samples, as in Hutter et al., hold fewer different rows and find smaller main effects
 * (Sobol's g-function, 500 points, share 0.179 of its second axis: 0.15 found, 0.13
 * with bootstrap samples). All axes are tried at each split; subsets of them did worse.
 * 64 trees of 2,000 rows cost 0.3 s with 6 axes, 0.4 s with 10, all pairs, one thread;
 * memory a few MB.
 *
 * ERR_INPUT with the reason: fewer than 10 rows, an undefined score, the same score
 * everywhere, a point outside its axis, an axis that is NaN everywhere or has no range.
 * ERR_MEMORY.
 * Source: Hutter, Hoos, Leyton-Brown, "An Efficient Approach for Assessing
 * Hyperparameter Importance", ICML 2014; Breiman, "Random Forests" (2001). */
int importance_forest(struct importance *out, const struct importance_axis *axes,
                      int axis_count, const double *points, const double *scores,
                      int64_t rows, const struct forest_size *forest,
                      struct error *err);

#endif
