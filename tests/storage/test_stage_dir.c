/* The directory of staged files: what is trusted there, and who may write what. */
#include "storage/stage_dir.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[] = "what is in the file";
enum { SIZE = sizeof text };

static char dir[512], file[600], part_name[600];
static struct digest digest;

/* A fresh directory; file is the staged file's name in it. */
static void begin(void)
{
    static int number;
    char hex[DIGEST_HEX];
    struct error err = {""};
    snprintf(dir, sizeof dir, "%s/stage%d", place_temporary(), number++);
    digest = digest_of(text, SIZE);
    digest_hex(hex, digest);
    snprintf(file, sizeof file, "%s/file", dir);
    snprintf(part_name, sizeof part_name, "%s/%s-%d.part", dir, hex, SIZE);
    CU_ASSERT_EQUAL_FATAL(stage_dir_open(dir, &err), 0);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static int take(struct stage_part *part)
{
    return stage_part_take(part, &(struct stage_place){dir, SIZE, digest, 0}, NULL);
}

/* As a worker does, from one to the other. */
static void bring(void)
{
    struct stage_part part;
    CU_ASSERT_EQUAL_FATAL(take(&part), 1);
    CU_ASSERT_EQUAL(stage_part_write(&part, text, 5, NULL), 0);
    CU_ASSERT_EQUAL(stage_part_write(&part, text + 5, SIZE - 5, NULL), 0);
    CU_ASSERT_EQUAL(stage_part_finish(&part, file, NULL), 0);
    stage_part_drop(&part);
}

static enum stage_state state(void)
{
    struct stage_look look;
    stage_dir_look(&look, file, SIZE, digest, NULL, NULL);
    return look.state;
}

static void directory_is_made_for_its_user_alone(void)
{
    struct stat st;
    begin();
    CU_ASSERT_EQUAL_FATAL(stat(dir, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0700);
    CU_ASSERT_EQUAL(stage_dir_open(dir, NULL), 0); /* and taken again */
}

static void check_refused(const char *path, const char *why)
{
    struct error err = {""};
    CU_ASSERT_EQUAL(stage_dir_open(path, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
}

static void directory_that_others_may_write_into_is_refused(void)
{
    begin();
    CU_ASSERT_EQUAL(chmod(dir, 0720), 0);
    check_refused(dir, "others may write into it");
    CU_ASSERT_EQUAL(chmod(dir, 0702), 0);
    check_refused(dir, "others may write into it");
    CU_ASSERT_EQUAL(chmod(dir, 0755), 0); /* to read is not to write */
    CU_ASSERT_EQUAL(stage_dir_open(dir, NULL), 0);
}

static void directory_of_another_user_is_refused(void)
{
    begin();
    if (geteuid() != 0) {
        check_refused("/", "belongs to another user");
        return;
    }
    CU_ASSERT_EQUAL(chown(dir, 65534, 65534), 0);
    check_refused(dir, "belongs to another user");
}

static void what_is_no_directory_is_refused(void)
{
    char path[700];
    begin();
    bring();
    check_refused(file, "not a directory");
    snprintf(path, sizeof path, "%s/below", file);
    check_refused(path, "cannot be made");
    snprintf(path, sizeof path, "%s/missing/below", dir);
    check_refused(path, "cannot be made");
    snprintf(path, sizeof path, "%s/link", dir);
    CU_ASSERT_EQUAL(symlink("/tmp", path), 0);
    check_refused(path, "not a directory");
}

static void finished_file_is_whole_and_private(void)
{
    struct stat st;
    begin();
    CU_ASSERT_EQUAL(state(), STAGE_ABSENT);
    bring();
    CU_ASSERT_EQUAL(state(), STAGE_WHOLE);
    CU_ASSERT_FALSE(is_there(part_name));
    CU_ASSERT_EQUAL_FATAL(stat(file, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
}

static void every_flipped_bit_is_seen(void)
{
    begin();
    bring();
    int fd = open(file, O_RDWR);
    CU_ASSERT_FATAL(fd >= 0);
    for (int bit = 0; bit < 8 * SIZE; bit++) {
        char byte = (char)(text[bit / 8] ^ 1 << bit % 8);
        CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, bit / 8), 1);
        CU_ASSERT_EQUAL(state(), STAGE_DAMAGED);
        CU_ASSERT_EQUAL(pwrite(fd, &text[bit / 8], 1, bit / 8), 1);
    }
    CU_ASSERT_EQUAL(state(), STAGE_WHOLE);
    CU_ASSERT_EQUAL(ftruncate(fd, SIZE - 1), 0);
    CU_ASSERT_EQUAL(state(), STAGE_DAMAGED);
    close(fd);
}

static void link_in_the_place_of_a_file_is_damage(void)
{
    char other[700];
    begin();
    bring();
    snprintf(other, sizeof other, "%s-other", file);
    CU_ASSERT_EQUAL(rename(file, other), 0);
    CU_ASSERT_EQUAL(symlink(other, file), 0);
    CU_ASSERT_EQUAL(state(), STAGE_DAMAGED);
    bring();
    CU_ASSERT_EQUAL(state(), STAGE_WHOLE);
}

static void change_of_the_file_is_noticed(void)
{
    struct stage_look look;
    begin();
    stage_dir_look(&look, file, SIZE, digest, NULL, NULL);
    CU_ASSERT_FALSE(stage_dir_changed(&look, file));
    bring();
    CU_ASSERT_TRUE(stage_dir_changed(&look, file));
    stage_dir_look(&look, file, SIZE, digest, NULL, NULL);
    CU_ASSERT_FALSE(stage_dir_changed(&look, file));
    bring();
    CU_ASSERT_TRUE(stage_dir_changed(&look, file));
    CU_ASSERT_EQUAL(unlink(file), 0);
    CU_ASSERT_TRUE(stage_dir_changed(&look, file));
}

static void part_is_one_taker_s_at_a_time(void)
{
    struct stage_part first, second;
    begin();
    CU_ASSERT_EQUAL_FATAL(take(&first), 1);
    CU_ASSERT_EQUAL(take(&second), 0);
    CU_ASSERT_EQUAL(stage_dir_open(dir, NULL), 0); /* leaves it alone */
    CU_ASSERT_TRUE(is_there(part_name));
    stage_part_drop(&first);
    CU_ASSERT_FALSE(is_there(part_name));
    CU_ASSERT_EQUAL(take(&second), 1);
    stage_part_drop(&second);
}

static void dead_process_leaves_a_part_that_is_removed_or_taken(void)
{
    struct stage_part part;
    struct stat st;
    for (int turn = 0; turn < 2; turn++) {
        begin();
        pid_t child = fork();
        if (child == 0) {
            _exit(take(&part) == 1 && !stage_part_write(&part, "wrong", 5, NULL) ? 0
                                                                                 : 1);
        }
        int status = -1;
        CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
        CU_ASSERT_EQUAL(status, 0);
        CU_ASSERT_TRUE(is_there(part_name));
        if (turn == 0) {
            CU_ASSERT_EQUAL(stage_dir_open(dir, NULL), 0);
            CU_ASSERT_FALSE(is_there(part_name));
        }
        bring(); /* nothing of what it wrote is in it */
        CU_ASSERT_EQUAL(state(), STAGE_WHOLE);
        CU_ASSERT(stat(file, &st) == 0 && st.st_size == SIZE);
    }
}

static void other_files_of_the_directory_stay(void)
{
    begin();
    bring();
    CU_ASSERT_EQUAL(stage_dir_open(dir, NULL), 0);
    CU_ASSERT_EQUAL(state(), STAGE_WHOLE);
}

static void another_turn_does_not_wait_for_a_part_that_stands_still(void)
{
    struct stage_part part, other;
    struct stage_place place = {dir, SIZE, digest, 0};
    const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    begin();
    CU_ASSERT_EQUAL(stage_part_idle_s(&place), 0); /* nobody is at it */
    CU_ASSERT_EQUAL_FATAL(take(&part), 1);
    CU_ASSERT(stage_part_idle_s(&place) < 60);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, part_name, long_ago, 0), 0);
    CU_ASSERT(stage_part_idle_s(&place) > 60);
    CU_ASSERT_EQUAL(take(&other), 0);
    place.turn = 1;
    CU_ASSERT_EQUAL_FATAL(stage_part_take(&other, &place, NULL), 1);
    stage_part_drop(&other);
    stage_part_drop(&part);
}

static void file_that_no_disk_can_hold_is_refused_at_once(void)
{
    struct stage_part part;
    struct error err = {""};
    begin();
    struct stage_place place = {dir, INT64_MAX / 2, digest, 0};
    CU_ASSERT_EQUAL(stage_part_take(&part, &place, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, dir));
    CU_ASSERT_EQUAL(rmdir(dir), 0); /* nothing is left in it */
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(directory_is_made_for_its_user_alone),
        SUITE_TEST(directory_that_others_may_write_into_is_refused),
        SUITE_TEST(directory_of_another_user_is_refused),
        SUITE_TEST(what_is_no_directory_is_refused),
        SUITE_TEST(finished_file_is_whole_and_private),
        SUITE_TEST(every_flipped_bit_is_seen),
        SUITE_TEST(link_in_the_place_of_a_file_is_damage),
        SUITE_TEST(change_of_the_file_is_noticed),
        SUITE_TEST(part_is_one_taker_s_at_a_time),
        SUITE_TEST(dead_process_leaves_a_part_that_is_removed_or_taken),
        SUITE_TEST(other_files_of_the_directory_stay),
        SUITE_TEST(another_turn_does_not_wait_for_a_part_that_stands_still),
        SUITE_TEST(file_that_no_disk_can_hold_is_refused_at_once),
        {NULL, NULL},
    };
    return suite_run("stage_dir", tests);
}
