/* Draws every figure of a made-up sweep and says how long it took.
 *
 *   figures FOLDER [CONFIGURATIONS [SEEDS [EPOCHS [WORKERS]]]]
 *
 * 2,000 x 5 x 20 where not given: 10,000 trials. */
#include "report/figures/figures.h"
#include "common/clock.h"
#include "common/philox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETTINGS = 6 };

struct made {
    int configs, seeds, epochs, workers;
    double *settings[SETTINGS]; /* each (configs) */
    double *epoch;              /* (epochs) */
    double *curves;             /* (configs * seeds, epochs) */
    double *mean, *low, *high;  /* (configs, epochs) */
    double *scores;             /* (configs), mean of the last epoch */
    char **names;               /* (configs) */
    int *order;                 /* (configs), best first */
};

static uint32_t draws;

static double uniform(void)
{
    return (double)(philox_u64(1, PHILOX_SEARCH, draws++, 0) >> 11) * 0x1p-53;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform() + 1e-12)) * cos(6.283185307179586 * uniform());
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory) {
        fprintf(stderr, "figures: out of memory\n");
        exit(1);
    }
    return memory;
}

static double one_of(const double *values, int count)
{
    return values[(int)(uniform() * count)];
}

static void make_config(struct made *m, int c)
{
    static const double batches[] = {16, 32, 64}, layers[] = {0, 2, 4};
    double rate = 1e-4 * pow(100, uniform());

    m->settings[0][c] = rate;
    m->settings[1][c] = one_of(batches, 3);
    m->settings[2][c] = floor(3 * uniform());
    m->settings[3][c] = 0.3 * uniform();
    m->settings[4][c] = one_of(layers, 3);
    m->settings[5][c] = 1e-4 * pow(1000, uniform());
    if (asprintf(&m->names[c], "%d: learning_rate=%.2g batch_size=%g", c + 1, rate,
                 m->settings[1][c]) < 0)
        exit(1);
}

/* Learning rates near 2e-3 are good, pooling by the second way, small batches a bit. */
static double quality(const struct made *m, int c)
{
    double off = log(m->settings[0][c] / 2e-3);

    return 0.86 - 0.02 * off * off + 0.01 * m->settings[2][c] -
           0.0004 * m->settings[1][c] - 0.1 * m->settings[3][c];
}

static void make_curves(struct made *m, int c)
{
    for (int e = 0; e < m->epochs; e++) {
        double sum = 0, low = 1, high = 0;

        for (int s = 0; s < m->seeds; s++) {
            double score = quality(m, c) - 0.2 * exp(-0.5 * (e + 1)) + 0.008 * normal();

            m->curves[((size_t)c * m->seeds + s) * m->epochs + e] = score;
            sum += score;
            low = fmin(low, score);
            high = fmax(high, score);
        }
        m->mean[(size_t)c * m->epochs + e] = sum / m->seeds;
        m->low[(size_t)c * m->epochs + e] = low;
        m->high[(size_t)c * m->epochs + e] = high;
    }
    m->scores[c] = m->mean[(size_t)(c + 1) * m->epochs - 1];
}

static const double *sort_scores;

static int compare(const void *a, const void *b)
{
    double x = sort_scores[*(const int *)a], y = sort_scores[*(const int *)b];

    return (x < y) - (x > y);
}

static void make(struct made *m)
{
    size_t configs = (size_t)m->configs, cells = configs * (size_t)m->epochs;

    for (int k = 0; k < SETTINGS; k++)
        m->settings[k] = room(configs, sizeof(double));
    m->epoch = room((size_t)m->epochs, sizeof(double));
    m->curves = room(cells * (size_t)m->seeds, sizeof(double));
    m->mean = room(cells, sizeof(double));
    m->low = room(cells, sizeof(double));
    m->high = room(cells, sizeof(double));
    m->scores = room(configs, sizeof(double));
    m->names = room(configs, sizeof(char *));
    m->order = room(configs, sizeof(int));
    for (int e = 0; e < m->epochs; e++)
        m->epoch[e] = e + 1;
    for (int c = 0; c < m->configs; c++) {
        make_config(m, c);
        make_curves(m, c);
        m->order[c] = c;
    }
    sort_scores = m->scores;
    qsort(m->order, configs, sizeof(int), compare);
}

static void must(int rc, const struct error *err)
{
    if (rc)
        fprintf(stderr, "figures: %s\n", err->text);
}

static const struct figure_metric metric = {"accuracy on dev", NULL, true};

static void add_curves(struct figures *figures, const struct made *m)
{
    struct figure_line *lines = room((size_t)m->configs, sizeof *lines);
    struct error err;

    for (int r = 0; r < m->configs; r++) {
        size_t at = (size_t)m->order[r] * (size_t)m->epochs;

        lines[r] =
            (struct figure_line){m->names[m->order[r]], m->epochs,   m->epoch,
                                 m->mean + at,          m->low + at, m->high + at};
    }
    must(figures_add_curves(
             figures,
             &(struct figure_heading){"curves-mrpc", "Learning curves, mrpc",
                                      "Line: mean of the seeds; band: their range."},
             &(struct figure_curves){{"epoch", NULL}, metric, m->configs, lines}, &err),
         &err);
    free(lines);
}

