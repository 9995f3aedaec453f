/* The snapshot's memory: rows are copied in, found by number, released together. */
#include "storage/results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more item: arrays have 16 places, then double at each power of two, so
 * that the count alone says how many places there are. */
static int grow(void *array, int count, size_t size)
{
    void **items = array;
    size_t places = count ? 2 * (size_t)count : 16;
    void *larger;

    if (count && (count < 16 || (count & (count - 1))))
        return 0;
    larger = realloc(*items, places * size);
    if (!larger)
        return ERR_MEMORY;
    *items = larger;
    return 0;
}

static char *copy_text(const char *text) { return strdup(text ? text : ""); }

static void *copy_bytes(const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);

    if (copy && size)
        memcpy(copy, bytes, size);
    return copy;
}

static void clear_trial(struct results_trial *t)
{
    free((char *)t->digest);
    free((char *)t->status);
    free((char *)t->host);
    free((char *)t->numerics);
    free((char *)t->error);
}

int results_add_trial(struct results *results, const struct results_trial *row)
{
    struct results_trial copy = *row;

    copy.digest = copy_text(row->digest);
    copy.status = copy_text(row->status);
    copy.host = copy_text(row->host);
    copy.numerics = copy_text(row->numerics);
    copy.error = copy_text(row->error);
    if (!copy.digest || !copy.status || !copy.host || !copy.numerics || !copy.error ||
        grow(&results->trials, results->trial_count, sizeof copy)) {
        clear_trial(&copy);
        return ERR_MEMORY;
    }
    results->trials[results->trial_count++] = copy;
    return 0;
}

int results_add_epoch(struct results *results, const struct results_epoch *row)
{
    if (grow(&results->epochs, results->epoch_count, sizeof *row))
        return ERR_MEMORY;
    results->epochs[results->epoch_count++] = *row;
    return 0;
}

static void clear_lease(struct results_lease *l)
{
    free((char *)l->host);
    free((char *)l->end);
}

int results_add_lease(struct results *results, const struct results_lease *row)
{
    struct results_lease copy = *row;

    copy.host = copy_text(row->host);
    copy.end = copy_text(row->end);
    if (!copy.host || !copy.end ||
        grow(&results->leases, results->lease_count, sizeof copy)) {
        clear_lease(&copy);
        return ERR_MEMORY;
    }
    results->leases[results->lease_count++] = copy;
    return 0;
}

static void clear_task(struct results_task *t)
{
    for (int64_t i = 0; t->label_names && i < t->labels; i++)
        free((char *)t->label_names[i]);
    free((void *)t->label_names);
    free((char *)t->name);
    free((char *)t->dataset_digest);
    free((char *)t->tokenizer_digest);
}

static const char *const *copy_names(char *const *names, int count)
{
    char **copy = calloc((size_t)count + 1, sizeof *copy);

    for (int i = 0; copy && i < count; i++)
        if (!(copy[i] = strdup(names[i]))) {
            while (i--)
                free(copy[i]);
            free(copy);
            return NULL;
        }
    return (const char *const *)copy;
}

/* Names are groups of the file: "a/b" would be two, "." the group itself. */
static int check_name(const char *task, struct error *err)
{
    if (!*task || strchr(task, '/') || task[0] == '.' || strlen(task) > 100)
        return error_set(err, ERR_INPUT,
                         "task \"%.100s\": a name must not be empty or longer than "
                         "100 bytes, hold '/' or start with '.'",
                         task);
    return 0;
}

int results_add_task(struct results *results, int64_t number, const struct task *task,
                     const int64_t *rows, double majority, struct digest dataset,
                     struct digest tokenizer, struct error *err)
{
    struct results_task t = {.task = number,
                             .regression = task->regression,
                             .labels = task->labels,
                             .metric_count = task->metric_count,
                             .selection_count = task->selection_count,
                             .selection_rows = task->selection_rows,
                             .max_length = task->max_length,
                             .majority = majority};
    char hex[DIGEST_HEX];
    int rc = check_name(task->name, err);

