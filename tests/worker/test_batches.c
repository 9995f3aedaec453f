/* Choice and order of rows against recorded ones (tests/golden/make_random_goldens.py);
 * the cut into microshards against its definition. */
#include "worker/batches.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_rows(const char *name, const uint32_t *rows, int64_t count)
{
    FILE *f = fopen(place_source("tests/golden/random.txt"), "r");
    char word[64], line[16384];
    bool found = false;
    long long want = 0;
    unsigned row;

    CU_ASSERT_FATAL(f != NULL);
    while (!found && fscanf(f, "%63s", word) == 1) {
        found = !strcmp(word, name);
        if (!found && !fgets(line, sizeof line, f))
            break;
    }
    CU_ASSERT_FATAL(found && fscanf(f, "%lld", &want) == 1);
    CU_ASSERT_EQUAL_FATAL(want, count);
    for (int64_t i = 0; i < count; i++)
        CU_ASSERT(fscanf(f, "%u", &row) == 1 && row == rows[i]);
    fclose(f);
}

static void order_of_an_epoch_is_the_recorded_one(void)
{
    uint32_t rows[20], some[] = {3, 5, 8, 13, 21, 34}, out[20];
    struct row_list all = {20, rows}, few = {6, some};

    for (uint32_t i = 0; i < 20; i++)
        rows[i] = i;
    batches_order(out, &all, true, 1, 0);
    check_rows("shuffle_0", out, 20);
    batches_order(out, &all, true, 1, 1);
    check_rows("shuffle_1", out, 20);
    batches_order(out, &few, true, 4000000000u, 7);
    check_rows("shuffle_list", out, 6);
    batches_order(out, &few, false, 1, 1);
    CU_ASSERT(!memcmp(out, some, sizeof some));
}

/* As label_of() of the script. */
static void label(struct dataset_split *split)
{
    for (int64_t r = 0; r < split->rows; r++)
        split->labels[r] = (float)(r * r % 7 % 3);
}

static void make(struct dataset *data, int train, int labels)
{
    made_data(data, train, 5, 20, labels);
    if (labels == 3) {
        label(&data->splits[SPLIT_TRAIN]);
        label(&data->splits[SPLIT_DEV]);
    }
}

static void subsample_is_stratified_as_recorded(void)
{
    struct settings s = {.limit = 50, .subsample = 17, .subsample_seed = 9};
    struct row_choice rows;
    struct dataset data;

    make(&data, 60, 3);
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_DEV, &s, NULL), 0);
    check_rows("subsample", rows.train.rows, rows.train.count);
    CU_ASSERT(rows.choose.count == 30 && rows.report.count == 30);
    row_choice_clear(&rows);
    dataset_clear(&data);

    make(&data, 60, 1);
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_DEV, &s, NULL), 0);
    check_rows("subsample_regression", rows.train.rows, rows.train.count);
    row_choice_clear(&rows);
    s.subsample = 1000;
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_DEV, &s, NULL), 0);
    CU_ASSERT_EQUAL(rows.train.count, 50);
    row_choice_clear(&rows);
    dataset_clear(&data);
}

static void selection_rows_are_the_recorded_ones(void)
{
    struct settings s = {.subsample = 11, .subsample_seed = 2};
    struct row_choice rows;
    struct dataset data;

    make(&data, 120, 3);
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_SPLIT_DEV, &s, NULL), 0);
    check_rows("dev_choose", rows.choose.rows, rows.choose.count);
    check_rows("dev_report", rows.report.rows, rows.report.count);
    row_choice_clear(&rows);
    dataset_clear(&data);

    make(&data, 1030, 3);
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_SPLIT_TRAIN, &s, NULL),
                          0);
    CU_ASSERT_EQUAL(rows.choose.count, 1000);
    CU_ASSERT_EQUAL(rows.report.count, 515);
    check_rows("train_left_subsample", rows.train.rows, rows.train.count);
    row_choice_clear(&rows);
    s.subsample = 0;
    CU_ASSERT_EQUAL_FATAL(row_choice_init(&rows, &data, SELECT_SPLIT_TRAIN, &s, NULL),
                          0);
    check_rows("train_left", rows.train.rows, rows.train.count);
    row_choice_clear(&rows);
    dataset_clear(&data);
}

static void nothing_left_to_choose_or_train_is_refused(void)
{
    struct settings s = {0};
    struct row_choice rows;
    struct dataset data;
    struct error err;

    made_data(&data, 6, 5, 20, 3);
    CU_ASSERT_EQUAL(row_choice_init(&rows, &data, SELECT_SPLIT_TRAIN, &s, &err),
                    ERR_INPUT);
    for (int r = 0; r < 3; r++)
        data.splits[SPLIT_DEV].labels[r] = (float)r;
    CU_ASSERT_EQUAL(row_choice_init(&rows, &data, SELECT_SPLIT_DEV, &s, &err),
                    ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "split_dev"));
    dataset_clear(&data);
}

/* The definition, straight: microshards wanted for so many tokens and sequences. */
static int wanted(int tokens, int sequences, int m)
{
    int n = 2 * (int)((double)tokens / (2.0 * m) + 0.5);

    n = n < 1 ? 1 : n;
    return n > sequences ? sequences : n;
}

