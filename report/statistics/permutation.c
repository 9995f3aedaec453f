/* The difference of two configurations under swapped examples (D1) and dealt seeds
 * (D2).
 *
 * A row here is a cell of equal rows, twice: once with the answers of a, once with
 * those of b. What a answers after swapping is weights over these, and b has the other
 * weights, so one scorer serves both. */
#include "report/statistics/permutation.h"

#include "report/statistics/cells.h"
#include "report/statistics/draws.h"
#include "report/statistics/holm.h"
#include "report/statistics/parallel.h"
#include "report/statistics/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 50 };

/* One thread's memory and counts. */
struct bench {
    struct scorer_scratch *scratch;
    double *of_a, *of_b;           /* (2 cells) weights */
    double *residuals;             /* (2 runs) */
    int64_t examples, seeds, both; /* draws at least as far as D */
};

struct work {
    int runs, cells_count, draws, threads;
    uint32_t seed;
    struct cells cells;
    struct answers doubled; /* (2 cells) rows: of a, then of b */
    float *columns, *gold;
    const float **column; /* (runs) */
    bool *differs;        /* (cells) whether any run of a and b answers otherwise */
    struct scorer *scorer;
    double *residuals; /* (2 runs) scores less their configuration's mean, widened */
    double difference;
    struct bench *benches;
};

/* How many of n fair coins fall heads. */
static int heads(struct draws *draws, int n)
{
    int count = 0;

    for (; n >= 32; n -= 32)
        count += __builtin_popcount(draws_next(draws));
    if (n > 0)
        count += __builtin_popcount(draws_next(draws) >> (32 - n));
    return count;
}

/* D1. Cells that a and b answer alike need no coins. */
static double swap_examples(const struct work *work, struct bench *bench,
                            struct draws *draws)
{
    int n = work->cells_count;
    double sum = 0;

    for (int k = 0; k < n; k++) {
        int rows = work->cells.rows[k];
        int swapped = work->differs[k] ? heads(draws, rows) : 0;

        bench->of_a[k] = bench->of_b[n + k] = rows - swapped;
        bench->of_b[k] = bench->of_a[n + k] = swapped;
    }
    scorer_weigh(work->scorer, bench->scratch, bench->of_a);
    for (int r = 0; r < work->runs; r++)
        sum += scorer_run(work->scorer, bench->scratch, r);
    scorer_weigh(work->scorer, bench->scratch, bench->of_b);
    for (int r = 0; r < work->runs; r++)
        sum -= scorer_run(work->scorer, bench->scratch, r);
    return sum / work->runs;
}

/* D2: the first `runs` of the residuals, shuffled, against the others. */
static double deal_seeds(const struct work *work, struct bench *bench,
                         struct draws *draws)
{
    int n = 2 * work->runs;
    double sum = 0;

    memcpy(bench->residuals, work->residuals, (size_t)n * sizeof(double));
    for (int i = 0; i < work->runs; i++) {
        int j = i + (int)draws_below(draws, (uint32_t)(n - i));
        double taken = bench->residuals[j];

        bench->residuals[j] = bench->residuals[i];
        bench->residuals[i] = taken;
    }
    for (int i = 0; i < n; i++)
        sum += i < work->runs ? bench->residuals[i] : -bench->residuals[i];
    return sum / work->runs;
}

static void make_draws(void *context, int thread, int block)
{
    struct work *work = context;
    struct bench *bench = &work->benches[thread];
    double far = fabs(work->difference) - 1e-12; /* equal up to rounding is as far */

    for (int i = block * BLOCK; i < (block + 1) * BLOCK && i < work->draws; i++) {
        struct draws draws = draws_start(work->seed, DRAWS_PERMUTATION, (uint32_t)i);
        double d1 = swap_examples(work, bench, &draws);
        double d2 = deal_seeds(work, bench, &draws);

        /* An undefined score of a draw counts against a difference. */
        bench->examples += !(fabs(d1) < far);
        bench->seeds += !(fabs(d2) < far);
        bench->both += !(fabs(d1 + d2) < far);
    }
}

static bool bench_init(struct bench *bench, const struct work *work)
{
    size_t rows = 2 * (size_t)work->cells_count;

    bench->scratch = scorer_scratch_new(work->scorer);
    bench->of_a = malloc(2 * rows * sizeof *bench->of_a);
    bench->residuals = malloc(2 * (size_t)work->runs * sizeof *bench->residuals);
    if (!bench->scratch || !bench->of_a || !bench->residuals)
        return false;
    bench->of_b = bench->of_a + rows;
    return true;
}

static void work_clear(struct work *work)
{
    for (int t = 0; work->benches && t < work->threads; t++) {
        scorer_scratch_free(work->benches[t].scratch);
        free(work->benches[t].of_a);
        free(work->benches[t].residuals);
    }
    free(work->benches);
    free(work->residuals);
    scorer_free(work->scorer);
    free(work->differs);
    free(work->column);
    free(work->gold);
    free(work->columns);
    cells_clear(&work->cells);
}

