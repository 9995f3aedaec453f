/* Rows, their order and their cut. Integer arithmetic only, so nothing here can depend
 * on the machine. */
#include "worker/batches.h"

#include "common/philox.h"

#include <stdlib.h>
#include <string.h>

/* A row that may be drawn: the smallest numbers of its stratum are. */
struct candidate {
    uint32_t row;
    int stratum;
    uint64_t number;
};

static int by_stratum_and_number(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static int by_row(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* What a draw is: from which rows of which split, and by which numbers. */
struct draw {
    const struct dataset_split *split;
    int strata;
    uint32_t seed;
    enum philox_purpose purpose;
};

static struct candidate *list_candidates(const struct draw *draw,
                                         const struct row_list *from, int64_t *counts)
{
    struct candidate *c = malloc((size_t)from->count * sizeof *c);

    for (int64_t i = 0; c && i < from->count; i++) {
        uint32_t row = from->rows[i];
        int stratum = draw->strata > 1 ? (int)draw->split->labels[row] : 0;

        c[i] = (struct candidate){row, stratum,
                                  philox_u64(draw->seed, draw->purpose, row, 0)};
        counts[stratum]++;
    }
    if (c)
        qsort(c, (size_t)from->count, sizeof *c, by_stratum_and_number);
    return c;
}

/* quotas of `wanted` rows by largest remainder; of equal ones the lower stratum. */
static void share_out(int64_t *quota, const int64_t *counts, int strata, int64_t total,
                      int64_t wanted)
{
    int64_t left = wanted;

    for (int s = 0; s < strata; s++) {
        quota[s] = wanted * counts[s] / total;
        left -= quota[s];
    }
    while (left-- > 0) {
        int best = -1;

        for (int s = 0; s < strata; s++)
            if (quota[s] == wanted * counts[s] / total &&
                (best < 0 ||
                 wanted * counts[s] % total > wanted * counts[best] % total))
                best = s;
        quota[best]++;
    }
}

/* Moves the first quota[s] candidates of each stratum to drawn, the others to left;
 * both in row order. */
static void deal(struct row_list *drawn, struct row_list *left,
                 const struct candidate *c, int64_t count, const int64_t *quota)
{
    int stratum = -1;
    int64_t taken = 0;

    drawn->count = left->count = 0;
    for (int64_t i = 0; i < count; i++) {
        struct row_list *to;

        if (c[i].stratum != stratum) {
            stratum = c[i].stratum;
            taken = 0;
        }
        to = taken++ < quota[stratum] ? drawn : left;
        to->rows[to->count++] = c[i].row;
    }
    qsort(drawn->rows, (size_t)drawn->count, sizeof *drawn->rows, by_row);
    qsort(left->rows, (size_t)left->count, sizeof *left->rows, by_row);
}

static int row_list_init(struct row_list *list, int64_t capacity, struct error *err)
{
    list->count = 0;
    list->rows = malloc((size_t)(capacity ? capacity : 1) * sizeof *list->rows);
    return list->rows ? 0 : error_set(err, ERR_MEMORY, "out of memory");
}

/* Draws `wanted` rows of from, stratified, or with wanted < 0 half of each stratum. */
static int draw_rows(struct row_list *drawn, struct row_list *left,
                     const struct draw *draw, const struct row_list *from,
                     int64_t wanted, struct error *err)
{
    size_t strata = (size_t)draw->strata;
    int64_t *counts = calloc(strata * 2, sizeof *counts),
            *quota = counts ? counts + strata : NULL;
    struct candidate *c = counts ? list_candidates(draw, from, counts) : NULL;
    int rc = ERR_MEMORY;

    if (!c || row_list_init(drawn, from->count, err) ||
        row_list_init(left, from->count, err)) {
        error_set(err, rc, "out of memory");
        goto done;
    }
    if (wanted < 0)
        for (size_t s = 0; s < strata; s++)
            quota[s] = counts[s] / 2;
    else
        share_out(quota, counts, draw->strata, from->count, wanted);
    deal(drawn, left, c, from->count, quota);
    rc = 0;
done:
    free(c);
    free(counts);
    return rc;
}

static int all_rows(struct row_list *out, int64_t count, struct error *err)
{
    int rc = row_list_init(out, count, err);

    for (; rc == 0 && out->count < count; out->count++)
        out->rows[out->count] = (uint32_t)out->count;
    return rc;
}

/* Replaces list by what was drawn or left of it; the other part is released. */
static void keep(struct row_list *list, struct row_list *kept, struct row_list *dropped)
{
    free(list->rows);
    free(dropped->rows);
    *list = *kept;
    *kept = *dropped = (struct row_list){0};
}

static int choose_from_train(struct row_choice *out, const struct draw *draw,
                             struct error *err)
{
    struct row_list left = {0};
    int rc;

    free(out->choose.rows);
    out->choose = (struct row_list){0};
    if (out->train.count <= SELECTION_ROWS)
        return error_set(err, ERR_INPUT,
                         "selection_rows: split_train takes %d training rows to "
                         "choose by, and there are %lld",
                         SELECTION_ROWS, (long long)out->train.count);
    rc = draw_rows(&out->choose, &left, draw, &out->train, SELECTION_ROWS, err);
    free(out->train.rows);
    out->train = left;
    return rc;
}

static int choose_half_of_dev(struct row_choice *out, const struct draw *draw,
                              struct error *err)
{
    struct row_list half = {0}, left = {0};
    int rc = draw_rows(&half, &left, draw, &out->report, -1, err);

    free(out->choose.rows);
    free(out->report.rows);
    out->choose = half;
    out->report = left;
    if (rc == 0 && half.count == 0)
        return error_set(err, ERR_INPUT,
                         "selection_rows: split_dev leaves no row of %lld to choose by",
                         (long long)left.count);
    return rc;
}

static int draw_subsample(struct row_choice *out, const struct draw *draw, int wanted,
                          struct error *err)
{
    struct row_list drawn = {0}, left = {0};
    int rc;

    if (!wanted || wanted >= out->train.count)
        return 0;
    rc = draw_rows(&drawn, &left, draw, &out->train, wanted, err);
    keep(&out->train, &drawn, &left);
    return rc;
}

int row_choice_init(struct row_choice *out, const struct dataset *dataset,
                    enum selection_rows selection, const struct settings *settings,
                    struct error *err)
{
    const struct dataset_split *train = &dataset->splits[SPLIT_TRAIN];
    const struct dataset_split *dev = &dataset->splits[SPLIT_DEV];
    int strata = dataset->regression ? 1 : dataset->labels;
    struct draw subsample = {train, strata, settings->subsample_seed, PHILOX_SUBSAMPLE};
    struct draw chosen = {selection == SELECT_SPLIT_TRAIN ? train : dev, strata, 1,
                          PHILOX_SELECTION};
    int64_t rows = train->rows;
    int rc;

    if (settings->limit && settings->limit < rows)
        rows = settings->limit;
    *out = (struct row_choice){0};
    if ((rc = all_rows(&out->train, rows, err)) ||
        (rc = all_rows(&out->choose, dev->rows, err)) ||
        (rc = all_rows(&out->report, dev->rows, err)))
        goto done;
    if (selection == SELECT_SPLIT_TRAIN)
        rc = choose_from_train(out, &chosen, err);
    else if (selection == SELECT_SPLIT_DEV)
        rc = choose_half_of_dev(out, &chosen, err);
    if (rc == 0)
        rc = draw_subsample(out, &subsample, settings->subsample, err);
    if (rc == 0 && (out->train.count == 0 || dev->rows == 0))
        rc = error_set(err, ERR_INPUT, "%s: no rows",
                       split_names[dev->rows ? SPLIT_TRAIN : SPLIT_DEV]);
done:
    if (rc)
        row_choice_clear(out);
    return rc;
}

void row_choice_clear(struct row_choice *choice)
{
    free(choice->train.rows);
    free(choice->choose.rows);
    free(choice->report.rows);
    *choice = (struct row_choice){0};
}

void batches_order(uint32_t *out, const struct row_list *rows, bool shuffle,
                   uint32_t seed, int epoch)
{
    if (rows->count > 0)
        memcpy(out, rows->rows, (size_t)rows->count * sizeof *out);
    for (int64_t i = rows->count - 1; shuffle && i > 0; i--) {
        uint64_t number =
            philox_u64(seed, PHILOX_SHUFFLE, (uint32_t)epoch, (uint32_t)i);
        int64_t j = (int64_t)(number % (uint64_t)(i + 1));
        uint32_t row = out[i];

        out[i] = out[j];
        out[j] = row;
    }
}

float *batches_shuffled_labels(const struct dataset_split *split,
                               const struct row_list *rows, uint32_t seed)
{
    size_t size = (size_t)split->rows * sizeof *split->labels;
    float *out = malloc(size + 1);

    if (!out)
        return NULL;
    memcpy(out, split->labels, size);
    for (int64_t i = rows->count - 1; i > 0; i--) {
        uint64_t number = philox_u64(seed, PHILOX_LABELS, (uint32_t)i, 0);
        float *a = &out[rows->rows[i]];
        float *b = &out[rows->rows[number % (uint64_t)(i + 1)]];
        float label = *a;

        *a = *b;
        *b = label;
    }
    return out;
}

int batch_init(struct batch *batch, int sequences, int tokens, struct error *err)
{
    size_t s = (size_t)sequences, t = (size_t)tokens;

    *batch = (struct batch){.capacity_sequences = sequences, .capacity_tokens = tokens};
    batch->ids = malloc(t * sizeof *batch->ids);
    batch->types = malloc(t * sizeof *batch->types);
    batch->offsets = malloc(2 * s * sizeof *batch->offsets);
    batch->examples = malloc(s * sizeof *batch->examples);
    batch->labels = malloc(s * sizeof *batch->labels);
    batch->shards = malloc(s * sizeof *batch->shards);
    if (batch->ids && batch->types && batch->offsets && batch->examples &&
        batch->labels && batch->shards)
        return 0;
    batch_clear(batch);
    return error_set(err, ERR_MEMORY, "out of memory");
}

void batch_clear(struct batch *batch)
{
    free(batch->ids);
    free(batch->types);
    free(batch->offsets);
    free(batch->examples);
    free(batch->labels);
    free(batch->shards);
    *batch = (struct batch){0};
}

void batch_empty(struct batch *batch)
{
    batch->sequences = batch->tokens = batch->count = 0;
}

static int shards_wanted(int64_t tokens, int sequences, int microshard_tokens)
{
    int64_t m = microshard_tokens, n = 2 * ((tokens + m) / (2 * m));

    if (n < 1)
        n = 1;
    return n < sequences ? (int)n : sequences;
}

static const int64_t *row_offsets(const struct dataset_split *split,
                                  const uint32_t *rows, int64_t first, int i)
{
    return &split->offsets[rows ? (int64_t)rows[i] : first + i];
}

static void add_sequence(struct batch *batch, const struct dataset_split *split,
                         int64_t row)
{
    int64_t at = split->offsets[row];
    size_t length = (size_t)(split->offsets[row + 1] - at);

    memcpy(batch->ids + batch->tokens, split->input_ids + at,
           length * sizeof *batch->ids);
    memcpy(batch->types + batch->tokens, split->token_type_ids + at, length);
    batch->examples[batch->sequences] = (uint32_t)row;
    batch->labels[batch->sequences] = split->labelled ? split->labels[row] : 0;
    batch->tokens += (int)length;
    batch->sequences++;
}

/* Adds one sequence to the microshard that holds it; they come in order. */
static void place_sequence(struct batch *batch, int length, bool opens)
{
    struct microshard *shard = &batch->shards[batch->count - !opens];
    int at = batch->sequences - 1;

    if (opens) {
        /* Each earlier microshard used one more offset than it has sequences. */
        int32_t *offsets = batch->offsets + at + batch->count;

        offsets[0] = 0;
        *shard = (struct microshard){.ids = batch->ids + batch->tokens - length,
                                     .types = batch->types + batch->tokens - length,
                                     .offsets = offsets,
                                     .examples = batch->examples + at,
                                     .labels = batch->labels + at};
        batch->count++;
    }
    shard->sequences++;
    shard->tokens += length;
    batch->offsets[shard->offsets - batch->offsets + shard->sequences] = shard->tokens;
}

void batch_add(struct batch *batch, const struct dataset_split *split,
               const uint32_t *rows, int64_t first, int count, int microshard_tokens)
{
    int64_t total = 0, start = 0, last = -1, n;

    for (int i = 0; i < count; i++) {
        const int64_t *offset = row_offsets(split, rows, first, i);

        total += offset[1] - offset[0];
    }
    n = shards_wanted(total, count, microshard_tokens);
    for (int i = 0; i < count; i++) {
        const int64_t *offset = row_offsets(split, rows, first, i);
        int64_t length = offset[1] - offset[0];
        int64_t shard = (start + length / 2) * n / total;

        add_sequence(batch, split, offset - split->offsets);
        place_sequence(batch, (int)length, shard != last);
        last = shard;
        start += length;
    }
}

/* A microshard's share is at most 3m/2 tokens, or one sequence where those are fewer
 * than the microshards wanted; half a sequence sticks out on both sides. */
int batches_shard_tokens(int batch_size, int max_length, int microshard_tokens)
{
    int64_t all = (int64_t)batch_size * max_length;
    int64_t share = (int64_t)microshard_tokens * 3 / 2 + 1;
    int64_t most = (share > max_length ? share : max_length) + max_length;

    return (int)(most < all ? most : all);
}

int batches_shards(int batch_size, int max_length, int microshard_tokens)
{
    return shards_wanted((int64_t)batch_size * max_length, batch_size,
                         microshard_tokens);
}
