/* The journal: order, fencing, and what is left of it when it is cut or flipped at any
 * byte. */
#include "storage/journal.h"

#include "common/crc32c.h"
#include "storage/committer.h"
#include "storage/journal_rewrite.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTE = 7, TEXT = 64, NOTES = 40, PATH = 4096 };

static const char *fresh_folder(void)
{
    static char path[PATH - 64];
    static int count;

    snprintf(path, sizeof path, "%s/journal%d", place_temporary(), count++);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    return path;
}

static void file_of(char path[PATH], const char *dir, int number)
{
    snprintf(path, PATH, "%s/journal.%04d", dir, number);
}

/* What a reading gave. */
struct notes {
    char text[NOTES][TEXT];
    int count;
};

static int take_note(void *arg, const struct frame *frame, struct error *err)
{
    struct notes *notes = arg;

    if (frame->type != NOTE || frame->size >= TEXT || notes->count == NOTES)
        return error_set(err, ERR_INPUT, "not a note");
    memcpy(notes->text[notes->count], frame->payload, frame->size);
    notes->text[notes->count++][frame->size] = '\0';
    return 0;
}

static void note(struct journal *journal, const char *text)
{
    bytes_put(journal_begin(journal, NOTE), text, strlen(text));
    journal_append(journal);
}

static int commit(struct journal *journal)
{
    struct append_file *file = journal_file(journal);
    struct error err;

    append_file_take(file);
    int rc = append_file_flush(file, &err);
    if (!rc)
        append_file_landed(file);
    return rc;
}

static struct journal *start(const char *dir, struct notes *notes)
{
    struct journal *journal = NULL;
    struct error err = {""};
    static struct notes dropped;

    if (!notes)
        notes = &dropped;
    notes->count = 0;
    CU_ASSERT_EQUAL_FATAL(journal_start(&journal, dir, take_note, notes, NULL, &err),
                          0);
    return journal;
}

static int read_notes(const char *dir, struct notes *notes, struct journal_end *end,
                      struct error *err)
{
    notes->count = 0;
    return journal_read(dir, take_note, notes, end, err);
}

static void check_notes(const struct notes *notes, const char *const *wanted, int count)
{
    CU_ASSERT_EQUAL_FATAL(notes->count, count);
    for (int i = 0; i < count; i++)
        CU_ASSERT_STRING_EQUAL(notes->text[i], wanted[i]);
}

static void starts_read_what_those_before_have_committed(void)
{
    static const char *const wanted[] = {"one", "two", "three", ""};
    const char *dir = fresh_folder();
    struct notes notes = {0};
    struct journal_end end;
    struct error err;

    CU_ASSERT_EQUAL(read_notes(dir, &notes, &end, &err), 0);
    CU_ASSERT_EQUAL(end.files, 0);
    struct journal *journal = start(dir, &notes);
    CU_ASSERT_EQUAL(notes.count, 0);
    note(journal, "one");
    CU_ASSERT_EQUAL(journal_ticket(journal), 1);
    note(journal, "two");
    CU_ASSERT_EQUAL(commit(journal), 0);
    note(journal, "never committed");
    CU_ASSERT_EQUAL(journal_check(journal, &err), 0);
    journal_close(journal);
    journal = start(dir, &notes);
    check_notes(&notes, wanted, 2);
    note(journal, "three");
    note(journal, "");
    CU_ASSERT_EQUAL(commit(journal), 0);
    journal_close(journal);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &end, &err), 0);
    check_notes(&notes, wanted, 4);
    CU_ASSERT_EQUAL(end.files, 2);
    CU_ASSERT_EQUAL(end.last, 2);
    CU_ASSERT_EQUAL(end.ignored, 0);
}

