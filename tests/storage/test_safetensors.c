/* Headers that lie are refused by name; what is written is read back. */
#include "storage/safetensors.h"

#include "storage/file_map.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t buffer[4096];

/* Length, header, data bytes of zero; the size of all. */
static size_t make(const char *header, size_t data)
{
    uint64_t length = strlen(header);

    memset(buffer, 0, sizeof buffer);
    memcpy(buffer, &length, 8);
    memcpy(buffer + 8, header, length);
    return 8 + length + data;
}

static const struct {
    const char *header;
    size_t data;
    const char *reason; /* NULL: good */
} cases[] = {
    {"{}", 0, NULL},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}   ", 8, NULL},
    {"{\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}", 8, NULL},
    {"{\"__metadata__\":{\"format\":\"pt\"}}", 0, NULL},
    {"{\"b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
     4, NULL},
    {"[]", 0, "not a JSON object"},
    {"{", 0, "header:"},
    {"{\"a\":3}", 0, "a: not a tensor"},
    {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     "a: unknown dtype F31"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype (none)"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape is not an array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
     "wrong number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
     "wrong number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
     "\"data_offsets\":[0,4]}}",
     4, "wrong number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],"
     "\"data_offsets\":[0,4]}}",
     4, "at most 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
     "not two integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4,
     "outside the file's 4 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "outside"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "outside"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "span 4 bytes, shape and dtype need 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
     8, "b: data_offsets overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
     "a: data_offsets leave a hole"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8,
     "8 bytes of data, the header describes 4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, "duplicate"},
    {"{\"__metadata__\":{\"format\":1}}", 0, "format is not a text"},
};

static void every_lie_is_refused_by_name(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = make(cases[i].header, cases[i].data);
        struct error err = {0};
        struct safetensors st;
        int rc = safetensors_parse(&st, buffer, size, "file", &err);

        CU_ASSERT_EQUAL(rc, cases[i].reason ? ERR_INPUT : 0);
        if (cases[i].reason && !strstr(err.text, cases[i].reason))
            CU_FAIL(cases[i].reason);
        CU_ASSERT(!cases[i].reason || !strncmp(err.text, "file: ", 6));
        safetensors_clear(&st);
    }
}

static void header_length_is_not_believed(void)
{
    struct safetensors st;
    struct error err = {0};
    size_t size = make(cases[1].header, cases[1].data);

    for (size_t shorter = 0; shorter < size; shorter++)
        CU_ASSERT_EQUAL(safetensors_parse(&st, buffer, shorter, "f", &err), ERR_INPUT);
    memset(buffer, 0xff, 8);
    CU_ASSERT_EQUAL(safetensors_parse(&st, buffer, size, "f", &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "header of 18446744073709551615 bytes") != NULL);
}

static void huge_header_is_refused_before_it_is_read(void)
{
    size_t size = 17u << 20;
    uint8_t *bytes = calloc(1, size);
    uint64_t length = size - 8;
    struct safetensors st;
    struct error err = {0};

    memcpy(bytes, &length, 8);
    CU_ASSERT_EQUAL(safetensors_parse(&st, bytes, size, "f", &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "at most 16777216") != NULL);
    free(bytes);
}

static void what_was_written_is_read_back(void)
{
    const float values[] = {1, 2, 3, 4, 5, 6}, v[] = {1, -1}, w[] = {10, 20, 30};
    const struct float_tensor tensors[] = {
        {.name = "z", .rows = 2, .cols = 3, .values = values},
        {.name = "a", .rows = 2, .cols = 3, .values = values, .v = v, .w = w},
        {.name = "m", .rows = 2, .values = values, .v = v, .w = w}};
    const struct key_value metadata[] = {{"task", "a \"b\" \xff"}};
    const float *read;
    struct safetensors st;
    struct file_map map;
    char path[512];

    snprintf(path, sizeof path, "%s/w.safetensors", place_temporary());
    CU_ASSERT_EQUAL_FATAL(safetensors_write(path, tensors, 3, metadata, 1, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(file_map_open(&map, path, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(safetensors_parse(&st, map.data, map.size, path, NULL), 0);
    CU_ASSERT_EQUAL(st.count, 3);
    CU_ASSERT_STRING_EQUAL(safetensors_metadata(&st, "task"), "a \"b\" ?");
    CU_ASSERT_STRING_EQUAL(safetensors_metadata(&st, "format"), "pt");
    CU_ASSERT_PTR_NULL(safetensors_find(&st, "b"));
    CU_ASSERT_EQUAL((safetensors_find(&st, "z")->data - map.data) % 8, 0);
    CU_ASSERT(!memcmp(safetensors_find(&st, "z")->data, values, sizeof values));
    read = (const float *)(const void *)safetensors_find(&st, "a")->data;
    CU_ASSERT(read[0] == 11 && read[2] == 33 && read[3] == -6 && read[5] == -24);
    read = (const float *)(const void *)safetensors_find(&st, "m")->data;
    CU_ASSERT(read[0] == 11 && read[1] == -8);
    safetensors_clear(&st);
    file_map_close(&map);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_lie_is_refused_by_name),
        SUITE_TEST(header_length_is_not_believed),
        SUITE_TEST(huge_header_is_refused_before_it_is_read),
        SUITE_TEST(what_was_written_is_read_back),
        {0},
    };

    return suite_run("safetensors", tests);
}