/* Writes the doubled rows from the cells. */
static void double_rows(struct work *work, int labels)
{
    size_t n = (size_t)work->cells_count;

    memcpy(work->gold, work->cells.gold, n * sizeof(float));
    memcpy(work->gold + n, work->cells.gold, n * sizeof(float));
    for (int r = 0; r < work->runs; r++) {
        const float *a = work->cells.answer + (size_t)r * n;
        const float *b = work->cells.answer + (size_t)(work->runs + r) * n;
        float *column = work->columns + (size_t)r * 2 * n;

        memcpy(column, a, n * sizeof(float));
        memcpy(column + n, b, n * sizeof(float));
        work->column[r] = column;
        for (size_t k = 0; k < n; k++)
            work->differs[k] |= a[k] != b[k];
    }
    work->doubled = (struct answers){.runs = work->runs,
                                     .rows = (int64_t)(2 * n),
                                     .labels = labels,
                                     .answer = work->column,
                                     .gold = work->gold};
}

/* Residuals of the runs' scores and the difference of their means; false where a score
 * is undefined. */
static bool score_runs(struct work *work, const struct answers *a,
                       const struct answers *b, const struct score_rule *rule)
{
    int runs = work->runs;
    double wider = sqrt((double)runs / (runs - 1)), mean[2] = {0, 0};

    for (int r = 0; r < 2 * runs; r++) {
        const struct answers *side = r < runs ? a : b;

        work->residuals[r] = answers_score(side, rule, r % runs);
        mean[r / runs] += work->residuals[r] / runs;
    }
    for (int r = 0; r < 2 * runs; r++)
        work->residuals[r] = (work->residuals[r] - mean[r / runs]) * wider;
    work->difference = mean[0] - mean[1];
    return !isnan(work->difference);
}

static int work_init(struct work *work, const struct answers *a,
                     const struct answers *b, const struct score_rule *rule,
                     const struct resampling *resampling, struct error *err)
{
    size_t n, runs = (size_t)a->runs;
    int rc;

    *work = (struct work){.runs = a->runs,
                          .draws = resampling_draws(resampling),
                          .threads = resampling->threads,
                          .seed = resampling->seed};
    if ((rc = cells_init(&work->cells, a, b, err)))
        return rc;
    work->cells_count = work->cells.count;
    n = (size_t)work->cells_count;
    work->columns = malloc(runs * 2 * n * sizeof *work->columns);
    work->gold = malloc(2 * n * sizeof *work->gold);
    work->column = malloc(runs * sizeof *work->column);
    work->differs = calloc(n, sizeof *work->differs);
    work->residuals = malloc(2 * runs * sizeof *work->residuals);
    work->benches = calloc((size_t)work->threads, sizeof *work->benches);
    if (!work->columns || !work->gold || !work->column || !work->differs ||
        !work->residuals || !work->benches)
        return error_set(err, ERR_MEMORY, "permutation test: no memory");
    double_rows(work, a->labels);
    if (!score_runs(work, a, b, rule))
        return error_set(err, ERR_INPUT,
                         "permutation test: the score of a seed is undefined");
    if ((rc = scorer_new(&work->scorer, &work->doubled, rule, err)))
        return rc;
    for (int t = 0; t < work->threads; t++)
        if (!bench_init(&work->benches[t], work))
            return error_set(err, ERR_MEMORY, "permutation test: no memory");
    return 0;
}

static void summarize(struct permutation *out, const struct work *work)
{
    double examples = 1, seeds = 1, both = 1, draws = work->draws + 1;

    for (int t = 0; t < work->threads; t++) {
        examples += (double)work->benches[t].examples;
        seeds += (double)work->benches[t].seeds;
        both += (double)work->benches[t].both;
    }
    *out = (struct permutation){.difference = work->difference,
                                .p = both / draws,
                                .p_examples = examples / draws,
                                .p_seeds = seeds / draws};
}

int permutation_test(struct permutation *out, const struct answers *a,
                     const struct answers *b, const struct score_rule *rule,
                     const struct resampling *resampling, struct error *err)
{
    int rc = resampling_check(a, b, rule, resampling, "permutation test", err);
    struct work work = {0};

    if (rc)
        return rc;
    if (a->runs != b->runs)
        return error_set(err, ERR_INPUT,
                         "permutation test: %d and %d seeds; take those of both",
                         a->runs, b->runs);
    rc = work_init(&work, a, b, rule, resampling, err);
    if (!rc) {
        parallel_run(work.threads, (work.draws + BLOCK - 1) / BLOCK, make_draws, &work);
        summarize(out, &work);
    }
    work_clear(&work);
    return rc;
}

int permutation_against_best(struct permutation *tests, double *adjusted,
                             const struct answers *best, const struct answers *others,
                             int count, const struct score_rule *rule,
                             const struct resampling *resampling, struct error *err)
{
    for (int i = 0; i < count; i++) {
        int rc = permutation_test(&tests[i], best, &others[i], rule, resampling, err);

        if (rc)
            return error_prefix(err, rc, "configuration %d", i);
        adjusted[i] = tests[i].p;
    }
    return holm_adjust(adjusted, adjusted, count, err);
}