static void older_coordinator_changes_nothing_after_a_newer_start(void)
{
    static const char *const wanted[] = {"before", "of the newer"};
    const char *dir = fresh_folder();
    struct notes notes;
    struct error err = {""};
    struct journal *older = start(dir, NULL);

    note(older, "before");
    CU_ASSERT_EQUAL(commit(older), 0);
    struct journal *newer = start(dir, &notes);
    check_notes(&notes, wanted, 1);
    note(older, "too late");
    CU_ASSERT_EQUAL(commit(older), 0);
    CU_ASSERT_EQUAL(journal_check(older, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another coordinator has taken over"));
    note(newer, "of the newer");
    CU_ASSERT_EQUAL(commit(newer), 0);
    note(older, "much too late");
    CU_ASSERT_EQUAL(commit(older), 0);
    CU_ASSERT_EQUAL(journal_check(newer, &err), 0);
    journal_close(newer);
    journal_close(older);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    check_notes(&notes, wanted, 2);
    newer = start(dir, &notes);
    check_notes(&notes, wanted, 2);
    journal_close(newer);
}

static void coordinator_that_created_its_file_but_never_began_is_passed_over(void)
{
    static const char *const wanted[] = {"a", "b"};
    const char *dir = fresh_folder();
    char path[PATH];
    struct notes notes;
    struct error err;
    struct journal *journal = start(dir, NULL);

    note(journal, "a");
    CU_ASSERT_EQUAL(commit(journal), 0);
    file_of(path, dir, 2);
    close(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
    CU_ASSERT_EQUAL(journal_check(journal, &err), ERR_IO); /* it may begin yet */
    journal_close(journal);
    journal = start(dir, &notes);
    check_notes(&notes, wanted, 1);
    CU_ASSERT_EQUAL(access((file_of(path, dir, 3), path), F_OK), 0);
    note(journal, "b");
    CU_ASSERT_EQUAL(commit(journal), 0);
    journal_close(journal);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    check_notes(&notes, wanted, 2);
}

static void file_that_goes_away_is_noticed(void)
{
    const char *dir = fresh_folder();
    char path[PATH];
    struct error err = {""};
    struct journal *journal = start(dir, NULL);

    file_of(path, dir, 1);
    CU_ASSERT_EQUAL(unlink(path), 0);
    note(journal, "into the void");
    CU_ASSERT_EQUAL(commit(journal), 0);
    CU_ASSERT_EQUAL(journal_check(journal, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    journal_close(journal);
}

/* Bytes of a journal file, to be written back in other forms. */
struct image {
    uint8_t *data;
    size_t size;
    char path[PATH];
};

static struct image image_of(const char *dir, int number)
{
    struct image image;
    struct stat st = {0};

    file_of(image.path, dir, number);
    int fd = open(image.path, O_RDONLY);
    CU_ASSERT_FATAL(fd >= 0 && !fstat(fd, &st));
    image.size = (size_t)st.st_size;
    image.data = malloc(image.size);
    CU_ASSERT_EQUAL_FATAL(read(fd, image.data, image.size), (ssize_t)image.size);
    close(fd);
    return image;
}

static void image_write(const struct image *image, size_t size)
{
    int fd = open(image->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, image->data, size), (ssize_t)size);
    close(fd);
}

static const char *const three[] = {"the first", "the second note", "3"};

/* A folder with a file of three notes, committed one by one; ends: where each frame,
 * START before them, is over. */
static const char *three_notes(uint64_t ends[4])
{
    const char *dir = fresh_folder();
    struct journal *journal = start(dir, NULL);

    ends[0] = journal_file(journal)->committed;
    for (int i = 0; i < 3; i++) {
        note(journal, three[i]);
        CU_ASSERT_EQUAL(commit(journal), 0);
        ends[i + 1] = journal_file(journal)->committed;
    }
    journal_close(journal);
    return dir;
}

static int whole_before(const uint64_t ends[4], uint64_t size)
{
    int count = 0;

    while (count < 3 && ends[count + 1] <= size)
        count++;
    return count;
}

static void cut_at_any_byte_it_keeps_every_frame_before(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    struct notes notes;
    struct journal_end end;
    struct error err;

    CU_ASSERT_EQUAL(image.size, ends[3]);
    for (size_t size = 0; size <= image.size; size++) {
        int wanted = whole_before(ends, size);
        image_write(&image, size);
        CU_ASSERT_EQUAL(read_notes(dir, &notes, &end, &err), 0);
        check_notes(&notes, three, wanted);
        CU_ASSERT_EQUAL(end.files, size >= ends[0]);
        if (size >= ends[0])
            CU_ASSERT_EQUAL(end.ignored, size - ends[wanted]);
    }
    free(image.data);
}

static void cut_at_any_byte_the_next_start_goes_on(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    struct notes notes;
    struct error err;
    char second[PATH];

    file_of(second, dir, 2);
    for (size_t size = 0; size <= image.size; size++) {
        int wanted = whole_before(ends, size);
        image_write(&image, size);
        struct journal *journal = start(dir, &notes);
        check_notes(&notes, three, wanted);
        note(journal, "next");
        CU_ASSERT_EQUAL(commit(journal), 0);
        journal_close(journal);
        image_write(&image, image.size); /* bytes that come late do not count */
        CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
        CU_ASSERT_EQUAL_FATAL(notes.count, wanted + 1);
        CU_ASSERT_STRING_EQUAL(notes.text[wanted], "next");
        unlink(second);
    }
    free(image.data);
}

static void flipped_byte_is_never_believed_nor_passed_over(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    struct notes notes;
    struct journal_end end;

    for (size_t at = 0; at < image.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct error err = {""};
            image.data[at] ^= (uint8_t)(1 << bit);
            image_write(&image, image.size);
            int rc = read_notes(dir, &notes, &end, &err);
            if (at >= ends[2]) { /* in the last frame: an incomplete end */
                CU_ASSERT_EQUAL(rc, 0);
                check_notes(&notes, three, 2);
                CU_ASSERT_EQUAL(end.ignored, image.size - ends[2]);
            } else {
                CU_ASSERT_EQUAL(rc, ERR_INPUT);
                CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "damaged at byte"));
                check_notes(&notes, three, whole_before(ends, at));
            }
            image.data[at] ^= (uint8_t)(1 << bit);
        }
    free(image.data);
}

static void damage_before_a_later_start_is_refused(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    struct notes notes;
    struct error err = {""};

    journal_close(start(dir, NULL));
    for (size_t size = 0; size < image.size; size++) { /* it counted all of them */
        image_write(&image, size);
        CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err),
                        ERR_INPUT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "journal.0001"));
    }
    unlink(image.path);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is missing"));
    free(image.data);
}

