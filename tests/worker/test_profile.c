/* Whose time a mark is, and what a batch leaves in a profile. */
#include "worker/profile.h"

#include "common/clock.h"
#include "jobs/settings_table.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"
#include "worker/adapter_init.h"
#include "worker/batch_runner.h"
#include "worker/kernels.h"
#include "worker/peak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 40, LONGEST = 30, THREADS = 3 };

static int64_t fake_ns;
static int64_t fake_clock(void) { return fake_ns; }

static void a_mark_gives_the_time_since_the_last_one_to_its_phase(void)
{
    fake_ns = 1000;
    struct profile *p = profile_new(1, fake_clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    fake_ns = 1030;
    profile_mark(p, PHASE_FFN_UP, 64);
    fake_ns = 1035;
    profile_mark(p, PHASE_ACTIVATION, 0);
    fake_ns = 1135;
    profile_mark(p, PHASE_FFN_UP, 16);
    profile_mark(NULL, PHASE_FFN_UP, 16); /* nobody measures */
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_UP].nanoseconds, 130);
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_UP].calls, 2);
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_UP].flop, 80);
    CU_ASSERT_EQUAL(p->sums[PHASE_ACTIVATION].nanoseconds, 5);
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_DOWN].calls, 0);
    free(p);
}

static void evaluation_is_one_phase_whatever_is_computed_in_it(void)
{
    fake_ns = 0;
    struct profile *p = profile_new(1, fake_clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    profile_evaluation_begins(p);
    fake_ns = 10;
    profile_mark(p, PHASE_FFN_UP, 64);
    fake_ns = 30;
    profile_evaluation_ends(p);
    fake_ns = 37;
    profile_mark(p, PHASE_FFN_UP, 4);
    CU_ASSERT_EQUAL(p->sums[PHASE_EVALUATION].nanoseconds, 30);
    CU_ASSERT_EQUAL(p->sums[PHASE_EVALUATION].calls, 1);
    CU_ASSERT_EQUAL(p->sums[PHASE_EVALUATION].flop, 64);
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_UP].nanoseconds, 7);
    CU_ASSERT_EQUAL(p->sums[PHASE_FFN_UP].flop, 4);
    profile_evaluation_begins(NULL);
    profile_evaluation_ends(NULL);
    free(p);
}

