/* Encoders in all their forms on disk give the same numbers, or are refused by name.
 *
 * Each test writes a variant of a tiny encoder (tests/golden/export/encoder): other
 * names, types, alignment, shards. */
#include "storage/encoder.h"

#include "storage/encoder_copy.h"
#include "storage/file_map.h"
#include "storage/safetensors.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct variant {
    const char *prefix;     /* before every name */
    bool gamma;             /* the older names of LayerNorms */
    const char *dtype;      /* NULL: F32 */
    int padding;            /* spaces behind the header */
    const char *without;    /* names that contain this are left out */
    const char *misshaped;  /* this tensor has its dimensions swapped */
    const char *poisoned;   /* its last element is NaN */
    int shard, shards;      /* only every shards-th tensor, from shard on */
    const char *other_type; /* an extra tensor that nobody needs, of this type */
};

static char source_path[512];
static struct file_map source_map;
static struct safetensors source;

static const char *place(const char *folder, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof *paths, "%s/%s/%s", place_temporary(), folder, name);
    return path;
}

static void open_source(void)
{
    snprintf(source_path, sizeof source_path, "%s",
             place_source("tests/golden/export/encoder"));
    CU_ASSERT_EQUAL_FATAL(
        file_map_open(&source_map,
                      place_source("tests/golden/export/encoder/model.safetensors"),
                      NULL),
        0);
    CU_ASSERT_EQUAL_FATAL(
        safetensors_parse(&source, source_map.data, source_map.size, "source", NULL),
        0);
}

static void copy_config(const char *folder)
{
    char path[600], *text = NULL;
    size_t size = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/config.json", source_path);
    CU_ASSERT_EQUAL_FATAL(file_read(&text, &size, path, 1 << 20, NULL), 0);
    mkdir(place(folder, ""), 0777);
    file = fopen(place(folder, "config.json"), "wb");
    fwrite(text, 1, size, file);
    fclose(file);
    free(text);
}

/* "LayerNorm.weight" is ".gamma" in older files. */
static void rename_tensor(char *out, size_t size, const char *name,
                          const struct variant *v)
{
    const char *end = strstr(name, "LayerNorm.");

    if (v->gamma && end) {
        end += strlen("LayerNorm.");
        snprintf(out, size, "%s%.*s%s", v->prefix ? v->prefix : "", (int)(end - name),
                 name, *end == 'w' ? "gamma" : "beta");
    } else {
        snprintf(out, size, "%s%s", v->prefix ? v->prefix : "", name);
    }
}

static void put_value(FILE *file, float value, const char *dtype)
{
    uint32_t bits;
    uint16_t half;

    memcpy(&bits, &value, 4);
    if (!dtype) {
        fwrite(&bits, 1, 4, file);
        return;
    }
    half = (uint16_t)(bits >> 16);
    if (!strcmp(dtype, "F16")) { /* of a number that a half can hold, or NaN */
        int exponent = (int)(bits >> 23 & 0xff) - 112;

        half = (uint16_t)(bits >> 16 & 0x8000);
        if (value != value)
            half = 0x7e00;
        else if (exponent > 0)
            half |= (uint16_t)(exponent << 10 | (bits >> 13 & 0x3ff));
    }
    fwrite(&half, 1, 2, file);
}

static bool chosen(const struct variant *v, size_t i)
{
    return (!v->without || !strstr(source.tensors[i].name, v->without)) &&
           (!v->shards || (int)i % v->shards == v->shard);
}

