#include "report/report_tables.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMALS = 4 };

static void clean_name(char *out, size_t size, const char *prefix, const char *name)
{
    size_t n = (size_t)snprintf(out, size, "%s", prefix);

    for (; *name && n + 1 < size; name++)
        out[n++] = isalnum((unsigned char)*name) || *name == '-' ? *name : '_';
    out[n] = 0;
}

void report_file_name(char *out, size_t size, const struct analysis *analysis,
                      const char *prefix, int task)
{
    char other[128];
    int same = 1;

    clean_name(out, size, prefix, analysis->tasks[task].task->name);
    for (int i = 0; i < task; i++) {
        clean_name(other, sizeof other, prefix, analysis->tasks[i].task->name);
        same += !strcmp(other, out);
    }
    if (same > 1)
        snprintf(out + strlen(out), size - strlen(out), "_%d", same);
}

static struct spread of_value(double value)
{
    return (struct spread){.n = 0, .mean = value, .sd = NAN};
}

static struct interval student(struct spread spread)
{
    struct interval interval;

    if (spread_interval(&interval, spread, 0.95, NULL))
        interval = (struct interval){NAN, NAN};
    return interval;
}

/* Which metrics' columns tasks need together. */
struct shown {
    bool held_back, metrics[METRIC_COUNT], tests[METRIC_COUNT];
};

static void show_task(struct shown *shown, const struct analysis_task *t)
{
    shown->held_back = shown->held_back || t->task->selection_rows != SELECT_DEV;
    for (int m = 0; m < t->task->metric_count; m++)
        shown->metrics[t->task->metrics[m]] = true;
    for (int i = 0; i < t->count; i++)
        for (int m = 0; m < METRIC_COUNT; m++)
            shown->tests[m] = shown->tests[m] || t->rows[i].test[m].n > 0;
}

static void score_columns(struct table *table, const struct shown *shown)
{
    char name[64];

    table_column(table, "score", TABLE_SPREAD, DECIMALS);
    table_column(table, "95 % interval", TABLE_INTERVAL, DECIMALS);
    if (shown->held_back)
        table_column(table, "held-back score", TABLE_SPREAD, DECIMALS);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->metrics[m])
            table_column(table, metric_name((enum metric)m), TABLE_SPREAD, DECIMALS);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->tests[m]) {
            snprintf(name, sizeof name, "test %s", metric_name((enum metric)m));
            table_column(table, name, TABLE_SPREAD, DECIMALS);
        }
}

static void score_cells(struct table *table, const struct shown *shown,
                        const struct ranked *row, enum table_mark mark)
{
    table_spread(table, row->score);
    table_mark(table, mark);
    table_interval(table, student(row->score));
    if (shown->held_back)
        table_spread(table, row->report_score);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->metrics[m])
            table_spread(table, row->report[m]);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->tests[m])
            table_spread(table, row->test[m]);
}

static void cost_columns(struct table *table)
{
    table_column(table, "trainable", TABLE_INTEGER, 0);
    table_column(table, "of the head", TABLE_INTEGER, 0);
    table_column(table, "seconds", TABLE_SPREAD, 1);
    table_column(table, "tokens", TABLE_SPREAD, 0);
}

static void cost_cells(struct table *table, const struct gathered *runs,
                       const struct ranked *row)
{
    const struct trainable *size = gathered_trainable(runs, row->task, row->config);

    if (size) {
        table_integer(table, size->values);
        table_integer(table, size->head);
    } else {
        table_empty(table);
        table_empty(table);
    }
    table_spread(table, row->seconds);
    table_spread(table, row->tokens);
}

static void seeds_cell(struct table *table, const struct ranked *row)
{
    char text[64];

    snprintf(text, sizeof text, row->done == row->seeds ? "%d" : "%d of %d", row->done,
             row->seeds);
    table_text(table, text);
}

static const char *base_name(const struct results_task *task)
{
    return task->regression ? "always the mean" : "always the majority class";
}