static void add_budget(struct figures *figures, const struct made *m)
{
    double *x = room((size_t)m->configs, sizeof *x), *a = room((size_t)m->configs, 8);
    double *b = room((size_t)m->configs, 8), *low = room((size_t)m->configs, 8);
    double *high = room((size_t)m->configs, 8);
    struct error err;

    for (int i = 0; i < m->configs; i++) {
        x[i] = i + 1;
        a[i] = 0.87 - 0.08 / (i + 1);
        b[i] = 0.872 - 0.08 / (i + 1);
        low[i] = a[i] - 0.02 / sqrt(i + 1);
        high[i] = a[i] + 0.02 / sqrt(i + 1);
    }
    must(figures_add_budget(
             figures,
             &(struct figure_heading){"budget-mrpc", "Expected best score, mrpc",
                                      "Band: one standard deviation of the best."},
             &(struct figure_curves){
                 {"configurations tried", NULL},
                 metric,
                 2,
                 (struct figure_line[]){
                     {"with replacement (Dodge et al. 2019)", m->configs, x, a, low,
                      high},
                     {"unbiased (Tang et al. 2020)", m->configs, x, b, NULL, NULL}}},
             &err),
         &err);
    free(x);
    free(a);
    free(b);
    free(low);
    free(high);
}

static void add_settings(struct figures *figures, const struct made *m)
{
    static const char *const poolings[] = {"pooler", "cls", "mean"};
    const struct figure_setting settings[SETTINGS] = {
        {"learning_rate", m->settings[0], 0, NULL},
        {"batch_size", m->settings[1], 0, NULL},
        {"pooling", m->settings[2], 3, poolings},
        {"head_dropout", m->settings[3], 0, NULL},
        {"first_layer", m->settings[4], 0, NULL},
        {"weight_decay", m->settings[5], 0, NULL}};
    const struct figure_settings all = {metric,    m->configs,
                                        m->scores, (const char *const *)m->names,
                                        SETTINGS,  settings};
    struct error err;

    must(figures_add_settings(figures,
                              &(struct figure_heading){
                                  "settings-mrpc", "Settings and score, mrpc", NULL},
                              &all, &err),
         &err);
    must(figures_add_parallel(figures,
                              &(struct figure_heading){
                                  "parallel-mrpc", "All settings at once, mrpc", NULL},
                              &all, &err),
         &err);
}

static void add_importance(struct figures *figures)
{
    static const char *const names[] = {
        "learning_rate",           "pooling",    "head_dropout", "batch_size",
        "learning_rate x pooling", "first_layer"};
    static const double values[] = {0.61, 0.13, 0.09, 0.05, 0.04, 0.002};
    static const double low[] = {0.52, 0.1, 0.05, 0.02, 0.01, 0};
    static const double high[] = {0.7, 0.16, 0.13, 0.08, 0.07, 0.01};
    double cells[16];
    struct error err;

    for (int i = 0; i < 16; i++)
        cells[i] =
            i / 4 == i % 4 ? NAN : 0.01 * (i / 4 + i % 4) / (1 + abs(i / 4 - i % 4));
    must(
        figures_add_importance(
            figures,
            &(struct figure_heading){"importance-mrpc", "Importance of settings, mrpc",
                                     "Functional ANOVA over a random forest; interval: "
                                     "10 to 90 % of its trees."},
            &(struct figure_bars){
                {"share of the variance", NULL}, 6, names, values, low, high},
            &err),
        &err);
    must(figures_add_heat(figures,
                          &(struct figure_heading){"interactions-mrpc",
                                                   "Interactions of pairs, mrpc", NULL},
                          &(struct figure_heat){{"", NULL},
                                                {"", NULL},
                                                {"share of the variance", NULL},
                                                4,
                                                4,
                                                names,
                                                names,
                                                cells},
                          &err),
         &err);
}

static void add_spread(struct figures *figures, const struct made *m)
{
    struct figure_group *groups = room((size_t)m->configs, sizeof *groups);
    double *scores = room((size_t)m->configs * (size_t)m->seeds, sizeof *scores);
    struct error err;

    for (int c = 0; c < m->configs; c++) {
        double *of = scores + (size_t)c * (size_t)m->seeds;

        for (int s = 0; s < m->seeds; s++)
            of[s] = m->curves[((size_t)c * (size_t)m->seeds + (size_t)s + 1) *
                                  (size_t)m->epochs -
                              1];
        groups[c] = (struct figure_group){
            m->names[c],         m->seeds, of, m->scores[c], m->scores[c] - 0.006,
            m->scores[c] + 0.006};
    }
    must(figures_add_spread(figures,
                            &(struct figure_heading){"seeds-mrpc",
                                                     "Spread over seeds, mrpc",
                                                     "Interval: 95 %, bootstrap."},
                            &(struct figure_spread){metric, m->configs, groups}, &err),
         &err);
    free(groups);
    free(scores);
}