static void write_weights(const char *folder, const char *name, const struct variant *v)
{
    FILE *file = fopen(place(folder, name), "wb");
    size_t at = 0, bytes = v->dtype ? 2 : 4;
    char header[16384] = "{", tensor[128];
    uint64_t length;

    for (size_t i = 0; i < source.count; i++) {
        const struct safetensors_tensor *t = &source.tensors[i];
        size_t size = t->size / 4 * bytes, used = strlen(header);
        bool swap = v->misshaped && !strcmp(v->misshaped, t->name);

        if (!chosen(v, i))
            continue;
        rename_tensor(tensor, sizeof tensor, t->name, v);
        used += (size_t)snprintf(header + used, sizeof header - used,
                                 "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%d",
                                 at ? "," : "", tensor, v->dtype ? v->dtype : "F32",
                                 (int)t->shape[swap ? 1 : 0]);
        if (t->dims == 2)
            used += (size_t)snprintf(header + used, sizeof header - used, ",%d",
                                     (int)t->shape[swap ? 0 : 1]);
        snprintf(header + used, sizeof header - used, "],\"data_offsets\":[%zu,%zu]}",
                 at, at + size);
        at += size;
    }
    if (v->other_type) {
        size_t used = strlen(header);

        snprintf(header + used, sizeof header - used,
                 ",\"position_ids\":{\"dtype\":\"%s\",\"shape\":[1],"
                 "\"data_offsets\":[%zu,%zu]}",
                 v->other_type, at, at + 8);
    }
    strcat(header, "}");
    while (strlen(header) % 8)
        strcat(header, " ");
    for (int i = 0; i < v->padding; i++)
        strcat(header, " ");
    length = strlen(header);
    fwrite(&length, 1, 8, file);
    fwrite(header, 1, length, file);
    for (size_t i = 0; i < source.count; i++) {
        const struct safetensors_tensor *t = &source.tensors[i];
        const float *values = (const float *)(const void *)t->data;
        bool poisoned = v->poisoned && !strcmp(v->poisoned, t->name);

        for (size_t k = 0; chosen(v, i) && k < t->size / 4; k++)
            put_value(file, poisoned && k == t->size / 4 - 1 ? NAN : values[k],
                      v->dtype);
    }
    if (v->other_type)
        fwrite("\0\0\0\0\0\0\0\0", 1, 8, file);
    fclose(file);
}

static int open_variant(struct encoder *e, const char *folder, const struct variant *v,
                        struct error *err)
{
    copy_config(folder);
    write_weights(folder, "model.safetensors", v);
    return encoder_open(e, place(folder, ""), err);
}

static void all_names_and_places_give_the_same_digest(void)
{
    const struct variant variants[] = {
        {.prefix = "bert."},
        {.gamma = true, .other_type = "I64"},
        {.prefix = "bert.", .gamma = true, .padding = 1}, /* not aligned */
    };
    struct encoder wanted, e;
    struct error err = {0};
    char folder[8];

    CU_ASSERT_EQUAL_FATAL(encoder_open(&wanted, source_path, &err), 0);
    CU_ASSERT(wanted.pooler_weight != NULL);
    for (int i = 0; i < 3; i++) {
        snprintf(folder, sizeof folder, "n%d", i);
        CU_ASSERT_EQUAL_FATAL(open_variant(&e, folder, &variants[i], &err), 0);
        CU_ASSERT(digest_equal(e.digest, wanted.digest));
        CU_ASSERT_EQUAL(e.layers[1].output_ln_bias[5],
                        wanted.layers[1].output_ln_bias[5]);
        encoder_close(&e);
    }
    encoder_close(&wanted);
}

/* Compares against the formats' definitions: bfloat16 is the upper half of a float32,
 * a half has 10 bits of fraction. */
static void sixteen_bit_values_are_widened(void)
{
    const struct variant variants[] = {{.dtype = "BF16"}, {.dtype = "F16"}};
    const uint32_t masks[] = {0xffff0000, 0xffffe000};
    const struct safetensors_tensor *t =
        safetensors_find(&source, "encoder.layer.1.intermediate.dense.weight");
    struct encoder e;
    struct error err = {0};

    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(open_variant(&e, i ? "f16" : "bf16", &variants[i], &err),
                              0);
        for (size_t k = 0; k < t->size / 4; k++) {
            uint32_t bits, got;

            memcpy(&bits, t->data + 4 * k, 4);
            memcpy(&got, &e.layers[1].ffn_weight[k], 4);
            bits &= masks[i];
            if (i && (bits >> 23 & 0xff) <= 112)
                bits &= 0x80000000; /* our test's writer has no subnormal halves */
            CU_ASSERT_EQUAL(got, bits);
        }
        encoder_close(&e);
    }
}

static void every_half_has_its_value(void)
{
    const char *header = "{\"a\":{\"dtype\":\"F16\",\"shape\":[65536],"
                         "\"data_offsets\":[0,131072]}}";
    const struct safetensors_tensor *tensor;
    uint8_t *bytes = calloc(1, 8 + strlen(header) + 131072);
    uint64_t length = strlen(header);
    const float *floats;
    struct safetensors st;
    struct node_file map;

    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    for (uint32_t i = 0; i < 65536; i++)
        memcpy(bytes + 8 + length + 2 * i, &(uint16_t){(uint16_t)i}, 2);
    CU_ASSERT_EQUAL_FATAL(safetensors_parse(&st, bytes, 8 + length + 131072, "f", NULL),
                          0);
    tensor = safetensors_find(&st, "a");
    CU_ASSERT_EQUAL_FATAL(encoder_copy_open(&map, &floats, &tensor, 1, NULL), 0);
    for (int i = 0; i < 65536; i++) {
        int exponent = i >> 10 & 31, fraction = i & 1023;
        double value =
            exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);

        if (exponent == 31)
            CU_ASSERT(fraction ? isnan(floats[i]) : isinf(floats[i]));
        if (exponent != 31)
            CU_ASSERT_EQUAL((double)floats[i], i & 0x8000 ? -value : value);
    }
    node_file_close(&map);
    safetensors_clear(&st);
    free(bytes);
}

