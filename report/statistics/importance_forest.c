/* Trees are independent streams of random numbers and are worked off by threads; their
 * shares are averaged in the order of the trees. */
#include "report/statistics/draws.h"
#include "report/statistics/importance.h"

#include "report/statistics/parallel.h"
#include "report/statistics/tree_anova.h"
#include <stdbool.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TREES = 64, ROWS_MAX = 2000, ROWS_MIN = 10 };

/* One thread's memory. */
struct bench {
    struct tree tree;
    struct tree_sample sample;
    struct tree_room *room;
    int rc;
    struct error err;
};

struct work {
    const struct importance_axis *axes;
    const double *points, *scores;
    double mean_score; /* taken off, for the digits of squared sums */
    int64_t rows;
    int axis_count, trees, threads, sample_rows;
    uint32_t seed;
    struct bench *benches;
    double *shares; /* (trees, 1 + axes + axes²): variance, then shares */
};

static size_t tree_stride(int axes) { return 1 + (size_t)axes + (size_t)(axes * axes); }

/* Rows without replacement, in their order (Knuth, TAOCP 2, algorithm S); a value that
 * does not apply is any value of its axis. */
static void draw_sample(const struct work *work, struct draws *draws,
                        struct tree_sample *sample)
{
    int taken = 0;

    for (int64_t row = 0; taken < sample->rows; row++) {
        uint32_t left = (uint32_t)(work->rows - row);

        if (draws_below(draws, left) >= (uint32_t)(sample->rows - taken))
            continue;
        sample->scores[taken] = work->scores[row] - work->mean_score;
        for (int j = 0; j < work->axis_count; j++) {
            const struct importance_axis *axis = &work->axes[j];
            double x = work->points[row * work->axis_count + j];

            if (isnan(x) && axis->levels)
                x = draws_below(draws, (uint32_t)axis->levels);
            else if (isnan(x))
                x = axis->low + draws_uniform(draws) * (axis->high - axis->low);
            sample->points[j * sample->rows + taken] = x;
        }
        taken++;
    }
}

static void grow_and_decompose(void *context, int thread, int number)
{
    struct work *work = context;
    struct bench *bench = &work->benches[thread];
    struct draws draws = draws_start(work->seed, DRAWS_FOREST, (uint32_t)number);
    int axes = work->axis_count;
    double *shares = work->shares + (size_t)number * tree_stride(axes);
    double *main = shares + 1, *pairs = main + axes;

    draw_sample(work, &draws, &bench->sample);
    tree_grow(&bench->tree, work->axes, axes, &bench->sample, bench->room);
    if (!bench->rc)
        bench->rc = tree_anova(shares, main, pairs, &bench->tree, work->axes, axes,
                               &bench->err);
    if (!bench->rc && *shares > 0)
        for (int i = 0; i < axes + axes * axes; i++)
            main[i] /= *shares;
}

static int check_axis(const struct work *work, int j, struct error *err)
{
    const struct importance_axis *axis = &work->axes[j];
    bool any = false;

    if (axis->levels ? axis->levels < 2 || axis->levels > IMPORTANCE_LEVELS_MAX
                     : !(axis->low < axis->high && isfinite(axis->high - axis->low)))
        return error_set(err, ERR_INPUT,
                         "importance: axis %d has no range: it explains nothing", j);
    for (int64_t i = 0; i < work->rows; i++) {
        double x = work->points[i * work->axis_count + j];
        bool inside = axis->levels ? x >= 0 && x < axis->levels && x == floor(x)
                                   : x >= axis->low && x <= axis->high;

        if (!isnan(x) && !inside)
            return error_set(err, ERR_INPUT,
                             "importance: row %lld, axis %d: %g is outside the axis",
                             (long long)i, j, x);
        any |= !isnan(x);
    }
    if (!any)
        return error_set(err, ERR_INPUT, "importance: axis %d applies to no row", j);
    return 0;
}

static int check(const struct work *work, struct error *err)
{
    bool varies = false;
    int rc = 0;

    if (work->axis_count < 1 || work->axis_count > IMPORTANCE_AXES_MAX)
        return error_set(err, ERR_INPUT, "importance: %d axes, 1…%d are possible",
                         work->axis_count, IMPORTANCE_AXES_MAX);
    if (work->rows < ROWS_MIN || work->rows > INT32_MAX)
        return error_set(err, ERR_INPUT,
                         "importance: %lld configurations, at least %d are needed",
                         (long long)work->rows, ROWS_MIN);
    if (work->trees < 1 || work->sample_rows < 2 || work->threads < 1)
        return error_set(err, ERR_INPUT, "importance: %d trees of %d rows, %d threads",
                         work->trees, work->sample_rows, work->threads);
    for (int64_t i = 0; i < work->rows; i++) {
        if (!isfinite(work->scores[i]))
            return error_set(err, ERR_INPUT, "importance: row %lld has no score",
                             (long long)i);
        varies |= work->scores[i] != work->scores[0];
    }
    if (!varies)
        return error_set(err, ERR_INPUT,
                         "importance: every configuration has the score %g",
                         work->scores[0]);
    for (int j = 0; !rc && j < work->axis_count; j++)
        rc = check_axis(work, j, err);
    return rc;
}