static void frame_at_another_place_is_none(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    struct notes notes;
    struct error err;
    size_t moved = (size_t)(ends[3] - ends[2]);

    /* The last frame once more behind itself. */
    image.data = realloc(image.data, image.size + moved);
    memcpy(image.data + image.size, image.data + ends[2], moved);
    image_write(&image, image.size + moved);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    check_notes(&notes, three, 3);
    free(image.data);
}

static void what_the_visitor_refuses_is_refused(void)
{
    const char *dir = fresh_folder();
    struct notes notes;
    struct error err = {""};
    struct journal *journal = start(dir, NULL);

    bytes_put_u8(journal_begin(journal, NOTE + 1), 0);
    journal_append(journal);
    CU_ASSERT_EQUAL(commit(journal), 0);
    journal_close(journal);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "not a note");
}

static void committer_takes_in_what_was_appended_before_it_started(void)
{
    const char *dir = fresh_folder();
    struct journal *journal = start(dir, NULL);
    struct append_file *file = journal_file(journal);
    struct committer *committer;
    struct notes notes;
    struct error err;
    int landed = 0;

    CU_ASSERT_EQUAL_FATAL(committer_new(&committer, &err), 0);
    CU_ASSERT_EQUAL(committer_poll(committer, &err), 0);
    note(journal, "a");
    note(journal, "b");
    committer_start(committer, &file, 1);
    CU_ASSERT(committer_busy(committer));
    note(journal, "c"); /* for the next one */
    while (!landed)
        landed = committer_poll(committer, &err);
    CU_ASSERT_EQUAL(landed, 1);
    CU_ASSERT(!committer_busy(committer));
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    CU_ASSERT_EQUAL(notes.count, 2);
    committer_start(committer, &file, 1);
    CU_ASSERT_EQUAL(committer_wait(committer, &err), 1);
    CU_ASSERT_EQUAL(committer_wait(committer, &err), 0);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    CU_ASSERT_EQUAL(notes.count, 3);
    committer_free(committer);
    journal_close(journal);
}

