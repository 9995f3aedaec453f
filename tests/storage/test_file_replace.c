/* A name holds the old file or the new one, a folder is whole or not there. */
#include "storage/file_replace.h"

#include "storage/file_map.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *place(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", place_temporary(), name);
    return path;
}

static void holds(const char *name, const char *wanted)
{
    char *text = NULL;

    CU_ASSERT_EQUAL_FATAL(file_read(&text, NULL, place(name), 100, NULL), 0);
    CU_ASSERT_STRING_EQUAL(text, wanted);
    free(text);
}

static int temporaries(void)
{
    DIR *folder = opendir(place_temporary());
    struct dirent *entry;
    int count = 0;

    while ((entry = readdir(folder)))
        count += strstr(entry->d_name, ".tmp.") != NULL;
    closedir(folder);
    return count;
}

static void commit_replaces_and_abandon_does_not(void)
{
    struct file_replace f;

    CU_ASSERT_EQUAL(file_replace(place("a"), "old", 3, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(file_replace_begin(&f, place("a"), NULL), 0);
    CU_ASSERT_EQUAL(file_replace_write(&f, "half", 4, NULL), 0);
    file_replace_abandon(&f);
    holds("a", "old");
    CU_ASSERT_EQUAL(file_replace(place("a"), "new", 3, NULL), 0);
    holds("a", "new");
    CU_ASSERT_EQUAL(temporaries(), 0);
}

static void what_is_no_regular_file_is_refused(void)
{
    struct error err;
    struct stat st;

    CU_ASSERT_EQUAL_FATAL(mkfifo(place("pipe"), 0600), 0);
    CU_ASSERT_EQUAL(file_replace(place("pipe"), "x", 1, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "pipe: it exists and is no regular file"));
    CU_ASSERT(!lstat(place("pipe"), &st) && S_ISFIFO(st.st_mode));
    CU_ASSERT_EQUAL(temporaries(), 0);
    unlink(place("pipe"));
    CU_ASSERT_EQUAL_FATAL(symlink("pipe", place("link")), 0);
    CU_ASSERT_EQUAL(file_replace(place("link"), "x", 1, NULL), ERR_INPUT);
    CU_ASSERT(!lstat(place("link"), &st) && S_ISLNK(st.st_mode));
    unlink(place("link"));
}

static void checking_a_path_tries_it_and_leaves_it_as_it_was(void)
{
    struct error err = {0};
    struct stat st;

    CU_ASSERT_EQUAL(file_replace_check(place("new"), &err), 0);
    CU_ASSERT_NOT_EQUAL(access(place("new"), F_OK), 0);
    CU_ASSERT_EQUAL_FATAL(file_replace(place("old"), "text", 4, NULL), 0);
    CU_ASSERT_EQUAL(file_replace_check(place("old"), &err), 0);
    CU_ASSERT(!stat(place("old"), &st) && st.st_size == 4);
    unlink(place("old"));
    CU_ASSERT_EQUAL(file_replace_check(place("no/such/folder"), &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no/such/folder: cannot create"));
    CU_ASSERT_EQUAL(file_replace_check(place("."), &err), ERR_INPUT);
    CU_ASSERT_EQUAL(temporaries(), 0);
}

static void disk_full_leaves_nothing(void)
{
    struct error err = {0};
    struct file_replace f;

    CU_ASSERT_EQUAL(file_replace(place("no/such/folder"), "x", 1, &err), ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no/such/folder: cannot create"));
    CU_ASSERT_EQUAL_FATAL(file_replace_begin(&f, place("full"), &err), 0);
    close(f.fd);
    f.fd = open("/dev/full", O_WRONLY);
    CU_ASSERT_FATAL(f.fd >= 0);
    CU_ASSERT_EQUAL(file_replace_write(&f, "x", 1, &err), ERR_IO);
    CU_ASSERT(strstr(err.text, "No space left") != NULL);
    file_replace_abandon(&f);
    CU_ASSERT_NOT_EQUAL(access(place("full"), F_OK), 0);
    CU_ASSERT_EQUAL(temporaries(), 0);
}

static void folder_appears_whole_and_once(void)
{
    struct folder_create f, again;
    struct error err = {0};
    char *inside;

    CU_ASSERT_EQUAL_FATAL(folder_create_begin(&f, place("out/"), &err), 0);
    inside = path_join(f.temporary, "file");
    CU_ASSERT_EQUAL(file_replace(inside, "x", 1, &err), 0);
    free(inside);
    CU_ASSERT_NOT_EQUAL(access(place("out"), F_OK), 0);
    CU_ASSERT_EQUAL(folder_create_commit(&f, &err), 0);
    holds("out/file", "x");
    CU_ASSERT_EQUAL(folder_create_begin(&again, place("out"), &err), ERR_INPUT);
    CU_ASSERT(strstr(err.text, "exists already") != NULL);
    CU_ASSERT_EQUAL(temporaries(), 0);
}

static void folder_with_folders_in_it_goes_as_a_whole(void)
{
    struct folder_create f;
    char *inside, *file;

    CU_ASSERT_EQUAL(mkdir(place("linked"), 0777), 0);
    CU_ASSERT_EQUAL(file_replace(place("linked/kept"), "x", 1, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(folder_create_begin(&f, place("deep"), NULL), 0);
    inside = path_join(f.temporary, "a");
    CU_ASSERT_EQUAL(mkdir(inside, 0777), 0);
    file = path_join(inside, "link"); /* not followed */
    CU_ASSERT_EQUAL(symlink(place("linked"), file), 0);
    free(file);
    file = path_join(inside, "b");
    CU_ASSERT_EQUAL(mkdir(file, 0777), 0);
    free(inside);
    inside = path_join(file, "c");
    CU_ASSERT_EQUAL(file_replace(inside, "x", 1, NULL), 0);
    free(inside);
    free(file);
    folder_create_abandon(&f);
    CU_ASSERT_EQUAL(temporaries(), 0);
    holds("linked/kept", "x");
}

static void folder_made_meanwhile_is_not_touched(void)
{
    struct folder_create f;

    CU_ASSERT_EQUAL_FATAL(folder_create_begin(&f, place("race"), NULL), 0);
    CU_ASSERT_EQUAL(mkdir(place("race"), 0777), 0);
    CU_ASSERT_EQUAL(folder_create_commit(&f, NULL), ERR_INPUT);
    CU_ASSERT_EQUAL(temporaries(), 0);
    CU_ASSERT_EQUAL_FATAL(folder_create_begin(&f, place("left"), NULL), 0);
    folder_create_abandon(&f);
    CU_ASSERT_NOT_EQUAL(access(place("left"), F_OK), 0);
    CU_ASSERT_EQUAL(temporaries(), 0);
}

static int says_no(void *arg, struct error *err)
{
    *(bool *)arg = access(place("gated"), F_OK) == 0; /* asked before, not after */
    return error_set(err, ERR_IO, "it is another's by now");
}

static void a_gate_that_says_no_leaves_everything_as_it_was(void)
{
    struct file_replace f;
    struct error err;
    bool there = true;
    struct file_gate gate = {says_no, &there};

    CU_ASSERT_EQUAL_FATAL(file_replace_begin(&f, place("gated"), &err), 0);
    CU_ASSERT_EQUAL(file_replace_write(&f, "new", 3, &err), 0);
    CU_ASSERT_EQUAL(file_replace_commit_through(&f, &gate, &err), ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "it is another's by now");
    CU_ASSERT(!there);
    CU_ASSERT_NOT_EQUAL(access(place("gated"), F_OK), 0);
    CU_ASSERT_EQUAL(file_replace_check(place("gated"), &err), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(commit_replaces_and_abandon_does_not),
        SUITE_TEST(what_is_no_regular_file_is_refused),
        SUITE_TEST(checking_a_path_tries_it_and_leaves_it_as_it_was),
        SUITE_TEST(disk_full_leaves_nothing),
        SUITE_TEST(folder_appears_whole_and_once),
        SUITE_TEST(folder_with_folders_in_it_goes_as_a_whole),
        SUITE_TEST(folder_made_meanwhile_is_not_touched),
        SUITE_TEST(a_gate_that_says_no_leaves_everything_as_it_was),
        {0},
    };

    return suite_run("file_replace", tests);
}
