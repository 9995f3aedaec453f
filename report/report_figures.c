/* From rows of the analysis to the plain arrays that figures take. */
#include "report/report_figures.h"

#include "report/configuration_space.h"
#include "report/report_tables.h"
#include "report/report_timeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 200, BUDGETS_MAX = 200, DRAW_TIMEOUT_S = 120 };

/* What a figure is made of for the time of one call. */
struct drawing {
    struct report_figures *out;
    const struct analysis *analysis;
    const struct analysis_task *task;
    int index; /* of the task; -1: none */
    int threads;
    struct figure_metric metric;
    FILE *notes;
};

static const char *own_name(char *buffer, size_t size, const struct drawing *d,
                            const char *prefix)
{
    if (d->index >= 0)
        report_file_name(buffer, size, d->analysis, prefix, d->index);
    else
        snprintf(buffer, size, "%s", prefix);
    return buffer;
}

/* Records whose figure was added, or why there is none; only memory and disk end it. */
static int added(struct drawing *d, int rc, int before, const char *what,
                 const struct error *err)
{
    struct report_figures *out = d->out;

    if (rc == ERR_INPUT)
        fprintf(d->notes, "%s%s%s: %s\n", d->index >= 0 ? d->task->task->name : "",
                d->index >= 0 ? ", " : "", what, err->text);
    if (rc)
        return rc == ERR_INPUT ? 0 : rc;
    for (int i = before; i < out->set.count; i++) {
        int *tasks = realloc(out->tasks, ((size_t)i + 1) * sizeof *tasks);

        if (!tasks)
            return ERR_MEMORY;
        out->tasks = tasks;
        tasks[i] = d->index;
    }
    return 0;
}

/* Rows of /epochs by trial. */
struct epoch_index {
    const struct results *results;
    int *rows; /* (epoch_count) sorted by trial, then epoch */
};

static int compare_epochs(const void *a, const void *b, void *arg)
{
    const struct results *r = arg;
    const struct results_epoch *x = &r->epochs[*(const int *)a];
    const struct results_epoch *y = &r->epochs[*(const int *)b];

    if (x->trial != y->trial)
        return x->trial < y->trial ? -1 : 1;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return (x->step > y->step) - (x->step < y->step);
}

static int epoch_index_init(struct epoch_index *index, const struct results *r)
{
    *index = (struct epoch_index){
        r, malloc(((size_t)r->epoch_count + 1) * sizeof *index->rows)};
    if (!index->rows)
        return ERR_MEMORY;
    for (int i = 0; i < r->epoch_count; i++)
        index->rows[i] = i;
    qsort_r(index->rows, (size_t)r->epoch_count, sizeof *index->rows, compare_epochs,
            (void *)r);
    return 0;
}

/* Where a trial's rows begin; *count of them. */
static int epochs_of(const struct epoch_index *index, int64_t trial, int *count)
{
    const struct results *r = index->results;
    int low = 0, high = r->epoch_count, end;

    while (low < high) {
        int middle = low + (high - low) / 2;

        if (r->epochs[index->rows[middle]].trial < trial)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < r->epoch_count && r->epochs[index->rows[end]].trial == trial;)
        end++;
    *count = end - low;
    return low;
}

/* A configuration's curve: sums by epoch. */
struct curve {
    int points;
    double *x, *y, *low, *high;
    char *name;
};

static void curve_clear(struct curve *c)
{
    free(c->x);
    free(c->name);
    *c = (struct curve){0};
}

/* Mean and band of the scores of all trials that came to an epoch. */
static void curve_point(struct curve *c, double epoch, const double *values, int count)
{
    struct spread s = spread_of(values, count);

    if (s.n == 0)
        return;
    c->x[c->points] = epoch;
    c->y[c->points] = s.mean;
    c->low[c->points] = s.n > 1 ? s.mean - s.sd : NAN;
    c->high[c->points] = s.n > 1 ? s.mean + s.sd : NAN;
    c->points++;
}