static void check_shard(const struct microshard *s, const struct dataset_split *split)
{
    int at = 0;

    CU_ASSERT(s->sequences > 0 && s->offsets[0] == 0 &&
              s->offsets[s->sequences] == s->tokens);
    for (int i = 0; i < s->sequences; i++) {
        int64_t from = split->offsets[s->examples[i]];
        int length = (int)(split->offsets[s->examples[i] + 1] - from);

        CU_ASSERT_EQUAL(s->offsets[i + 1] - s->offsets[i], length);
        CU_ASSERT(!memcmp(s->ids + at, split->input_ids + from, (size_t)length * 4));
        CU_ASSERT(!memcmp(s->types + at, split->token_type_ids + from, (size_t)length));
        CU_ASSERT_EQUAL(s->labels[i], split->labels[s->examples[i]]);
        at += length;
    }
}

/* Each sequence lies in the microshard of its middle token; the order is the batch's.
 */
static void check_cut(const struct batch *b, const struct dataset_split *split,
                      const uint32_t *rows, int count, int m, int first)
{
    int tokens = 0, start = 0, at = 0, shard = first, last = -1, n;

    for (int i = 0; i < count; i++)
        tokens += (int)(split->offsets[rows[i] + 1] - split->offsets[rows[i]]);
    n = wanted(tokens, count, m);
    for (int i = 0; i < count; i++) {
        int length = (int)(split->offsets[rows[i] + 1] - split->offsets[rows[i]]);
        int k = (int)((int64_t)(start + length / 2) * n / tokens);

        if (i > 0 && k != last) {
            CU_ASSERT_EQUAL(b->shards[shard].sequences, at);
            shard++;
            at = 0;
        }
        last = k;
        CU_ASSERT(shard < b->count && at < b->shards[shard].sequences &&
                  b->shards[shard].examples[at] == rows[i]);
        at++;
        start += length;
    }
    CU_ASSERT_EQUAL(b->shards[shard].sequences, at);
    CU_ASSERT_EQUAL(shard + 1, b->count);
}

static void batches_are_cut_by_their_middle_tokens(void)
{
    static const int lengths[] = {2, 9, 64}, ms[] = {1, 7, 64, 256, 100000},
                     counts[] = {1, 2, 31, 64};
    uint32_t rows[64];
    struct dataset data;
    struct batch b;

    for (uint32_t i = 0; i < 64; i++)
        rows[i] = (i * 37) % 64;
    for (int i = 0; i < 3 * 5 * 4; i++) {
        int length = lengths[i % 3], m = ms[i / 3 % 5], count = counts[i / 15];
        struct dataset_split *split = &data.splits[SPLIT_TRAIN];

        made_data(&data, 64, length, 50, 2);
        CU_ASSERT_EQUAL_FATAL(batch_init(&b, 2 * count, 2 * count * length, NULL), 0);
        batch_add(&b, split, rows, 0, count, m);
        check_cut(&b, split, rows, count, m, 0);
        CU_ASSERT(b.count <= batches_shards(count, length, m));
        for (int s = 0; s < b.count; s++) {
            check_shard(&b.shards[s], split);
            CU_ASSERT(b.shards[s].tokens <= batches_shard_tokens(count, length, m));
        }
        /* A second batch does not change how it is cut. */
        int first = b.count;
        batch_add(&b, split, rows, 0, count, m);
        check_cut(&b, split, rows, count, m, first);
        batch_clear(&b);
        dataset_clear(&data);
    }
}

static void rows_may_be_those_of_the_file(void)
{
    struct dataset data;
    struct batch b;

    made_data(&data, 10, 9, 50, 2);
    CU_ASSERT_EQUAL_FATAL(batch_init(&b, 4, 36, NULL), 0);
    batch_add(&b, &data.splits[SPLIT_TRAIN], NULL, 5, 4, 8);
    for (uint32_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(b.examples[i], 5 + i);
    batch_empty(&b);
    CU_ASSERT(b.sequences == 0 && b.tokens == 0 && b.count == 0);
    batch_clear(&b);
    dataset_clear(&data);
}

static void labels_are_shuffled_among_the_trained_rows_only(void)
{
    struct dataset data;
    uint32_t rows[30];
    struct row_list list = {30, rows};
    int before[3] = {0}, after[3] = {0}, moved = 0;
    float *same, *out;

    made_data(&data, 60, 9, 50, 3);
    const float *labels = data.splits[SPLIT_TRAIN].labels;
    for (uint32_t i = 0; i < 30; i++)
        rows[i] = 2 * i;
    out = batches_shuffled_labels(&data.splits[SPLIT_TRAIN], &list, 5);
    same = batches_shuffled_labels(&data.splits[SPLIT_TRAIN], &list, 5);
    CU_ASSERT(memcmp(out, same, 60 * sizeof *out) == 0);
    for (int i = 0; i < 60; i++) {
        CU_ASSERT(i % 2 == 0 || out[i] == labels[i]);
        moved += out[i] != labels[i];
        before[(int)labels[i]]++;
        after[(int)out[i]]++;
    }
    CU_ASSERT(moved > 5);
    CU_ASSERT(memcmp(before, after, sizeof before) == 0);
    free(out);
    free(same);
    dataset_clear(&data);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(order_of_an_epoch_is_the_recorded_one),
        SUITE_TEST(subsample_is_stratified_as_recorded),
        SUITE_TEST(selection_rows_are_the_recorded_ones),
        SUITE_TEST(nothing_left_to_choose_or_train_is_refused),
        SUITE_TEST(batches_are_cut_by_their_middle_tokens),
        SUITE_TEST(rows_may_be_those_of_the_file),
        SUITE_TEST(labels_are_shuffled_among_the_trained_rows_only),
        {NULL, NULL},
    };

    return suite_run("batches", tests);
}
