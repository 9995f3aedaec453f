/* GLUE's tasks as data: files, columns, labels, metrics. Label orders are those of
 * Hugging Face's "glue" data set, so that an export's id2label means the same there. */
#include "common/task.h"

#include <stdlib.h>
#include <string.h>

const char *const split_names[SPLIT_COUNT] = {
    "train", "dev", "dev_mismatched", "test", "test_mismatched",
};

enum { BUILTIN_LABELS_MAX = 3, DEFAULT_MAX_LENGTH = 128 };

/* One of GLUE's tasks. Counts end at the first NULL, or at metric_count. */
struct builtin {
    const char *name;
    const char *files[SPLIT_COUNT];
    const char *text[2], *label;
    bool skip_short;
    const char *label_names[BUILTIN_LABELS_MAX];  /* none: regression */
    const char *label_values[BUILTIN_LABELS_MAX]; /* none: the names */
    int metric_count;
    enum metric metrics[2];
    int selection_count; /* the first ones of metrics */
};

#define FILES                                                                          \
    {                                                                                  \
        [SPLIT_TRAIN] = "train.tsv", [SPLIT_DEV] = "dev.tsv",                          \
        [SPLIT_TEST] = "test.tsv"                                                      \
    }
#define MATCHED_FILES                                                                  \
    {                                                                                  \
        "train.tsv", "dev_matched.tsv", "dev_mismatched.tsv", "test_matched.tsv",      \
            "test_mismatched.tsv"                                                      \
    }
#define NUMBERS                                                                        \
    {                                                                                  \
        "0", "1"                                                                       \
    }
#define ENTAILMENT                                                                     \
    {                                                                                  \
        "entailment", "not_entailment"                                                 \
    }
#define INFERENCE                                                                      \
    {                                                                                  \
        "entailment", "neutral", "contradiction"                                       \
    }

static const struct builtin builtins[] = {
    {.name = "cola", /* train and dev have no header: see set_columns() */
     .files = FILES,
     .text = {"sentence"},
     .label_names = {"unacceptable", "acceptable"},
     .label_values = NUMBERS,
     .metric_count = 1,
     .metrics = {METRIC_MATTHEWS},
     .selection_count = 1},
    {.name = "sst2",
     .files = FILES,
     .text = {"sentence"},
     .label = "label",
     .label_names = {"negative", "positive"},
     .label_values = NUMBERS,
     .metric_count = 1,
     .metrics = {METRIC_ACCURACY},
     .selection_count = 1},
    {.name = "mrpc",
     .files = FILES,
     .text = {"#1 String", "#2 String"},
     .label = "Quality",
     .label_names = {"not_equivalent", "equivalent"},
     .label_values = NUMBERS,
     .metric_count = 2,
     .metrics = {METRIC_ACCURACY, METRIC_F1},
     .selection_count = 2},
    {.name = "qqp",
     .files = FILES,
     .text = {"question1", "question2"},
     .label = "is_duplicate",
     .skip_short = true,
     .label_names = {"not_duplicate", "duplicate"},
     .label_values = NUMBERS,
     .metric_count = 2,
     .metrics = {METRIC_ACCURACY, METRIC_F1},
     .selection_count = 2},
    {.name = "stsb",
     .files = FILES,
     .text = {"sentence1", "sentence2"},
     .label = "score",
     .metric_count = 2,
     .metrics = {METRIC_PEARSON, METRIC_SPEARMAN},
     .selection_count = 2},
    {.name = "mnli",
     .files = MATCHED_FILES,
     .text = {"sentence1", "sentence2"},
     .label = "gold_label",
     .label_names = INFERENCE,
     .metric_count = 2,
     .metrics = {METRIC_ACCURACY, METRIC_ACCURACY_MISMATCHED},
     .selection_count = 1},
    {.name = "qnli",
     .files = FILES,
     .text = {"question", "sentence"},
     .label = "label",
     .label_names = ENTAILMENT,
     .metric_count = 1,
     .metrics = {METRIC_ACCURACY},
     .selection_count = 1},
    {.name = "rte",
     .files = FILES,
     .text = {"sentence1", "sentence2"},
     .label = "label",
     .label_names = ENTAILMENT,
     .metric_count = 1,
     .metrics = {METRIC_ACCURACY},
     .selection_count = 1},
    {.name = "wnli",
     .files = FILES,
     .text = {"sentence1", "sentence2"},
     .label = "label",
     .label_names = {"not_entailment", "entailment"},
     .label_values = NUMBERS,
     .metric_count = 1,
     .metrics = {METRIC_ACCURACY},
     .selection_count = 1},
    {.name = "ax", /* GLUE's diagnostics: only predicted, with an MNLI model */
     .files = {[SPLIT_TEST] = "diagnostic.tsv"},
     .text = {"sentence1", "sentence2"},
     .label_names = INFERENCE,
     .metric_count = 1,
     .metrics = {METRIC_MATTHEWS},
     .selection_count = 1},
};

