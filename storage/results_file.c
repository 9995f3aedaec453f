/* Writing results.h5. */
#include "storage/results_file.h"

#include "storage/results_columns.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_table(struct h5_writer *w, const char *table,
                      const struct results_field *columns, const void *rows,
                      size_t stride, int64_t count)
{
    char name[512];

    for (; columns->name; columns++) {
        snprintf(name, sizeof name, "%s/%s", table, columns->name);
        h5_put_column(w, name, columns->type, (const char *)rows + columns->offset,
                      stride, count);
    }
}

/* One column a metric: "epochs/f1", "trials/dev_f1". first: row 0's value of metric 0.
 */
static void put_metrics(struct h5_writer *w, const char *prefix, const bool *used,
                        const double *first, size_t stride, int64_t count)
{
    char name[64];

    for (int m = 0; m < METRIC_COUNT; m++) {
        snprintf(name, sizeof name, "%s%s", prefix, metric_name(m));
        if (used[m])
            h5_put_column(w, name, H5_REAL64, (const double *)first + m, stride, count);
    }
}

static void put_trials(struct h5_writer *w, const struct results *results,
                       const bool *used)
{
    static const struct results_trial none;
    const struct results_trial *rows = results->trial_count ? results->trials : &none;
    bool tested[METRIC_COUNT] = {false};

    for (int i = 0; i < results->trial_count; i++)
        for (int m = 0; m < METRIC_COUNT; m++)
            tested[m] = tested[m] || isfinite(rows[i].test[m]);
    put_table(w, "trials", results_trial_fields, rows, sizeof *rows,
              results->trial_count);
    put_table(w, "trials", results_rung_fields, rows, sizeof *rows,
              results->trial_count);
    put_metrics(w, "trials/dev_", used, rows->report, sizeof *rows,
                results->trial_count);
    put_metrics(w, "trials/test_", tested, rows->test, sizeof *rows,
                results->trial_count);
}

static void put_epochs(struct h5_writer *w, const struct results *results,
                       const bool *used)
{
    static const struct results_epoch none;
    const struct results_epoch *rows = results->epoch_count ? results->epochs : &none;

    put_table(w, "epochs", results_epoch_fields, rows, sizeof *rows,
              results->epoch_count);
    put_metrics(w, "epochs/", used, rows->metrics, sizeof *rows, results->epoch_count);
}

static void put_leases(struct h5_writer *w, const struct results *results)
{
    static const struct results_lease none;
    const struct results_lease *rows = results->lease_count ? results->leases : &none;

    put_table(w, "leases", results_lease_fields, rows, sizeof *rows,
              results->lease_count);
}

static void put_configs(struct h5_writer *w, const struct results *results)
{
    char name[256];

    h5_put_column(w, "configs/config", H5_INT64, results->configs, sizeof(int64_t),
                  results->config_count);
    for (int i = 0; i < results->column_count; i++) {
        const struct results_column *c = &results->columns[i];

        snprintf(name, sizeof name, "configs/%s", c->name);
        if (c->type == RESULTS_INT)
            h5_put_column(w, name, H5_INT64, c->integers, sizeof *c->integers,
                          results->config_count);
        else if (c->type == RESULTS_REAL)
            h5_put_column(w, name, H5_REAL64, c->reals, sizeof *c->reals,
                          results->config_count);
        else
            h5_put_column(w, name, H5_TEXT, c->texts, sizeof *c->texts,
                          results->config_count);
    }
}

/* "accuracy,f1" */
static char *join_metrics(const enum metric *metrics, int count)
{
    char text[TASK_METRICS_MAX * 32] = "";
    size_t used = 0;

    for (int i = 0; i < count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "," : "",
                                 metric_name(metrics[i]));
    return strdup(text);
}

/* A JSON array: names may hold any character. */
static char *join_names(const char *const *names, int64_t count)
{
    json_t *array = json_array();
    char *text;

    for (int64_t i = 0; names && i < count; i++)
        json_array_append_new(array, json_string(names[i]));
    text = json_dumps(array, JSON_COMPACT);
    json_decref(array);
    return text;
}

