/* Tables of the best configurations. Only settings that differ between configurations
 * get a column: what is the same for all is in the job file. */
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

static void spread_cell(struct text_table *table, struct spread s)
{
    if (s.n == 0)
        text_table_cell(table, "-");
    else if (s.n == 1)
        text_table_cell(table, "%.4f", s.mean);
    else
        text_table_cell(table, "%.4f ± %.4f", s.mean, s.sd);
}

/* Which metrics have a value on a labelled test set anywhere in the task. */
static bool tested(const struct ranking *ranking, int64_t task, enum metric metric)
{
    for (int i = 0; i < ranking->count; i++)
        if (ranking->rows[i].task == task && ranking->rows[i].test[metric].n > 0)
            return true;
    return false;
}

static void header_cells(struct text_table *table, const struct results *results,
                         const struct ranking *ranking, const struct results_task *task)
{
    text_table_row(table);
    text_table_cell(table, "config");
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            text_table_cell(table, "%s", results->columns[c].name);
    text_table_cell(table, "seeds");
    text_table_cell(table, "score");
    if (task->selection_rows != SELECT_DEV)
        text_table_cell(table, "held-back score");
    for (int m = 0; m < task->metric_count; m++)
        text_table_cell(table, "%s", metric_name(task->metrics[m]));
    for (int m = 0; m < METRIC_COUNT; m++)
        if (tested(ranking, task->task, (enum metric)m))
            text_table_cell(table, "test %s", metric_name((enum metric)m));
    text_table_cell(table, "seconds");
    text_table_cell(table, "best trial");
}

static void config_cells(struct text_table *table, const struct results *results,
                         const struct ranking *ranking, const struct results_task *task,
                         const struct ranked *row)
{
    int at = results_find_config(results, row->config);

    text_table_row(table);
    text_table_cell(table, "%lld", (long long)row->config);
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            setting_cell(table, &results->columns[c], at);
    if (row->done == row->trials)
        text_table_cell(table, "%d", row->done);
    else
        text_table_cell(table, "%d of %d", row->done, row->trials);
    spread_cell(table, row->score);
    if (task->selection_rows != SELECT_DEV)
        spread_cell(table, row->report_score);
    for (int m = 0; m < task->metric_count; m++)
        spread_cell(table, row->report[task->metrics[m]]);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (tested(ranking, task->task, (enum metric)m))
            spread_cell(table, row->test[m]);
    text_table_cell(table, "%.1f", row->seconds.n ? row->seconds.mean : 0.0);
    if (row->best_trial)
        text_table_cell(table, "%lld", (long long)row->best_trial);
    else
        text_table_cell(table, "-");
}

static void majority_cells(struct text_table *table, const struct results *results,
                           const struct results_task *task)
{
    text_table_row(table);
    text_table_cell(table, task->regression ? "mean" : "majority");
    for (int c = 0; c < results->column_count; c++)
        if (column_differs(&results->columns[c], results->config_count))
            text_table_cell(table, "-");
    text_table_cell(table, "-");
    if (isnan(task->majority))
        text_table_cell(table, "undefined");
    else
        text_table_cell(table, "%.4f", task->majority);
}

static void print_title(FILE *out, const struct results_task *task, int shown, int all)
{
    static const char *const chosen_on[] = {
        [SELECT_DEV] = "dev chooses the epoch and reports",
        [SELECT_SPLIT_DEV] = "half of dev chooses the epoch, the other half reports",
        [SELECT_SPLIT_TRAIN] = "held-back training rows choose the epoch, dev reports",
    };

    fprintf(out, "%s: %d of %d configuration%s by mean score over seeds; score = ",
            task->name, shown, all, all == 1 ? "" : "s");
    if (task->selection_count > 1)
        fputs("mean of ", out);
    for (int m = 0; m < task->selection_count; m++)
        fprintf(out, "%s%s", m ? " and " : "", metric_name(task->selection[m]));
    fprintf(out, "; %s\n", chosen_on[task->selection_rows]);
}

static int print_task(FILE *out, const struct results *results,
                      const struct ranking *ranking, const struct results_task *task,
                      int rows, struct error *err)
{
    struct text_table *table = text_table_new();
    int shown = 0, all = 0, rc;

    if (!table)
        return error_set(err, ERR_MEMORY, "out of memory");
    header_cells(table, results, ranking, task);
    for (int i = 0; i < ranking->count; i++) {
        if (ranking->rows[i].task != task->task)
            continue;
        all++;
        if (rows && shown == rows)
            continue;
        shown++;
        config_cells(table, results, ranking, task, &ranking->rows[i]);
    }
    majority_cells(table, results, task);
    print_title(out, task, shown, all);
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
        if (i)
            fputc('\n', out);
        rc = print_task(out, results, &ranking, &results->tasks[i], rows, err);
    }
    print_failures(out, results);
    ranking_clear(&ranking);
    return rc;
}
