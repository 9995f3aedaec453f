/* The coordinator's side of staging, on real files and without MPI: what is announced,
 * who gets which part, and what happens to parts of workers that are gone. */
#include "coordinator/staging.h"

#include "common/clock.h"
#include "common/log.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORKERS = 3, LARGE = 3 * CHUNK_MAX + 5, ANNOUNCED = 5 };

static char encoder[512], dataset[600], init[600], same_init[600];
static uint8_t large[LARGE];

static void put(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(data, 1, size, file), size);
    fclose(file);
}

/* A sharded encoder without tokenizer: two files of weights would be more of the same.
 */
static void put_encoder(void)
{
    static const char tensors[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    static const char index[] = "{\"weight_map\":{\"w\":\"part-1.safetensors\"}}";
    uint8_t weights[8 + 64 + 4] = {64};
    char path[700];
    memset(weights + 8, ' ', 64);
    memcpy(weights + 8, tensors, strlen(tensors));
    CU_ASSERT_EQUAL_FATAL(mkdir(encoder, 0700), 0);
    snprintf(path, sizeof path, "%s/config.json", encoder);
    put(path, "{}", 2);
    snprintf(path, sizeof path, "%s/part-1.safetensors", encoder);
    put(path, weights, sizeof weights);
    snprintf(path, sizeof path, "%s/model.safetensors.index.json", encoder);
    put(path, index, strlen(index));
    snprintf(path, sizeof path, "%s/vocab.txt", encoder);
    put(path, "no worker reads it", 18);
}

static struct staging *begin(void)
{
    static int number;
    struct staging *s = NULL;
    struct error err = {""};
    char place[400];
    snprintf(place, sizeof place, "%s/%d", place_temporary(), number++);
    snprintf(encoder, sizeof encoder, "%s-encoder", place);
    snprintf(dataset, sizeof dataset, "%s-data.h5", place);
    snprintf(init, sizeof init, "%s-init", place);
    snprintf(same_init, sizeof same_init, "%s-same", place);
    put_encoder();
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + i / 253);
    put(dataset, large, LARGE);
    put(init, "adapter", 7);
    put(same_init, "adapter", 7);
    struct staging_order order = {
        .dir = "/stage",
        .encoder = encoder,
        .datasets = (const char *const[]){dataset},
        .task_count = 1,
        .inits = (const char *const[]){init, "/missing", same_init},
        .init_count = 3,
        .workers = WORKERS,
    };
    int rc = staging_new(&s, &order, &err);
    if (rc)
        puts(err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    return s;
}

static bool announced(const struct staging *s, uint32_t index, struct stage_file *m)
{
    static struct bytes out;
    out.size = 0;
    return staging_announce(s, index, &out) &&
           stage_file_decode(m, out.data, out.size, NULL) == 0;
}

static void check_announced(const struct staging *s, uint32_t file,
                            enum stage_kind kind, const char *name, const void *data,
                            size_t size)
{
    struct stage_file m;
    CU_ASSERT_TRUE_FATAL(announced(s, file + 1, &m));
    CU_ASSERT(m.file == file && m.kind == kind && m.task == 0);
    CU_ASSERT_STRING_EQUAL(m.name, name);
    if (data) {
        CU_ASSERT_EQUAL(m.size, size);
        CU_ASSERT_TRUE(digest_equal(m.digest, digest_of(data, size)));
    }
}

static void all_that_workers_read_is_announced_once(void)
{
    struct staging *s = begin();
    struct stage_order order;
    struct stage_file m;
    struct bytes out = {0};
    CU_ASSERT_TRUE(staging_announce(s, 0, &out));
    CU_ASSERT_EQUAL_FATAL(stage_order_decode(&order, out.data, out.size, NULL), 0);
    CU_ASSERT_STRING_EQUAL(order.dir, "/stage");
    CU_ASSERT_EQUAL(order.files, ANNOUNCED);
    check_announced(s, 0, STAGE_ENCODER, "config.json", "{}", 2);
    check_announced(s, 1, STAGE_ENCODER, "model.safetensors.index.json", NULL, 0);
    check_announced(s, 2, STAGE_ENCODER, "part-1.safetensors", NULL, 0);
    check_announced(s, 3, STAGE_DATASET, "", large, LARGE);
    check_announced(s, 4, STAGE_INIT, "", "adapter", 7);
    CU_ASSERT_FALSE(announced(s, ANNOUNCED + 1, &m));
    bytes_clear(&out);
    staging_free(s);
}

static int ask(struct staging *s, int worker, uint64_t offset, uint32_t size)
{
    return staging_ask(s, worker, &(struct fetch){3, offset, size}, NULL);
}

/* The next part that goes out, within a while. */
static int next_part(struct staging *s, struct bytes *out, struct chunk *m)
{
    int worker = -1;
    double end = clock_monotonic_s() + 20;
    out->size = 0;
    while (!staging_turn(s, true, out, &worker)) {
        if (!staging_busy(s) || clock_monotonic_s() > end)
            return -1;
        clock_sleep_s(1e-4);
    }
    CU_ASSERT_EQUAL_FATAL(chunk_decode(m, out->data, out->size, NULL), 0);
    return worker;
}

static void parts_go_out_in_the_order_of_asking(void)
{
    static const struct {
        int worker;
        uint64_t offset;
        uint32_t size;
    } parts[] = {{0, 0, CHUNK_MAX},
                 {2, (uint64_t)3 * CHUNK_MAX, 5},
                 {1, CHUNK_MAX, CHUNK_MAX},
                 {0, 7, 100}};
    enum { PARTS = sizeof parts / sizeof *parts };
    struct staging *s = begin();
    struct bytes out = {0};
    struct chunk m;
    CU_ASSERT_FALSE(staging_busy(s));
    for (int i = 0; i < PARTS; i++)
        CU_ASSERT_EQUAL(ask(s, parts[i].worker, parts[i].offset, parts[i].size), 0);
    for (int i = 0; i < PARTS; i++) {
        CU_ASSERT_EQUAL_FATAL(next_part(s, &out, &m), parts[i].worker);
        CU_ASSERT(m.file == 3 && m.offset == parts[i].offset &&
                  m.size == parts[i].size);
        CU_ASSERT_EQUAL(memcmp(m.data, large + m.offset, m.size), 0);
    }
    CU_ASSERT_EQUAL(next_part(s, &out, &m), -1);
    bytes_clear(&out);
    staging_free(s);
}

static void parts_that_are_not_there_and_too_many_are_refused(void)
{
    struct staging *s = begin();
    struct fetch other = {ANNOUNCED, 0, 1};
    CU_ASSERT_EQUAL(staging_ask(s, 0, &other, NULL), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(ask(s, 0, LARGE, 1), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(ask(s, 0, LARGE - 1, 2), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(ask(s, 0, UINT64_MAX, 2), ERR_PROTOCOL);
    for (int i = 0; i < FETCH_MAX; i++)
        CU_ASSERT_EQUAL(ask(s, 0, 0, 1), 0);
    CU_ASSERT_EQUAL(ask(s, 0, 0, 1), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(ask(s, 1, 0, 1), 0);
    staging_free(s);
}

static void nothing_is_read_while_too_much_is_under_way(void)
{
    struct staging *s = begin();
    struct bytes out = {0};
    struct chunk m;
    int worker;
    CU_ASSERT_EQUAL(ask(s, 1, 0, 10), 0);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_FALSE(staging_turn(s, false, &out, &worker));
        clock_sleep_s(1e-3);
    }
    CU_ASSERT_EQUAL(next_part(s, &out, &m), 1);
    bytes_clear(&out);
    staging_free(s);
}

static void parts_of_workers_that_are_gone_are_not_sent(void)
{
    struct staging *s = begin();
    struct bytes out = {0};
    struct chunk m;
    int worker;
    for (int i = 0; i < FETCH_MAX; i++)
        CU_ASSERT(ask(s, 0, 0, 1) == 0 && ask(s, 1, (uint64_t)i, 1) == 0);
    CU_ASSERT_FALSE(staging_turn(s, true, &out, &worker)); /* worker 0's is read */
    staging_forget(s, 0);
    for (int i = 0; i < FETCH_MAX; i++) {
        CU_ASSERT_EQUAL(next_part(s, &out, &m), 1);
        CU_ASSERT_EQUAL(m.offset, (uint64_t)i);
    }
    CU_ASSERT_EQUAL(next_part(s, &out, &m), -1);
    bytes_clear(&out);
    staging_free(s);
}

static void file_that_became_shorter_gives_less_and_is_said_once(void)
{
    struct staging *s = begin();
    struct bytes out = {0};
    struct chunk m;
    char log[600], line[700] = "", more[700];
    struct error err;
    snprintf(log, sizeof log, "%s/log", place_temporary());
    CU_ASSERT_EQUAL_FATAL(log_open(log, &err), 0);
    CU_ASSERT_EQUAL(truncate(dataset, 100), 0);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(ask(s, 0, 90, 20), 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(next_part(s, &out, &m), 0);
        CU_ASSERT(m.offset == 90 && m.size == 10);
    }
    log_close();
    FILE *file = fopen(log, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, file));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, dataset));
    CU_ASSERT_PTR_NULL(fgets(more, sizeof more, file));
    fclose(file);
    bytes_clear(&out);
    staging_free(s);
}

static void missing_file_is_refused_at_once(void)
{
    struct staging *s = begin(), *none = NULL;
    struct error err = {""};
    struct staging_order order = {.dir = "/stage",
                                  .encoder = encoder,
                                  .datasets = (const char *const[]){"/no/data.h5"},
                                  .task_count = 1,
                                  .workers = WORKERS};
    CU_ASSERT_EQUAL(staging_new(&none, &order, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/no/data.h5"));
    staging_free(s);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(all_that_workers_read_is_announced_once),
        SUITE_TEST(parts_go_out_in_the_order_of_asking),
        SUITE_TEST(parts_that_are_not_there_and_too_many_are_refused),
        SUITE_TEST(nothing_is_read_while_too_much_is_under_way),
        SUITE_TEST(parts_of_workers_that_are_gone_are_not_sent),
        SUITE_TEST(file_that_became_shorter_gives_less_and_is_said_once),
        SUITE_TEST(missing_file_is_refused_at_once),
        {NULL, NULL},
    };
    return suite_run("staging", tests);
}