static int fill_row(struct results_task_row *row, const struct results_task *t)
{
    *row = (struct results_task_row){.task = t->task,
                                     .regression = t->regression,
                                     .labels = t->labels,
                                     .max_length = t->max_length,
                                     .majority = t->majority};
    memcpy(row->rows, t->rows, sizeof row->rows);
    row->name = strdup(t->name);
    row->label_names = join_names(t->label_names, t->regression ? 0 : t->labels);
    row->metrics = join_metrics(t->metrics, t->metric_count);
    row->selection = join_metrics(t->selection, t->selection_count);
    row->selection_rows = strdup(results_selection_names[t->selection_rows]);
    row->dataset_digest = strdup(t->dataset_digest);
    row->tokenizer_digest = strdup(t->tokenizer_digest);
    return row->name && row->label_names && row->metrics && row->selection &&
                   row->selection_rows && row->dataset_digest && row->tokenizer_digest
               ? 0
               : ERR_MEMORY;
}

static void put_tasks(struct h5_writer *w, const struct results *results)
{
    int64_t count = results->task_count;
    struct results_task_row *rows = calloc((size_t)count + 1, sizeof *rows);
    char name[64];
    int rc = rows ? 0 : ERR_MEMORY;

    for (int64_t i = 0; i < count && !rc; i++)
        rc = fill_row(&rows[i], &results->tasks[i]);
    if (rc) {
        w->rc = error_set(w->err, rc, "%s: out of memory", w->path);
    } else {
        put_table(w, "tasks", results_task_fields, rows, sizeof *rows, count);
        for (int s = 0; s < SPLIT_COUNT; s++) {
            snprintf(name, sizeof name, "tasks/rows_%s", split_names[s]);
            h5_put_column(w, name, H5_INT64, &rows->rows[s], sizeof *rows, count);
        }
    }
    results_task_rows_free(rows, count);
}

static void put_predictions(struct h5_writer *w, const struct results_predictions *p)
{
    const int64_t dims[] = {p->trial_count, p->rows, p->labels};
    char group[256], name[300];

    snprintf(group, sizeof group, "predictions/%s/%s", p->task, split_names[p->split]);
    snprintf(name, sizeof name, "%s/trial", group);
    h5_put_column(w, name, H5_INT64, p->trials, sizeof *p->trials, p->trial_count);
    snprintf(name, sizeof name, "%s/logits", group);
    h5_put_slices(w, name, p->logits, dims, 3);
    snprintf(name, sizeof name, "%s/labels", group);
    if (p->gold)
        h5_put_column(w, name, H5_REAL32, p->gold, sizeof *p->gold, p->rows);
}

static void put_adapters(struct h5_writer *w, const struct results_adapters *a)
{
    const int64_t dims[] = {a->trial_count, a->values};
    char name[300];

    snprintf(name, sizeof name, "adapters/%s/trial", a->name);
    h5_put_column(w, name, H5_INT64, a->trials, sizeof *a->trials, a->trial_count);
    snprintf(name, sizeof name, "adapters/%s/values", a->name);
    h5_put_slices(w, name, a->vectors, dims, 2);
    snprintf(name, sizeof name, "adapters/%s/tensors", a->name);
    put_table(w, name, results_tensor_fields, a->tensors, sizeof *a->tensors,
              a->tensor_count);
}

int results_write(const char *path, const struct results *results, struct error *err)
{
    return results_write_through(path, results, NULL, err);
}

int results_write_through(const char *path, const struct results *results,
                          const struct file_gate *gate, struct error *err)
{
    bool used[METRIC_COUNT] = {false};
    struct h5_writer w;

    for (int i = 0; i < results->task_count; i++)
        for (int m = 0; m < results->tasks[i].metric_count; m++)
            used[results->tasks[i].metrics[m]] = true;
    h5_writer_open(&w, path, err);
    w.gate = gate;
    put_trials(&w, results, used);
    put_configs(&w, results);
    put_tasks(&w, results);
    put_epochs(&w, results, used);
    put_leases(&w, results);
    h5_put_group(&w, "predictions");
    for (int i = 0; i < results->predictions_count; i++)
        put_predictions(&w, &results->predictions[i]);
    h5_put_group(&w, "adapters");
    for (int i = 0; i < results->adapters_count; i++)
        put_adapters(&w, &results->adapters[i]);
    h5_put_integer(&w, "/", "schema", RESULTS_SCHEMA);
    h5_put_text(&w, "/", "program_version", SHIFTWORK_VERSION);
    h5_put_text(&w, "/", "job", results->job_text);
    h5_put_text(&w, "/", "job_digest", results->job_digest);
    h5_put_text(&w, "/", "encoder_digest", results->encoder_digest);
    return h5_writer_close(&w);
}