static void fill_best(struct table *table, const struct analysis *a,
                      const struct shown *shown)
{
    for (int i = 0; i < a->task_count; i++) {
        const struct analysis_task *t = &a->tasks[i];
        char *text = t->ranked ? analysis_config_text(a, t->rows[0].config) : NULL;

        table_row(table, false);
        table_text(table, t->task->name);
        if (t->ranked) {
            table_integer(table, t->rows[0].config);
            table_text(table, text);
            seeds_cell(table, &t->rows[0]);
            score_cells(table, shown, &t->rows[0], MARK_NONE);
            if (t->bootstrap.draws)
                table_interval(table, t->bootstrap.interval);
            else
                table_empty(table);
            cost_cells(table, a->runs, &t->rows[0]);
            table_integer(table, t->rows[0].best_trial);
            table_integer(table, t->ranked);
        } else {
            table_empty(table);
            table_text(table, "no finished trial with a score");
        }
        free(text);
        table_row(table, true);
        table_text(table, t->task->name);
        table_empty(table);
        table_text(table, base_name(t->task));
        table_empty(table);
        table_spread(table, of_value(t->task->majority));
    }
}

static void make_best(struct table *table, const struct analysis *a)
{
    struct shown shown = {0};

    for (int i = 0; i < a->task_count; i++)
        show_task(&shown, &a->tasks[i]);
    table_init(
        table, "best", "Best configuration of each task",
        "Mean±standard deviation (n − 1) over finished seeds at each trial's best "
        "epoch; 95 % interval: Student's, over seeds; bootstrap: over seeds and "
        "examples. Trainable numbers with the head. Which rows chose and which "
        "are reported is said with each task.");
    table_column(table, "task", TABLE_TEXT, 0);
    table_column(table, "config", TABLE_INTEGER, 0);
    table_column(table, "settings", TABLE_TEXT, 0);
    table_column(table, "seeds", TABLE_TEXT, 0);
    score_columns(table, &shown);
    table_column(table, "bootstrap 95 %", TABLE_INTERVAL, DECIMALS);
    cost_columns(table);
    table_column(table, "best trial", TABLE_INTEGER, 0);
    table_column(table, "among", TABLE_INTEGER, 0);
    fill_best(table, a, &shown);
}

static void setting_cell(struct table *table, const struct results_column *c, int row)
{
    if (row < 0)
        table_empty(table);
    else if (c->type == RESULTS_INT)
        table_integer(table, c->integers[row]);
    else if (c->type == RESULTS_REAL)
        table_real(table, c->reals[row]);
    else
        table_text(table, c->texts[row]);
}

static void setting_columns(struct table *table, const struct analysis *a)
{
    const struct results *r = &a->runs->results;

    for (int c = 0; c < r->column_count; c++)
        if (a->differs[c])
            table_column(table, r->columns[c].name,
                         r->columns[c].type == RESULTS_INT    ? TABLE_INTEGER
                         : r->columns[c].type == RESULTS_REAL ? TABLE_REAL
                                                              : TABLE_TEXT,
                         -1);
}

static void fill_task(struct table *table, const struct analysis *a,
                      const struct analysis_task *t, const struct shown *shown)
{
    const struct results *r = &a->runs->results;

    for (int i = 0; i < t->count; i++) {
        const struct ranked *row = &t->rows[i];
        int at = results_find_config(r, row->config);

        table_row(table, false);
        if (i < t->ranked)
            table_integer(table, i + 1);
        else
            table_empty(table);
        table_integer(table, row->config);
        for (int c = 0; c < r->column_count; c++)
            if (a->differs[c])
                setting_cell(table, &r->columns[c], at);
        seeds_cell(table, row);
        table_integer(table, row->seeds - row->done);
        score_cells(table, shown, row, t->marks[i]);
        cost_cells(table, a->runs, row);
        if (row->best_trial)
            table_integer(table, row->best_trial);
        else
            table_empty(table);
    }
    table_row(table, true);
    table_empty(table);
    table_empty(table);
    for (int c = 0; c < r->column_count; c++)
        if (a->differs[c])
            table_empty(table);
    table_text(table, t->task->regression ? "mean" : "majority");
    table_empty(table);
    table_spread(table, of_value(t->task->majority));
}

static int make_task(struct table *table, const struct analysis *a, int task)
{
    const struct analysis_task *t = &a->tasks[task];
    struct shown shown = {0};
    char name[128], *title = NULL, *note = NULL;
    int rc = 0;

    show_task(&shown, t);
    report_file_name(name, sizeof name, a, "configurations_", task);
    if (asprintf(&title, "All configurations of %s", t->task->name) < 0 ||
        asprintf(&note, "%s %s %s", t->statement, t->tests, t->edge) < 0)
        rc = ERR_MEMORY;
    else
        table_init(table, name, title, note);
    if (!rc) {
        table_column(table, "place", TABLE_INTEGER, 0);
        table_column(table, "config", TABLE_INTEGER, 0);
        setting_columns(table, a);
        table_column(table, "seeds", TABLE_TEXT, 0);
        table_column(table, "missing", TABLE_INTEGER, 0);
        score_columns(table, &shown);
        cost_columns(table);
        table_column(table, "best trial", TABLE_INTEGER, 0);
        fill_task(table, a, t, &shown);
    }
    free(title);
    free(note);
    return rc;
}

