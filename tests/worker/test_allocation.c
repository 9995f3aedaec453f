/* Steps and evaluation leave the heap alone. The linker puts the functions below in the
 * place of the allocators that our code calls (--wrap). */
#include "worker/adapter_init.h"
#include "worker/batch_runner.h"
#include "worker/optimizer.h"
#include "worker/profile.h"

#include "jobs/settings_table.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_int allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **p, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_posix_memalign(p, alignment, size);
}

enum { ROWS = 40, LONGEST = 30 };

static struct encoder encoder;
static struct dataset data;
static struct adapter_layout layout;
static struct settings settings;
static struct optimizer optimizer;
static struct batch_runner *runner;
static struct model model;
static struct profile *profiles;
static float *values;

static void make_trainer(void)
{
    const struct encoder_config *c = &encoder.config;
    struct adapter_shape shape = {.layers = c->layers,
                                  .hidden = c->hidden,
                                  .ffn = c->ffn,
                                  .labels = 2,
                                  .train_layernorm = LN_ALL};
    struct batch_sizes sizes = {.batch_size = 32,
                                .max_length = LONGEST,
                                .microshard_tokens = 64,
                                .threads = 2,
                                .training = true};

    settings_defaults(&settings);
    made_data(&data, ROWS, LONGEST, 50, 2);
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, NULL), 0);
    model = (struct model){&encoder, &layout, POOLING_POOLER, false, NULL};
    values = malloc((size_t)layout.values * sizeof *values);
    adapter_init(values, &layout, &encoder, 1);
    CU_ASSERT_EQUAL_FATAL(optimizer_init(&optimizer, &layout, &settings, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(batch_runner_new(&runner, &model, &sizes, NULL), 0);
    profiles = profile_new(sizes.threads, NULL); /* measuring does not either */
    CU_ASSERT_PTR_NOT_NULL_FATAL(profiles);
    batch_runner_use_profiles(runner, profiles);
}

static void training_steps_and_evaluation_do_not_allocate(void)
{
    const struct dataset_split *train = &data.splits[SPLIT_TRAIN];
    struct dropout dropout = {0.1f, 0.1f, 0.1f, 1, 0};
    float *grad, logits[ROWS * 2];
    uint32_t rows[32];
    int before;

    make_trainer();
    CU_ASSERT(allocations > 0); /* the linker did its part */
    before = allocations;
    for (int step = 1; step <= 10; step++) {
        int count = step % 2 ? 32 : 9;

        for (uint32_t i = 0; i < 32; i++)
            rows[i] = (i * 7 + (uint32_t)step) % ROWS;
        dropout.step = (uint32_t)step;
        batch_runner_train(runner, values, train, rows, count, &dropout, &grad);
        optimizer_clip(grad, layout.values, 1);
        optimizer_step(&optimizer, values, grad, step, 1);
        CU_ASSERT(batch_runner_evaluate(runner, values, train, NULL, 0, ROWS, logits));
    }
    CU_ASSERT_EQUAL(allocations, before);
    CU_ASSERT(profiles->sums[PHASE_FFN_UP].calls > 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(training_steps_and_evaluation_do_not_allocate),
        {NULL, NULL},
    };
    struct error err;
    int rc;

    if (encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), &err))
        return 1;
    rc = suite_run("allocation", tests);
    batch_runner_free(runner);
    free(profiles);
    optimizer_clear(&optimizer);
    free(values);
    adapter_layout_clear(&layout);
    dataset_clear(&data);
    encoder_close(&encoder);
    return rc;
}
