/* Importance against numpy's ANOVA of a grid, the truth of four functions, optuna. */
#include "report/statistics/importance.h"
#include "tests/report/statistics_goldens.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grids_equal_numpys_anova(void)
{
    char name[32];
    int axes, rows, n;

    for (int g = 0; g < 4; g++) {
        int *levels, *cells;
        const double *scores, *main, *pairs;
        struct importance out;

        snprintf(name, sizeof name, "grid%d", g);
        levels = golden_ints(name, "levels", &axes);
        cells = golden_ints(name, "cells", &n);
        scores = golden(name, "scores", &rows);
        main = golden(name, "main", &n);
        pairs = golden(name, "pairs", &n);
        CU_ASSERT_FATAL(
            importance_grid(&out, levels, axes, cells, scores, rows, NULL) == 0);
        for (int j = 0; j < axes; j++)
            CU_ASSERT_DOUBLE_EQUAL(out.main[j], main[j], 1e-9);
        for (int i = 0; i < axes * axes; i++)
            CU_ASSERT_DOUBLE_EQUAL(out.pairs[i], pairs[i], 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(out.variance, *golden(name, "variance", &n), 1e-9);
        importance_clear(&out);
        free(levels);
        free(cells);
    }
}

static void grids_that_are_not_full_are_refused(void)
{
    int levels[] = {2, 2}, cells[] = {0, 0, 0, 1, 1, 0, 1, 1};
    int doubled[] = {0, 0, 0, 1, 1, 0, 1, 0};
    double scores[] = {1, 2, 3, 4}, undefined[] = {1, 2, NAN, 4}, same[] = {1, 1, 1, 1};
    struct importance out;
    struct error err;

    CU_ASSERT_EQUAL(importance_grid(&out, levels, 2, cells, scores, 3, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "3 of at least 4 cells"));
    CU_ASSERT_EQUAL(importance_grid(&out, levels, 2, doubled, scores, 4, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "repeats"));
    CU_ASSERT_EQUAL(importance_grid(&out, levels, 2, cells, undefined, 4, &err),
                    ERR_INPUT);
    CU_ASSERT_EQUAL(importance_grid(&out, levels, 2, cells, same, 4, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "every cell"));
}

static struct importance forest_of(const char *name, int seed, int threads, int *axes)
{
    int *levels = golden_ints(name, "levels", axes), n, rows;
    const double *points = golden(name, "points", &n);
    const double *scores = golden(name, "scores", &rows);
    struct importance_axis space[8];
    struct forest_size size = {.seed = (uint32_t)seed, .threads = threads};
    struct importance out = {0};

    for (int j = 0; j < *axes; j++)
        space[j] = (struct importance_axis){.levels = levels[j], .low = 0, .high = 1};
    CU_ASSERT_FATAL(
        importance_forest(&out, space, *axes, points, scores, rows, &size, NULL) == 0);
    free(levels);
    return out;
}

/* Spearman's correlation of two short lists without ties. */
static double rank_correlation(const double *x, const double *y, int n)
{
    double squares = 0;

    for (int i = 0; i < n; i++) {
        int rank_x = 0, rank_y = 0;

        for (int j = 0; j < n; j++) {
            rank_x += x[j] < x[i];
            rank_y += y[j] < y[i];
        }
        squares += (rank_x - rank_y) * (rank_x - rank_y);
    }
    return 1 - 6 * squares / (n * (n * n - 1.0));
}

/* Steps of single trees look like interactions: pairs come out too large, by up to
 * 0.057 here (Sobol's g-function). */
#define PAIR_ERROR 0.07

static void forests_find_the_truth_of_four_functions(void)
{
    static const char *const names[] = {"bowl", "linear", "mixed", "product"};

    for (int f = 0; f < 4; f++)
        for (int seed = 1; seed <= 3; seed++) {
            int axes, n;
            struct importance got = forest_of(names[f], seed, 2, &axes);
            const double *truth = golden(names[f], "truth", &n);
            const double *pairs = golden(names[f], "true_pairs", &n);
            const double *optuna = golden(names[f], "optuna", &n);

            for (int j = 0; j < axes; j++) {
                if (!(fabs(got.main[j] - truth[j]) <= 0.05))
                    fprintf(stderr, "%s axis %d: %.3f, truth %.3f, optuna %.3f\n",
                            names[f], j, got.main[j], truth[j], optuna[j]);
                CU_ASSERT(fabs(got.main[j] - truth[j]) <= 0.05);
                for (int k = 0; k < j; k++) {
                    double pair = got.pairs[j * axes + k];

                    if (!(fabs(pair - pairs[j * axes + k]) <= PAIR_ERROR))
                        fprintf(stderr, "%s axes %d %d: %.3f, truth %.3f\n", names[f],
                                j, k, pair, pairs[j * axes + k]);
                    CU_ASSERT(fabs(pair - pairs[j * axes + k]) <= PAIR_ERROR);
                }
            }
            CU_ASSERT(rank_correlation(got.main, optuna, axes) >= 0.9);
            importance_clear(&got);
        }
}

static void threads_do_not_change_a_forest(void)
{
    int axes;
    struct importance one = forest_of("mixed", 5, 1, &axes);
    struct importance three = forest_of("mixed", 5, 3, &axes);

    CU_ASSERT_EQUAL(memcmp(one.main, three.main, (size_t)axes * sizeof(double)), 0);
    CU_ASSERT_EQUAL(
        memcmp(one.pairs, three.pairs, (size_t)(axes * axes) * sizeof(double)), 0);
    importance_clear(&one);
    importance_clear(&three);
}

/* Axis 1 applies to method 1 only and then decides the score. */
static void conditional_axes_count_where_they_apply(void)
{
    enum { ROWS = 400 };
    double points[ROWS * 2], scores[ROWS];
    struct importance_axis axes[2] = {{.levels = 2}, {.low = 0, .high = 1}};
    struct forest_size size = {.seed = 1, .threads = 1};
    struct importance out;

    for (int i = 0; i < ROWS; i++) {
        double x = (i * 37 % ROWS + 0.5) / ROWS;

        points[2 * i] = i % 2;
        points[2 * i + 1] = i % 2 ? x : NAN;
        scores[i] = i % 2 ? x : 0.5;
    }
    CU_ASSERT_FATAL(
        importance_forest(&out, axes, 2, points, scores, ROWS, &size, NULL) == 0);
    /* f = 1/2 + [method 1] (x - 1/2): main of x 1/4, of the pair 1/4 of Var(x), of the
     * method 0; so the halves of the whole. */
    CU_ASSERT_DOUBLE_EQUAL(out.main[0], 0, 0.05);
    CU_ASSERT_DOUBLE_EQUAL(out.main[1], 0.5, 0.05);
    CU_ASSERT_DOUBLE_EQUAL(out.pairs[1], 0.5, 0.05);
    importance_clear(&out);
}

static void forests_refuse_with_the_reason(void)
{
    double points[24], scores[12], same[12] = {0};
    struct importance_axis axes[2] = {{.low = 0, .high = 1}, {.low = 0, .high = 1}};
    struct forest_size size = {.threads = 1};
    struct importance out;
    struct error err;

    for (int i = 0; i < 12; i++) {
        points[2 * i] = i / 12.0;
        points[2 * i + 1] = NAN;
        scores[i] = i;
    }
    CU_ASSERT_EQUAL(importance_forest(&out, axes, 2, points, scores, 12, &size, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "axis 1 applies to no row"));
    points[1] = 1.5;
    CU_ASSERT_EQUAL(importance_forest(&out, axes, 2, points, scores, 12, &size, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "outside the axis"));
    CU_ASSERT_EQUAL(importance_forest(&out, axes, 2, points, scores, 9, &size, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "at least 10"));
    CU_ASSERT_EQUAL(importance_forest(&out, axes, 2, points, same, 12, &size, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "every configuration"));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(grids_equal_numpys_anova),
        SUITE_TEST(grids_that_are_not_full_are_refused),
        SUITE_TEST(forests_find_the_truth_of_four_functions),
        SUITE_TEST(threads_do_not_change_a_forest),
        SUITE_TEST(conditional_axes_count_where_they_apply),
        SUITE_TEST(forests_refuse_with_the_reason),
        {NULL, NULL},
    };

    return suite_run("importance", tests);
}