static void make_comparisons(struct table *table, const struct analysis *a, int task)
{
    const struct analysis_task *t = &a->tasks[task];
    char name[128];

    report_file_name(name, sizeof name, a, "comparisons_", task);
    table_init(
        table, name, "The best against others",
        "Difference of mean scores over common seeds. p: paired permutation over "
        "examples and seeds; of examples, of seeds: of each chance alone; Holm: "
        "corrected over this table. McNemar: accuracy of the first common seed "
        "only. ε: almost stochastic order, below 0.5 the best is above; from 5 "
        "seeds a side.");
    table_column(table, "config", TABLE_INTEGER, 0);
    table_column(table, "seeds", TABLE_INTEGER, 0);
    table_column(table, "difference", TABLE_REAL, DECIMALS);
    table_column(table, "p", TABLE_REAL, DECIMALS);
    table_column(table, "p Holm", TABLE_REAL, DECIMALS);
    table_column(table, "p of examples", TABLE_REAL, DECIMALS);
    table_column(table, "p of seeds", TABLE_REAL, DECIMALS);
    table_column(table, "p McNemar", TABLE_REAL, DECIMALS);
    table_column(table, "ε", TABLE_REAL, DECIMALS);
    for (int i = 0; i < t->comparison_count; i++) {
        const struct comparison *c = &t->comparisons[i];

        table_row(table, false);
        table_integer(table, t->rows[c->other].config);
        table_integer(table, c->pairs);
        table_real(table, c->difference);
        table_real(table, c->p);
        table_real(table, c->adjusted);
        table_mark(table, c->adjusted > 0.05 ? MARK_TIED : MARK_NONE);
        table_real(table, c->p_examples);
        table_real(table, c->p_seeds);
        table_real(table, c->mcnemar);
        table_real(table, c->epsilon_min);
    }
}

static bool has_rungs(const struct results *r)
{
    for (int i = 0; i < r->trial_count; i++)
        if (r->trials[i].rung >= 0)
            return true;
    return false;
}

static void trial_columns(struct table *table, const struct analysis *a,
                          const struct shown *shown)
{
    static const char *const integers[] = {"config", "seed"};

    table_column(table, "trial", TABLE_INTEGER, 0);
    if (a->runs->run_count > 1) {
        table_column(table, "run", TABLE_TEXT, 0);
        table_column(table, "trial there", TABLE_INTEGER, 0);
    }
    table_column(table, "task", TABLE_TEXT, 0);
    for (int i = 0; i < 2; i++)
        table_column(table, integers[i], TABLE_INTEGER, 0);
    table_column(table, "status", TABLE_TEXT, 0);
    table_column(table, "epochs", TABLE_INTEGER, 0);
    table_column(table, "best epoch", TABLE_INTEGER, 0);
    if (has_rungs(&a->runs->results)) {
        table_column(table, "bracket", TABLE_INTEGER, 0);
        table_column(table, "rung", TABLE_INTEGER, 0);
    }
    table_column(table, "score", TABLE_REAL, DECIMALS);
    if (shown->held_back)
        table_column(table, "held-back score", TABLE_REAL, DECIMALS);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->metrics[m])
            table_column(table, metric_name((enum metric)m), TABLE_REAL, DECIMALS);
    table_column(table, "seconds", TABLE_REAL, 1);
    table_column(table, "tokens", TABLE_INTEGER, 0);
    table_column(table, "attempts", TABLE_INTEGER, 0);
    table_column(table, "host", TABLE_TEXT, 0);
    table_column(table, "error", TABLE_TEXT, 0);
}

