/* A reader goes over the text once. A record gives all its fields; the columns asked
 * for are then picked out. CSV fields with doubled quotes and JSON values are copied
 * into the reader's own memory, everything else points into the text. */
#include "text/table_reader.h"

#include "text/file_text.h"
#include "text/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3, LABEL = 2 }; /* text 0, text 1, label */
enum { FIELDS_MAX = 1 << 20, NAME_SHOWN = 60 };

struct table_reader {
    char *owned; /* the file's text, where it was read here */
    const char *text;
    size_t size, at;
    char *name;
    int64_t line; /* of text[at] */
    enum task_format format;
    const char *names[COLUMNS]; /* JSONL's keys */
    int at_column[COLUMNS];     /* -1: none */
    int needed;                 /* columns a row must have */
    int header_columns;
    bool label_required, has_label;
    struct table_field *fields; /* of the record read last */
    int count, capacity;
    char *unquoted; /* CSV fields without their quotes; as large as the text */
    size_t unquoted_used;
    json_t *object; /* JSONL's record */
    char *numbers[COLUMNS];
};

void table_reader_free(struct table_reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < COLUMNS; i++)
        free(r->numbers[i]);
    json_decref(r->object);
    free(r->unquoted);
    free(r->fields);
    free(r->name);
    free(r->owned);
    free(r);
}

bool table_reader_has_label(const struct table_reader *r) { return r->has_label; }

static int add_field(struct table_reader *r, const char *data, size_t size,
                     struct error *err)
{
    if (r->count == FIELDS_MAX)
        return error_set(err, ERR_INPUT, "%s:%lld: row: more than %d columns", r->name,
                         (long long)r->line, FIELDS_MAX);
    if (r->count == r->capacity) {
        int capacity = r->capacity ? 2 * r->capacity : 16;
        struct table_field *fields =
            realloc(r->fields, (size_t)capacity * sizeof *fields);

        if (!fields)
            return error_set(err, ERR_MEMORY, "out of memory");
        r->fields = fields;
        r->capacity = capacity;
    }
    r->fields[r->count++] = (struct table_field){data, size};
    return 0;
}

/* The line at r->at, without its end; r->at moves behind it. */
static struct table_field take_line(struct table_reader *r)
{
    const char *start = r->text + r->at;
    const char *end = memchr(start, '\n', r->size - r->at);
    size_t size = end ? (size_t)(end - start) : r->size - r->at;

    r->at += size + (end != NULL);
    r->line += end != NULL;
    if (size > 0 && start[size - 1] == '\r')
        size--;
    return (struct table_field){start, size};
}

static int read_tsv(struct table_reader *r, struct error *err)
{
    struct table_field line = take_line(r);
    const char *start = line.data, *end = line.data + line.size, *tab;
    int rc;

    while ((tab = memchr(start, '\t', (size_t)(end - start))) != NULL) {
        rc = add_field(r, start, (size_t)(tab - start), err);
        if (rc)
            return rc;
        start = tab + 1;
    }
    return add_field(r, start, (size_t)(end - start), err);
}

static int csv_error(const struct table_reader *r, int64_t line, int field,
                     const char *why, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s:%lld: field %d: %s", r->name, (long long)line,
                     field, why);
}

/* A field that starts with a quote at r->at; r->at moves behind the closing one. */
static int read_quoted(struct table_reader *r, struct error *err)
{
    char *out = r->unquoted + r->unquoted_used;
    size_t used = 0;
    int64_t first = r->line;

    for (size_t at = r->at + 1; at < r->size; at++) {
        char c = r->text[at];

        if (c == '"' && at + 1 < r->size && r->text[at + 1] == '"') {
            at++;
        } else if (c == '"') {
            r->at = at + 1;
            r->unquoted_used += used;
            return add_field(r, out, used, err);
        }
        r->line += c == '\n';
        out[used++] = c;
    }
    return csv_error(r, first, r->count + 1, "its quote is never closed", err);
}

static int read_plain(struct table_reader *r, struct error *err)
{
    size_t start = r->at, end;

    while (r->at < r->size && r->text[r->at] != ',' && r->text[r->at] != '\n') {
        if (r->text[r->at] == '"')
            return csv_error(r, r->line, r->count + 1,
                             "a quote inside a field without quotes", err);
        r->at++;
    }
    end = r->at;
    if (end > start && r->text[end - 1] == '\r' &&
        (r->at == r->size || r->text[r->at] == '\n'))
        end--;
    return add_field(r, r->text + start, end - start, err);
}