/* The one copy in the folder, lock files aside. */
static int find_copies(const char *folder, char *path)
{
    DIR *dir = opendir(place(folder, ""));
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(dir)))
        if (!strncmp(entry->d_name, "shiftwork-", 10) &&
            strcmp(entry->d_name + strlen(entry->d_name) - 4, ".f32") == 0) {
            snprintf(path, 512, "%s", place(folder, entry->d_name));
            count++;
        }
    closedir(dir);
    return count;
}

static void copy_is_made_once_and_removed_by_its_last_user(void)
{
    const struct variant v = {.dtype = "BF16"};
    struct encoder first, second;
    struct stat before, after;
    char path[512] = "";

    mkdir(place("tmp", ""), 0777);
    setenv("TMPDIR", place("tmp", ""), 1);
    CU_ASSERT_EQUAL_FATAL(open_variant(&first, "once", &v, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(find_copies("tmp", path), 1);
    CU_ASSERT_EQUAL(stat(path, &before), 0);
    CU_ASSERT_EQUAL(before.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL_FATAL(encoder_open(&second, place("once", ""), NULL), 0);
    CU_ASSERT_EQUAL(stat(path, &after), 0);
    CU_ASSERT_EQUAL(after.st_ino, before.st_ino);
    encoder_close(&first);
    CU_ASSERT_EQUAL(find_copies("tmp", path), 1);
    encoder_close(&second);
    CU_ASSERT_EQUAL(find_copies("tmp", path), 0);
    setenv("TMPDIR", place_temporary(), 1);
}

/* A file that was damaged, or that others could have written, is made again, and
 * removed by the last of those that use the new one. */
static void copy_is_checked_before_reuse(void)
{
    const struct variant v = {.dtype = "BF16"};
    struct encoder first, second;
    struct stat before, after;
    char path[512] = "";

    setenv("TMPDIR", place("tmp", ""), 1);
    for (int writable = 0; writable < 2; writable++) {
        CU_ASSERT_EQUAL_FATAL(open_variant(&first, "once", &v, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(find_copies("tmp", path), 1);
        CU_ASSERT_EQUAL(stat(path, &before), 0);
        if (writable) {
            chmod(path, 0666);
        } else {
            int fd = open(path, O_WRONLY);
            CU_ASSERT_EQUAL(pwrite(fd, "xyz", 3, before.st_size / 2), 3);
            close(fd);
        }
        CU_ASSERT_EQUAL_FATAL(encoder_open(&second, place("once", ""), NULL), 0);
        CU_ASSERT(digest_equal(first.digest, second.digest));
        CU_ASSERT_EQUAL(stat(path, &after), 0);
        CU_ASSERT_NOT_EQUAL(after.st_ino, before.st_ino);
        CU_ASSERT_EQUAL(after.st_mode & 0777, 0600);
        encoder_close(&first);
        CU_ASSERT_EQUAL(find_copies("tmp", path), 1);
        encoder_close(&second);
        CU_ASSERT_EQUAL(find_copies("tmp", path), 0);
    }
    setenv("TMPDIR", place_temporary(), 1);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
}

static void write_index(const char *folder, int shards, const char *wrong)
{
    FILE *file = fopen(place(folder, "model.safetensors.index.json"), "w");

    fputs("{\"metadata\":{},\"weight_map\":{", file);
    for (size_t i = 0; i < source.count; i++)
        fprintf(file, "%s\"%s\":\"%s%d.safetensors\"", i ? "," : "",
                source.tensors[i].name, wrong ? wrong : "part", (int)i % shards);
    fputs("}}", file);
    fclose(file);
}

static void shards_are_one_encoder(void)
{
    struct encoder wanted, e;
    struct error err = {0};
    char name[32];

    copy_config("shards");
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "part%d.safetensors", i);
        write_weights("shards", name, &(struct variant){.shard = i, .shards = 3});
    }
    write_index("shards", 3, NULL);
    CU_ASSERT_EQUAL_FATAL(encoder_open(&wanted, source_path, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(encoder_open(&e, place("shards", ""), &err), 0);
    CU_ASSERT(digest_equal(e.digest, wanted.digest));
    encoder_close(&e);
    encoder_close(&wanted);
    write_index("shards", 2, NULL);
    CU_ASSERT_EQUAL(encoder_open(&e, place("shards", ""), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "is not in ") != NULL);
    write_index("shards", 3, "../shards/part");
    CU_ASSERT_EQUAL(encoder_open(&e, place("shards", ""), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "not a file of this folder") != NULL);
    write_text(place("shards", "model.safetensors.index.json"), "{\"weight_map\":3}");
    CU_ASSERT_EQUAL(encoder_open(&e, place("shards", ""), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "weight_map: missing") != NULL);
}

static void bad_weights_are_refused_by_name(void)
{
    static const struct {
        struct variant variant;
        const char *reason;
    } cases[] = {
        {{.without = "layer.1.output.dense.bias"},
         "tensor encoder.layer.1.output.dense.bias is missing"},
        {{.without = "pooler.dense.bias"}, "only one of pooler.dense.weight and"},
        {{.misshaped = "encoder.layer.0.output.dense.weight"},
         "output.dense.weight: shape [9, 6], config.json needs [6, 9]"},
        {{.poisoned = "encoder.layer.1.output.LayerNorm.weight"},
         "encoder.layer.1.output.LayerNorm.weight: element 5 is NaN"},
        {{.poisoned = "pooler.dense.bias", .dtype = "F16"},
         "pooler.dense.bias: element 5 is NaN"},
    };
    struct encoder e;
    char folder[16];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};

        snprintf(folder, sizeof folder, "bad%zu", i);
        CU_ASSERT_EQUAL(open_variant(&e, folder, &cases[i].variant, &err), ERR_INPUT);
        if (!strstr(err.text, cases[i].reason))
            CU_FAIL(cases[i].reason);
        CU_ASSERT_PTR_NULL(e.mapping);
    }
}

static void pooler_may_be_missing(void)
{
    struct encoder e;
    struct encoder_tensor *tensors;
    int count;

    CU_ASSERT_EQUAL_FATAL(
        open_variant(&e, "nopool", &(struct variant){.without = "pooler"}, NULL), 0);
    CU_ASSERT_PTR_NULL(e.pooler_weight);
    CU_ASSERT_EQUAL_FATAL(encoder_tensors(&tensors, &count, &e, NULL), 0);
    CU_ASSERT_EQUAL(count, 5 + 2 * 16);
    free(tensors);
    encoder_close(&e);
}

static void truncated_and_missing_files_are_refused(void)
{
    struct encoder e;
    struct error err = {0};

    CU_ASSERT_EQUAL_FATAL(open_variant(&e, "cut", &(struct variant){0}, NULL), 0);
    encoder_close(&e);
    for (int size = 6000; size >= 0; size -= 750) {
        CU_ASSERT_EQUAL(truncate(place("cut", "model.safetensors"), size), 0);
        CU_ASSERT_EQUAL(encoder_open(&e, place("cut", ""), &err), ERR_INPUT);
        CU_ASSERT(strstr(err.text, "model.safetensors: ") != NULL);
    }
    unlink(place("cut", "model.safetensors"));
    CU_ASSERT_EQUAL(encoder_open(&e, place("cut", ""), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "model.safetensors: cannot open") != NULL);
    CU_ASSERT_EQUAL(encoder_open(&e, place("none", ""), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "config.json: cannot open") != NULL);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(open_source),
        SUITE_TEST(all_names_and_places_give_the_same_digest),
        SUITE_TEST(sixteen_bit_values_are_widened),
        SUITE_TEST(every_half_has_its_value),
        SUITE_TEST(copy_is_made_once_and_removed_by_its_last_user),
        SUITE_TEST(copy_is_checked_before_reuse),
        SUITE_TEST(shards_are_one_encoder),
        SUITE_TEST(bad_weights_are_refused_by_name),
        SUITE_TEST(pooler_may_be_missing),
        SUITE_TEST(truncated_and_missing_files_are_refused),
        {0},
    };
    int rc;

    setenv("TMPDIR", place_temporary(), 1); /* copies go away with the test */
    rc = suite_run("encoder", tests);
    safetensors_clear(&source);
    file_map_close(&source_map);
    return rc;
}