static void trial_cells(struct table *table, const struct analysis *a, int row,
                        const struct shown *shown, bool rungs)
{
    const struct results_trial *t = &a->runs->results.trials[row];
    const struct results_task *task = results_find_task(&a->runs->results, t->task);
    const struct gathered_origin *origin = &a->runs->origins[row];

    table_integer(table, t->trial);
    if (a->runs->run_count > 1) {
        table_text(table, a->runs->dirs[origin->run]);
        table_integer(table, origin->trial);
    }
    table_text(table, task ? task->name : "");
    table_integer(table, t->config);
    table_integer(table, t->seed);
    table_text(table, t->status);
    table_integer(table, t->epochs);
    if (t->best_epoch)
        table_integer(table, t->best_epoch);
    else
        table_empty(table);
    if (rungs) {
        table_integer(table, t->bracket);
        if (t->rung >= 0)
            table_integer(table, t->rung);
        else
            table_empty(table);
    }
    table_real(table, t->score);
    if (shown->held_back)
        table_real(table, t->report_score);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (shown->metrics[m])
            table_real(table, t->report[m]);
    table_real(table, t->seconds);
    table_integer(table, t->tokens);
    table_integer(table, t->attempts);
    table_text(table, t->host);
    table_text(table, t->error);
}

/* The majority row: the score stands where the trials' does. */
static void trial_base(struct table *table, const struct analysis *a,
                       const struct analysis_task *t, bool rungs)
{
    table_row(table, true);
    table_empty(table);
    if (a->runs->run_count > 1) {
        table_empty(table);
        table_empty(table);
    }
    table_text(table, t->task->name);
    table_empty(table);
    table_empty(table);
    table_text(table, base_name(t->task));
    table_empty(table);
    table_empty(table);
    if (rungs) {
        table_empty(table);
        table_empty(table);
    }
    table_real(table, t->task->majority);
}

static void make_trials(struct table *table, const struct analysis *a)
{
    struct shown shown = {0};
    bool rungs = has_rungs(&a->runs->results);

    for (int i = 0; i < a->task_count; i++)
        show_task(&shown, &a->tasks[i]);
    table_init(table, "trials", "All trials",
               "Score and metrics at the trial's best epoch; unfinished trials and "
               "failures do not count in the other tables.");
    trial_columns(table, a, &shown);
    for (int i = 0; i < a->runs->results.trial_count; i++) {
        table_row(table, false);
        trial_cells(table, a, i, &shown, rungs);
    }
    for (int i = 0; i < a->task_count; i++)
        trial_base(table, a, &a->tasks[i], rungs);
}