/* trials: rows of the task, sorted by configuration. */
static int curve_init(struct curve *c, const struct drawing *d,
                      const struct epoch_index *index, int64_t config, int most)
{
    const struct results *r = index->results;
    size_t places = (size_t)most + 1;
    double *values = malloc(((size_t)r->trial_count + 1) * sizeof *values);
    double *block = malloc(4 * places * sizeof *block);
    int *rows = malloc(((size_t)r->trial_count + 1) * sizeof *rows), trials = 0;

    *c = (struct curve){.x = block, .name = analysis_config_text(d->analysis, config)};
    if (!values || !block || !rows || !c->name) {
        free(values);
        free(rows);
        curve_clear(c);
        return ERR_MEMORY;
    }
    c->y = block + places;
    c->low = block + 2 * places;
    c->high = block + 3 * places;
    for (int i = 0; i < r->trial_count; i++)
        if (r->trials[i].config == config && r->trials[i].task == d->task->task->task)
            rows[trials++] = i;
    for (int epoch = 1; epoch <= most; epoch++) {
        int n = 0;

        for (int t = 0; t < trials; t++) {
            int count, at = epochs_of(index, r->trials[rows[t]].trial, &count);
            double value = NAN;

            for (int i = at; i < at + count; i++)
                if (r->epochs[index->rows[i]].epoch == epoch)
                    value = r->epochs[index->rows[i]].score;
            values[n++] = value;
        }
        curve_point(c, epoch, values, n);
    }
    free(rows);
    free(values);
    return 0;
}

static int draw_curves(struct drawing *d, const struct epoch_index *index,
                       struct error *err)
{
    struct curve curves[LINES_MAX];
    struct figure_line lines[LINES_MAX];
    char name[128];
    int count = 0, most = 0, shown = 0, rc = 0, before = d->out->set.count;
    struct figure_heading heading = {own_name(name, sizeof name, d, "curves_"),
                                     "Learning curves",
                                     "Mean dev score over seeds by epoch; band: one "
                                     "standard deviation either side."};

    for (int i = 0; i < index->results->epoch_count; i++)
        most = index->results->epochs[i].epoch > most
                   ? (int)index->results->epochs[i].epoch
                   : most;
    for (; !rc && count < d->task->count && count < LINES_MAX && most < 100000;) {
        rc = curve_init(&curves[count], d, index, d->task->rows[count].config, most);
        count += !rc;
    }
    for (int i = 0; i < count; i++)
        if (curves[i].points)
            lines[shown++] = (struct figure_line){
                curves[i].name[0] ? curves[i].name : "the configuration",
                curves[i].points,
                curves[i].x,
                curves[i].y,
                curves[i].low,
                curves[i].high};
    if (!rc) {
        struct figure_curves figure = {{"epoch", NULL}, d->metric, shown, lines};

        rc = figures_add_curves(&d->out->set, &heading, &figure, err);
        rc = added(d, rc, before, "learning curves", err);
    }
    for (int i = 0; i < count; i++)
        curve_clear(&curves[i]);
    return rc;
}

static int draw_spread(struct drawing *d, struct error *err)
{
    const struct results *r = &d->analysis->runs->results;
    const struct analysis_task *t = d->task;
    int count = t->ranked < LINES_MAX ? t->ranked : LINES_MAX, rc = 0, most = 0;
    int before = d->out->set.count;
    struct figure_group *groups = calloc((size_t)count + 1, sizeof *groups);
    char **names = calloc((size_t)count + 1, sizeof *names), name[128];
    double **scores = calloc((size_t)count + 1, sizeof *scores);

    if (!groups || !names || !scores)
        rc = ERR_MEMORY;
    for (int i = 0; !rc && i < count; i++) {
        struct interval interval = {NAN, NAN};
        int n = 0;

        names[i] = analysis_config_text(d->analysis, t->rows[i].config);
        scores[i] = malloc(((size_t)t->rows[i].trials + 1) * sizeof **scores);
        if (!names[i] || !scores[i]) {
            rc = ERR_MEMORY;
            break;
        }
        for (int k = 0; k < r->trial_count; k++)
            if (r->trials[k].config == t->rows[i].config &&
                r->trials[k].task == t->task->task &&
                !strcmp(r->trials[k].status, "done"))
                scores[i][n++] = r->trials[k].score;
        spread_interval(&interval, t->rows[i].score, 0.95, NULL);
        if (t->rows[i].score.n < 2)
            interval = (struct interval){NAN, NAN};
        groups[i] = (struct figure_group){
            names[i], n, scores[i], t->rows[i].score.mean, interval.low, interval.high};
        most = n > most ? n : most;
    }
    if (!rc && most > 1) {
        struct figure_heading heading = {own_name(name, sizeof name, d, "seeds_"),
                                         "Spread over seeds",
                                         "Dots: seeds; bar: mean and 95 % interval "
                                         "(Student)."};
        struct figure_spread figure = {d->metric, count, groups};

        rc = figures_add_spread(&d->out->set, &heading, &figure, err);
        rc = added(d, rc, before, "spread over seeds", err);
    }
    for (int i = 0; i < count; i++) {
        free(names ? names[i] : NULL);
        free(scores ? scores[i] : NULL);
    }
    free(names);
    free(scores);
    free(groups);
    return rc;
}

