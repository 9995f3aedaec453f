#include "storage/checkpoint.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 7, ROWS = 5, LABELS = 3 };

static float last[VALUES] = {1, -2, 3, 4.5f, 0, 6, 7}, m1[VALUES] = {.1f, .2f},
             m2[VALUES] = {1e-9f, 2}, best[VALUES] = {9, 8, 7, 6, 5, 4, 3},
             logits[ROWS * LABELS] = {1, 2, 3, 4, 5}, more[2 * LABELS] = {-1, -2};

static struct checkpoint sample(void)
{
    return (struct checkpoint){
        .layout = "0123abcd",
        .values = VALUES,
        .last = last,
        .moment1 = m1,
        .moment2 = m2,
        .step = 100,
        .epoch = 3,
        .epoch_step = 4,
        .reported = 96,
        .epoch_loss = 2.25,
        .tokens = 12345,
        .seconds = 1.5,
        .has_best = true,
        .best = {.epoch = 2,
                 .step = 64,
                 .train_loss = .7,
                 .dev_loss = .6,
                 .score = .5,
                 .metrics = {.4, .6, NAN, NAN},
                 .learning_rate = 1e-3,
                 .tokens = 9999,
                 .seconds = 1.25},
        .best_values = best,
        .outputs = {{ROWS, LABELS, logits}, {2, LABELS, more}},
    };
}

static bool same_floats(const float *a, const float *b, size_t n)
{
    return a && b && !memcmp(a, b, n * sizeof *a);
}

static bool same_record(const struct epoch_record *a, const struct epoch_record *b)
{
    return a->epoch == b->epoch && a->step == b->step &&
           a->train_loss == b->train_loss && a->dev_loss == b->dev_loss &&
           a->score == b->score && a->learning_rate == b->learning_rate &&
           a->tokens == b->tokens && a->seconds == b->seconds &&
           !memcmp(a->metrics, b->metrics, sizeof a->metrics);
}

static void decoding_gives_what_was_encoded(void)
{
    struct checkpoint in = sample(), out;
    struct bytes bytes = {0};
    struct error err;

    CU_ASSERT_EQUAL_FATAL(checkpoint_encode(&bytes, &in, &err), 0);
    CU_ASSERT_EQUAL_FATAL(checkpoint_decode(&out, bytes.data, bytes.size, &err), 0);
    CU_ASSERT_STRING_EQUAL(out.layout, in.layout);
    CU_ASSERT(out.values == VALUES && same_floats(out.last, last, VALUES) &&
              same_floats(out.moment1, m1, VALUES) &&
              same_floats(out.moment2, m2, VALUES) &&
              same_floats(out.best_values, best, VALUES));
    CU_ASSERT(out.step == 100 && out.epoch == 3 && out.epoch_step == 4 &&
              out.reported == 96 && out.epoch_loss == 2.25 && out.tokens == 12345 &&
              out.seconds == 1.5 && !out.done && out.has_best);
    CU_ASSERT(same_record(&out.best, &in.best));
    CU_ASSERT(out.outputs[0].rows == ROWS && out.outputs[0].labels == LABELS &&
              same_floats(out.outputs[0].logits, logits, ROWS * LABELS));
    CU_ASSERT(out.outputs[1].rows == 2 &&
              same_floats(out.outputs[1].logits, more, 2 * LABELS));
    checkpoint_clear(&out);
    bytes_clear(&bytes);
}

static void checkpoint_before_the_first_report_has_no_best(void)
{
    struct checkpoint in = sample(), out;
    struct bytes bytes = {0};
    struct error err;

    in.has_best = false;
    in.best_values = NULL;
    in.best = (struct epoch_record){0};
    in.outputs[0] = in.outputs[1] = (struct checkpoint_outputs){0};
    CU_ASSERT_EQUAL_FATAL(checkpoint_encode(&bytes, &in, &err), 0);
    CU_ASSERT_EQUAL_FATAL(checkpoint_decode(&out, bytes.data, bytes.size, &err), 0);
    CU_ASSERT(!out.has_best && !out.best_values && !out.outputs[0].logits);
    checkpoint_clear(&out);
    bytes_clear(&bytes);
}

/* A copy on the heap, so that a read past its end is seen by asan. */
static int decode_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct checkpoint out;
    struct error err;
    int rc;

    memcpy(copy, data, size);
    rc = checkpoint_decode(&out, copy, size, &err);
    if (rc == 0)
        checkpoint_clear(&out);
    free(copy);
    return rc;
}

static void every_shorter_prefix_is_refused(void)
{
    struct checkpoint in = sample();
    struct bytes bytes = {0};

    CU_ASSERT_EQUAL_FATAL(checkpoint_encode(&bytes, &in, NULL), 0);
    for (size_t n = 0; n < bytes.size; n++)
        CU_ASSERT_EQUAL(decode_copy(bytes.data, n), ERR_PROTOCOL);
    bytes_put_u8(&bytes, 0);
    CU_ASSERT_EQUAL(decode_copy(bytes.data, bytes.size), ERR_PROTOCOL);
    bytes_clear(&bytes);
}

static void other_versions_and_lying_counts_are_refused(void)
{
    static const struct {
        size_t at;
        uint32_t value;
    } lies[] = {
        {0, 1},          /* magic */
        {4, 2},          /* version */
        {16, 8},         /* flags */
        {16, 0},         /* no best, but its outputs */
        {20, 8},         /* values */
        {20, 0},         /* none */
        {24, 0x40000000} /* 2^62 of them */
    };
    struct checkpoint in = sample();
    struct bytes bytes = {0};

    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        CU_ASSERT_EQUAL_FATAL(checkpoint_encode(&bytes, &in, NULL), 0);
        bytes_set_u32(&bytes, lies[i].at, lies[i].value);
        CU_ASSERT_EQUAL(decode_copy(bytes.data, bytes.size), ERR_PROTOCOL);
        bytes_clear(&bytes);
    }
}

/* The file was packed by hand, in Python, from the same numbers. */
static void bytes_are_the_recorded_ones(void)
{
    FILE *f = fopen(place_source("tests/fuzz/corpus/checkpoint/whole"), "rb");
    struct checkpoint in = sample();
    struct bytes bytes = {0};
    uint8_t recorded[1024];
    size_t size;

    CU_ASSERT_FATAL(f != NULL);
    size = fread(recorded, 1, sizeof recorded, f);
    fclose(f);
    CU_ASSERT_EQUAL_FATAL(checkpoint_encode(&bytes, &in, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(bytes.size, size);
    CU_ASSERT(!memcmp(bytes.data, recorded, size));
    bytes_clear(&bytes);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(decoding_gives_what_was_encoded),
        SUITE_TEST(checkpoint_before_the_first_report_has_no_best),
        SUITE_TEST(every_shorter_prefix_is_refused),
        SUITE_TEST(other_versions_and_lying_counts_are_refused),
        SUITE_TEST(bytes_are_the_recorded_ones),
        {NULL, NULL},
    };

    return suite_run("checkpoint", tests);
}