static bool bench_init(struct bench *bench, const struct work *work)
{
    size_t rows = (size_t)work->sample_rows;

    bench->sample.rows = work->sample_rows;
    bench->sample.points =
        malloc(rows * (size_t)work->axis_count * sizeof *bench->sample.points);
    bench->sample.scores = malloc(rows * sizeof *bench->sample.scores);
    bench->tree.nodes = malloc(2 * rows * sizeof *bench->tree.nodes);
    bench->room = tree_room_new(work->axis_count, work->sample_rows);
    return bench->sample.points && bench->sample.scores && bench->tree.nodes &&
           bench->room;
}

static void work_clear(struct work *work)
{
    for (int t = 0; work->benches && t < work->threads; t++) {
        free(work->benches[t].sample.points);
        free(work->benches[t].sample.scores);
        free(work->benches[t].tree.nodes);
        tree_room_free(work->benches[t].room);
    }
    free(work->benches);
    free(work->shares);
}

static int grow_forest(struct work *work, struct error *err)
{
    work->benches = calloc((size_t)work->threads, sizeof *work->benches);
    work->shares =
        calloc((size_t)work->trees * tree_stride(work->axis_count), sizeof(double));
    if (!work->benches || !work->shares)
        return error_set(err, ERR_MEMORY, "importance: no memory");
    for (int t = 0; t < work->threads; t++)
        if (!bench_init(&work->benches[t], work))
            return error_set(err, ERR_MEMORY, "importance: no memory");
    parallel_run(work->threads, work->trees, grow_and_decompose, work);
    for (int t = 0; t < work->threads; t++)
        if (work->benches[t].rc)
            return error_set(err, work->benches[t].rc, "%s", work->benches[t].err.text);
    return 0;
}

/* Means over the trees that have a variance at all. */
static int average(struct importance *out, const struct work *work, struct error *err)
{
    int axes = work->axis_count, used = 0;

    for (int t = 0; t < work->trees; t++) {
        const double *shares = work->shares + (size_t)t * tree_stride(axes);

        if (!(shares[0] > 0))
            continue;
        used++;
        out->variance += (shares[0] - out->variance) / used;
        for (int j = 0; j < axes; j++) {
            double before = out->main[j], x = shares[1 + j];

            out->main[j] += (x - before) / used;
            out->main_sd[j] += (x - before) * (x - out->main[j]);
        }
        for (int i = 0; i < axes * axes; i++)
            out->pairs[i] += (shares[1 + axes + i] - out->pairs[i]) / used;
    }
    if (used == 0)
        return error_set(err, ERR_INPUT, "importance: no axis tells the scores apart");
    out->rest = 1;
    for (int j = 0; j < axes; j++) {
        out->main_sd[j] = sqrt(out->main_sd[j] / used);
        out->rest -= out->main[j];
        for (int k = j + 1; k < axes; k++)
            out->rest -= out->pairs[j * axes + k];
    }
    out->rest = fmax(0, out->rest);
    return 0;
}

int importance_forest(struct importance *out, const struct importance_axis *axes,
                      int axis_count, const double *points, const double *scores,
                      int64_t rows, const struct forest_size *forest, struct error *err)
{
    int rows_max = forest->rows_max ? forest->rows_max : ROWS_MAX, rc;
    struct work work = {.axes = axes,
                        .axis_count = axis_count,
                        .points = points,
                        .scores = scores,
                        .rows = rows,
                        .trees = forest->trees ? forest->trees : TREES,
                        .threads = forest->threads,
                        .sample_rows =
                            rows * 4 / 5 < rows_max ? (int)(rows * 4 / 5) : rows_max,
                        .seed = forest->seed};

    if ((rc = check(&work, err)))
        return rc;
    for (int64_t i = 0; i < rows; i++)
        work.mean_score += scores[i] / (double)rows;
    *out = (struct importance){.axes = axis_count};
    out->main = calloc((size_t)axis_count, sizeof *out->main);
    out->main_sd = calloc((size_t)axis_count, sizeof *out->main_sd);
    out->pairs = calloc((size_t)axis_count * (size_t)axis_count, sizeof *out->pairs);
    if (out->main && out->main_sd && out->pairs)
        rc = grow_forest(&work, err);
    else
        rc = error_set(err, ERR_MEMORY, "importance: no memory");
    if (!rc)
        rc = average(out, &work, err);
    work_clear(&work);
    if (rc)
        importance_clear(out);
    return rc;
}