enum { BUILTIN_COUNT = sizeof builtins / sizeof builtins[0] };

static const struct builtin *builtin_find(const char *name)
{
    for (int i = 0; i < BUILTIN_COUNT; i++)
        if (!strcmp(builtins[i].name, name))
            return &builtins[i];
    return NULL;
}

bool task_is_builtin(const char *name) { return builtin_find(name) != NULL; }

bool task_is_prepared(const struct task *task)
{
    size_t size = task->data ? strlen(task->data) : 0;

    return size > 3 && !strcmp(task->data + size - 3, ".h5");
}

/* strdup that passes NULL on and notes a failure. */
static char *copy_text(const char *text, bool *failed)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        *failed = true;
    return copy;
}

static char **copy_texts(const char *const *texts, int count, bool *failed)
{
    char **copies = calloc((size_t)count, sizeof *copies);

    if (!copies)
        *failed = true;
    for (int i = 0; copies && i < count; i++)
        copies[i] = copy_text(texts[i], failed);
    return copies;
}

/* By name everywhere; CoLA's train and dev by number (source, label, mark, sentence).
 * A test file has labels where it has the column. */
static void set_columns(struct task *out, const struct builtin *b, bool *failed)
{
    for (int s = 0; s < SPLIT_COUNT; s++) {
        struct task_columns *c = &out->columns[s];

        *c = (struct task_columns){.header = true, .text_at = {-1, -1}, .label_at = -1};
        if (!strcmp(b->name, "cola") && (s == SPLIT_TRAIN || s == SPLIT_DEV)) {
            c->header = false;
            c->text_at[0] = 3;
            c->label_at = 1;
            continue;
        }
        c->text[0] = copy_text(b->text[0], failed);
        c->text[1] = copy_text(b->text[1], failed);
        c->label = copy_text(b->label, failed);
    }
}

static void set_labels(struct task *out, const struct builtin *b, bool *failed)
{
    const char *const *values = b->label_values[0] ? b->label_values : b->label_names;
    int count = 0;

    while (count < BUILTIN_LABELS_MAX && b->label_names[count])
        count++;
    out->regression = count == 0;
    out->labels = count ? count : 1;
    if (out->regression)
        return;
    out->label_names = copy_texts(b->label_names, count, failed);
    out->label_values = copy_texts(values, count, failed);
}

int task_builtin(struct task *out, const char *name, struct error *err)
{
    const struct builtin *b = builtin_find(name);
    bool failed = false;

    *out = (struct task){0};
    if (!b)
        return error_set(err, ERR_INPUT,
                         "%s: no such task; known are cola, sst2, mrpc, qqp, stsb, "
                         "mnli, qnli, rte, wnli, ax",
                         name);
    out->name = copy_text(name, &failed);
    for (int s = 0; s < SPLIT_COUNT; s++)
        out->files[s] = copy_text(b->files[s], &failed);
    out->format = FORMAT_TSV;
    out->glue = true;
    out->skip_short = b->skip_short;
    set_columns(out, b, &failed);
    set_labels(out, b, &failed);
    out->metric_count = b->metric_count;
    out->selection_count = b->selection_count;
    memcpy(out->metrics, b->metrics, sizeof b->metrics);
    memcpy(out->selection, b->metrics, sizeof b->metrics);
    out->max_length = DEFAULT_MAX_LENGTH;
    if (!failed)
        return 0;
    task_clear(out);
    return error_set(err, ERR_MEMORY, "out of memory");
}

static void free_texts(char **texts, int count)
{
    for (int i = 0; texts && i < count; i++)
        free(texts[i]);
    free(texts);
}

void task_clear(struct task *task)
{
    free(task->name);
    free(task->data);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        free(task->files[s]);
        free(task->columns[s].text[0]);
        free(task->columns[s].text[1]);
        free(task->columns[s].label);
    }
    free_texts(task->label_names, task->labels);
    free_texts(task->label_values, task->labels);
    *task = (struct task){0};
}

static char **copy_labels(char *const *labels, int count, bool *failed)
{
    return labels ? copy_texts((const char *const *)labels, count, failed) : NULL;
}

int task_copy(struct task *out, const struct task *task, struct error *err)
{
    bool failed = false;

    *out = *task;
    out->name = copy_text(task->name, &failed);
    out->data = copy_text(task->data, &failed);
    for (int s = 0; s < SPLIT_COUNT; s++) {
        const struct task_columns *c = &task->columns[s];

        out->files[s] = copy_text(task->files[s], &failed);
        out->columns[s].text[0] = copy_text(c->text[0], &failed);
        out->columns[s].text[1] = copy_text(c->text[1], &failed);
        out->columns[s].label = copy_text(c->label, &failed);
    }
    out->label_names = copy_labels(task->label_names, task->labels, &failed);
    out->label_values = copy_labels(task->label_values, task->labels, &failed);
    if (!failed)
        return 0;
    task_clear(out);
    return error_set(err, ERR_MEMORY, "out of memory");
}
