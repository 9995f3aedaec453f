/* AdamW and clipping against torch (tests/golden/make_optimizer_goldens.py). */
#include "worker/optimizer.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALUES = 38, STEPS = 6, CASES = 5 };

static struct adapter_layout layout;

static bool read_floats(FILE *f, float *out)
{
    for (int i = 0; i < VALUES; i++)
        if (fscanf(f, "%f", &out[i]) != 1)
            return false;
    return true;
}

static bool read_settings(FILE *f, struct settings *s)
{
    int decay_v, decay_head_bias;
    bool ok =
        fscanf(f, "%lf %lf %lf %d %d %lf %lf %lf %lf", &s->learning_rate,
               &s->head_learning_rate, &s->weight_decay, &decay_v, &decay_head_bias,
               &s->beta1, &s->beta2, &s->eps, &s->clip_norm) == 9;

    s->decay_v = ok && decay_v;
    s->decay_head_bias = ok && decay_head_bias;
    return ok;
}

static void updates_equal_torchs(void)
{
    FILE *f = fopen(place_source("tests/golden/optimizer.txt"), "r");
    float values[VALUES], grad[VALUES], want[VALUES];
    double off = 0;

    CU_ASSERT_FATAL(f != NULL);
    for (int c = 0; c < CASES; c++) {
        struct settings settings = {0};
        struct optimizer o;

        CU_ASSERT_FATAL(read_settings(f, &settings) && read_floats(f, values));
        CU_ASSERT_EQUAL_FATAL(optimizer_init(&o, &layout, &settings, NULL), 0);
        for (int step = 1; step <= STEPS; step++) {
            CU_ASSERT_FATAL(read_floats(f, grad) && read_floats(f, want));
            optimizer_clip(grad, VALUES, settings.clip_norm);
            optimizer_step(&o, values, grad, step, 1);
            for (int i = 0; i < VALUES; i++)
                off = fmax(off, fabs((double)values[i] - (double)want[i]));
        }
        optimizer_clear(&o);
    }
    fclose(f);
    /* A few roundings of numbers up to 4. */
    CU_ASSERT(off < 2e-6);
}

static void factor_scales_the_rate_and_the_decay(void)
{
    struct settings half = {.learning_rate = 0.02,
                            .weight_decay = 0.5,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .eps = 1e-8};
    struct settings whole = half;
    float a[VALUES], b[VALUES], grad[VALUES];
    struct optimizer o, p;

    whole.learning_rate = 0.01;
    for (int i = 0; i < VALUES; i++) {
        a[i] = b[i] = (float)i;
        grad[i] = (float)(i % 3) - 1;
    }
    CU_ASSERT_EQUAL_FATAL(optimizer_init(&o, &layout, &half, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(optimizer_init(&p, &layout, &whole, NULL), 0);
    optimizer_step(&o, a, grad, 1, 0.5);
    optimizer_step(&p, b, grad, 1, 1);
    CU_ASSERT(!memcmp(a, b, sizeof a));
    optimizer_clear(&o);
    optimizer_clear(&p);
}

static void norm_tells_of_values_that_are_not_finite(void)
{
    float grad[3] = {3, 4, 0}, bad[2] = {NAN, 5}, large[2] = {INFINITY, 5};

    CU_ASSERT_EQUAL(optimizer_clip(grad, 3, 0), 5);
    CU_ASSERT(grad[0] == 3 && grad[1] == 4);
    CU_ASSERT_EQUAL(optimizer_clip(grad, 3, 6), 5);
    CU_ASSERT(grad[0] == 3);
    CU_ASSERT_EQUAL(optimizer_clip(grad, 3, 2.5), 5);
    CU_ASSERT(fabs((double)grad[0] - 1.5) < 1e-5 && fabs((double)grad[1] - 2) < 1e-5);
    CU_ASSERT(!isfinite(optimizer_clip(bad, 2, 1)) && bad[1] == 5);
    CU_ASSERT(!isfinite(optimizer_clip(large, 2, 1)) && large[1] == 5);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(updates_equal_torchs),
        SUITE_TEST(factor_scales_the_rate_and_the_decay),
        SUITE_TEST(norm_tells_of_values_that_are_not_finite),
        {NULL, NULL},
    };
    struct adapter_shape shape = {
        .layers = 2, .hidden = 3, .ffn = 5, .labels = 2, .train_layernorm = LN_OUTPUT};
    int rc;

    if (adapter_layout_init(&layout, &shape, NULL) || layout.values != VALUES)
        return 1;
    rc = suite_run("optimizer", tests);
    adapter_layout_clear(&layout);
    return rc;
}