    if (rc)
        return rc;
    memcpy(t.metrics, task->metrics, sizeof t.metrics);
    memcpy(t.selection, task->selection, sizeof t.selection);
    memcpy(t.rows, rows, sizeof t.rows);
    t.name = strdup(task->name);
    digest_hex(hex, dataset);
    t.dataset_digest = strdup(hex);
    digest_hex(hex, tokenizer);
    t.tokenizer_digest = strdup(hex);
    if (!task->regression)
        t.label_names = copy_names(task->label_names, task->labels);
    if (!t.name || !t.dataset_digest || !t.tokenizer_digest ||
        (!task->regression && !t.label_names) ||
        grow(&results->tasks, results->task_count, sizeof t)) {
        clear_task(&t);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    results->tasks[results->task_count++] = t;
    return 0;
}

static void clear_column(struct results_column *c, int rows)
{
    for (int i = 0; c->texts && i < rows; i++)
        free(c->texts[i]);
    free(c->texts);
    free(c->integers);
    free(c->reals);
    free(c->name);
}

/* The first configuration makes the columns. */
static int make_columns(struct results *results, const struct results_setting *settings,
                        int count, struct error *err)
{
    results->columns = calloc((size_t)count + 1, sizeof *results->columns);
    if (!results->columns)
        return error_set(err, ERR_MEMORY, "out of memory");
    for (int i = 0; i < count; i++) {
        struct results_column *c = &results->columns[i];

        c->type = settings[i].type;
        c->name = strdup(settings[i].name);
        results->column_count++;
        if (!c->name)
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    return 0;
}

static int set_cell(struct results_column *c, int row,
                    const struct results_setting *setting)
{
    int rc = 0;

    if (c->type == RESULTS_INT && !(rc = grow(&c->integers, row, sizeof *c->integers)))
        c->integers[row] = setting->integer;
    if (c->type == RESULTS_REAL && !(rc = grow(&c->reals, row, sizeof *c->reals)))
        c->reals[row] = setting->real;
    if (c->type == RESULTS_TEXT && !(rc = grow(&c->texts, row, sizeof *c->texts)) &&
        !(c->texts[row] = copy_text(setting->text)))
        rc = ERR_MEMORY;
    return rc;
}

int results_add_config(struct results *results, int64_t config,
                       const struct results_setting *settings, int count,
                       struct error *err)
{
    int row = results->config_count, rc = 0;

    if (!results->columns && (rc = make_columns(results, settings, count, err)))
        return rc;
    if (count != results->column_count)
        return error_set(err, ERR_INPUT, "configuration %lld: %d settings, not %d",
                         (long long)config, count, results->column_count);
    for (int i = 0; i < count; i++)
        if (strcmp(settings[i].name, results->columns[i].name) ||
            settings[i].type != results->columns[i].type)
            return error_set(
                err, ERR_INPUT, "configuration %lld: setting %s is not column %s",
                (long long)config, settings[i].name, results->columns[i].name);
    if (grow(&results->configs, row, sizeof *results->configs))
        rc = ERR_MEMORY;
    for (int i = 0; i < count && !rc; i++)
        if ((rc = set_cell(&results->columns[i], row, &settings[i])))
            while (i--)
                if (results->columns[i].texts)
                    free(results->columns[i].texts[row]);
    if (rc)
        return error_set(err, rc, "out of memory");
    results->configs[row] = config;
    results->config_count++;
    return 0;
}

static void clear_predictions(struct results_predictions *p)
{
    for (int i = 0; i < p->trial_count; i++)
        free(p->logits[i]);
    free(p->logits);
    free(p->trials);
    free(p->gold);
    free(p->task);
}

/* The table of this task's split, made where there is none yet. */
static struct results_predictions *predictions_of(struct results *results,
                                                  const char *task, enum split split)
{
    struct results_predictions *p;

    for (int i = 0; i < results->predictions_count; i++) {
        p = &results->predictions[i];
        if (p->split == split && !strcmp(p->task, task))
            return p;
    }
    if (grow(&results->predictions, results->predictions_count, sizeof *p))
        return NULL;
    p = &results->predictions[results->predictions_count];
    *p = (struct results_predictions){.task = strdup(task), .split = split};
    if (!p->task)
        return NULL;
    results->predictions_count++;
    return p;
}

/* One more (trial, vector) pair; the vector is copied. */
static int add_vector(int64_t **trials, float ***vectors, int *count, int64_t trial,
                      const float *values, size_t length)
{
    float *copy = copy_bytes(values, length * sizeof *values);

    if (!copy || grow(trials, *count, sizeof **trials) ||
        grow(vectors, *count, sizeof **vectors)) {
        free(copy);
        return ERR_MEMORY;
    }
    (*trials)[*count] = trial;
    (*vectors)[(*count)++] = copy;
    return 0;
}

int results_add_predictions(struct results *results, const char *task, enum split split,
                            int64_t trial, const float *logits, int64_t rows,
                            int labels, const float *gold, struct error *err)
{
    struct results_predictions *p;
    int rc = check_name(task, err);

    if (rc)
        return rc;
    p = predictions_of(results, task, split);
    if (!p)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (!p->trial_count) {
        p->rows = rows;
        p->labels = labels;
        if (gold && !p->gold &&
            !(p->gold = copy_bytes(gold, (size_t)rows * sizeof *gold)))
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    if (p->rows != rows || p->labels != labels)
        return error_set(err, ERR_INPUT,
                         "%s: trial %lld predicts %lld rows × %d, others %lld × %d",
                         task, (long long)trial, (long long)rows, labels,
                         (long long)p->rows, p->labels);
    rc = add_vector(&p->trials, &p->logits, &p->trial_count, trial, logits,
                    (size_t)rows * (size_t)labels);
    return rc ? error_set(err, rc, "out of memory") : 0;
}

static void clear_adapters(struct results_adapters *a)
{
    for (int i = 0; i < a->tensor_count; i++)
        free(a->tensors[i].name);
    for (int i = 0; i < a->trial_count; i++)
        free(a->vectors[i]);
    free(a->tensors);
    free(a->vectors);
    free(a->trials);
    free(a->name);
}

static int describe_layout(struct results_adapters *a,
                           const struct adapter_layout *layout)
{
    a->values = layout->values;
    a->tensors = calloc((size_t)layout->count + 1, sizeof *a->tensors);
    for (int i = 0; a->tensors && i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];

        a->tensors[i] = (struct results_tensor){.name = strdup(t->name),
                                                .offset = t->offset,
                                                .rows = t->rows,
                                                .cols = t->cols};
        a->tensor_count++;
        if (!a->tensors[i].name)
            return ERR_MEMORY;
    }
    return a->tensors ? 0 : ERR_MEMORY;
}

static struct results_adapters *adapters_of(struct results *results, const char *task,
                                            const struct adapter_layout *layout)
{
    struct results_adapters *a, made = {0};
    char tag[9];

    adapter_layout_tag(tag, layout);
    if (asprintf(&made.name, "%s-%s", task, tag) < 0)
        return NULL;
    for (int i = 0; i < results->adapters_count; i++)
        if (!strcmp(results->adapters[i].name, made.name)) {
            free(made.name);
            return &results->adapters[i];
        }
    if (describe_layout(&made, layout) ||
        grow(&results->adapters, results->adapters_count, sizeof made)) {
        clear_adapters(&made);
        return NULL;
    }
    a = &results->adapters[results->adapters_count++];
    *a = made;
    return a;
}

int results_add_adapter(struct results *results, const char *task, int64_t trial,
                        const struct adapter_layout *layout, const float *values,
                        struct error *err)
{
    struct results_adapters *a;
    int rc = check_name(task, err);

    if (rc)
        return rc;
    a = adapters_of(results, task, layout);
    if (!a || add_vector(&a->trials, &a->vectors, &a->trial_count, trial, values,
                         (size_t)layout->values))
        return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}

static int replace_text(char **at, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        return ERR_MEMORY;
    if (copy) {
        free(*at);
        *at = copy;
    }
    return 0;
}

int results_set_attributes(struct results *results, const char *job_text,
                           const char *job_digest, const char *encoder_digest)
{
    if (replace_text(&results->program_version, SHIFTWORK_VERSION) ||
        replace_text(&results->job_text, job_text) ||
        replace_text(&results->job_digest, job_digest) ||
        replace_text(&results->encoder_digest, encoder_digest))
        return ERR_MEMORY;
    return 0;
}

void results_clear(struct results *r)
{
    for (int i = 0; i < r->trial_count; i++)
        clear_trial(&r->trials[i]);
    for (int i = 0; i < r->lease_count; i++)
        clear_lease(&r->leases[i]);
    for (int i = 0; i < r->task_count; i++)
        clear_task(&r->tasks[i]);
    for (int i = 0; i < r->column_count; i++)
        clear_column(&r->columns[i], r->config_count);
    for (int i = 0; i < r->predictions_count; i++)
        clear_predictions(&r->predictions[i]);
    for (int i = 0; i < r->adapters_count; i++)
        clear_adapters(&r->adapters[i]);
    free(r->trials);
    free(r->epochs);
    free(r->leases);
    free(r->tasks);
    free(r->configs);
    free(r->columns);
    free(r->predictions);
    free(r->adapters);
    free(r->program_version);
    free(r->job_text);
    free(r->job_digest);
    free(r->encoder_digest);
    *r = (struct results){0};
}

const struct results_trial *results_find_trial(const struct results *results,
                                               int64_t trial)
{
    /* most often they are in order, and lookups in loops take no squares then */
    if (trial >= 1 && trial <= results->trial_count &&
        results->trials[trial - 1].trial == trial)
        return &results->trials[trial - 1];
    for (int i = 0; i < results->trial_count; i++)
        if (results->trials[i].trial == trial)
            return &results->trials[i];
    return NULL;
}

const struct results_task *results_find_task(const struct results *results,
                                             int64_t task)
{
    for (int i = 0; i < results->task_count; i++)
        if (results->tasks[i].task == task)
            return &results->tasks[i];
    return NULL;
}

int results_find_config(const struct results *results, int64_t config)
{
    if (config >= 1 && config <= results->config_count &&
        results->configs[config - 1] == config)
        return (int)config - 1;
    for (int i = 0; i < results->config_count; i++)
        if (results->configs[i] == config)
            return i;
    return -1;
}

const struct results_column *results_find_column(const struct results *results,
                                                 const char *name)
{
    for (int i = 0; i < results->column_count; i++)
        if (!strcmp(results->columns[i].name, name))
            return &results->columns[i];
    return NULL;
}

const float *results_find_adapter(const struct results *results, int64_t trial,
                                  const struct results_adapters **table)
{
    for (int i = 0; i < results->adapters_count; i++) {
        const struct results_adapters *a = &results->adapters[i];

        for (int k = 0; k < a->trial_count; k++)
            if (a->trials[k] == trial) {
                *table = a;
                return a->vectors[k];
            }
    }
    return NULL;
}

bool results_adapters_match(const struct results_adapters *table,
                            const struct adapter_layout *layout)
{
    if (table->values != layout->values || table->tensor_count != layout->count)
        return false;
    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];
        const struct results_tensor *s = &table->tensors[i];

        if (strcmp(t->name, s->name) || t->offset != s->offset || t->rows != s->rows ||
            t->cols != s->cols)
            return false;
    }
    return true;
}
