/* The exports of a committed tiny adapter are those that transformers and PEFT loaded
 * when they were recorded (export_check.py --record), and failures leave nothing. */
#include "storage/export.h"

#include "storage/adapter_file.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GOLDEN "tests/golden/export/"

static const char *const names[] = {"no", "yes", "per<haps"};

static struct encoder encoder;
static struct adapter_layout layout;
static float *values;

static const char *place(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof *paths, "%s/%s", place_temporary(), name);
    return path;
}

static struct export_info example(void)
{
    return (struct export_info){.task = "sample | <b>",
                                .label_names = names,
                                .pooling = "pooler",
                                .base_model = "someone/tiny-bert",
                                .settings = "learning_rate=0x1.0p-9;",
                                .trial = 7,
                                .seed = 1,
                                .epoch = 3,
                                .score = 0.8125,
                                .score_name = "accuracy",
                                .selection = "best of 6 by mean over seeds",
                                .configurations = 6,
                                .seeds = 2};
}

static int export_to(enum export_form form, const char *name,
                     const struct export_info *info, struct error *err)
{
    return export_write(form, place(name), place_source(GOLDEN "encoder"), &encoder,
                        &layout, values, info, err);
}

static void recorded_adapter_is_read(void)
{
    const struct adapter_shape shape = {.layers = 2,
                                        .hidden = 6,
                                        .ffn = 9,
                                        .labels = 3,
                                        .share_alpha = true,
                                        .train_layernorm = LN_OUTPUT};
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(encoder_open(&encoder, place_source(GOLDEN "encoder"), &err),
                          0);
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &shape, &err), 0);
    values = calloc((size_t)layout.values, sizeof *values);
    CU_ASSERT_EQUAL_FATAL(
        adapter_file_read(values, place_source(GOLDEN "adapter"), &layout, &err), 0);
}

static void same_text(const char *made, const char *recorded)
{
    char *a = NULL, *b = NULL;

    CU_ASSERT_EQUAL_FATAL(file_read(&a, NULL, place(made), 1 << 20, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(file_read(&b, NULL, place_source(recorded), 1 << 20, NULL),
                          0);
    CU_ASSERT_STRING_EQUAL(a, b);
    free(a);
    free(b);
}

/* Same names, shapes and bits; the metadata may tell of another version. */
static void same_tensors(const char *made, const char *recorded)
{
    struct adapter_file a, b;

    CU_ASSERT_EQUAL_FATAL(adapter_file_open(&a, place(made), NULL), 0);
    CU_ASSERT_EQUAL_FATAL(adapter_file_open(&b, place_source(recorded), NULL), 0);
    CU_ASSERT_EQUAL_FATAL(a.tensors.count, b.tensors.count);
    for (size_t i = 0; i < a.tensors.count; i++) {
        const struct safetensors_tensor *s = &a.tensors.tensors[i];
        const struct safetensors_tensor *t = &b.tensors.tensors[i];

        CU_ASSERT_STRING_EQUAL(s->name, t->name);
        CU_ASSERT_EQUAL(s->dims, t->dims);
        CU_ASSERT(!memcmp(s->shape, t->shape, sizeof s->shape));
        CU_ASSERT_EQUAL_FATAL(s->size, t->size);
        CU_ASSERT(!memcmp(s->data, t->data, s->size));
    }
    CU_ASSERT_STRING_EQUAL(safetensors_metadata(&a.tensors, "format"), "pt");
    CU_ASSERT_STRING_EQUAL(safetensors_metadata(&a.tensors, "epoch"), "3");
    adapter_file_close(&a);
    adapter_file_close(&b);
}

static void forms_are_those_that_were_recorded(void)
{
    struct export_info info = example();
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(export_to(EXPORT_ADAPTER, "adapter", &info, &err), 0);
    CU_ASSERT_EQUAL_FATAL(export_to(EXPORT_MERGED, "merged", &info, &err), 0);
    CU_ASSERT_EQUAL_FATAL(export_to(EXPORT_PEFT, "peft", &info, &err), 0);
    same_tensors("adapter", GOLDEN "adapter");
    same_tensors("merged/model.safetensors", GOLDEN "merged/model.safetensors");
    same_tensors("peft/adapter_model.safetensors",
                 GOLDEN "peft/adapter_model.safetensors");
    same_text("peft/adapter_config.json", GOLDEN "peft/adapter_config.json");
    same_text("peft/config.json", GOLDEN "peft/config.json");
    same_text("merged/config.json", GOLDEN "merged/config.json");
    same_text("merged/vocab.txt", GOLDEN "encoder/vocab.txt");
}

static void card_tells_where_it_comes_from_and_escapes(void)
{
    static const char *const wanted[] = {
        "---\nbase_model: \"someone/tiny-bert\"\nlibrary_name: peft\n",
        "# AdapterBias for sample \\| &lt;b\\>\n",
        "| selection | best of 6 by mean over seeds |\n",
        "| score | 0.8125, accuracy |\n",
        "| seed | 1 |\n",
        "| labels | \\[\"no\", \"yes\", \"per&lt;haps\"\\] |\n",
        "| configurations | 6 |\n",
    };
    char *card = NULL;

    CU_ASSERT_EQUAL_FATAL(
        file_read(&card, NULL, place("peft/README.md"), 1 << 20, NULL), 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(card, wanted[i]))
            CU_FAIL(wanted[i]);
    free(card);
}

static void merged_form_is_an_encoder_with_another_digest(void)
{
    struct encoder merged;

    CU_ASSERT_EQUAL_FATAL(encoder_open(&merged, place("merged"), NULL), 0);
    CU_ASSERT(!digest_equal(merged.digest, encoder.digest));
    encoder_close(&merged);
}

static void what_a_form_cannot_express_is_refused_by_name(void)
{
    struct export_info info = example();
    struct error err = {0};
    struct adapter_layout kept = layout;
    const struct adapter_shape head = {
        .layers = 2, .hidden = 6, .ffn = 9, .labels = 3, .first_layer = 2};

    info.pooling = "mean";
    CU_ASSERT_EQUAL(export_to(EXPORT_MERGED, "no", &info, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "merged: ") && strstr(err.text, "pooling = mean"));
    CU_ASSERT_EQUAL(export_to(EXPORT_PEFT, "no", &info, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "peft: ") && strstr(err.text, "pooling = mean"));
    CU_ASSERT_EQUAL(export_to(EXPORT_ADAPTER, "mean", &info, &err), 0);
    info.pooling = "pooler";
    CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&layout, &head, NULL), 0);
    CU_ASSERT_EQUAL(export_to(EXPORT_PEFT, "no", &info, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "peft: head only") != NULL);
    CU_ASSERT_EQUAL(export_to(EXPORT_MERGED, "head", &info, &err), 0);
    adapter_layout_clear(&layout);
    layout = kept;
    CU_ASSERT_EQUAL(export_to(EXPORT_ADAPTER, "merged", &info, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "merged: exists already") != NULL);
    CU_ASSERT_NOT_EQUAL(access(place("no"), F_OK), 0);
}

