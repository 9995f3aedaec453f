/* Segments: what is put comes back, and files go when nothing in them counts. */
#include "storage/segments.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096, LIMIT = 100 };

static const char *fresh_folder(void)
{
    static char path[PATH - 64];
    static int count;

    snprintf(path, sizeof path, "%s/segments%d", place_temporary(), count++);
    return path;
}

static bool there(const char *folder, int number)
{
    char path[PATH];

    snprintf(path, sizeof path, "%s/%06d.seg", folder, number);
    return access(path, F_OK) == 0;
}

static struct segments *open_in(const char *folder)
{
    struct segments *segments = NULL;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(segments_open(&segments, folder, LIMIT, &err), 0);
    return segments;
}

static struct segment_ref put(struct segments *segments, int trial, const char *text)
{
    struct segment_ref ref = {0};
    struct error err;

    CU_ASSERT_EQUAL_FATAL(
        segments_put(segments, (uint64_t)trial, text, strlen(text), &ref, &err), 0);
    return ref;
}

static void commit(struct segments *segments)
{
    struct append_file *files[SEGMENTS_FILES];
    int count = segments_files(segments, files);
    struct error err;

    for (int i = 0; i < count; i++) {
        append_file_take(files[i]);
        CU_ASSERT_EQUAL_FATAL(append_file_flush(files[i], &err), 0);
        append_file_landed(files[i]);
    }
}

static struct append_file *only_file(struct segments *segments)
{
    struct append_file *files[SEGMENTS_FILES];

    CU_ASSERT_EQUAL_FATAL(segments_files(segments, files), 1);
    return files[0];
}

static void check(struct segments *segments, struct segment_ref ref, int trial,
                  const char *text)
{
    struct bytes out = {0};
    struct error err = {""};

    CU_ASSERT_EQUAL(segments_read(segments, ref, (uint64_t)trial, &out, &err), 0);
    CU_ASSERT_EQUAL_FATAL(out.size, strlen(text));
    CU_ASSERT(out.size == 0 || memcmp(out.data, text, out.size) == 0);
    bytes_clear(&out);
}

static void what_is_put_comes_back_before_during_and_after_a_commit(void)
{
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct append_file *files[SEGMENTS_FILES];

    CU_ASSERT_EQUAL(segments_files(segments, files), 0);
    struct segment_ref a = put(segments, 1, "of the first");
    check(segments, a, 1, "of the first");
    append_file_take(only_file(segments));
    struct segment_ref b = put(segments, 2, "of the second");
    check(segments, a, 1, "of the first");
    check(segments, b, 2, "of the second");
    struct error err;
    CU_ASSERT_EQUAL(append_file_flush(only_file(segments), &err), 0);
    append_file_landed(only_file(segments));
    check(segments, a, 1, "of the first");
    check(segments, b, 2, "of the second");
    commit(segments);
    check(segments, b, 2, "of the second");
    segments_close(segments);
    segments = open_in(folder);
    check(segments, a, 1, "of the first");
    check(segments, b, 2, "of the second");
    struct segment_ref c = put(segments, 3, "");
    CU_ASSERT_EQUAL(c.segment, b.segment + 1); /* a start has files of its own */
    check(segments, c, 3, "");
    segments_close(segments);
}

static void segment_goes_when_nothing_in_it_counts_for_certain(void)
{
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct error err;
    char big[LIMIT + 1];

    memset(big, 'x', LIMIT);
    big[LIMIT] = '\0';
    struct segment_ref a = put(segments, 1, big), b = put(segments, 2, "small");
    commit(segments);
    CU_ASSERT_EQUAL(segments_tidy(segments, 1, &err), 0); /* full: the next begins */
    CU_ASSERT(there(folder, 1) && there(folder, 2));
    put(segments, 1, "newer");
    segments_release(segments, a, 5);
    CU_ASSERT_EQUAL(segments_tidy(segments, 9, &err), 0);
    CU_ASSERT(there(folder, 1)); /* the second trial's counts */
    segments_release(segments, b, 12);
    CU_ASSERT_EQUAL(segments_tidy(segments, 11, &err), 0);
    CU_ASSERT(there(folder, 1)); /* what replaced it is not on disk yet */
    CU_ASSERT_EQUAL(segments_tidy(segments, 12, &err), 0);
    CU_ASSERT(!there(folder, 1));
    CU_ASSERT(there(folder, 2));
    segments_close(segments);
}

