/* Reading results.h5: every table is checked to be of one length, every name to be
 * known, before a caller sees it. */
#include "storage/results_file.h"

#include "storage/results_columns.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void get_table(struct h5_reader *r, const char *table,
                      const struct results_field *columns, void *rows, size_t stride,
                      int64_t count)
{
    char name[512];

    for (; columns->name && !r->rc; columns++) {
        snprintf(name, sizeof name, "%s/%s", table, columns->name);
        h5_get_column(r, name, columns->type, (char *)rows + columns->offset, stride,
                      count);
    }
}

static void get_metrics(struct h5_reader *r, const char *prefix, double *first,
                        size_t stride, int64_t count)
{
    char name[64];

    for (int m = 0; m < METRIC_COUNT && !r->rc; m++) {
        for (int64_t i = 0; i < count; i++)
            *(double *)(void *)((char *)(first + m) + (size_t)i * stride) = NAN;
        snprintf(name, sizeof name, "%s%s", prefix, metric_name(m));
        if (h5_exists(r, name))
            h5_get_column(r, name, H5_REAL64, first + m, stride, count);
    }
}

/* 0, or -1 for an unknown name or too many. */
static int split_metrics(enum metric *metrics, int *count, char *text)
{
    char *rest = text, *name;

    *count = 0;
    while ((name = strsep(&rest, ",")) && *name) {
        enum metric metric = metric_by_name(name);

        if (metric == METRIC_COUNT || *count == TASK_METRICS_MAX)
            return -1;
        metrics[(*count)++] = metric;
    }
    return 0;
}

static char **split_names_text(const char *text, int64_t count)
{
    json_t *array = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    char **names = NULL;

    if (json_is_array(array) && (int64_t)json_array_size(array) == count)
        names = calloc((size_t)count + 1, sizeof *names);
    for (int64_t i = 0; names && i < count; i++) {
        const char *name = json_string_value(json_array_get(array, (size_t)i));

        if (name && (names[i] = strdup(name)))
            continue;
        while (i--)
            free(names[i]);
        free(names);
        names = NULL;
    }
    json_decref(array);
    return names;
}

static void *get_rows(struct h5_reader *r, const char *column, size_t size, int *count)
{
    int64_t rows = h5_rows(r, column);
    void *items = NULL;

    *count = 0;
    if (rows > INT_MAX / 4)
        h5_reader_fail(r, column, "too many rows");
    else if (!r->rc && !(items = calloc((size_t)rows + 1, size)))
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    else if (!r->rc)
        *count = (int)rows;
    return items;
}

/* Older files have neither rungs nor leases. */
static void get_rungs(struct h5_reader *r, struct results *out)
{
    for (int i = 0; i < out->trial_count; i++)
        out->trials[i].rung = -1;
    if (h5_exists(r, "trials/rung"))
        get_table(r, "trials", results_rung_fields, out->trials, sizeof *out->trials,
                  out->trial_count);
}

static void get_leases(struct h5_reader *r, struct results *out)
{
    if (!h5_exists(r, "leases"))
        return;
    out->leases = get_rows(r, "leases/trial", sizeof *out->leases, &out->lease_count);
    if (!r->rc)
        get_table(r, "leases", results_lease_fields, out->leases, sizeof *out->leases,
                  out->lease_count);
}

static void get_trials(struct h5_reader *r, struct results *out)
{
    out->trials = get_rows(r, "trials/trial", sizeof *out->trials, &out->trial_count);
    if (r->rc)
        return;
    get_table(r, "trials", results_trial_fields, out->trials, sizeof *out->trials,
              out->trial_count);
    get_rungs(r, out);
    get_metrics(r, "trials/dev_", out->trials->report, sizeof *out->trials,
                out->trial_count);
    get_metrics(r, "trials/test_", out->trials->test, sizeof *out->trials,
                out->trial_count);
}

static void get_epochs(struct h5_reader *r, struct results *out)
{
    out->epochs = get_rows(r, "epochs/trial", sizeof *out->epochs, &out->epoch_count);
    if (r->rc)
        return;
    get_table(r, "epochs", results_epoch_fields, out->epochs, sizeof *out->epochs,
              out->epoch_count);
    get_metrics(r, "epochs/", out->epochs->metrics, sizeof *out->epochs,
                out->epoch_count);
}

/* The type of a column of /configs is what its values can be read as. */
static void get_config_column(struct h5_reader *r, struct results_column *c, int rows)
{
    char name[256];

    snprintf(name, sizeof name, "configs/%s", c->name);
    if (h5_has_type(r, name, H5_INT64)) {
        c->type = RESULTS_INT;
        c->integers = h5_get_array(r, name, H5_INT64, rows);
    } else if (h5_has_type(r, name, H5_REAL64)) {
        c->type = RESULTS_REAL;
        c->reals = h5_get_array(r, name, H5_REAL64, rows);
    } else {
        c->type = RESULTS_TEXT;
        c->texts = h5_get_array(r, name, H5_TEXT, rows);
    }
}