static void threads_add_up_and_have_waited_since_their_last_marks(void)
{
    struct phase_sum sums[PHASE_COUNT];
    fake_ns = 0;
    struct profile *p = profile_new(2, fake_clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    fake_ns = 10;
    profile_mark(&p[0], PHASE_HEAD, 1);
    profile_mark(&p[1], PHASE_HEAD, 2);
    fake_ns = 25;
    profile_mark(&p[0], PHASE_REPORT, 0);
    profile_read(sums, p, 2);
    CU_ASSERT_EQUAL(sums[PHASE_HEAD].nanoseconds, 20);
    CU_ASSERT_EQUAL(sums[PHASE_HEAD].flop, 3);
    CU_ASSERT_EQUAL(sums[PHASE_REPORT].nanoseconds, 15);
    CU_ASSERT_EQUAL(sums[PHASE_WAITING].nanoseconds, 15);
    free(p);
}

/* --- real batches --- */

static struct encoder encoder;
static struct dataset data;
static struct adapter_layout layout;
static struct model model;
static struct batch_runner *runner;
static float *values;

static void make_runner(void)
{
    const struct encoder_config *c = &encoder.config;
    struct adapter_shape shape = {.layers = c->layers,
                                  .hidden = c->hidden,
                                  .ffn = c->ffn,
                                  .labels = 2,
                                  .train_layernorm = LN_ALL};
    struct batch_sizes sizes = {.batch_size = ROWS,
                                .max_length = LONGEST,
                                .microshard_tokens = 64,
                                .threads = THREADS,
                                .training = true};

    made_data(&data, ROWS, LONGEST, 50, 2);
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    model = (struct model){&encoder, &layout, POOLING_MEAN, false, NULL};
    values = malloc((size_t)layout.values * sizeof *values);
    CU_ASSERT_PTR_NOT_NULL_FATAL(values);
    adapter_init(values, &layout, &encoder, 1);
    CU_ASSERT_EQUAL_FATAL(batch_runner_new(&runner, &model, &sizes, NULL), 0);
}

static void clear_runner(void)
{
    batch_runner_free(runner);
    free(values);
    adapter_layout_clear(&layout);
    dataset_clear(&data);
}

/* The gradient of all rows as one batch, on the heap. */
static float *train_all(void)
{
    static const struct dropout dropout = {0.1f, 0.1f, 0.1f, 1, 1};
    size_t size = (size_t)layout.values * sizeof(float);
    uint32_t rows[ROWS];
    float *grad, *copy = malloc(size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = i;
    batch_runner_train(runner, values, &data.splits[SPLIT_TRAIN], rows, ROWS, &dropout,
                       &grad);
    memcpy(copy, grad, size);
    return copy;
}

static void operations_are_those_of_the_formulas(void)
{
    struct phase_sum s[PHASE_COUNT];
    double h = encoder.config.hidden, ffn = encoder.config.ffn;
    double layers = encoder.config.layers, tokens = 0, squares = 0;
    struct profile *p = profile_new(THREADS, NULL);

    make_runner();
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int r = 0; r < ROWS; r++) {
        const int64_t *offset = &data.splits[SPLIT_TRAIN].offsets[r];
        double n = (double)(offset[1] - offset[0]);

        tokens += n;
        squares += n * n;
    }
    batch_runner_use_profiles(runner, p);
    free(train_all());
    profile_read(s, p, THREADS);
    CU_ASSERT_EQUAL(s[PHASE_QUERY_KEY_VALUE].flop, layers * 6 * tokens * h * h);
    CU_ASSERT_EQUAL(s[PHASE_QUERY_KEY_VALUE_BACK].flop, layers * 6 * tokens * h * h);
    CU_ASSERT_EQUAL(s[PHASE_ATTENTION].flop, layers * 4 * squares * h);
    CU_ASSERT_EQUAL(s[PHASE_ATTENTION_BACK].flop, layers * 10 * squares * h);
    CU_ASSERT_EQUAL(s[PHASE_ATTENTION_OUTPUT].flop, layers * 2 * tokens * h * h);
    CU_ASSERT_EQUAL(s[PHASE_FFN_UP].flop, layers * 2 * tokens * h * ffn);
    CU_ASSERT_EQUAL(s[PHASE_FFN_DOWN].flop, layers * 2 * tokens * h * ffn);
    CU_ASSERT_EQUAL(s[PHASE_FFN_UP_BACK].flop, layers * 2 * tokens * h * ffn);
    CU_ASSERT_EQUAL(s[PHASE_HEAD].flop, 2.0 * ROWS * h * 2);
    CU_ASSERT(s[PHASE_EMBEDDINGS].calls > 1);
    CU_ASSERT_EQUAL(s[PHASE_EMBEDDINGS].calls, s[PHASE_HEAD_BACK].calls);
    CU_ASSERT_EQUAL(s[PHASE_EMBEDDINGS].calls, s[PHASE_EMBEDDINGS_BACK].calls);
    CU_ASSERT_EQUAL(s[PHASE_EVALUATION].calls, 0);
    clear_runner();
    free(p);
}

static double all_seconds(const struct phase_sum *sums)
{
    double ns = 0;

    for (int i = 0; i < PHASE_COUNT; i++)
        ns += (double)sums[i].nanoseconds;
    return 1e-9 * ns;
}

static void sums_are_the_time_that_passed_times_the_threads(void)
{
    static const double rounding_s = 1e-6;
    struct phase_sum sums[PHASE_COUNT];
    float logits[ROWS * 2];

    make_runner();
    double outer = clock_monotonic_s();
    struct profile *p = profile_new(THREADS, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    double inner = clock_monotonic_s();
    batch_runner_use_profiles(runner, p);
    for (int i = 0; i < 5; i++)
        free(train_all());
    CU_ASSERT(batch_runner_evaluate(runner, values, &data.splits[SPLIT_TRAIN], NULL, 0,
                                    ROWS, logits));
    inner = clock_monotonic_s() - inner;
    profile_mark(p, PHASE_REPORT, 0);
    profile_read(sums, p, THREADS);
    outer = clock_monotonic_s() - outer;
    CU_ASSERT(all_seconds(sums) >= THREADS * inner - rounding_s);
    CU_ASSERT(all_seconds(sums) <= THREADS * outer + rounding_s);
    CU_ASSERT(sums[PHASE_EVALUATION].flop > 0);
    CU_ASSERT(sums[PHASE_EVALUATION].calls > 0);
    clear_runner();
    free(p);
}

static void measuring_does_not_change_a_bit(void)
{
    struct profile *p = profile_new(THREADS, NULL);
    float *with, *without;

    make_runner();
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    without = train_all();
    batch_runner_use_profiles(runner, p);
    with = train_all();
    CU_ASSERT_EQUAL(memcmp(with, without, (size_t)layout.values * sizeof *with), 0);
    free(with);
    free(without);
    clear_runner();
    free(p);
}

/* Between a slow machine's and a fast one's, whatever the instruction set. */
static void peak_is_a_rate_of_a_processor(void)
{
    for (int i = 0; kernels_available(i); i++) {
        double peak = peak_measure(kernels_available(i));

        CU_ASSERT(peak > 1e8 && peak < 1e13);
    }
}

static void every_phase_has_a_name_of_its_own(void)
{
    for (int i = 0; i < PHASE_COUNT; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(phase_names[i]);
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(phase_names[i], phase_names[j]);
    }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(a_mark_gives_the_time_since_the_last_one_to_its_phase),
        SUITE_TEST(evaluation_is_one_phase_whatever_is_computed_in_it),
        SUITE_TEST(threads_add_up_and_have_waited_since_their_last_marks),
        SUITE_TEST(operations_are_those_of_the_formulas),
        SUITE_TEST(sums_are_the_time_that_passed_times_the_threads),
        SUITE_TEST(measuring_does_not_change_a_bit),
        SUITE_TEST(peak_is_a_rate_of_a_processor),
        SUITE_TEST(every_phase_has_a_name_of_its_own),
        {NULL, NULL},
    };
    struct error err;
    int rc;

    if (encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), &err))
        return 1;
    rc = suite_run("profile", tests);
    encoder_close(&encoder);
    return rc;
}
