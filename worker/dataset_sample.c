#include "worker/dataset_sample.h"

#include <stdlib.h>
#include <string.h>

struct candidate {
    int64_t length;
    uint32_t row;
};

static int by_length(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int by_row(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return (x->row > y->row) - (x->row < y->row);
}

/* The middle one of each of `wanted` equal parts of the rows by length, in the file's
 * order. rows NULL: all. NULL when out of memory. */
static struct candidate *choose(const struct dataset_split *split,
                                const struct row_list *rows, int64_t wanted)
{
    int64_t count = rows ? rows->count : split->rows;
    struct candidate *c = malloc(((size_t)count + 1) * sizeof *c);

    for (int64_t i = 0; c && i < count; i++) {
        uint32_t row = rows ? rows->rows[i] : (uint32_t)i;

        c[i] = (struct candidate){split->offsets[row + 1] - split->offsets[row], row};
    }
    if (!c)
        return NULL;
    qsort(c, (size_t)count, sizeof *c, by_length);
    for (int64_t i = 0; i < wanted; i++)
        c[i] = c[(2 * i + 1) * count / (2 * wanted)];
    qsort(c, (size_t)wanted, sizeof *c, by_row);
    return c;
}

static int make_room(struct dataset_split *out, const struct candidate *c, int64_t rows)
{
    size_t tokens = 0;

    for (int64_t i = 0; i < rows; i++)
        tokens += (size_t)c[i].length;
    out->input_ids = malloc((tokens + 1) * sizeof *out->input_ids);
    out->token_type_ids = malloc(tokens + 1);
    out->offsets = calloc((size_t)rows + 1, sizeof *out->offsets);
    out->labels = malloc(((size_t)rows + 1) * sizeof *out->labels);
    return out->input_ids && out->token_type_ids && out->offsets && out->labels
               ? 0
               : ERR_MEMORY;
}

static int copy_rows(struct dataset_split *out, const struct dataset_split *from,
                     const struct row_list *rows, int64_t wanted)
{
    int64_t count = rows ? rows->count : from->rows;
    struct candidate *c;
    int rc;

    wanted = wanted < count ? wanted : count;
    if (!(c = choose(from, rows, wanted)))
        return ERR_MEMORY;
    *out = (struct dataset_split){.present = true, .labelled = true, .rows = wanted};
    rc = make_room(out, c, wanted);
    for (int64_t i = 0; !rc && i < wanted; i++) {
        int64_t at = out->offsets[i], first = from->offsets[c[i].row];
        size_t length = (size_t)c[i].length;

        memcpy(out->input_ids + at, from->input_ids + first,
               length * sizeof *out->input_ids);
        memcpy(out->token_type_ids + at, from->token_type_ids + first, length);
        out->labels[i] = from->labels[c[i].row];
        out->offsets[i + 1] = at + c[i].length;
    }
    free(c);
    return rc;
}

int dataset_sample(struct dataset *out, const struct dataset *dataset,
                   const struct row_list *rows, int64_t train, int64_t dev,
                   struct error *err)
{
    *out = (struct dataset){.regression = dataset->regression,
                            .labels = dataset->labels,
                            .max_length = dataset->max_length,
                            .tokenizer = dataset->tokenizer};
    out->task = strdup(dataset->task);
    if (!out->task ||
        copy_rows(&out->splits[SPLIT_TRAIN], &dataset->splits[SPLIT_TRAIN], rows,
                  train) ||
        copy_rows(&out->splits[SPLIT_DEV], &dataset->splits[SPLIT_DEV], NULL, dev)) {
        dataset_clear(out);
        return error_set(err, ERR_MEMORY, "out of memory for a sample of the data");
    }
    return 0;
}
