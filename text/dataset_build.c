#include "text/dataset_build.h"

#include "text/table_reader.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SHOWN = 60, NUMBER_MAX = 64 };

/* A split while it grows. */
struct builder {
    struct dataset_split *out;
    const struct task *task;
    const struct tokenizer *tokenizer;
    const char *path;
    struct text_rows *texts; /* NULL: not kept */
    int64_t most;            /* rows; 0: all */
    struct token_ids ids;
    size_t tokens_capacity, rows_capacity;
};

void dataset_build_split_clear(struct dataset_split *split)
{
    free(split->input_ids);
    free(split->token_type_ids);
    free(split->offsets);
    free(split->labels);
    *split = (struct dataset_split){0};
}

static bool grow(void *pointer, size_t count, size_t size)
{
    void **place = pointer, *memory = realloc(*place, count * size);

    if (memory)
        *place = memory;
    return memory != NULL;
}

/* Room for one row more and its tokens. */
static int make_room(struct builder *b, struct error *err)
{
    struct dataset_split *s = b->out;
    size_t rows = (size_t)s->rows + 2;
    size_t tokens = (size_t)(s->rows ? s->offsets[s->rows] : 0) + (size_t)b->ids.count;

    if (rows > b->rows_capacity) {
        b->rows_capacity = 2 * rows + 64;
        if (!grow(&s->offsets, b->rows_capacity, sizeof *s->offsets) ||
            !grow(&s->labels, b->rows_capacity, sizeof *s->labels))
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    if (tokens > b->tokens_capacity) {
        b->tokens_capacity = 2 * tokens;
        if (!grow(&s->input_ids, b->tokens_capacity, sizeof *s->input_ids) ||
            !grow(&s->token_type_ids, b->tokens_capacity, sizeof *s->token_type_ids))
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    return 0;
}

static int shown(const struct table_field *field)
{
    return field->size < TEXT_SHOWN ? (int)field->size : TEXT_SHOWN;
}

static int unknown_label(const struct builder *b, const struct table_row *row,
                         struct error *err)
{
    char known[400] = "";
    size_t used = 0;

    for (int i = 0; i < b->task->labels && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 i ? ", " : "", b->task->label_values[i]);
    return error_set(err, ERR_INPUT, "%s:%lld: label: \"%.*s\" is none of %s%s",
                     b->path, (long long)row->line, shown(&row->label), row->label.data,
                     known, used < sizeof known ? "" : "…");
}

static int read_class(const struct builder *b, const struct table_row *row,
                      float *label, struct error *err)
{
    for (int i = 0; i < b->task->labels; i++) {
        const char *value = b->task->label_values[i];

        if (strlen(value) == row->label.size &&
            memcmp(value, row->label.data, row->label.size) == 0) {
            *label = (float)i;
            return 0;
        }
    }
    return unknown_label(b, row, err);
}

static int read_value(const struct builder *b, const struct table_row *row,
                      float *label, struct error *err)
{
    char text[NUMBER_MAX], *end = text;
    size_t size = row->label.size;
    double value = NAN;

    if (size > 0 && size < sizeof text) {
        memcpy(text, row->label.data, size);
        text[size] = '\0';
        value = strtod(text, &end);
    }
    *label = (float)value;
    if (end == text + size && isfinite(*label))
        return 0;
    return error_set(err, ERR_INPUT, "%s:%lld: label: \"%.*s\" is no number", b->path,
                     (long long)row->line, shown(&row->label), row->label.data);
}

static int read_label(const struct builder *b, const struct table_row *row,
                      float *label, struct error *err)
{
    *label = 0;
    if (!row->label.data)
        return 0;
    return b->task->regression ? read_value(b, row, label, err)
                               : read_class(b, row, label, err);
}

static int encode(struct builder *b, const struct table_row *row, struct error *err)
{
    bool pair = row->text[1].data != NULL;
    int rc = tokenizer_encode(b->tokenizer, row->text[0].data, row->text[0].size,
                              row->text[1].data, row->text[1].size, b->task->max_length,
                              &b->ids, err);

    if (rc)
        return error_prefix(err, rc, "%s:%lld: text", b->path, (long long)row->line);
    for (int i = 0; i <= pair; i++)
        if (b->ids.pieces[i] == 0 && !b->task->skip_short)
            return error_set(err, ERR_INPUT, "%s:%lld: %s: it is empty", b->path,
                             (long long)row->line, i ? "second text" : "text");
    return 0;
}

void text_rows_clear(struct text_rows *t)
{
    for (int64_t r = 0; r < t->rows; r++) {
        free(t->texts[0][r]);
        free(t->texts[1][r]);
    }
    free(t->texts[0]);
    free(t->texts[1]);
    free(t->words);
    *t = (struct text_rows){0};
}

/* The row that comes next, of a split that has room for it. */
static int keep_texts(struct builder *b, const struct table_row *row, struct error *err)
{
    struct text_rows *t = b->texts;
    int64_t r = b->out->rows, at = b->out->offsets[r];

    if (!grow(&t->texts[0], b->rows_capacity, sizeof *t->texts[0]) ||
        !grow(&t->texts[1], b->rows_capacity, sizeof *t->texts[1]) ||
        !grow(&t->words, b->tokens_capacity, sizeof *t->words))
        return error_set(err, ERR_MEMORY, "out of memory");
    t->rows = r + 1;
    for (int i = 0; i < 2; i++)
        t->texts[i][r] =
            row->text[i].data ? strndup(row->text[i].data, row->text[i].size) : NULL;
    memcpy(t->words + at, b->ids.words, (size_t)b->ids.count * sizeof *t->words);
    if (!t->texts[0][r] || (row->text[1].data && !t->texts[1][r]))
        return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}

static int add_row(struct builder *b, const struct table_row *row, struct error *err)
{
    struct dataset_split *s = b->out;
    float label;
    int64_t at;
    int rc;

    if ((rc = encode(b, row, err)) != 0 ||
        (rc = read_label(b, row, &label, err)) != 0 || (rc = make_room(b, err)) != 0)
        return rc;
    if (s->rows == 0)
        s->offsets[0] = 0;
    if (b->texts && (rc = keep_texts(b, row, err)))
        return rc;
    at = s->offsets[s->rows];
    memcpy(s->input_ids + at, b->ids.ids, (size_t)b->ids.count * sizeof *b->ids.ids);
    memcpy(s->token_type_ids + at, b->ids.types, (size_t)b->ids.count);
    s->labels[s->rows++] = label;
    s->offsets[s->rows] = at + b->ids.count;
    s->rows_truncated += b->ids.truncated;
    return 0;
}

static int read_rows(struct builder *b, struct table_reader *reader, struct error *err)
{
    struct dataset_split *s = b->out;
    struct table_row row;
    int rc, next;

    while ((next = table_reader_next(reader, &row, err)) > TABLE_END) {
        if (b->most && s->rows == b->most)
            return 0;
        s->rows_read++;
        if (next == TABLE_ROW)
            rc = add_row(b, &row, err);
        else
            rc = b->task->skip_short ? 0 : ERR_INPUT;
        s->rows_skipped += next == TABLE_SHORT;
        if (rc)
            return rc;
    }
    if (next == TABLE_END && s->rows == 0)
        return error_set(err, ERR_INPUT, "%s:1: file: no rows", b->path);
    return next;
}

/* Growing left room to spare. */
static void shrink(struct dataset_split *s)
{
    size_t tokens = (size_t)s->offsets[s->rows], rows = (size_t)s->rows;

    grow(&s->input_ids, tokens, sizeof *s->input_ids);
    grow(&s->token_type_ids, tokens, sizeof *s->token_type_ids);
    grow(&s->offsets, rows + 1, sizeof *s->offsets);
    if (s->labelled) {
        grow(&s->labels, rows, sizeof *s->labels);
    } else {
        free(s->labels);
        s->labels = NULL;
    }
}

static int build_file(struct builder *b, enum split columns_of, bool labels_required,
                      struct error *err)
{
    struct dataset_split *out = b->out;
    const struct task *task = b->task;
    struct table_reader *reader;
    int rc;

    *out = (struct dataset_split){0};
    rc = table_reader_open(&reader, b->path, task->format, &task->columns[columns_of],
                           labels_required, err);
    if (rc)
        return rc;
    out->present = true;
    out->labelled = table_reader_has_label(reader);
    rc = read_rows(b, reader, err);
    token_ids_clear(&b->ids);
    table_reader_free(reader);
    if (rc)
        dataset_build_split_clear(out);
    else
        shrink(out);
    return rc;
}

int dataset_build_split(struct dataset_split *out, const struct task *task,
                        enum split columns_of, const char *path, bool labels_required,
                        const struct tokenizer *tokenizer, struct error *err)
{
    struct builder b = {.out = out, .task = task, .tokenizer = tokenizer, .path = path};

    return build_file(&b, columns_of, labels_required, err);
}

int dataset_build_texts(struct dataset_split *out, struct text_rows *texts,
                        const struct task *task, enum split columns_of,
                        const char *path, int64_t most,
                        const struct tokenizer *tokenizer, struct error *err)
{
    struct builder b = {.out = out,
                        .task = task,
                        .tokenizer = tokenizer,
                        .path = path,
                        .texts = texts,
                        .most = most,
                        .ids = {.with_words = true}};
    int rc;

    *texts = (struct text_rows){0};
    if ((rc = build_file(&b, columns_of, false, err)))
        text_rows_clear(texts);
    return rc;
}

int dataset_build_row(struct dataset_split *out, struct text_rows *texts,
                      const struct task *task, const char *a, const char *b,
                      const struct tokenizer *tokenizer, struct error *err)
{
    struct builder builder = {.out = out,
                              .task = task,
                              .tokenizer = tokenizer,
                              .path = "--text",
                              .texts = texts,
                              .ids = {.with_words = true}};
    struct table_row row = {.line = 1,
                            .text = {{a, strlen(a)}, {b, b ? strlen(b) : 0}}};
    int rc;

    *out = (struct dataset_split){.present = true};
    *texts = (struct text_rows){0};
    rc = add_row(&builder, &row, err);
    token_ids_clear(&builder.ids);
    if (rc) {
        text_rows_clear(texts);
        dataset_build_split_clear(out);
    }
    return rc;
}

static bool is_evaluated_only(int split)
{
    return split == SPLIT_TEST || split == SPLIT_TEST_MISMATCHED;
}

/* GLUE's own test files and the mismatched dev file are there or not: whoever has only
 * some of the files can still train. A name that the user gave is meant. */
static bool may_be_absent(const struct task *task, int split)
{
    struct task builtin;
    bool own;

    if (!task->glue || split == SPLIT_TRAIN || split == SPLIT_DEV ||
        task_builtin(&builtin, task->name, NULL) != 0)
        return false;
    own = builtin.files[split] && strcmp(builtin.files[split], task->files[split]) == 0;
    task_clear(&builtin);
    return own && task->files[SPLIT_TRAIN] != NULL;
}

static char *file_path(const struct task *task, int split)
{
    const char *file = task->files[split];
    char *path = NULL;

    if (!task->data || file[0] == '/')
        return strdup(file);
    return asprintf(&path, "%s/%s", task->data, file) < 0 ? NULL : path;
}

static int build_split(struct dataset *out, const struct task *task, int split,
                       const struct tokenizer *tokenizer, struct error *err)
{
    char *path = file_path(task, split);
    int rc = 0;

    if (!path)
        return error_set(err, ERR_MEMORY, "out of memory");
    if (access(path, F_OK) == 0 || errno != ENOENT || !may_be_absent(task, split))
        rc = dataset_build_split(&out->splits[split], task, (enum split)split, path,
                                 !is_evaluated_only(split), tokenizer, err);
    free(path);
    return rc;
}

static int copy_task(struct dataset *out, const struct task *task, struct error *err)
{
    bool failed = false;

    out->regression = task->regression;
    out->labels = task->labels;
    out->max_length = task->max_length;
    out->task = strdup(task->name);
    if (!task->regression) {
        out->label_names = calloc((size_t)task->labels, sizeof *out->label_names);
        failed = !out->label_names;
        for (int i = 0; i < task->labels && !failed; i++)
            failed = !(out->label_names[i] = strdup(task->label_names[i]));
    }
    return failed || !out->task ? error_set(err, ERR_MEMORY, "out of memory") : 0;
}

int dataset_build(struct dataset *out, const struct task *task,
                  const struct tokenizer *tokenizer, struct error *err)
{
    int rc;

    *out = (struct dataset){0};
    if (task->files[SPLIT_TRAIN] && !task->files[SPLIT_DEV])
        return error_set(err, ERR_INPUT,
                         "task %s: dev: no file: one is needed to choose the epoch",
                         task->name);
    out->tokenizer = tokenizer_digest(tokenizer);
    rc = copy_task(out, task, err);
    for (int s = 0; s < SPLIT_COUNT && rc == 0; s++)
        if (task->files[s])
            rc = build_split(out, task, s, tokenizer, err);
    if (rc)
        dataset_clear(out);
    return rc;
}