/* k = 1 … N, or BUDGETS_MAX of them, evenly in the logarithm. */
static int choose_budgets(int *budgets, int most)
{
    int count = 0;

    for (int i = 0; i < BUDGETS_MAX; i++) {
        int k = most <= BUDGETS_MAX
                    ? i + 1
                    : (int)lround(exp(log(most) * i / (BUDGETS_MAX - 1)));

        if (k <= most && (!count || k > budgets[count - 1]))
            budgets[count++] = k;
    }
    return count;
}

static int draw_budget(struct drawing *d, struct error *err)
{
    const struct analysis_task *t = d->task;
    int budgets[BUDGETS_MAX], count = choose_budgets(budgets, t->ranked), rc;
    int before = d->out->set.count;
    double *scores = malloc(((size_t)t->ranked + 1) * sizeof *scores);
    double x[BUDGETS_MAX], biased[BUDGETS_MAX], unbiased[BUDGETS_MAX];
    struct expected_best best[BUDGETS_MAX];
    bool grid = d->analysis->sampling == SAMPLING_GRID;
    char name[128];
    struct figure_heading heading = {
        own_name(name, sizeof name, d, "budget_"), "Expected best score against budget",
        grid ? "Uniform over this grid. With replacement: Dodge et al. 2019; without: "
               "Tang et al. 2020."
             : "Random search. With replacement: Dodge et al. 2019; without: Tang et "
               "al. 2020."};

    if (!scores)
        return ERR_MEMORY;
    for (int i = 0; i < t->ranked; i++)
        scores[i] = t->rows[i].score.mean;
    rc = t->ranked ? expected_best(best, scores, t->ranked, d->analysis->sampling,
                                   budgets, count, err)
                   : error_set(err, ERR_INPUT, "no configuration has a score");
    for (int i = 0; !rc && i < count; i++) {
        x[i] = budgets[i];
        biased[i] = best[i].biased;
        unbiased[i] = best[i].unbiased;
    }
    if (!rc) {
        const struct figure_line lines[] = {
            {"with replacement", count, x, biased, NULL, NULL},
            {"without replacement", count, x, unbiased, NULL, NULL}};
        struct figure_curves figure = {
            {"configurations tried", NULL}, d->metric, 2, lines};

        rc = figures_add_budget(&d->out->set, &heading, &figure, err);
    }
    free(scores);
    return added(d, rc, before, "expected best score", err);
}

static int draw_importance(struct drawing *d, const struct configuration_space *space,
                           const struct importance *importance, struct error *err)
{
    int before = d->out->set.count, rc;
    char name[128], pairs[128];
    const char *const *names = (const char *const *)space->names;
    struct figure_heading heading = {own_name(name, sizeof name, d, "importance_"),
                                     "Importance of hyperparameters", space->method};
    struct figure_bars bars = {{"share of the variance", NULL},
                               space->axes,
                               names,
                               importance->main,
                               NULL,
                               NULL};

    rc = added(d, figures_add_importance(&d->out->set, &heading, &bars, err), before,
               "importance", err);
    if (rc || space->axes < 2)
        return rc;
    before = d->out->set.count;
    heading = (struct figure_heading){own_name(pairs, sizeof pairs, d, "interactions_"),
                                      "Interactions of pairs",
                                      "Share of the variance beyond main effects."};
    {
        struct figure_heat heat = {{"setting", NULL},
                                   {"setting", NULL},
                                   {"share of the variance", NULL},
                                   space->axes,
                                   space->axes,
                                   names,
                                   names,
                                   importance->pairs};

        rc = figures_add_heat(&d->out->set, &heading, &heat, err);
    }
    return added(d, rc, before, "interactions", err);
}

static int draw_settings(struct drawing *d, const struct configuration_space *space,
                         struct error *err)
{
    struct figure_setting settings[CONFIGURATION_AXES_MAX];
    int before = d->out->set.count, rc;
    char name[128];
    struct figure_heading heading = {own_name(name, sizeof name, d, "settings_"),
                                     "Each hyperparameter against the score",
                                     "A dot a configuration: its mean over seeds."};
    struct figure_settings figure = {d->metric, space->rows, space->scores,
                                     NULL,      space->axes, settings};

