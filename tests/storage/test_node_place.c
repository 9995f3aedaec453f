/* Where a node's files lie: who makes them, what is not trusted, what is listed. */
#include "storage/node_place.h"

#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was done, and what is to be answered. */
struct script {
    int taken, made, answer;
};

static int take(void *context, const char *path, int fd, struct error *err)
{
    struct script *script = context;
    char text[8] = "";

    script->taken++;
    if (script->answer)
        return error_set(err, script->answer, "%s: no room", path);
    return pread(fd, text, 5, 0) == 5 && !strcmp(text, "whole")
               ? 0
               : error_set(err, ERR_INPUT, "%s: is not whole", path);
}

static int make(void *context, const char *path, int fd, struct error *err)
{
    struct script *script = context;

    script->made++;
    return write(fd, "whole", 5) == 5 ? 0 : error_set(err, ERR_IO, "%s: full", path);
}

static int open_place(struct node_place *place, struct script *script,
                      struct error *err)
{
    return node_place_open(place,
                           &(struct node_place_plan){.kind = "test",
                                                     .source = {0xbeef, 0xcafe},
                                                     .take = take,
                                                     .make = make,
                                                     .context = script},
                           err);
}

static const char *path_in(const char *dir)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/shiftwork-%u-000000000000beef000000000000cafe.test",
             dir, (unsigned)geteuid());
    return path;
}

static void first_opener_makes_and_the_last_removes(void)
{
    struct node_place a, b;
    struct script script = {0};

    setenv("TMPDIR", place_temporary(), 1);
    CU_ASSERT_EQUAL_FATAL(open_place(&a, &script, NULL), 0);
    CU_ASSERT_STRING_EQUAL(a.path, path_in(place_temporary()));
    CU_ASSERT(script.made == 1 && script.taken == 1);
    CU_ASSERT_EQUAL_FATAL(open_place(&b, &script, NULL), 0);
    CU_ASSERT(script.made == 1 && script.taken == 2);
    node_place_close(&a);
    CU_ASSERT_EQUAL(access(b.path, F_OK), 0);
    node_place_close(&b);
    CU_ASSERT(access(path_in(place_temporary()), F_OK) != 0);
    node_place_close(&b); /* all zero */
}

static void link_in_its_place_is_not_followed(void)
{
    struct node_place place;
    struct script script = {0};
    char victim[512];
    struct stat st;
    FILE *file;

    setenv("TMPDIR", place_temporary(), 1);
    snprintf(victim, sizeof victim, "%s/victim", place_temporary());
    file = fopen(victim, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("whole", file);
    fclose(file);
    CU_ASSERT_EQUAL(chmod(victim, 0600), 0);
    for (int hard = 0; hard < 2; hard++) {
        const char *path = path_in(place_temporary());

        CU_ASSERT_EQUAL_FATAL(hard ? link(victim, path) : symlink(victim, path), 0);
        script = (struct script){0};
        CU_ASSERT_EQUAL_FATAL(open_place(&place, &script, NULL), 0);
        CU_ASSERT_EQUAL(script.made, 1);
        CU_ASSERT(!lstat(place.path, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1);
        node_place_close(&place);
        CU_ASSERT(!lstat(victim, &st) && st.st_size == 5 && st.st_nlink == 1);
    }
    unlink(victim);
}

static void next_directory_is_taken_where_one_is_no_good(void)
{
    struct node_place place;
    struct script script = {0};
    struct error err = {""};

    setenv("TMPDIR", "/nonexistent", 1);
    CU_ASSERT_EQUAL_FATAL(open_place(&place, &script, NULL), 0);
    CU_ASSERT_STRING_EQUAL(place.dir, "/tmp");
    node_place_close(&place);

    setenv("TMPDIR", place_temporary(), 1);
    script = (struct script){.answer = ERR_IO};
    CU_ASSERT_EQUAL(open_place(&place, &script, &err), ERR_IO);
    CU_ASSERT_EQUAL(script.made, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, place_temporary()));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no room; /tmp/"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no room; /dev/shm/"));
    CU_ASSERT(access(path_in(place_temporary()), F_OK) != 0);
    CU_ASSERT(access(path_in("/tmp"), F_OK) != 0);
    CU_ASSERT(access(path_in("/dev/shm"), F_OK) != 0);
}

static void file_in_use_stays_where_it_has_no_room_for_another(void)
{
    struct node_place user, other;
    struct script script = {0}, full = {.answer = ERR_IO};

    setenv("TMPDIR", place_temporary(), 1);
    CU_ASSERT_EQUAL_FATAL(open_place(&user, &script, NULL), 0);
    CU_ASSERT_EQUAL(open_place(&other, &full, NULL), ERR_IO);
    CU_ASSERT_EQUAL(access(user.path, F_OK), 0);
    node_place_close(&user);
}

struct seen {
    int count;
    bool used, removed;
};

static void note(void *context, const struct node_entry *entry)
{
    struct seen *seen = context;

    if (strncmp(entry->path, place_temporary(), strlen(place_temporary())) != 0)
        return;
    seen->count++;
    seen->used = entry->used;
    seen->removed = entry->removed;
}

static struct seen list(bool clean)
{
    struct seen seen = {0};

    CU_ASSERT_EQUAL(node_place_list(clean, note, &seen, NULL), 0);
    return seen;
}

static void touch(const char *name, mode_t mode)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/shiftwork-%u-%s", place_temporary(),
             (unsigned)geteuid(), name);
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fclose(file);
    CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static void listing_finds_what_is_ours_only(void)
{
    const char *name = "000000000000beef000000000000cafe";
    char path[512];
    struct seen seen;

    setenv("TMPDIR", place_temporary(), 1);
    CU_ASSERT_EQUAL(list(true).count, 0);
    touch("notes", 0600);
    snprintf(path, sizeof path, "%s.f32", name);
    touch(path, 0644); /* others may read it: not made by us */
    CU_ASSERT_EQUAL(list(true).count, 0);
    touch(path, 0600);
    seen = list(false);
    CU_ASSERT(seen.count == 1 && !seen.used && !seen.removed);
    snprintf(path, sizeof path, "%s.f32.AbCdEf", name); /* of one killed in making it */
    touch(path, 0600);
    CU_ASSERT_EQUAL(list(false).count, 2);
    seen = list(true);
    CU_ASSERT(seen.count == 2 && seen.removed);
    CU_ASSERT_EQUAL(list(false).count, 0);
}

static void listing_leaves_what_is_used(void)
{
    struct node_place place;
    struct script script = {0};
    struct seen seen;

    setenv("TMPDIR", place_temporary(), 1);
    CU_ASSERT_EQUAL_FATAL(open_place(&place, &script, NULL), 0);
    seen = list(true);
    CU_ASSERT(seen.count == 1 && seen.used && !seen.removed);
    CU_ASSERT_EQUAL(access(place.path, F_OK), 0);
    node_place_close(&place);
    CU_ASSERT_EQUAL(list(false).count, 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(first_opener_makes_and_the_last_removes),
        SUITE_TEST(link_in_its_place_is_not_followed),
        SUITE_TEST(next_directory_is_taken_where_one_is_no_good),
        SUITE_TEST(file_in_use_stays_where_it_has_no_room_for_another),
        SUITE_TEST(listing_finds_what_is_ours_only),
        SUITE_TEST(listing_leaves_what_is_used),
        {NULL, NULL},
    };

    return suite_run("node_place", tests);
}