/* What follows a field: true for a comma, false for the record's end, both taken. */
static int after_field(struct table_reader *r, bool *more, struct error *err)
{
    if (r->at < r->size && r->text[r->at] == '\r' &&
        (r->at + 1 == r->size || r->text[r->at + 1] == '\n'))
        r->at++;
    *more = r->at < r->size && r->text[r->at] == ',';
    if (r->at == r->size)
        return 0;
    if (!*more && r->text[r->at] != '\n')
        return csv_error(r, r->line, r->count, "text behind its closing quote", err);
    r->line += !*more;
    r->at++;
    return 0;
}

static int read_csv(struct table_reader *r, struct error *err)
{
    bool more = true;
    int rc = 0;

    r->unquoted_used = 0;
    while (rc == 0 && more) {
        if (r->at < r->size && r->text[r->at] == '"')
            rc = read_quoted(r, err);
        else
            rc = read_plain(r, err);
        if (rc == 0)
            rc = after_field(r, &more, err);
    }
    return rc;
}

/* A value as text: strings as they are, numbers and booleans as JSON writes them. */
static int add_value(struct table_reader *r, int column, const json_t *value,
                     struct error *err)
{
    if (json_is_string(value))
        return add_field(r, json_string_value(value), json_string_length(value), err);
    if (!json_is_number(value) && !json_is_boolean(value))
        return add_field(r, NULL, 0, err);
    free(r->numbers[column]);
    r->numbers[column] = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    if (!r->numbers[column])
        return error_set(err, ERR_MEMORY, "out of memory");
    return add_field(r, r->numbers[column], strlen(r->numbers[column]), err);
}

static int read_jsonl(struct table_reader *r, struct error *err)
{
    int64_t number = r->line;
    struct table_field line = take_line(r);
    json_error_t reason;
    int rc = 0;

    json_decref(r->object);
    r->object = json_loadb(line.data, line.size, JSON_ALLOW_NUL, &reason);
    if (!json_is_object(r->object))
        return error_set(err, ERR_INPUT, "%s:%lld: JSON: %s", r->name,
                         (long long)number,
                         r->object ? "an object was expected" : reason.text);
    for (int i = 0; i < COLUMNS && rc == 0; i++)
        rc = add_value(
            r, i, r->names[i] ? json_object_get(r->object, r->names[i]) : NULL, err);
    return rc;
}

static int read_record(struct table_reader *r, struct error *err)
{
    r->count = 0;
    switch (r->format) {
    case FORMAT_CSV:
        return read_csv(r, err);
    case FORMAT_JSONL:
        return read_jsonl(r, err);
    default:
        return read_tsv(r, err);
    }
}

static const char *const roles[COLUMNS] = {"text", "second text", "label"};

static int too_few(const struct table_reader *r, int64_t line, struct error *err)
{
    error_set(err, ERR_INPUT, "%s:%lld: row: %d columns, at least %d are needed",
              r->name, (long long)line, r->count, r->needed);
    return TABLE_SHORT;
}

/* Keys may be missing from an object: that is a short row too. */
static int missing_key(const struct table_reader *r, int64_t line, int column,
                       struct error *err)
{
    error_set(err, ERR_INPUT, "%s:%lld: %s: no string, number or boolean \"%.100s\"",
              r->name, (long long)line, roles[column], r->names[column]);
    return TABLE_SHORT;
}

int table_reader_next(struct table_reader *r, struct table_row *row, struct error *err)
{
    struct table_field *out[COLUMNS] = {&row->text[0], &row->text[1], &row->label};
    int rc;

    *row = (struct table_row){.line = r->line};
    if (r->at >= r->size)
        return TABLE_END;
    rc = read_record(r, err);
    if (rc)
        return rc;
    if (r->count < r->needed)
        return too_few(r, row->line, err);
    for (int i = 0; i < COLUMNS; i++) {
        if (r->at_column[i] < 0)
            continue;
        *out[i] = r->fields[r->at_column[i]];
        if (!out[i]->data)
            return missing_key(r, row->line, i, err);
    }
    return TABLE_ROW;
}

static bool field_is(const struct table_field *field, const char *name)
{
    return field->size == strlen(name) && memcmp(field->data, name, field->size) == 0;
}

/* The number of the header's column of that name, -1 for none. */
static int find_column(const struct table_reader *r, const char *name)
{
    for (int i = 0; i < r->count; i++)
        if (field_is(&r->fields[i], name))
            return i;
    return -1;
}

static int shown(const struct table_field *field)
{
    return field->size < NAME_SHOWN ? (int)field->size : NAME_SHOWN;
}

static int no_column(const struct table_reader *r, const char *name, struct error *err)
{
    char list[600] = "";
    size_t used = 0;

    for (int i = 0; i < r->count && used < sizeof list; i++)
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", i ? ", " : "",
                             shown(&r->fields[i]), r->fields[i].data);
    return error_set(err, ERR_INPUT, "%s:1: column \"%.100s\": not in the header: %s",
                     r->name, name, list);
}