static void two_labels_of_one_name_are_refused(void)
{
    static const char *const twice[] = {"a", "b", "a"};
    struct export_info info = example();
    struct error err = {0};

    info.label_names = twice;
    CU_ASSERT_EQUAL(export_to(EXPORT_PEFT, "twice", &info, &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "two labels have the same name") != NULL);
    CU_ASSERT_NOT_EQUAL(access(place("twice"), F_OK), 0);
}

static int entries(const char *part)
{
    DIR *folder = opendir(place_temporary());
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(folder)))
        count += strstr(entry->d_name, part) != NULL;
    closedir(folder);
    return count;
}

/* A full disk, played by a limit on the size of files. */
static void full_disk_leaves_nothing(void)
{
    struct export_info info = example();
    struct rlimit old, small;
    struct error err = {0};
    int rc;

    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &small);
    rc = export_to(EXPORT_MERGED, "full", &info, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(rc, ERR_IO);
    CU_ASSERT_EQUAL(entries("full"), 0);
}

static void adapter_that_does_not_fit_is_refused_by_name(void)
{
    static const struct {
        struct adapter_shape shape;
        const char *reason;
    } cases[] = {
        {{2, 6, 9, 3, false, false, 0, LN_OUTPUT},
         "tensor encoder.layer.0.adapter.alpha.weight is missing"},
        {{2, 6, 9, 2, true, false, 0, LN_OUTPUT},
         "classifier.weight: shape [3, 6], needed is [2, 6]"},
        {{2, 6, 9, 3, true, false, 0, LN_NONE},
         "tensor encoder.layer.0.output.LayerNorm.bias does not belong"},
        {{2, 6, 9, 3, true, false, 0, LN_ALL}, "is missing"},
    };
    float *room = calloc(1000, sizeof *room);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct adapter_layout other;
        struct error err = {0};

        CU_ASSERT_EQUAL_FATAL(adapter_layout_init(&other, &cases[i].shape, NULL), 0);
        CU_ASSERT_EQUAL(
            adapter_file_read(room, place_source(GOLDEN "adapter"), &other, &err),
            ERR_INPUT);
        if (!strstr(err.text, cases[i].reason))
            CU_FAIL(cases[i].reason);
        adapter_layout_clear(&other);
    }
    free(room);
}

static void adapter_with_nan_is_refused(void)
{
    float *poisoned = calloc((size_t)layout.values, sizeof *poisoned);
    struct error err = {0};

    poisoned[layout.values - 1] = NAN;
    CU_ASSERT_EQUAL_FATAL(
        adapter_file_write(place("nan.safetensors"), &layout, poisoned, NULL, 0, &err),
        0);
    CU_ASSERT_EQUAL(
        adapter_file_read(poisoned, place("nan.safetensors"), &layout, &err),
        ERR_INPUT);
    CU_ASSERT(strstr(err.text, "classifier.bias: element 2 is not finite") != NULL);
    CU_ASSERT_EQUAL(adapter_file_read(poisoned, place("none"), &layout, &err),
                    ERR_INPUT);
    free(poisoned);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(recorded_adapter_is_read),
        SUITE_TEST(forms_are_those_that_were_recorded),
        SUITE_TEST(card_tells_where_it_comes_from_and_escapes),
        SUITE_TEST(merged_form_is_an_encoder_with_another_digest),
        SUITE_TEST(what_a_form_cannot_express_is_refused_by_name),
        SUITE_TEST(two_labels_of_one_name_are_refused),
        SUITE_TEST(full_disk_leaves_nothing),
        SUITE_TEST(adapter_that_does_not_fit_is_refused_by_name),
        SUITE_TEST(adapter_with_nan_is_refused),
        {0},
    };
    int rc;

    signal(SIGXFSZ, SIG_IGN);
    rc = suite_run("export", tests);
    free(values);
    adapter_layout_clear(&layout);
    encoder_close(&encoder);
    return rc;
}