static void get_configs(struct h5_reader *r, struct results *out)
{
    int64_t rows = h5_rows(r, "configs/config"), count;
    char **names = h5_get_names(r, "configs", &count);

    out->configs = h5_get_array(r, "configs/config", H5_INT64, rows);
    if (rows > INT_MAX / 4)
        h5_reader_fail(r, "configs/config", "too many rows");
    if (names && !(out->columns = calloc((size_t)count + 1, sizeof *out->columns)))
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    if (!r->rc)
        out->config_count = (int)rows;
    for (int64_t i = 0; i < count; i++) {
        if (r->rc || !strcmp(names[i], "config")) {
            free(names[i]);
            continue;
        }
        out->columns[out->column_count].name = names[i];
        get_config_column(r, &out->columns[out->column_count++], (int)rows);
    }
    free(names);
}

/* Moves a row of the file into the table; what is wrong with it, or NULL. */
static const char *take_row(struct results_task *t, struct results_task_row *row)
{
    size_t kinds = sizeof results_selection_names / sizeof *results_selection_names,
           kind = 0;

    *t = (struct results_task){.task = row->task,
                               .regression = row->regression != 0,
                               .labels = row->labels,
                               .max_length = row->max_length,
                               .majority = row->majority};
    memcpy(t->rows, row->rows, sizeof t->rows);
    while (kind < kinds && strcmp(results_selection_names[kind], row->selection_rows))
        kind++;
    if (kind == kinds)
        return "unknown selection_rows";
    t->selection_rows = (enum selection_rows)kind;
    if (split_metrics(t->metrics, &t->metric_count, row->metrics) ||
        split_metrics(t->selection, &t->selection_count, row->selection))
        return "unknown metrics";
    if (row->labels < 1 || row->labels > 1 << 20)
        return "a wrong number of labels";
    if (!t->regression && !(t->label_names = (const char *const *)split_names_text(
                                row->label_names, row->labels)))
        return "label_names are not as many texts as labels";
    t->name = row->name;
    t->dataset_digest = row->dataset_digest;
    t->tokenizer_digest = row->tokenizer_digest;
    row->name = row->dataset_digest = row->tokenizer_digest = NULL;
    return NULL;
}

static void get_tasks(struct h5_reader *r, struct results *out)
{
    const char *wrong = NULL;
    char name[64];
    int count;
    struct results_task_row *rows = get_rows(r, "tasks/task", sizeof *rows, &count);

    if (!rows)
        return;
    get_table(r, "tasks", results_task_fields, rows, sizeof *rows, count);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        snprintf(name, sizeof name, "tasks/rows_%s", split_names[s]);
        h5_get_column(r, name, H5_INT64, &rows->rows[s], sizeof *rows, count);
    }
    if (!r->rc && !(out->tasks = calloc((size_t)count + 1, sizeof *out->tasks)))
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    for (int i = 0; i < count && !r->rc && !wrong; i++) {
        wrong = take_row(&out->tasks[i], &rows[i]);
        if (wrong)
            h5_reader_fail(r, "tasks", wrong);
        else
            out->task_count++;
    }
    results_task_rows_free(rows, count);
}

/* Cuts an array of count · length values into vectors. */
static float **slice(struct h5_reader *r, const char *name, int64_t count,
                     int64_t length)
{
    float **slices = calloc((size_t)count + 1, sizeof *slices);
    float *all = h5_get_array(r, name, H5_REAL32, count * length);
    bool failed = !slices;

    for (int64_t i = 0; !failed && all && i < count; i++) {
        slices[i] = malloc((size_t)length * sizeof **slices + 1);
        failed = !slices[i];
        if (!failed)
            memcpy(slices[i], all + i * length, (size_t)length * sizeof **slices);
    }
    if (!r->rc && failed)
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    free(all);
    if (!r->rc)
        return slices;
    for (int64_t i = 0; slices && i < count; i++)
        free(slices[i]);
    free(slices);
    return NULL;
}