static int find_named(struct table_reader *r, const char *const names[COLUMNS],
                      struct error *err)
{
    int rc = read_record(r, err);

    for (int i = 0; i < COLUMNS && rc == 0; i++) {
        if (!names[i])
            continue;
        r->at_column[i] = find_column(r, names[i]);
        if (r->at_column[i] < 0 && (i != LABEL || r->label_required))
            rc = no_column(r, names[i], err);
    }
    return rc;
}

/* Where there is no header, the first record tells whether there are labels. */
static int peek_label(struct table_reader *r, struct error *err)
{
    size_t at = r->at;
    int64_t line = r->line;
    int column = r->at_column[LABEL], rc;

    if (r->label_required || column < 0)
        return 0;
    rc = read_record(r, err);
    if (rc == 0 && (column >= r->count || !r->fields[column].data))
        r->at_column[LABEL] = -1;
    r->at = at;
    r->line = line;
    return rc;
}

static void find_keys(struct table_reader *r, const char *const names[COLUMNS])
{
    memcpy(r->names, names, sizeof r->names);
    for (int i = 0; i < COLUMNS; i++)
        r->at_column[i] = names[i] ? i : -1;
}

static int find_columns(struct table_reader *r, const struct task_columns *c,
                        struct error *err)
{
    const char *names[COLUMNS] = {c->text[0], c->text[1], c->label};
    int rc = 0;

    r->at_column[0] = c->text_at[0];
    r->at_column[1] = c->text_at[1];
    r->at_column[LABEL] = c->label_at;
    if (r->format == FORMAT_JSONL)
        find_keys(r, names);
    if (r->format == FORMAT_JSONL || !c->header)
        rc = peek_label(r, err);
    else
        rc = find_named(r, names, err);
    for (int i = 0; i < COLUMNS; i++)
        if (r->at_column[i] >= r->needed)
            r->needed = r->at_column[i] + 1;
    r->has_label = r->at_column[LABEL] >= 0;
    if (rc == 0 && (r->at_column[0] < 0 || (r->label_required && !r->has_label)))
        rc = error_set(err, ERR_INPUT, "%s: %s: the task names no such column", r->name,
                       roles[r->at_column[0] < 0 ? 0 : LABEL]);
    return rc;
}

static int64_t count_lines(const char *text, size_t size)
{
    int64_t lines = 0;

    for (const char *at = text; (at = memchr(at, '\n', size - (size_t)(at - text)));
         at++)
        lines++;
    return lines;
}

static bool has_character(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != '\n' && text[i] != '\r')
            return true;
    return false;
}

/* Skips the byte order mark. */
static int check_text(struct table_reader *r, struct error *err)
{
    size_t bad = utf8_first_invalid(r->text, r->size);

    if (bad != r->size)
        return error_set(err, ERR_INPUT, "%s:%lld: text: invalid UTF-8", r->name,
                         (long long)count_lines(r->text, bad) + 1);
    if (r->size >= 3 && memcmp(r->text, "\xef\xbb\xbf", 3) == 0)
        r->at = 3;
    if (!has_character(r->text + r->at, r->size - r->at))
        return error_set(err, ERR_INPUT, "%s:1: file: it is empty", r->name);
    return 0;
}

int table_reader_open_text(struct table_reader **out, const char *text, size_t size,
                           const char *name, enum task_format format,
                           const struct task_columns *columns, bool label_required,
                           struct error *err)
{
    struct table_reader *r = calloc(1, sizeof *r);
    int rc = 0;

    *out = NULL;
    if (!r || !(r->name = strdup(name))) {
        table_reader_free(r);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    r->text = text;
    r->size = size;
    r->line = 1;
    r->format = format;
    r->label_required = label_required;
    if (format == FORMAT_CSV && !(r->unquoted = malloc(size + 1)))
        rc = error_set(err, ERR_MEMORY, "out of memory");
    if (rc == 0)
        rc = check_text(r, err);
    if (rc == 0)
        rc = find_columns(r, columns, err);
    if (rc == 0)
        *out = r;
    else
        table_reader_free(r);
    return rc;
}

int table_reader_open(struct table_reader **out, const char *path,
                      enum task_format format, const struct task_columns *columns,
                      bool label_required, struct error *err)
{
    char *text;
    size_t size;
    int rc = file_text_read(&text, &size, path, err);

    *out = NULL;
    if (rc)
        return rc;
    rc = table_reader_open_text(out, text, size, path, format, columns, label_required,
                                err);
    if (rc)
        free(text);
    else
        (*out)->owned = text;
    return rc;
}