static void full_segment_is_left_while_some_of_it_is_pending(void)
{
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct error err;
    char big[LIMIT + 1];

    memset(big, 'x', LIMIT);
    big[LIMIT] = '\0';
    struct segment_ref a = put(segments, 1, big);
    commit(segments);
    struct segment_ref b = put(segments, 2, "still pending");
    CU_ASSERT_EQUAL(segments_tidy(segments, 1, &err), 0);
    struct segment_ref c = put(segments, 3, "of the next");
    CU_ASSERT(b.segment == a.segment && c.segment == a.segment + 1);
    check(segments, b, 2, "still pending");
    check(segments, c, 3, "of the next");
    commit(segments);
    CU_ASSERT_EQUAL(segments_tidy(segments, 2, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(only_file(segments)); /* the full one is closed */
    check(segments, a, 1, big);
    check(segments, b, 2, "still pending");
    check(segments, c, 3, "of the next");
    segments_release(segments, a, 3);
    segments_release(segments, b, 3);
    CU_ASSERT_EQUAL(segments_tidy(segments, 3, &err), 0);
    CU_ASSERT(!there(folder, 1));
    segments_close(segments);
}

static void next_start_keeps_what_it_holds_and_no_more(void)
{
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct error err = {""};
    char big[LIMIT + 1];

    memset(big, 'x', LIMIT);
    big[LIMIT] = '\0';
    put(segments, 1, big);
    commit(segments);
    CU_ASSERT_EQUAL(segments_tidy(segments, 0, &err), 0);
    struct segment_ref second = put(segments, 2, "two");
    commit(segments);
    segments_close(segments);
    segments = open_in(folder);
    CU_ASSERT_EQUAL(segments_hold(segments, second, &err), 0);
    struct segment_ref missing = {.segment = 77, .size = 10};
    CU_ASSERT_EQUAL(segments_hold(segments, missing, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "000077.seg: is missing"));
    CU_ASSERT_EQUAL(segments_tidy(segments, 0, &err), 0);
    CU_ASSERT(!there(folder, 1));
    CU_ASSERT(there(folder, 2));
    segments_close(segments);
}

static void damaged_or_strange_bytes_are_refused(void)
{
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct error err;
    struct bytes out = {0};
    char path[PATH], byte;

    struct segment_ref a = put(segments, 1, "abcdef"), b = put(segments, 2, "ghijkl");
    commit(segments);
    CU_ASSERT_EQUAL(segments_read(segments, a, 2, &out, &err), ERR_INPUT);
    struct segment_ref off = {a.segment, a.size, a.at + 1};
    CU_ASSERT_EQUAL(segments_read(segments, off, 1, &out, &err), ERR_INPUT);
    struct segment_ref wider = {a.segment, a.size + 1, a.at};
    CU_ASSERT_EQUAL(segments_read(segments, wider, 1, &out, &err), ERR_INPUT);
    snprintf(path, sizeof path, "%s/000001.seg", folder);
    int fd = open(path, O_RDWR);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, (off_t)b.at + 35), 1);
    byte ^= 1;
    CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, (off_t)b.at + 35), 1);
    close(fd);
    CU_ASSERT_EQUAL(segments_read(segments, b, 2, &out, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "000001.seg: damaged at byte"));
    check(segments, a, 1, "abcdef");
    bytes_clear(&out);
    segments_close(segments);
}

/* Bytes of a file, to be written back in other forms. */
static size_t read_file(const char *path, uint8_t *data, size_t most)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, data, most);

    CU_ASSERT_FATAL(n > 0 && (size_t)n < most);
    close(fd);
    return (size_t)n;
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, data, size), (ssize_t)size);
    close(fd);
}

/* What reading gives: the true bytes, or a refusal. */
static bool reads(struct segments *segments, struct segment_ref ref, int trial,
                  const char *wanted)
{
    struct bytes out = {0};
    struct error err;
    int rc = segments_read(segments, ref, (uint64_t)trial, &out, &err);

    CU_ASSERT(rc == 0 || rc == ERR_INPUT);
    if (rc == 0) {
        CU_ASSERT_EQUAL_FATAL(out.size, strlen(wanted));
        CU_ASSERT_EQUAL(memcmp(out.data, wanted, out.size), 0);
    }
    bytes_clear(&out);
    return rc == 0;
}

static void cut_or_flipped_at_any_byte_only_whole_frames_are_believed(void)
{
    static const char *const texts[] = {"first", "the second one", "third"};
    const char *folder = fresh_folder();
    struct segments *segments = open_in(folder);
    struct segment_ref refs[3];
    uint8_t data[1024];
    char path[PATH];

    for (int i = 0; i < 3; i++)
        refs[i] = put(segments, i + 1, texts[i]);
    commit(segments);
    segments_close(segments);
    segments = open_in(folder);
    snprintf(path, sizeof path, "%s/000001.seg", folder);
    size_t size = read_file(path, data, sizeof data);
    for (size_t at = 0; at < size; at++) {
        write_file(path, data, at);
        for (int i = 0; i < 3; i++) {
            uint64_t end = i < 2 ? refs[i + 1].at : size;
            CU_ASSERT_EQUAL(reads(segments, refs[i], i + 1, texts[i]), end <= at);
        }
        data[at] ^= 0x40;
        write_file(path, data, size);
        for (int i = 0; i < 3; i++) {
            uint64_t end = i < 2 ? refs[i + 1].at : size;
            CU_ASSERT_EQUAL(reads(segments, refs[i], i + 1, texts[i]),
                            at < refs[i].at || at >= end);
        }
        data[at] ^= 0x40;
    }
    segments_close(segments);
}

static void refs_read_back(void)
{
    struct segment_ref ref = {7, 1234, UINT64_C(1) << 40}, again;
    struct bytes out = {0};
    struct bytes_reader in;

    segment_ref_put(&out, ref);
    bytes_reader_init(&in, out.data, out.size);
    again = segment_ref_get(&in);
    CU_ASSERT(bytes_done(&in));
    CU_ASSERT(again.segment == 7 && again.size == 1234 && again.at == ref.at);
    bytes_clear(&out);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(what_is_put_comes_back_before_during_and_after_a_commit),
        SUITE_TEST(segment_goes_when_nothing_in_it_counts_for_certain),
        SUITE_TEST(full_segment_is_left_while_some_of_it_is_pending),
        SUITE_TEST(next_start_keeps_what_it_holds_and_no_more),
        SUITE_TEST(damaged_or_strange_bytes_are_refused),
        SUITE_TEST(cut_or_flipped_at_any_byte_only_whole_frames_are_believed),
        SUITE_TEST(refs_read_back),
        {NULL, NULL},
    };

    return suite_run("segments", tests);
}