/* A method is what the adapter consists of: its settings that differ in the runs. */
static bool is_adapter_setting(const char *name)
{
    static const char *const names[] = {"share_alpha",     "share_v", "first_layer",
                                        "train_layernorm", "pooling", "init"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

static char *method_text(const struct analysis *a, int64_t config)
{
    const struct results *r = &a->runs->results;
    int row = results_find_config(r, config);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs("AdapterBias", out);
    for (int c = 0; row >= 0 && c < r->column_count; c++) {
        const struct results_column *column = &r->columns[c];

        if (!a->differs[c] || !is_adapter_setting(column->name))
            continue;
        if (column->type == RESULTS_TEXT)
            fprintf(out, ", %s %s", column->name,
                    column->texts[row][0] ? column->texts[row] : "none");
        else if (column->type == RESULTS_INT)
            fprintf(out, ", %s %lld", column->name, (long long)column->integers[row]);
    }
    fclose(out);
    return text;
}

/* Methods in the order in which configurations bring them. */
struct methods {
    int count;
    char **names;
    int *of_config; /* (config_count) by row */
};

static void methods_clear(struct methods *m)
{
    for (int i = 0; i < m->count; i++)
        free(m->names[i]);
    free(m->names);
    free(m->of_config);
}

static int methods_init(struct methods *m, const struct analysis *a)
{
    const struct results *r = &a->runs->results;

    *m = (struct methods){
        .names = calloc((size_t)r->config_count + 1, sizeof *m->names),
        .of_config = calloc((size_t)r->config_count + 1, sizeof *m->of_config)};
    if (!m->names || !m->of_config)
        return ERR_MEMORY;
    for (int i = 0; i < r->config_count; i++) {
        char *name = method_text(a, r->configs[i]);
        int known = 0;

        if (!name)
            return ERR_MEMORY;
        while (known < m->count && strcmp(m->names[known], name) != 0)
            known++;
        m->of_config[i] = known;
        if (known < m->count)
            free(name);
        else
            m->names[m->count++] = name;
    }
    return 0;
}

/* 100 times, as papers have them. */
static struct spread percent(struct spread s)
{
    s.mean *= 100;
    s.sd *= 100;
    return s;
}

static const struct ranked *best_of_method(const struct analysis *a,
                                           const struct methods *m,
                                           const struct analysis_task *t, int method)
{
    for (int i = 0; i < t->ranked; i++) {
        int row = results_find_config(&a->runs->results, t->rows[i].config);

        if (row >= 0 && m->of_config[row] == method)
            return &t->rows[i];
    }
    return NULL;
}

static void method_row(struct table *table, const struct analysis *a,
                       const struct methods *m, int method)
{
    const struct trainable *size = NULL;
    double sum = 0;
    int tasks = 0;

    for (int i = 0; i < a->task_count && !size; i++) {
        const struct ranked *best = best_of_method(a, m, &a->tasks[i], method);

        size = best ? gathered_trainable(a->runs, best->task, best->config) : NULL;
    }
    table_row(table, false);
    table_text(table, m->names[method]);
    if (size)
        table_integer(table, size->values - size->head);
    else
        table_empty(table);
    for (int i = 0; i < a->task_count; i++) {
        const struct ranked *best = best_of_method(a, m, &a->tasks[i], method);

        if (best) {
            table_spread(table, percent(best->report_score));
            table_mark(table, a->tasks[i].marks[best - a->tasks[i].rows]);
            sum += 100 * best->report_score.mean;
            tasks++;
        } else {
            table_empty(table);
        }
    }
    table_real(table, tasks == a->task_count && tasks ? sum / tasks : NAN);
}

static int make_methods(struct table *table, const struct analysis *a)
{
    struct methods m;
    double sum = 0;
    int rc = methods_init(&m, a);

    table_init(table, "methods", "Tasks and methods",
               "100 times the selection metric on the rows that report, mean±standard "
               "deviation over seeds, of each method's best configuration of the task "
               "(by mean score on the rows that choose). A method is the adapter's "
               "settings that differ. Trainable numbers without the head. Bold: best; "
               "†: not significantly different from it.");
    table_column(table, "method", TABLE_TEXT, 0);
    table_column(table, "trainable", TABLE_INTEGER, 0);
    for (int i = 0; i < a->task_count; i++)
        table_column(table, a->tasks[i].task->name, TABLE_SPREAD, 2);
    table_column(table, "mean", TABLE_REAL, 2);
    for (int i = 0; !rc && i < m.count; i++)
        method_row(table, a, &m, i);
    table_row(table, true);
    table_text(table, "majority class or mean");
    table_empty(table);
    for (int i = 0; i < a->task_count; i++) {
        table_spread(table, of_value(100 * a->tasks[i].task->majority));
        sum += 100 * a->tasks[i].task->majority;
    }
    table_real(table, a->task_count ? sum / a->task_count : NAN);
    methods_clear(&m);
    return rc;
}

static struct table *next(struct report_tables *out, enum report_table_kind kind,
                          int task)
{
    out->rows[out->count].kind = kind;
    out->rows[out->count].task = task;
    return &out->rows[out->count++].table;
}

int report_tables_init(struct report_tables *out, const struct analysis *a,
                       struct error *err)
{
    size_t most = 3 + 2 * (size_t)a->task_count;
    bool failed = false;
    int rc = 0;

    *out = (struct report_tables){.rows = calloc(most, sizeof *out->rows)};
    if (!out->rows)
        return error_set(err, ERR_MEMORY, "out of memory for the tables");
    make_best(next(out, REPORT_OVERVIEW, 0), a);
    rc = make_methods(next(out, REPORT_OVERVIEW, 0), a);
    for (int i = 0; !rc && i < a->task_count; i++) {
        rc = make_task(next(out, REPORT_TASK, i), a, i);
        if (a->tasks[i].comparison_count)
            make_comparisons(next(out, REPORT_TASK, i), a, i);
    }
    if (!rc)
        make_trials(next(out, REPORT_TRIALS, 0), a);
    for (int i = 0; i < out->count; i++)
        failed = failed || table_failed(&out->rows[i].table);
    if (!rc && !failed)
        return 0;
    report_tables_clear(out);
    return error_set(err, ERR_MEMORY, "out of memory for the tables");
}

void report_tables_clear(struct report_tables *tables)
{
    for (int i = 0; i < tables->count; i++)
        table_clear(&tables->rows[i].table);
    free(tables->rows);
    *tables = (struct report_tables){0};
}
