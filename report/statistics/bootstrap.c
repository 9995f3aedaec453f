/* Draws are independent streams of random numbers, worked off in blocks by threads, so
 * that the numbers do not depend on how many there are. */
#include "report/statistics/bootstrap.h"

#include "report/statistics/cells.h"
#include "report/statistics/multinomial.h"
#include "report/statistics/parallel.h"
#include "report/statistics/scorer.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 50 };

/* One thread's memory. */
struct bench {
    struct scorer_scratch *scratch;
    double *weights;  /* (cells) */
    int *times_drawn; /* (runs of a, then of b) */
};

struct work {
    int runs_a, runs_b, draws, threads;
    uint32_t seed;
    struct cells cells;
    struct answers reduced; /* a cell is a row */
    const float **columns;
    struct scorer *scorer;
    struct multinomial *multinomial;
    struct bench *benches;
    double *values; /* (draws) */
};

/* Mean score of as many runs as there are, drawn with replacement from `runs` columns
 * from `first`. */
static double mean_of_drawn_runs(const struct work *work, struct bench *bench,
                                 struct draws *draws, int first, int runs)
{
    double sum = 0;

    for (int r = first; r < first + runs; r++)
        bench->times_drawn[r] = 0;
    for (int r = 0; r < runs; r++)
        bench->times_drawn[first + (int)draws_below(draws, (uint32_t)runs)]++;
    for (int r = first; r < first + runs; r++)
        if (bench->times_drawn[r] > 0)
            sum += bench->times_drawn[r] * scorer_run(work->scorer, bench->scratch, r);
    return sum / runs;
}

static void make_draws(void *context, int thread, int block)
{
    struct work *work = context;
    struct bench *bench = &work->benches[thread];

    for (int i = block * BLOCK; i < (block + 1) * BLOCK && i < work->draws; i++) {
        struct draws draws = draws_start(work->seed, DRAWS_BOOTSTRAP, (uint32_t)i);
        double *value = &work->values[i];

        multinomial_draw(work->multinomial, &draws, bench->weights);
        scorer_weigh(work->scorer, bench->scratch, bench->weights);
        *value = mean_of_drawn_runs(work, bench, &draws, 0, work->runs_a);
        if (work->runs_b)
            *value -=
                mean_of_drawn_runs(work, bench, &draws, work->runs_a, work->runs_b);
    }
}

static bool bench_init(struct bench *bench, const struct work *work)
{
    int runs = work->runs_a + work->runs_b;

    bench->scratch = scorer_scratch_new(work->scorer);
    bench->weights = malloc((size_t)work->cells.count * sizeof *bench->weights);
    bench->times_drawn = malloc((size_t)runs * sizeof *bench->times_drawn);
    return bench->scratch && bench->weights && bench->times_drawn;
}

static void work_clear(struct work *work)
{
    for (int t = 0; work->benches && t < work->threads; t++) {
        scorer_scratch_free(work->benches[t].scratch);
        free(work->benches[t].weights);
        free(work->benches[t].times_drawn);
    }
    free(work->benches);
    free(work->values);
    multinomial_free(work->multinomial);
    scorer_free(work->scorer);
    free(work->columns);
    cells_clear(&work->cells);
}

