/* First values against recorded ones (tests/golden/make_random_goldens.py). */
#include "worker/adapter_init.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct encoder encoder; /* tiny-odd: 3 layers, hidden 20, ffn 37 */

static void check_tensor(const char *golden, const float *values,
                         const struct adapter_layout *layout, enum adapter_kind kind,
                         int layer)
{
    FILE *f = fopen(place_source("tests/golden/random.txt"), "r");
    int at = adapter_layout_find(layout, kind, PLACE_NONE, layer);
    const float *x = values + layout->tensors[at < 0 ? 0 : at].offset;
    char word[64], line[16384];
    int count = 0;
    double want;

    CU_ASSERT_FATAL(f && at >= 0);
    while (fscanf(f, "%63s", word) == 1 && strcmp(word, golden))
        if (!fgets(line, sizeof line, f))
            break;
    CU_ASSERT_FATAL(fscanf(f, "%d", &count) == 1 &&
                    count == adapter_tensor_size(&layout->tensors[at]));
    for (int i = 0; i < count; i++) {
        CU_ASSERT_FATAL(fscanf(f, "%lf", &want) == 1);
        CU_ASSERT(fabs((double)x[i] - want) <= 1e-7 * fabs(want));
    }
    fclose(f);
}

static float *make(struct adapter_layout *layout, struct adapter_shape shape)
{
    float *values;

    shape.layers = 3;
    shape.hidden = 20;
    shape.ffn = 37;
    shape.labels = 3;
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(layout, &shape, NULL), 0);
    values = malloc((size_t)layout->values * sizeof *values);
    memset(values, 0xff, (size_t)layout->values * sizeof *values);
    adapter_init(values, layout, &encoder, 5);
    return values;
}

static void drawn_values_are_the_recorded_ones(void)
{
    struct adapter_layout layout;
    float *values = make(&layout, (struct adapter_shape){0});

    check_tensor("alpha_weight", values, &layout, ADAPTER_ALPHA_WEIGHT, 2);
    check_tensor("alpha_bias", values, &layout, ADAPTER_ALPHA_BIAS, 2);
    check_tensor("head_weight", values, &layout, ADAPTER_HEAD_WEIGHT, -1);
    free(values);
    adapter_layout_clear(&layout);
    values = make(&layout, (struct adapter_shape){.share_alpha = true});
    check_tensor("shared_alpha_weight", values, &layout, ADAPTER_ALPHA_WEIGHT, -1);
    free(values);
    adapter_layout_clear(&layout);
}

static bool is_copy(const float *values, const struct adapter_layout *layout,
                    enum adapter_kind kind, enum adapter_place place, int layer,
                    const float *want)
{
    int at = adapter_layout_find(layout, kind, place, layer);

    return at >= 0 &&
           !memcmp(values + layout->tensors[at].offset, want, 20 * sizeof *want);
}

static void other_values_start_where_nothing_changes(void)
{
    static const float zero[20];
    struct adapter_layout l;
    float *values = make(&l, (struct adapter_shape){.train_layernorm = LN_ALL});

    CU_ASSERT(is_copy(values, &l, ADAPTER_V, PLACE_NONE, 1, zero));
    CU_ASSERT(is_copy(values, &l, ADAPTER_LN_WEIGHT, PLACE_EMBEDDINGS, -1,
                      encoder.embeddings_ln_weight));
    CU_ASSERT(is_copy(values, &l, ADAPTER_LN_BIAS, PLACE_EMBEDDINGS, -1,
                      encoder.embeddings_ln_bias));
    CU_ASSERT(is_copy(values, &l, ADAPTER_LN_WEIGHT, PLACE_OUTPUT, 2,
                      encoder.layers[2].output_ln_weight));
    CU_ASSERT(is_copy(values, &l, ADAPTER_LN_BIAS, PLACE_ATTENTION, 0,
                      encoder.layers[0].attention_ln_bias));
    for (int64_t i = 0; i < l.values; i++)
        CU_ASSERT(isfinite(values[i]));
    CU_ASSERT(values[l.values - 1] == 0 && values[l.values - 3] == 0);
    free(values);
    adapter_layout_clear(&l);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(drawn_values_are_the_recorded_ones),
        SUITE_TEST(other_values_start_where_nothing_changes),
        {NULL, NULL},
    };
    struct error err;
    int rc;

    if (encoder_open(&encoder, place_source("tests/data/encoders/tiny-odd"), &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rc = suite_run("adapter_init", tests);
    encoder_close(&encoder);
    return rc;
}
