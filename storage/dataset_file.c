/* dataset.h5: a group a split, arrays as in struct dataset_split. */
#include "storage/dataset_file.h"

#include "storage/h5_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATASET_SCHEMA = 1 };

static const char *part(char name[64], int split, const char *column)
{
    snprintf(name, 64, "%s/%s", split_names[split], column);
    return name;
}

static void put_split(struct h5_writer *w, const struct dataset_split *s, int split)
{
    int64_t tokens = s->offsets[s->rows];
    char name[64];

    h5_put_column(w, part(name, split, "input_ids"), H5_INT32, s->input_ids, 4, tokens);
    h5_put_column(w, part(name, split, "token_type_ids"), H5_UINT8, s->token_type_ids,
                  1, tokens);
    h5_put_column(w, part(name, split, "offsets"), H5_INT64, s->offsets, 8,
                  s->rows + 1);
    if (s->labelled)
        h5_put_column(w, part(name, split, "labels"), H5_REAL32, s->labels, 4, s->rows);
    h5_put_integer(w, split_names[split], "rows_read", s->rows_read);
    h5_put_integer(w, split_names[split], "rows_skipped", s->rows_skipped);
    h5_put_integer(w, split_names[split], "rows_truncated", s->rows_truncated);
}

int dataset_file_write(const char *path, const struct dataset *dataset,
                       struct error *err)
{
    char hex[DIGEST_HEX];
    struct h5_writer w;

    h5_writer_open(&w, path, err);
    h5_put_integer(&w, "/", "schema", DATASET_SCHEMA);
    h5_put_text(&w, "/", "program_version", SHIFTWORK_VERSION);
    h5_put_text(&w, "/", "task", dataset->task);
    h5_put_integer(&w, "/", "regression", dataset->regression);
    h5_put_integer(&w, "/", "labels", dataset->labels);
    if (!dataset->regression)
        h5_put_texts(&w, "/", "label_names", (const char *const *)dataset->label_names,
                     dataset->labels);
    h5_put_integer(&w, "/", "max_length", dataset->max_length);
    digest_hex(hex, dataset->tokenizer);
    h5_put_text(&w, "/", "tokenizer_digest", hex);
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (dataset->splits[s].present)
            put_split(&w, &dataset->splits[s], s);
    return h5_writer_close(&w);
}

static const char *check_offsets(const struct dataset_split *s, int max_length)
{
    if (s->offsets[0] != 0)
        return "offsets do not start at 0";
    for (int64_t i = 0; i < s->rows; i++) {
        /* Compared, not subtracted: any two numbers may be here. */
        if (s->offsets[i + 1] <= s->offsets[i])
            return "offsets do not rise";
        if (s->offsets[i + 1] > s->offsets[i] + max_length)
            return "a row is longer than max_length";
    }
    return NULL;
}

static const char *check_labels(const struct dataset *d, const struct dataset_split *s)
{
    for (int64_t i = 0; s->labels && i < s->rows; i++) {
        float label = s->labels[i];

        if (!isfinite(label))
            return "a label is not finite";
        if (!d->regression &&
            !(label >= 0 && label < (float)d->labels && label == floorf(label)))
            return "a label is no class number";
    }
    return NULL;
}

static const char *check_tokens(const struct dataset_split *s)
{
    for (int64_t i = 0; i < s->offsets[s->rows]; i++)
        if (s->input_ids[i] < 0)
            return "an id is below 0";
    return NULL;
}

static void get_split(struct h5_reader *r, struct dataset *d, int split)
{
    struct dataset_split *s = &d->splits[split];
    const char *group = split_names[split], *wrong;
    char name[64];
    int64_t tokens = 0;

    s->rows = h5_rows(r, part(name, split, "offsets")) - 1;
    if (s->rows < 0)
        h5_reader_fail(r, name, "empty");
    s->offsets = h5_get_array(r, name, H5_INT64, s->rows + 1);
    wrong = r->rc ? NULL : check_offsets(s, d->max_length);
    if (wrong)
        h5_reader_fail(r, group, wrong);
    if (!r->rc)
        tokens = s->offsets[s->rows];
    s->input_ids = h5_get_array(r, part(name, split, "input_ids"), H5_INT32, tokens);
    s->token_type_ids =
        h5_get_array(r, part(name, split, "token_type_ids"), H5_UINT8, tokens);
    s->labelled = h5_exists(r, part(name, split, "labels"));
    if (s->labelled)
        s->labels = h5_get_array(r, name, H5_REAL32, s->rows);
    wrong = r->rc ? NULL : check_tokens(s);
    if (!r->rc && !wrong)
        wrong = check_labels(d, s);
    if (wrong)
        h5_reader_fail(r, group, wrong);
    s->rows_read = h5_get_integer(r, group, "rows_read");
    s->rows_skipped = h5_get_integer(r, group, "rows_skipped");
    s->rows_truncated = h5_get_integer(r, group, "rows_truncated");
    s->present = true;
}

static int get_bounded(struct h5_reader *r, const char *name, int64_t min, int64_t max)
{
    int64_t value = h5_get_integer(r, "/", name);

    if (!r->rc && (value < min || value > max))
        h5_reader_fail(r, name, "outside its range");
    return r->rc ? 0 : (int)value;
}

static void get_names(struct h5_reader *r, struct dataset *d)
{
    int64_t count;

    d->label_names = h5_get_texts(r, "/", "label_names", &count);
    if (r->rc || count == d->labels)
        return;
    for (int64_t i = 0; i < count; i++)
        free(d->label_names[i]);
    free(d->label_names);
    d->label_names = NULL;
    h5_reader_fail(r, "label_names", "not as many as labels");
}

static void get_attributes(struct h5_reader *r, struct dataset *d)
{
    char *hex;

    get_bounded(r, "schema", DATASET_SCHEMA, DATASET_SCHEMA);
    d->task = h5_get_text(r, "/", "task");
    d->regression = get_bounded(r, "regression", 0, 1);
    d->labels = get_bounded(r, "labels", 1, d->regression ? 1 : 1 << 20);
    d->max_length = get_bounded(r, "max_length", 1, 1 << 20);
    if (!d->regression && !r->rc)
        get_names(r, d);
    hex = h5_get_text(r, "/", "tokenizer_digest");
    if (hex && digest_parse(&d->tokenizer, hex))
        h5_reader_fail(r, "tokenizer_digest", "not a digest");
    free(hex);
}

int dataset_file_read(struct dataset *out, const char *path, struct error *err)
{
    struct h5_reader r;
    int rc;

    *out = (struct dataset){0};
    h5_reader_open(&r, path, err);
    get_attributes(&r, out);
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (h5_exists(&r, split_names[s]))
            get_split(&r, out, s);
    rc = h5_reader_close(&r);
    if (rc)
        dataset_clear(out);
    return rc;
}
