#include "report/analysis.h"

#include "report/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the report");
}

static bool cells_differ(const struct results_column *c, int a, int b)
{
    switch (c->type) {
    case RESULTS_INT:
        return c->integers[a] != c->integers[b];
    case RESULTS_REAL:
        return c->reals[a] != c->reals[b];
    default:
        return strcmp(c->texts[a], c->texts[b]) != 0;
    }
}

static bool *find_differing(const struct results *results)
{
    bool *differs = calloc((size_t)results->column_count + 1, sizeof *differs);

    for (int c = 0; differs && c < results->column_count; c++)
        for (int r = 1; !differs[c] && r < results->config_count; r++)
            differs[c] = cells_differ(&results->columns[c], 0, r);
    return differs;
}

static void put_setting(FILE *out, const struct results_column *c, int row)
{
    if (c->type == RESULTS_INT)
        fprintf(out, "%s %lld", c->name, (long long)c->integers[row]);
    else if (c->type == RESULTS_REAL)
        fprintf(out, "%s %g", c->name, c->reals[row]);
    else
        fprintf(out, "%s %s", c->name, c->texts[row][0] ? c->texts[row] : "none");
}

char *analysis_config_text(const struct analysis *a, int64_t config)
{
    const struct results *r = &a->runs->results;
    int row = results_find_config(r, config), shown = 0;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    for (int c = 0; row >= 0 && c < r->column_count; c++)
        if (a->differs[c]) {
            fputs(shown++ ? ", " : "", out);
            put_setting(out, &r->columns[c], row);
        }
    fclose(out);
    return text;
}

static double number_at(const struct results_column *c, int row)
{
    return c->type == RESULTS_INT ? (double)c->integers[row] : c->reals[row];
}

/* Where the best value lies among those that have a score on the task. */
struct edge {
    double low, high; /* of all */
    int values;       /* different ones, 3 at most counted */
};

static struct edge find_edge(const struct results *r, const struct analysis_task *t,
                             const struct results_column *c)
{
    struct edge e = {INFINITY, -INFINITY, 0};
    double seen[3];

    for (int i = 0; i < t->ranked; i++) {
        int row = results_find_config(r, t->rows[i].config), known = 0;
        double value;

        if (row < 0 || isnan(value = number_at(c, row)))
            continue;
        e.low = fmin(e.low, value);
        e.high = fmax(e.high, value);
        while (known < e.values && seen[known] != value)
            known++;
        if (known == e.values && e.values < 3)
            seen[e.values++] = value;
    }
    return e;
}

/* Of two values one is always at an edge, and nothing is below 0; in a range that was
 * drawn from, the outer twentieth is the edge, of its logarithm where it spans decades.
 */
static const char *edge_of(struct edge e, double best)
{
    double low = e.low, high = e.high, near;

    if (e.values < 3)
        return NULL;
    if (low > 0 && high / low > 10) {
        low = log(low);
        high = log(high);
        best = log(best);
    }
    near = (high - low) / 20;
    if (best >= high - near)
        return "largest";
    return best <= low + near && e.low != 0 ? "smallest" : NULL;
}

static char *edge_text(const struct analysis *a, const struct analysis_task *t)
{
    const struct results *r = &a->runs->results;
    int best = t->ranked ? results_find_config(r, t->rows[0].config) : -1, shown = 0;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    for (int c = 0; best >= 0 && c < r->column_count; c++) {
        const struct results_column *column = &r->columns[c];
        const char *side;

        if (!a->differs[c] || column->type == RESULTS_TEXT ||
            !(side = edge_of(find_edge(r, t, column), number_at(column, best))))
            continue;
        fputs(shown++ ? "; " : "At the edge of what was tried: ", out);
        put_setting(out, column, best);
        fprintf(out, " is among the %s", side);
    }
    if (shown)
        fputs(". Better ones may lie beyond.", out);
    fclose(out);
    return text;
}

static void put_score_name(FILE *out, const struct results_task *task)
{
    fputs(task->selection_count > 1 ? "mean of " : "", out);
    for (int m = 0; m < task->selection_count; m++)
        fprintf(out, "%s%s", m ? " and " : "", metric_name(task->selection[m]));
}

static char *statement_text(const struct analysis_task *t)
{
    static const char *const rows[] = {
        [SELECT_DEV] = "dev (%lld rows), the same rows that are reported: the best is "
                       "flattered by the choice",
        [SELECT_SPLIT_DEV] = "one half of dev (%lld rows), the other half is reported",
        [SELECT_SPLIT_TRAIN] = "held-back training rows, dev (%lld rows) is reported",
    };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out,
            "%s: best of %d configuration%s with a score (of %d), by the mean "
            "over finished seeds of the score, ",
            t->task->name, t->ranked, t->ranked == 1 ? "" : "s", t->count);
    put_score_name(out, t->task);
    fputs(", at each trial's best epoch, both chosen on ", out);
    fprintf(out, rows[t->task->selection_rows], (long long)t->task->rows[SPLIT_DEV]);
    if (t->count)
        fprintf(out, ". %d seed%s asked for.", t->rows[0].seeds,
                t->rows[0].seeds == 1 ? "" : "s");
    fclose(out);
    return text;
}

static int analyse_task(struct analysis *a, struct analysis_task *t, int threads,
                        struct error *err)
{
    t->rows = ranking_of(&a->ranking, t->task->task, &t->count);
    for (int i = 0; i < t->count; i++)
        t->ranked += !isnan(t->rows[i].score.mean);
    t->marks = calloc((size_t)t->count + 1, sizeof *t->marks);
    t->edge = edge_text(a, t);
    t->statement = statement_text(t);
    if (!t->marks || !t->edge || !t->statement)
        return no_memory(err);
    if (t->ranked)
        t->marks[0] = MARK_BEST;
    return significance_test(&a->runs->results, t, threads, err);
}

int analysis_init(struct analysis *out, const struct gathered *runs,
                  enum sampling sampling, int threads, struct error *err)
{
    const struct results *r = &runs->results;
    int rc;

    *out = (struct analysis){
        .runs = runs,
        .sampling = sampling,
        .differs = find_differing(r),
        .tasks = calloc((size_t)r->task_count + 1, sizeof *out->tasks),
    };
    rc = out->differs && out->tasks ? ranking_init(&out->ranking, r, err)
                                    : no_memory(err);
    for (int i = 0; !rc && i < r->task_count; i++) {
        out->tasks[i].task = &r->tasks[i];
        out->task_count++;
        rc = analyse_task(out, &out->tasks[i], threads, err);
    }
    if (rc)
        analysis_clear(out);
    return rc;
}

void analysis_clear(struct analysis *a)
{
    for (int i = 0; i < a->task_count; i++) {
        free(a->tasks[i].marks);
        free(a->tasks[i].comparisons);
        free(a->tasks[i].tests);
        free(a->tasks[i].edge);
        free(a->tasks[i].statement);
    }
    free(a->tasks);
    free(a->differs);
    ranking_clear(&a->ranking);
    *a = (struct analysis){0};
}
