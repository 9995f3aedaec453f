/* Exports an adapter of made-up numbers in the three forms, for export_check.py.
 *
 * export_sample ENCODER OUT LABELS SHARE_ALPHA SHARE_V FIRST_LAYER LAYERNORM POOLING
 * makes OUT/adapter, OUT/merged, OUT/peft. LABELS = 1 is regression. A form that cannot
 * express the adapter is left out, its reason goes to stdout. */
#include "common/philox.h"
#include "storage/export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const forms[] = {
    [EXPORT_ADAPTER] = "adapter", [EXPORT_MERGED] = "merged", [EXPORT_PEFT] = "peft"};

static float *make_values(const struct adapter_layout *layout)
{
    float *values = calloc((size_t)layout->values, sizeof *values);

    for (int i = 0; values && i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];
        float base = t->kind == ADAPTER_LN_WEIGHT ? 1.0f : 0.0f;

        for (int64_t k = 0; k < adapter_tensor_size(t); k++) {
            uint64_t word = philox_u64(1, PHILOX_INIT, (uint32_t)i, (uint32_t)k);

            values[t->offset + k] =
                base + 0.2f * (philox_uniform((uint32_t)word) - 0.5f);
        }
    }
    return values;
}

static int write_all(const char *dir, const char *out, const struct encoder *encoder,
                     const struct adapter_layout *layout, const char *pooling,
                     struct error *err)
{
    static const char *const names[] = {"no", "yes", "per<haps", "|four|", "five"};
    const struct export_info info = {
        .task = "sample",
        .regression = layout->shape.labels == 1,
        .label_names = layout->shape.labels == 1 ? NULL : names,
        .pooling = pooling,
        .base_model = "someone/tiny-bert",
        .settings = "learning_rate=0x1.0p-9;",
        .seed = 1,
        .epoch = 3,
        .score = NAN,
        .selection = "none: numbers of a test",
        .max_length = 128,
    };
    float *values = make_values(layout);
    char path[1024];
    int rc = values ? 0 : ERR_MEMORY;

    for (int form = EXPORT_ADAPTER; form <= EXPORT_PEFT && !rc; form++) {
        snprintf(path, sizeof path, "%s/%s", out, forms[form]);
        rc = export_write(form, path, dir, encoder, layout, values, &info, err);
        if (rc != ERR_INPUT)
            continue;
        printf("%s\n", err->text);
        rc = 0;
    }
    free(values);
    return rc;
}

int main(int argc, char **argv)
{
    struct encoder encoder = {0};
    struct adapter_layout layout = {0};
    struct adapter_shape shape;
    struct error err = {0};
    int rc;

    if (argc != 9)
        return 2;
    rc = encoder_open(&encoder, argv[1], &err);
    if (rc)
        goto done;
    shape =
        (struct adapter_shape){.layers = encoder.config.layers,
                               .hidden = encoder.config.hidden,
                               .ffn = encoder.config.ffn,
                               .labels = atoi(argv[3]),
                               .share_alpha = atoi(argv[4]) != 0,
                               .share_v = atoi(argv[5]) != 0,
                               .first_layer = atoi(argv[6]),
                               .train_layernorm = (enum train_layernorm)atoi(argv[7])};
    rc = adapter_layout_init(&layout, &shape, &err);
    if (!rc)
        rc = write_all(argv[1], argv[2], &encoder, &layout, argv[8], &err);
done:
    adapter_layout_clear(&layout);
    encoder_close(&encoder);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    return rc ? 1 : 0;
}
