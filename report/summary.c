/* Tables of the best configurations. Only what differs between configurations gets a
 * column: settings that are the same for all are in the job file, seeds and what the
 * score is are told above the table. */
#include "report/summary.h"

#include "report/ranking.h"
#include "report/text_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool column_differs(const struct results_column *column, int rows)
{
    for (int r = 1; r < rows; r++) {
        if (column->type == RESULTS_INT && column->integers[r] != column->integers[0])
            return true;
        if (column->type == RESULTS_REAL && column->reals[r] != column->reals[0])
            return true;
        if (column->type == RESULTS_TEXT &&
            strcmp(column->texts[r], column->texts[0]) != 0)
            return true;
    }
    return false;
}

static void setting_cell(struct text_table *table, const struct results_column *column,
                         int row)
{
    if (row < 0)
        text_table_cell(table, "-");
    else if (column->type == RESULTS_INT)
        text_table_cell(table, "%lld", (long long)column->integers[row]);
    else if (column->type == RESULTS_REAL)
        text_table_cell(table, "%g", column->reals[row]);
    else
        text_table_cell(table, "%s", column->texts[row]);
}

/* Scores are within -1..1, so a standard deviation hardly needs its 0. */
static void spread_cell(struct text_table *table, struct spread s)
{
    char sd[32];

    if (s.n == 0) {
        text_table_cell(table, "-");
        return;
    }
    snprintf(sd, sizeof sd, "%.4f", s.sd);
    if (s.n == 1)
        text_table_cell(table, "%.4f", s.mean);
    else
        text_table_cell(table, "%.4f±%s", s.mean, sd + (sd[0] == '0'));
}

static void seconds_cell(struct text_table *table, struct spread seconds)
{
    double mean = seconds.n ? seconds.mean : 0;

    text_table_cell(table, mean < 99.95 ? "%.1f" : "%.0f", mean);
}

/* Which metrics have a value on a labelled test set anywhere in the task. */
static bool tested(const struct ranking *ranking, int64_t task, enum metric metric)
{
    for (int i = 0; i < ranking->count; i++)
        if (ranking->rows[i].task == task && ranking->rows[i].test[metric].n > 0)
            return true;
    return false;
}

/* What a task's table has, found before its first row. */
struct columns {
    const struct results *results;
    const struct ranking *ranking;
    const struct results_task *task;
    int seeds; /* finished by every configuration; 0: that differs */
    bool metrics[METRIC_COUNT], tests[METRIC_COUNT];
};

/* Seeds of all configurations of the task, if they have finished the same number. */
static int common_seeds(const struct ranking *ranking, int64_t task)
{
    int seeds = -1;

    for (int i = 0; i < ranking->count; i++) {
        const struct ranked *row = &ranking->rows[i];

        if (row->task != task)
            continue;
        if (row->done != row->seeds || (seeds >= 0 && row->done != seeds))
            return 0;
        seeds = row->done;
    }
    return seeds < 0 ? 0 : seeds;
}

/* A score of one metric is that metric, which then needs no column of its own. */
static struct columns find_columns(const struct results *results,
                                   const struct ranking *ranking,
                                   const struct results_task *task)
{
    struct columns columns = {results, ranking, task, common_seeds(ranking, task->task),
                              {0},     {0}};

    for (int m = 0; m < task->metric_count; m++)
        columns.metrics[task->metrics[m]] =
            task->selection_count > 1 || task->metrics[m] != task->selection[0];
    for (int m = 0; m < METRIC_COUNT; m++)
        columns.tests[m] = tested(ranking, task->task, (enum metric)m);
    return columns;
}

static void header_cells(struct text_table *table, const struct columns *columns)
{
    const struct results *results = columns->results;

    text_table_row(table);
    text_table_cell(table, "config");
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            text_table_cell(table, "%s", results->columns[c].name);
    if (!columns->seeds)
        text_table_cell(table, "seeds");
    text_table_cell(table, "score");
    if (columns->task->selection_rows != SELECT_DEV)
        text_table_cell(table, "held-back score");
    for (int m = 0; m < METRIC_COUNT; m++)
        if (columns->metrics[m])
            text_table_cell(table, "%s", metric_name((enum metric)m));
    for (int m = 0; m < METRIC_COUNT; m++)
        if (columns->tests[m])
            text_table_cell(table, "test %s", metric_name((enum metric)m));
    text_table_cell(table, "time s");
    text_table_cell(table, "best trial");
}