static void commit_that_fails_leaves_the_file_as_it_was(void)
{
    const char *dir = fresh_folder();
    struct journal *journal = start(dir, NULL);
    struct append_file *file = journal_file(journal);
    struct committer *committer;
    struct notes notes;
    struct journal_end end;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(committer_new(&committer, &err), 0);
    note(journal, "kept");
    committer_start(committer, &file, 1);
    CU_ASSERT_EQUAL(committer_wait(committer, &err), 1);
    int real = file->fd;
    file->fd = open("/dev/full", O_WRONLY);
    note(journal, "lost");
    committer_start(committer, &file, 1);
    CU_ASSERT_EQUAL(committer_wait(committer, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "journal.0001: cannot write"));
    close(file->fd);
    file->fd = real;
    committer_free(committer);
    journal_close(journal);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &end, &err), 0);
    CU_ASSERT_EQUAL(notes.count, 1);
    CU_ASSERT_EQUAL(end.ignored, 0);
}

static int keep_notes(void *arg, const struct frame *frame, struct bytes *out,
                      struct error *err)
{
    const char *unwanted = arg;

    (void)err;
    if (frame->size == strlen(unwanted) &&
        !memcmp(frame->payload, unwanted, frame->size))
        return 0;
    bytes_put(out, frame->payload, frame->size);
    return 1;
}

static void rewriting_keeps_every_whole_frame_around_the_damage(void)
{
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct image image = image_of(dir, 1);
    char second[PATH];

    file_of(second, dir, 2);
    for (size_t at = 0; at < image.size; at++) {
        struct journal_rewritten counts;
        struct notes notes;
        struct journal_end end;
        struct error err = {""};
        int hit = at < ends[0] ? -1 : whole_before(ends, at);
        image.data[at] ^= 0x10;
        image_write(&image, image.size);
        CU_ASSERT_EQUAL_FATAL(
            journal_rewrite(dir, keep_notes, (char *)"?", &counts, &err), 0);
        CU_ASSERT_EQUAL(counts.kept, hit < 0 ? 3 : 2);
        CU_ASSERT_EQUAL(counts.damaged, 1);
        CU_ASSERT_EQUAL(read_notes(dir, &notes, &end, &err), 0);
        CU_ASSERT_EQUAL(end.files, 1); /* it names none before it */
        for (int i = 0, n = 0; i < 3; i++)
            if (i != hit)
                CU_ASSERT_STRING_EQUAL(notes.text[n++], three[i]);
        unlink(second);
        image.data[at] ^= 0x10;
    }
    free(image.data);
}

static void rewriting_leaves_out_what_the_judge_does_not_want(void)
{
    static const char *const wanted[] = {"the first", "3", "of the second start"};
    uint64_t ends[4];
    const char *dir = three_notes(ends);
    struct journal_rewritten counts;
    struct notes notes;
    struct error err;
    struct journal *late = start(dir, NULL), *journal = start(dir, NULL);

    note(late, "of one that was passed over");
    CU_ASSERT_EQUAL(commit(late), 0);
    journal_close(late);
    note(journal, "of the second start");
    CU_ASSERT_EQUAL(commit(journal), 0);
    journal_close(journal);
    CU_ASSERT_EQUAL(
        journal_rewrite(dir, keep_notes, (char *)"the second note", &counts, &err), 0);
    CU_ASSERT(counts.kept == 3 && counts.left_out == 1 && counts.damaged == 0);
    CU_ASSERT_EQUAL(read_notes(dir, &notes, &(struct journal_end){0}, &err), 0);
    check_notes(&notes, wanted, 3);
    journal = start(dir, &notes); /* and the run goes on behind it */
    check_notes(&notes, wanted, 3);
    journal_close(journal);
}

/* A journal file of a START and these bytes behind it. */
static void file_with(char path[PATH], const struct bytes *behind)
{
    const char *dir = fresh_folder();

    journal_close(start(dir, NULL));
    file_of(path, dir, 1);
    FILE *file = fopen(path, "ab");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(behind->data, 1, behind->size, file), behind->size);
    fclose(file);
}