static void add_timeline(struct figures *figures, const struct made *m)
{
    int trials = m->configs * m->seeds;
    struct figure_stretch *work = room((size_t)trials, sizeof *work);
    double *free_at = room((size_t)m->workers, sizeof *free_at);
    const char **names = room((size_t)m->workers, sizeof *names);
    struct figure_death death = {m->workers - 1, 0};
    struct error err;

    for (int w = 0; w < m->workers; w++)
        if (asprintf((char **)&names[w], "node%02d, rank %d", w / 8 + 1, w + 1) < 0)
            exit(1);
    for (int t = 0; t < trials; t++) {
        double length = 40 + 60 * uniform(), chance = uniform();
        int w = 0;

        for (int i = 1; i < m->workers; i++)
            if (free_at[i] < free_at[w])
                w = i;
        work[t] = (struct figure_stretch){w, free_at[w], free_at[w] + length, t + 1,
                                          chance < 0.02  ? WORK_FAILED
                                          : chance < 0.2 ? WORK_STOPPED
                                          : chance < 0.3 ? WORK_PAUSED
                                                         : WORK_DONE};
        free_at[w] += length + 3 + (chance > 0.97 ? 60 : 0);
        if (w == death.worker && t > trials / 2 && death.when == 0) {
            work[t].outcome = WORK_LOST;
            death.when = work[t].end;
            free_at[w] += 120;
        }
    }
    must(figures_add_timeline(
             figures, &(struct figure_heading){"workers", "Who ran what when", NULL},
             &(struct figure_timeline){NAN, m->workers, names, trials, work, 1, &death},
             &err),
         &err);
    for (int w = 0; w < m->workers; w++)
        free((char *)names[w]);
    free(names);
    free(free_at);
    free(work);
}

static void add_rungs(struct figures *figures, const struct made *m)
{
    static const double first[] = {1, 3, 9, 20}, second[] = {3, 9, 20};
    int trials = m->configs * m->seeds;
    struct figure_rung_trial *rows = room((size_t)trials, sizeof *rows);
    struct error err;

    for (int t = 0; t < trials; t++) {
        double goodness = quality(m, t / m->seeds);
        int bracket = t % 3 == 0, epochs = bracket ? 3 : 1;

        for (double limit = 0.80; epochs < m->epochs && goodness > limit; limit += 0.03)
            epochs = epochs * 3 > m->epochs ? m->epochs : epochs * 3;
        rows[t] = (struct figure_rung_trial){
            bracket, epochs > m->epochs ? m->epochs : epochs, m->epoch,
            m->curves + (size_t)t * (size_t)m->epochs, t % 97 == 5};
    }
    must(figures_add_rungs(figures,
                           &(struct figure_heading){
                               "rungs-mrpc", "Trials by epochs reached, mrpc", NULL},
                           &(struct figure_rungs){
                               metric, 2, (int[]){4, 3},
                               (const double *const[]){first, second}, trials, rows},
                           &err),
         &err);
    free(rows);
}

int main(int argc, char **argv)
{
    struct made m = {.configs = argc > 2 ? atoi(argv[2]) : 2000,
                     .seeds = argc > 3 ? atoi(argv[3]) : 5,
                     .epochs = argc > 4 ? atoi(argv[4]) : 20,
                     .workers = argc > 5 ? atoi(argv[5]) : 16};
    struct figures figures;
    struct error err = {""};
    double begin, written, drawn;

    if (argc < 2 || m.configs < 1 || m.seeds < 1 || m.epochs < 1 || m.workers < 1) {
        fprintf(stderr, "usage: figures FOLDER [CONFIGURATIONS [SEEDS [EPOCHS "
                        "[WORKERS]]]]\n");
        return 2;
    }
    make(&m);
    begin = clock_monotonic_s();
    if (figures_init(&figures, argv[1], &err)) {
        fprintf(stderr, "figures: %s\n", err.text);
        return 1;
    }
    add_curves(&figures, &m);
    add_budget(&figures, &m);
    add_settings(&figures, &m);
    add_importance(&figures);
    add_spread(&figures, &m);
    add_timeline(&figures, &m);
    add_rungs(&figures, &m);
    written = clock_monotonic_s();
    must(figures_draw(&figures, 60, &err), &err);
    drawn = clock_monotonic_s();
    printf(
        "%d figures of %d trials x %d epochs: data and scripts %.2f s, drawn %.2f s\n",
        figures.count, m.configs * m.seeds, m.epochs, written - begin, drawn - written);
    figures_clear(&figures);
    return 0;
}