static int work_init(struct work *work, const struct answers *a,
                     const struct answers *b, const struct score_rule *rule,
                     const struct resampling *resampling, struct error *err)
{
    int rc;

    *work = (struct work){.runs_a = a->runs,
                          .runs_b = b ? b->runs : 0,
                          .draws = resampling_draws(resampling),
                          .threads = resampling->threads,
                          .seed = resampling->seed};
    if ((rc = cells_init(&work->cells, a, b, err)))
        return rc;
    work->columns = malloc((size_t)work->cells.columns * sizeof *work->columns);
    work->benches = calloc((size_t)work->threads, sizeof *work->benches);
    work->values = malloc((size_t)work->draws * sizeof *work->values);
    if (!work->columns || !work->benches || !work->values)
        return error_set(err, ERR_MEMORY, "bootstrap: no memory");
    for (int c = 0; c < work->cells.columns; c++)
        work->columns[c] = work->cells.answer + (size_t)c * (size_t)work->cells.count;
    work->reduced = (struct answers){.runs = work->cells.columns,
                                     .rows = work->cells.count,
                                     .labels = a->labels,
                                     .answer = work->columns,
                                     .gold = work->cells.gold};
    if ((rc = scorer_new(&work->scorer, &work->reduced, rule, err)) ||
        (rc = multinomial_new(&work->multinomial, work->cells.rows, work->cells.count,
                              work->cells.of_row, (int)a->rows, err)))
        return rc;
    for (int t = 0; t < work->threads; t++)
        if (!bench_init(&work->benches[t], work))
            return error_set(err, ERR_MEMORY, "bootstrap: no memory");
    return 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Linear between neighbours, as numpy.percentile. sorted (n), 0 <= share <= 1. */
static double percentile(const double *sorted, int n, double share)
{
    double place = share * (n - 1), below = floor(place);
    int i = (int)below;

    return i + 1 < n ? sorted[i] + (place - below) * (sorted[i + 1] - sorted[i])
                     : sorted[n - 1];
}

static double mean_score(const struct answers *answers, const struct score_rule *rule)
{
    double sum = 0;

    for (int r = 0; r < answers->runs; r++)
        sum += answers_score(answers, rule, r);
    return sum / answers->runs;
}

/* Sorts the values; the defined ones become the result. */
static int summarize(struct bootstrap *out, struct work *work, double level,
                     struct error *err)
{
    int defined = 0;
    struct spread spread;

    for (int i = 0; i < work->draws; i++)
        if (!isnan(work->values[i]))
            work->values[defined++] = work->values[i];
    out->draws = work->draws;
    out->undefined = work->draws - defined;
    if (out->undefined > work->draws / 100)
        return error_set(err, ERR_INPUT,
                         "bootstrap: the metric is undefined in %d of %d draws: too "
                         "few rows differ",
                         out->undefined, work->draws);
    spread = spread_of(work->values, defined);
    qsort(work->values, (size_t)defined, sizeof *work->values, ascending);
    out->mean = spread.mean;
    out->sd = spread.sd;
    out->interval.low = percentile(work->values, defined, (1 - level) / 2);
    out->interval.high = percentile(work->values, defined, (1 + level) / 2);
    return 0;
}

/* b may be NULL: the score of a alone. */
static int run(struct bootstrap *out, const struct answers *a, const struct answers *b,
               const struct score_rule *rule, double level,
               const struct resampling *resampling, struct error *err)
{
    int rc = resampling_check(a, b, rule, resampling, "bootstrap", err);
    struct work work = {0};

    if (rc)
        return rc;
    if (!(level > 0 && level < 1))
        return error_set(err, ERR_INPUT, "bootstrap: level %g is outside (0, 1)",
                         level);
    *out = (struct bootstrap){.estimate =
                                  mean_score(a, rule) - (b ? mean_score(b, rule) : 0)};
    if (isnan(out->estimate))
        return error_set(err, ERR_INPUT, "bootstrap: the score of a seed is undefined");
    rc = work_init(&work, a, b, rule, resampling, err);
    if (!rc) {
        parallel_run(work.threads, (work.draws + BLOCK - 1) / BLOCK, make_draws, &work);
        rc = summarize(out, &work, level, err);
    }
    work_clear(&work);
    return rc;
}

int bootstrap_score(struct bootstrap *out, const struct answers *answers,
                    const struct score_rule *rule, double level,
                    const struct resampling *resampling, struct error *err)
{
    return run(out, answers, NULL, rule, level, resampling, err);
}

int bootstrap_difference(struct bootstrap *out, const struct answers *a,
                         const struct answers *b, const struct score_rule *rule,
                         double level, const struct resampling *resampling,
                         struct error *err)
{
    return run(out, a, b, rule, level, resampling, err);
}