static uint64_t size_of_start(void)
{
    struct journal_end end;
    struct error err;
    const char *dir = fresh_folder();

    journal_close(start(dir, NULL));
    CU_ASSERT_EQUAL_FATAL(journal_read(dir, NULL, NULL, &end, &err), 0);
    return end.length;
}

static int read_file(const char *path, struct notes *notes, struct error *err)
{
    char dir[PATH];
    struct journal_end end;

    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    return read_notes(dir, notes, &end, err);
}

static void put_header(struct bytes *out, uint64_t at, uint32_t length)
{
    size_t begun = frame_begin(out, NOTE, at);

    bytes_set_u32(out, begun + 8, length);
    bytes_set_u32(out, begun + 20, crc32c(out->data + begun, 20));
}

/* Each of them promises all that is left of the file. */
static void headers_without_end_over_the_same_bytes_are_refused(void)
{
    enum { HEADERS = 20000 };
    char path[PATH];
    struct notes notes;
    struct error err = {""};
    struct bytes out = {0};
    uint64_t at = size_of_start();

    for (int i = 0; i < HEADERS; i++)
        put_header(&out, at + out.size, (uint32_t)(HEADERS - 1 - i) * FRAME_HEADER);
    bytes_put_u32(&out, 0);
    file_with(path, &out);
    CU_ASSERT_EQUAL(read_file(path, &notes, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "over each other"));
    bytes_clear(&out);
}

/* Wherever it lies, also across the pieces in which a file is searched. */
static void a_whole_frame_behind_damage_is_found_at_any_distance(void)
{
    static const size_t sizes[] = {1,
                                   3,
                                   4,
                                   23,
                                   24,
                                   (1 << 16) - 40,
                                   (1 << 16) - 30,
                                   (1 << 16) - 27,
                                   (1 << 16) - 3,
                                   1 << 16,
                                   (1 << 16) + 1,
                                   (2 << 16) - 25,
                                   200000};
    uint64_t at = size_of_start();
    char path[PATH];
    struct notes notes;
    struct error err;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int large = 0; large < 2; large++) {
            struct bytes out = {0};
            for (size_t left = sizes[i]; left > 0; left--)
                bytes_put_u8(&out, (uint8_t) "SWFR"[left % 4]);
            size_t begun = frame_begin(&out, NOTE, at + out.size);
            for (size_t left = large ? 100000 : 5; left > 0; left--)
                bytes_put_u8(&out, 7);
            frame_end(&out, begun);
            bytes_put_u8(&out, 1);
            file_with(path, &out);
            err.text[0] = '\0';
            CU_ASSERT_EQUAL(read_file(path, &notes, &err), ERR_INPUT);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "damaged at byte"));
            bytes_clear(&out);
        }
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(starts_read_what_those_before_have_committed),
        SUITE_TEST(older_coordinator_changes_nothing_after_a_newer_start),
        SUITE_TEST(coordinator_that_created_its_file_but_never_began_is_passed_over),
        SUITE_TEST(file_that_goes_away_is_noticed),
        SUITE_TEST(cut_at_any_byte_it_keeps_every_frame_before),
        SUITE_TEST(cut_at_any_byte_the_next_start_goes_on),
        SUITE_TEST(flipped_byte_is_never_believed_nor_passed_over),
        SUITE_TEST(damage_before_a_later_start_is_refused),
        SUITE_TEST(frame_at_another_place_is_none),
        SUITE_TEST(what_the_visitor_refuses_is_refused),
        SUITE_TEST(committer_takes_in_what_was_appended_before_it_started),
        SUITE_TEST(commit_that_fails_leaves_the_file_as_it_was),
        SUITE_TEST(rewriting_keeps_every_whole_frame_around_the_damage),
        SUITE_TEST(rewriting_leaves_out_what_the_judge_does_not_want),
        SUITE_TEST(headers_without_end_over_the_same_bytes_are_refused),
        SUITE_TEST(a_whole_frame_behind_damage_is_found_at_any_distance),
        {NULL, NULL},
    };

    return suite_run("journal", tests);
}