static void config_cells(struct text_table *table, const struct columns *columns,
                         const struct ranked *row)
{
    const struct results *results = columns->results;
    int at = results_find_config(results, row->config);

    text_table_row(table);
    text_table_cell(table, "%lld", (long long)row->config);
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            setting_cell(table, &results->columns[c], at);
    if (!columns->seeds)
        text_table_cell(table, row->done == row->seeds ? "%d" : "%d of %d", row->done,
                        row->seeds);
    spread_cell(table, row->score);
    if (columns->task->selection_rows != SELECT_DEV)
        spread_cell(table, row->report_score);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (columns->metrics[m])
            spread_cell(table, row->report[m]);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (columns->tests[m])
            spread_cell(table, row->test[m]);
    seconds_cell(table, row->seconds);
    if (row->best_trial)
        text_table_cell(table, "%lld", (long long)row->best_trial);
    else
        text_table_cell(table, "-");
}

static void base_cells(struct text_table *table, const struct columns *columns)
{
    const struct results *results = columns->results;

    text_table_row(table);
    text_table_cell(table, "base");
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            text_table_cell(table, "-");
    if (!columns->seeds)
        text_table_cell(table, "-");
    if (isnan(columns->task->majority))
        text_table_cell(table, "undefined");
    else
        text_table_cell(table, "%.4f", columns->task->majority);
}

/* Adds to a line of clauses, or begins a new one where that is full. */
static void clause(FILE *out, int *used, const char *text)
{
    int size = (int)strlen(text);

    if (*used && *used + 2 + size >= TEXT_TABLE_WIDTH) {
        fputs(";\n  ", out);
        *used = 2;
    } else if (*used) {
        fputs("; ", out);
        *used += 2;
    }
    fputs(text, out);
    *used += size;
}

static void count_clause(FILE *out, int *used, const struct columns *columns, int shown,
                         int all)
{
    char seeds[32] = "", text[512];

    if (columns->seeds)
        snprintf(seeds, sizeof seeds, "%d ", columns->seeds);
    snprintf(text, sizeof text,
             "%s: %d of %d configuration%s by mean score over %sseed%s",
             columns->task->name, shown, all, all == 1 ? "" : "s", seeds,
             columns->seeds == 1 ? "" : "s");
    clause(out, used, text);
}

static void score_clause(FILE *out, int *used, const struct results_task *task)
{
    char text[256];
    size_t size = (size_t)snprintf(text, sizeof text, "score = %s",
                                   task->selection_count > 1 ? "mean of " : "");

    for (int m = 0; m < task->selection_count && size < sizeof text; m++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s",
                                 m ? " and " : "", metric_name(task->selection[m]));
    clause(out, used, text);
}

static void print_title(FILE *out, const struct columns *columns, int shown, int all)
{
    static const char *const chosen_on[] = {
        [SELECT_DEV] = "dev chooses the epoch and reports",
        [SELECT_SPLIT_DEV] = "half of dev chooses the epoch, the other half reports",
        [SELECT_SPLIT_TRAIN] = "held-back training rows choose the epoch, dev reports",
    };
    int used = 0;

    count_clause(out, &used, columns, shown, all);
    score_clause(out, &used, columns->task);
    clause(out, &used, chosen_on[columns->task->selection_rows]);
    clause(out, &used,
           columns->task->regression ? "base: always the mean"
                                     : "base: always the majority class");
    fputc('\n', out);
}

static int print_task(FILE *out, const struct columns *columns, int rows,
                      struct error *err)
{
    const struct ranking *ranking = columns->ranking;
    struct text_table *table = text_table_new();
    int shown = 0, all = 0, rc;

    if (!table)
        return error_set(err, ERR_MEMORY, "out of memory");
    header_cells(table, columns);
    for (int i = 0; i < ranking->count; i++) {
        if (ranking->rows[i].task != columns->task->task)
            continue;
        all++;
        if (rows && shown == rows)
            continue;
        shown++;
        config_cells(table, columns, &ranking->rows[i]);
    }
    base_cells(table, columns);
    print_title(out, columns, shown, all);
    rc = text_table_print(table, out);
    text_table_free(table);
    return rc ? error_set(err, ERR_MEMORY, "out of memory") : 0;
}

static void print_failures(FILE *out, const struct results *results)
{
    for (int i = 0; i < results->trial_count; i++) {
        const struct results_trial *t = &results->trials[i];

        if (t->error[0])
            fprintf(out, "trial %lld (config %lld, seed %lld) %s: %s\n",
                    (long long)t->trial, (long long)t->config, (long long)t->seed,
                    t->status, t->error);
    }
}

int summary_print(FILE *out, const struct results *results, int rows, struct error *err)
{
    struct ranking ranking;
    int rc = ranking_init(&ranking, results, err);

    if (rc)
        return rc;
    for (int i = 0; i < results->task_count && !rc; i++) {
        struct columns columns = find_columns(results, &ranking, &results->tasks[i]);

        if (i)
            fputc('\n', out);
        rc = print_task(out, &columns, rows, err);
    }
    print_failures(out, results);
    ranking_clear(&ranking);
    return rc;
}
