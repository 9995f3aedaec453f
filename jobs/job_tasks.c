/* tasks = ( { … } ): GLUE's by name, others described by their group. */
#include "jobs/job_reader.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, LABELS_MAX = 65536 };

static int no_memory(struct job_reader *r)
{
    return error_set(r->err, ERR_MEMORY, "out of memory");
}

static node *member(const node *group, const char *name)
{
    return config_setting_get_member(group, name);
}

static int set_text(struct job_reader *r, char **target, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return no_memory(r);
    free(*target);
    *target = copy;
    return 0;
}

/* Names become folders, HDF5 groups and parts of --set. */
static int read_name(struct job_reader *r, const node *at, const char **name)
{
    const node *found = member(at, "name");
    int rc;

    if (!found)
        return reader_refuse(r, at, "name: is missing");
    if ((rc = reader_text(r, found, name)))
        return rc;
    for (const char *c = *name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return reader_refuse(r, found,
                                 "name: \"%.60s\" holds other characters than letters, "
                                 "digits, _ and -",
                                 *name);
    if (strlen(*name) >= NAME_MAX_BYTES)
        return reader_refuse(r, found, "name: has %zu bytes, at most %d", strlen(*name),
                             NAME_MAX_BYTES - 1);
    return 0;
}

static int read_data(struct job_reader *r, const node *at, struct task *task)
{
    const node *data = member(at, "data");
    char path[SETTINGS_PATH];
    const char *text;
    int rc;

    if (!data && task->glue)
        return reader_refuse(r, at, "data: is missing: the folder of %s's files",
                             task->name);
    if (!data)
        return 0;
    if ((rc = reader_text(r, data, &text)) || (rc = reader_path(r, data, text, path)) ||
        (rc = reader_look(r, data, path)))
        return rc;
    return set_text(r, &task->data, path);
}

/* A file's name stays relative to data, where there is one; otherwise it becomes
 * absolute. */
static int read_file(struct job_reader *r, const node *at, struct task *task,
                     enum split split)
{
    char path[SETTINGS_PATH], *absolute;
    const char *text;
    int rc;

    if ((rc = reader_text(r, at, &text)))
        return rc;
    if (task_is_prepared(task))
        return reader_refuse(r, at, "%s: data is a prepared file, which holds all",
                             split_names[split]);
    if (task->data && *text != '/') {
        if (asprintf(&absolute, "%s/%s", task->data, text) < 0)
            return no_memory(r);
        rc = reader_look(r, at, absolute);
        free(absolute);
        return rc ? rc : set_text(r, &task->files[split], text);
    }
    if ((rc = reader_path(r, at, text, path)) || (rc = reader_look(r, at, path)))
        return rc;
    return set_text(r, &task->files[split], path);
}

static int read_files(struct job_reader *r, const node *at, struct task *task)
{
    bool mnli = task->glue && task->files[SPLIT_DEV_MISMATCHED];
    int rc = 0;

    for (int s = 0; s < SPLIT_COUNT && !rc; s++) {
        const node *file = member(at, split_names[s]);

        if (task_is_prepared(task)) {
            free(task->files[s]);
            task->files[s] = NULL;
        }
        if (!file)
            continue;
        if (!mnli && (s == SPLIT_DEV_MISMATCHED || s == SPLIT_TEST_MISMATCHED))
            return reader_refuse(r, file, "%s: only mnli has such rows",
                                 split_names[s]);
        rc = read_file(r, file, task, (enum split)s);
    }
    return rc;
}

static int check_files(struct job_reader *r, const node *at, const struct task *task)
{
    if (task_is_prepared(task))
        return 0;
    if (!task->files[SPLIT_TRAIN])
        return reader_refuse(r, at, "train: %s has no training rows", task->name);
    if (!task->files[SPLIT_DEV])
        return reader_refuse(r, at, "dev: %s has no dev set, which chooses the epoch",
                             task->name);
    return 0;
}

/* One column: a name, or without header a number. */
static int read_column(struct job_reader *r, const node *at, bool header, char **name,
                       int *number)
{
    const char *text;
    int rc;

    if (header) {
        rc = reader_text(r, at, &text);
        return rc ? rc : set_text(r, name, text);
    }
    if ((rc = reader_is(r, at, CONFIG_TYPE_INT,
                        "a column's number, from 0, as there "
                        "is no header")))
        return rc;
    *number = config_setting_get_int(at);
    if (*number < 0 || *number > 9999)
        return reader_refuse(r, at, "%s: %d is outside [0, 9999]", reader_name(at),
                             *number);
    return 0;
}

static int read_text_columns(struct job_reader *r, const node *at,
                             struct task_columns *c)
{
    const node *text = member(at, "text");
    int rc = 0, count;

    if (!text)
        return reader_refuse(r, at, "text: is missing: the columns to read");
    if (!reader_is_choice(text))
        return read_column(r, text, c->header, &c->text[0], &c->text_at[0]);
    count = config_setting_length(text);
    if (count < 1 || count > 2)
        return reader_refuse(r, text, "text: %d columns, not one or two", count);
    for (int i = 0; i < count && !rc; i++)
        rc = read_column(r, config_setting_get_elem(text, (unsigned)i), c->header,
                         &c->text[i], &c->text_at[i]);
    return rc;
}

static int read_columns(struct job_reader *r, const node *at, struct task_columns *c,
                        enum task_format format)
{
    const node *header = member(at, "header"), *label = member(at, "label");
    int rc;

    if (header && (rc = reader_is(r, header, CONFIG_TYPE_BOOL, "true or false")))
        return rc;
    if (header)
        c->header = config_setting_get_bool(header);
    if (!c->header && format == FORMAT_JSONL)
        return reader_refuse(r, header,
                             "header: the lines of jsonl always name their "
                             "fields");
    if ((rc = read_text_columns(r, at, c)))
        return rc;
    if (!label)
        return reader_refuse(r, at, "label: is missing: the column of the labels");
    return read_column(r, label, c->header, &c->label, &c->label_at);
}

/* The same columns in every split; a test file may lack the label's. */
static int set_columns(struct job_reader *r, const node *at, struct task *task)
{
    const struct task_columns no_columns = {
        .header = true, .text_at = {-1, -1}, .label_at = -1};
    struct task_columns *first = &task->columns[SPLIT_TRAIN];
    int rc;

    for (int s = 0; s < SPLIT_COUNT; s++)
        task->columns[s] = no_columns;
    if (task_is_prepared(task) && !member(at, "text"))
        return 0;
    if ((rc = read_columns(r, at, first, task->format)))
        return rc;
    for (int s = 1; s < SPLIT_COUNT; s++) {
        struct task_columns *c = &task->columns[s];

        *c = *first;
        for (int i = 0; i < 2; i++)
            c->text[i] = first->text[i] ? strdup(first->text[i]) : NULL;
        c->label = first->label ? strdup(first->label) : NULL;
        if ((first->text[0] && !c->text[0]) || (first->text[1] && !c->text[1]) ||
            (first->label && !c->label))
            rc = no_memory(r);
    }
    return rc;
}

/* A class as the files write it; a number is its digits. */
static int read_label(struct job_reader *r, const node *at, char **label)
{
    char digits[32];
    const char *text = digits;
    int rc;

    if (config_setting_type(at) == CONFIG_TYPE_INT)
        snprintf(digits, sizeof digits, "%d", config_setting_get_int(at));
    else if ((rc = reader_text(r, at, &text)))
        return rc;
    return set_text(r, label, text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_distinct(struct job_reader *r, const node *at, char *const *labels,
                          int count)
{
    char **sorted = malloc((size_t)count * sizeof *sorted);
    int rc = 0;

    if (!sorted)
        return no_memory(r);
    memcpy(sorted, labels, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_text);
    for (int i = 1; i < count && !rc; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            rc = reader_refuse(r, at, "labels: \"%.100s\" is there twice", sorted[i]);
    free(sorted);
    return rc;
}

static int read_labels(struct job_reader *r, const node *at, struct task *task)
{
    int count, rc = 0;

    if (!reader_is_choice(at))
        return reader_refuse(r, at, "labels: write an array, as in [\"neg\", \"pos\"]");
    count = config_setting_length(at);
    if (count < 2 || count > LABELS_MAX)
        return reader_refuse(r, at, "labels: %d classes, outside [2, %d]", count,
                             LABELS_MAX);
    task->label_names = calloc((size_t)count, sizeof *task->label_names);
    task->label_values = calloc((size_t)count, sizeof *task->label_values);
    if (!task->label_names || !task->label_values)
        return no_memory(r);
    task->labels = count;
    for (int i = 0; i < count && !rc; i++) {
        const node *label = config_setting_get_elem(at, (unsigned)i);

        rc = read_label(r, label, &task->label_names[i]);
        if (!rc)
            rc = set_text(r, &task->label_values[i], task->label_names[i]);
    }
    return rc ? rc : check_distinct(r, at, task->label_names, count);
}

static int read_type(struct job_reader *r, const node *at, struct task *task)
{
    const node *type = member(at, "type"), *labels = member(at, "labels");
    const char *text = "classification";
    int rc;

    if (type && (rc = reader_text(r, type, &text)))
        return rc;
    task->regression = !strcmp(text, "regression");
    if (!task->regression && strcmp(text, "classification") != 0)
        return reader_refuse(
            r, type, "type: \"%.100s\" is not one of classification, regression", text);
    if (task->regression && labels)
        return reader_refuse(r, labels, "labels: a regression has none");
    if (task->regression)
        task->labels = 1;
    else if (!labels)
        return reader_refuse(r, at,
                             "labels: is missing: the classes, or type = "
                             "\"regression\"");
    return task->regression ? 0 : read_labels(r, labels, task);
}

static int check_metric(struct job_reader *r, const node *at, const struct task *task,
                        enum metric metric)
{
    const char *name = reader_name(at), *text = metric_name(metric);

    if (metric_is_regression(metric) != task->regression)
        return reader_refuse(r, at, "%s: %s is not for %s", name, text,
                             task->regression ? "regression" : "classification");
    if (metric == METRIC_F1 && task->labels != 2)
        return reader_refuse(r, at, "%s: f1 is for two classes; f1_macro for more",
                             name);
    if (metric == METRIC_ACCURACY_MISMATCHED)
        return reader_refuse(r, at, "%s: %s only reports, and only for mnli", name,
                             text);
    return 0;
}

static int read_metric(struct job_reader *r, const node *at, const struct task *task,
                       enum metric *metric)
{
    const char *text;
    int rc = reader_text(r, at, &text);

    if (rc)
        return rc;
    *metric = metric_by_name(text);
    if (*metric == METRIC_COUNT)
        return reader_refuse(r, at,
                             "%s: \"%.100s\" is no metric; known are accuracy, f1, "
                             "matthews, f1_macro, pearson, spearman",
                             reader_name(at), text);
    return check_metric(r, at, task, *metric);
}

/* A name, or an array of distinct ones. */
static int read_metrics(struct job_reader *r, const node *at, const struct task *task,
                        enum metric *metrics, int *count)
{
    bool many = reader_is_choice(at);
    int length = many ? config_setting_length(at) : 1, rc = 0;

    if (length < 1 || length > TASK_METRICS_MAX)
        return reader_refuse(r, at, "%s: %d metrics, outside [1, %d]",
                             config_setting_name(at), length, TASK_METRICS_MAX);
    for (*count = 0; *count < length && !rc; ++*count) {
        const node *elem = many ? config_setting_get_elem(at, (unsigned)*count) : at;

        rc = read_metric(r, elem, task, &metrics[*count]);
        for (int i = 0; i < *count && !rc; i++)
            if (metrics[i] == metrics[*count])
                rc = reader_refuse(r, at, "%s: %s is there twice",
                                   config_setting_name(at), metric_name(metrics[i]));
    }
    return rc;
}

static int set_metrics(struct job_reader *r, const node *at, struct task *task)
{
    const node *metrics = member(at, "metrics");

    if (metrics) {
        int rc = read_metrics(r, metrics, task, task->metrics, &task->metric_count);

        if (rc)
            return rc;
    } else {
        task->metric_count = task->regression ? 2 : 1;
        task->metrics[0] = task->regression ? METRIC_PEARSON : METRIC_ACCURACY;
        task->metrics[1] = METRIC_SPEARMAN;
    }
    task->selection_count = 1;
    task->selection[0] = task->metrics[0];
    return 0;
}

static int set_selection(struct job_reader *r, const node *at, struct task *task)
{
    const node *selection = member(at, "selection_metric");
    int rc;

    if (!selection)
        return 0;
    if ((rc =
             read_metrics(r, selection, task, task->selection, &task->selection_count)))
        return rc;
    for (int i = 0; i < task->selection_count; i++) {
        bool reported = false;

        for (int m = 0; m < task->metric_count; m++)
            reported |= task->metrics[m] == task->selection[i];
        if (!reported)
            return reader_refuse(r, selection,
                                 "selection_metric: %s is no metric of %s",
                                 metric_name(task->selection[i]), task->name);
    }
    return 0;
}

static int refuse_own_keys(struct job_reader *r, const node *at,
                           const struct task *task)
{
    static const char *const keys[] = {"format", "header", "text",   "label",
                                       "labels", "type",   "metrics"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (member(at, keys[i]))
            return reader_refuse(r, member(at, keys[i]),
                                 "%s: %s is a known task, whose files are known; give "
                                 "your own another name",
                                 keys[i], task->name);
    return 0;
}

static int start_task(struct job_reader *r, const node *at, struct task *task)
{
    const char *name;
    int rc = read_name(r, at, &name);

    if (rc)
        return rc;
    if (task_is_builtin(name))
        return task_builtin(task, name, r->err);
    settings_table_defaults(GROUP_TASK, task);
    return set_text(r, &task->name, name);
}

static int read_task(struct job_reader *r, const node *at, struct task *task)
{
    int rc;

    if ((rc = reader_is(r, at, CONFIG_TYPE_GROUP, "a group { name = …; }")) ||
        (rc = start_task(r, at, task)) ||
        (rc = reader_group(r, at, GROUP_TASK, task)) ||
        (task->glue && (rc = refuse_own_keys(r, at, task))) ||
        (rc = read_data(r, at, task)) || (rc = read_files(r, at, task)) ||
        (rc = check_files(r, at, task)))
        return rc;
    if (!task->glue &&
        ((rc = set_columns(r, at, task)) || (rc = read_type(r, at, task)) ||
         (rc = set_metrics(r, at, task))))
        return rc;
    return set_selection(r, at, task);
}

int reader_tasks(struct job_reader *r, struct job_spec *spec)
{
    const node *tasks = config_lookup(&r->config, "tasks");
    int count, rc = 0;

    if (!tasks)
        return error_set(r->err, ERR_INPUT, "%s: tasks: is missing", r->name);
    if ((rc = reader_is(r, tasks, CONFIG_TYPE_LIST, "a list ( { name = …; } )")))
        return rc;
    count = config_setting_length(tasks);
    if (!count)
        return reader_refuse(r, tasks, "tasks: is empty");
    if (!(spec->tasks = calloc((size_t)count, sizeof *spec->tasks)))
        return no_memory(r);
    for (int i = 0; i < count && !rc; i++) {
        const node *at = config_setting_get_elem(tasks, (unsigned)i);

        spec->task_count++;
        rc = read_task(r, at, &spec->tasks[i]);
        for (int j = 0; j < i && !rc; j++)
            if (!strcmp(spec->tasks[j].name, spec->tasks[i].name))
                rc = reader_refuse(r, at, "name: \"%s\" is there twice",
                                   spec->tasks[i].name);
    }
    return rc;
}