static void get_prediction(struct h5_reader *r, struct results *out, const char *task,
                           const char *split)
{
    struct results_predictions *p = &out->predictions[out->predictions_count];
    char name[300];
    int64_t dims[3];
    int s = 0;

    while (s < SPLIT_COUNT && strcmp(split_names[s], split))
        s++;
    if (s == SPLIT_COUNT)
        return; /* a later version's */
    snprintf(name, sizeof name, "predictions/%s/%s/logits", task, split);
    h5_dims(r, name, dims, 3);
    if (!r->rc && (dims[0] > INT_MAX / 4 || dims[2] > INT_MAX / 4))
        h5_reader_fail(r, name, "too many rows");
    *p = (struct results_predictions){.task = strdup(task),
                                      .split = (enum split)s,
                                      .rows = dims[1],
                                      .labels = (int)dims[2]};
    out->predictions_count++;
    if (!p->task && !r->rc)
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    p->logits = r->rc ? NULL : slice(r, name, dims[0], dims[1] * dims[2]);
    p->trial_count = p->logits ? (int)dims[0] : 0;
    snprintf(name, sizeof name, "predictions/%s/%s/trial", task, split);
    p->trials = h5_get_array(r, name, H5_INT64, dims[0]);
    snprintf(name, sizeof name, "predictions/%s/%s/labels", task, split);
    if (h5_exists(r, name))
        p->gold = h5_get_array(r, name, H5_REAL32, dims[1]);
}

static void free_names(char **names, int64_t count)
{
    for (int64_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

static void get_predictions(struct h5_reader *r, struct results *out)
{
    int64_t tasks, splits;
    char **names = h5_get_names(r, "predictions", &tasks), group[256];

    if (names)
        out->predictions =
            calloc((size_t)tasks * SPLIT_COUNT + 1, sizeof *out->predictions);
    if (names && !out->predictions)
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    for (int64_t i = 0; i < tasks && !r->rc; i++) {
        char **inner;

        snprintf(group, sizeof group, "predictions/%.200s", names[i]);
        inner = h5_get_names(r, group, &splits);
        for (int64_t k = 0; k < splits && !r->rc; k++)
            get_prediction(r, out, names[i], inner[k]);
        free_names(inner, splits);
    }
    free_names(names, tasks);
}

static void get_adapter(struct h5_reader *r, struct results *out, const char *group)
{
    struct results_adapters *a = &out->adapters[out->adapters_count++];
    char name[300];
    int64_t dims[2];

    a->name = strdup(group);
    if (!a->name && !r->rc)
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    snprintf(name, sizeof name, "adapters/%.200s/values", group);
    h5_dims(r, name, dims, 2);
    if (!r->rc && dims[0] > INT_MAX / 4)
        h5_reader_fail(r, name, "too many rows");
    a->values = dims[1];
    a->vectors = r->rc ? NULL : slice(r, name, dims[0], dims[1]);
    a->trial_count = a->vectors ? (int)dims[0] : 0;
    snprintf(name, sizeof name, "adapters/%.200s/trial", group);
    a->trials = h5_get_array(r, name, H5_INT64, dims[0]);
    snprintf(name, sizeof name, "adapters/%.200s/tensors/name", group);
    a->tensors = get_rows(r, name, sizeof *a->tensors, &a->tensor_count);
    snprintf(name, sizeof name, "adapters/%.200s/tensors", group);
    if (!r->rc)
        get_table(r, name, results_tensor_fields, a->tensors, sizeof *a->tensors,
                  a->tensor_count);
}

static void get_adapters(struct h5_reader *r, struct results *out)
{
    int64_t count;
    char **names = h5_get_names(r, "adapters", &count);

    if (names && !(out->adapters = calloc((size_t)count + 1, sizeof *out->adapters)))
        r->rc = error_set(r->err, ERR_MEMORY, "%s: out of memory", r->path);
    for (int64_t i = 0; i < count && !r->rc; i++)
        get_adapter(r, out, names[i]);
    free_names(names, count);
}

static void get_attributes(struct h5_reader *r, struct results *out)
{
    int64_t schema = h5_get_integer(r, "/", "schema");

    if (!r->rc && schema != RESULTS_SCHEMA)
        h5_reader_fail(r, "schema", "a version that this program does not know");
    out->program_version = h5_get_text(r, "/", "program_version");
    out->job_text = h5_get_text(r, "/", "job");
    out->job_digest = h5_get_text(r, "/", "job_digest");
    out->encoder_digest = h5_get_text(r, "/", "encoder_digest");
}

int results_read(struct results *out, const char *path, int what, struct error *err)
{
    struct h5_reader r;
    int rc;

    *out = (struct results){0};
    h5_reader_open(&r, path, err);
    get_attributes(&r, out);
    get_trials(&r, out);
    get_configs(&r, out);
    get_tasks(&r, out);
    if (what & RESULTS_EPOCHS)
        get_epochs(&r, out);
    if (what & RESULTS_LEASES)
        get_leases(&r, out);
    if (what & RESULTS_PREDICTIONS)
        get_predictions(&r, out);
    if (what & RESULTS_ADAPTERS)
        get_adapters(&r, out);
    rc = h5_reader_close(&r);
    if (rc)
        results_clear(out);
    return rc;
}