    for (int i = 0; i < space->axes; i++)
        settings[i] = (struct figure_setting){
            space->names[space->order[i]], space->values[space->order[i]],
            space->categories[space->order[i]],
            (const char *const *)space->category_names[space->order[i]]};
    rc = added(d, figures_add_settings(&d->out->set, &heading, &figure, err), before,
               "hyperparameters", err);
    if (rc || space->axes < 2)
        return rc;
    before = d->out->set.count;
    heading = (struct figure_heading){own_name(name, sizeof name, d, "parallel_"),
                                      "Parallel coordinates",
                                      "A line a configuration; the best ones thick."};
    rc = figures_add_parallel(&d->out->set, &heading, &figure, err);
    return added(d, rc, before, "parallel coordinates", err);
}

static int draw_space(struct drawing *d, struct error *err)
{
    struct configuration_space space;
    struct importance importance = {0};
    int rc = configuration_space_init(&space, d->analysis, d->task, err), known = 0;

    if (rc == ERR_INPUT)
        return added(d, rc, 0, "hyperparameters", err);
    if (rc)
        return rc;
    rc = configuration_space_importance(&importance, &space, d->threads, err);
    known = !rc;
    rc = known ? 0 : added(d, rc, 0, "importance", err);
    if (known)
        configuration_space_order(&space, importance.main);
    if (!rc)
        rc = draw_settings(d, &space, err);
    if (!rc && known)
        rc = draw_importance(d, &space, &importance, err);
    importance_clear(&importance);
    configuration_space_clear(&space);
    return rc;
}

static int draw_rungs(struct drawing *d, struct error *err)
{
    char name[128];
    int before = d->out->set.count;
    struct figure_heading heading = {
        own_name(name, sizeof name, d, "rungs_"), "How far trials came",
        "Scores by epoch; a rung is where the scheduler decides."};

    return added(d,
                 report_rungs_add(&d->out->set, &heading, &d->analysis->runs->results,
                                  d->task->task->task, d->metric, err),
                 before, "rungs", err);
}

static int draw_task(struct drawing *d, const struct epoch_index *index,
                     struct error *err)
{
    char metric[160] = "score";
    size_t size = 0;
    int rc;

    for (int m = 0; m < d->task->task->selection_count; m++)
        size += (size_t)snprintf(metric + size, sizeof metric - size, "%s%s",
                                 m ? " and " : "",
                                 metric_name(d->task->task->selection[m]));
    d->metric = (struct figure_metric){
        metric, NULL,
        !d->task->task->selection_count ||
            metric_higher_is_better(d->task->task->selection[0])};
    rc = draw_curves(d, index, err);
    if (!rc)
        rc = draw_space(d, err);
    if (!rc)
        rc = draw_budget(d, err);
    if (!rc)
        rc = draw_spread(d, err);
    return rc ? rc : draw_rungs(d, err);
}

static int draw_timeline(struct drawing *d, struct error *err)
{
    int before = d->out->set.count;

    return added(d, report_timeline_add(&d->out->set, &d->analysis->runs->results, err),
                 before, "timeline of workers", err);
}

int report_figures_init(struct report_figures *out, const struct analysis *a,
                        const char *folder, int threads, struct error *err)
{
    struct drawing d = {.out = out, .analysis = a, .threads = threads};
    struct epoch_index index = {0};
    struct error why = {""};
    size_t size;
    int rc;

    *out = (struct report_figures){0};
    d.notes = open_memstream(&out->notes, &size);
    rc = d.notes ? figures_init(&out->set, folder, err) : ERR_MEMORY;
    if (!rc)
        rc = epoch_index_init(&index, &a->runs->results);
    for (int i = 0; !rc && i < a->task_count; i++) {
        d.task = &a->tasks[i];
        d.index = i;
        rc = draw_task(&d, &index, &why);
    }
    d.index = -1;
    if (!rc)
        rc = draw_timeline(&d, &why);
    if (!rc && out->set.count && figures_draw(&out->set, DRAW_TIMEOUT_S, &why))
        fprintf(d.notes, "%s\n", why.text);
    free(index.rows);
    if (d.notes)
        fclose(d.notes);
    if (!rc)
        return 0;
    report_figures_clear(out);
    return error_set(err, rc, "%s: %s", folder,
                     why.text[0] ? why.text : "out of memory for the figures");
}

void report_figures_clear(struct report_figures *figures)
{
    figures_clear(&figures->set);
    free(figures->tasks);
    free(figures->notes);
    *figures = (struct report_figures){0};
}
