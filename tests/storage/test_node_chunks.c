/* Files that processes of a machine fill together: who fills what, and who removes. */
#include "storage/node_chunks.h"

#include "storage/node_place.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 4 };

static const uint64_t ends[COUNT] = {5000, 5000, 9000, 20000};
static const bool all[COUNT] = {true, true, true, true};

static struct node_chunks_plan plan(const char *kind)
{
    return (struct node_chunks_plan){.kind = kind,
                                     .source = {0x5eed, 0xfeed},
                                     .count = COUNT,
                                     .ends = ends,
                                     .wanted = all};
}

static struct node_chunks *open_chunks(const char *kind)
{
    const struct node_chunks_plan p = plan(kind);
    struct node_chunks *chunks = NULL;
    struct error err = {""};

    if (node_chunks_open(&chunks, &p, &err))
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chunks);
    return chunks;
}

static const char *path_of(const char *kind)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/shiftwork-%u-0000000000005eed000000000000feed.%s",
             getenv("TMPDIR"), (unsigned)geteuid(), kind);
    return path;
}

static bool is_there(const char *kind) { return access(path_of(kind), F_OK) == 0; }

static void write_chunk(struct node_chunks *chunks, int i, int byte)
{
    uint64_t begin = i ? ends[i - 1] : 0;

    memset(node_chunks_data(chunks) + begin, byte, ends[i] - begin);
    node_chunks_done(chunks, i);
}

static void chunk_is_filled_once_and_seen_by_all(void)
{
    struct node_chunks *a = open_chunks("once"), *b = open_chunks("once");

    CU_ASSERT_EQUAL(node_chunks_claim(a, 0), NODE_CHUNK_MINE);
    CU_ASSERT_EQUAL(node_chunks_claim(b, 0), NODE_CHUNK_TAKEN);
    CU_ASSERT_EQUAL(node_chunks_claim(b, 3), NODE_CHUNK_MINE);
    write_chunk(a, 0, 'a');
    write_chunk(b, 3, 'b');
    CU_ASSERT_EQUAL(node_chunks_claim(b, 0), NODE_CHUNK_READY);
    CU_ASSERT_EQUAL(node_chunks_claim(a, 0), NODE_CHUNK_READY);
    CU_ASSERT_EQUAL(node_chunks_claim(a, 3), NODE_CHUNK_READY);
    CU_ASSERT_EQUAL(node_chunks_data(b)[4999], 'a');
    CU_ASSERT_EQUAL(node_chunks_data(a)[9000], 'b');
    CU_ASSERT_EQUAL(node_chunks_data(a)[19999], 'b');
    CU_ASSERT_EQUAL(node_chunks_claim(a, 1), NODE_CHUNK_MINE); /* without a byte */
    node_chunks_done(a, 1);
    CU_ASSERT_EQUAL(node_chunks_claim(b, 1), NODE_CHUNK_READY);
    node_chunks_close(a);
    node_chunks_close(b);
}

static void last_user_removes_the_file(void)
{
    struct node_chunks *a = open_chunks("last"), *b = open_chunks("last");
    struct stat st;

    CU_ASSERT(!stat(path_of("last"), &st) && (st.st_mode & 07777) == 0600);
    CU_ASSERT_EQUAL(node_chunks_claim(a, 2), NODE_CHUNK_MINE);
    write_chunk(a, 2, 'x');
    node_chunks_close(a);
    CU_ASSERT(is_there("last"));
    CU_ASSERT_EQUAL(node_chunks_claim(b, 2), NODE_CHUNK_READY);
    node_chunks_close(b);
    CU_ASSERT(!is_there("last"));
}

/* Claims a chunk in another process, which writes half of it and then waits. */
static pid_t start_filler(const char *kind, int chunk)
{
    int pipes[2];
    char byte;
    pid_t pid;

    CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        struct node_chunks *chunks = open_chunks(kind);

        byte = node_chunks_claim(chunks, chunk) == NODE_CHUNK_MINE;
        memset(node_chunks_data(chunks) + ends[chunk - 1], 'k', 2000);
        if (write(pipes[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    CU_ASSERT_EQUAL(read(pipes[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(byte, 1);
    close(pipes[0]);
    close(pipes[1]);
    return pid;
}

static void claim_ends_with_its_process(void)
{
    struct node_chunks *a = open_chunks("killed");
    pid_t pid = start_filler("killed", 2);

    CU_ASSERT_EQUAL(node_chunks_claim(a, 2), NODE_CHUNK_TAKEN);
    CU_ASSERT_EQUAL(node_chunks_claim(a, 3), NODE_CHUNK_MINE);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CU_ASSERT_EQUAL(node_chunks_claim(a, 2), NODE_CHUNK_MINE);
    write_chunk(a, 2, 'a');
    write_chunk(a, 3, 'a');
    node_chunks_close(a);
    CU_ASSERT(!is_there("killed"));
}

static void file_of_a_killed_process_is_found_by_the_next(void)
{
    pid_t pid = start_filler("left", 3);
    struct node_chunks *a;

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CU_ASSERT(is_there("left"));
    a = open_chunks("left");
    CU_ASSERT_EQUAL(node_chunks_claim(a, 3), NODE_CHUNK_MINE);
    node_chunks_close(a);
    CU_ASSERT(!is_there("left"));
}

static void damage(const char *kind, off_t at)
{
    int fd = open(path_of(kind), O_RDWR);
    char byte;

    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 1);
    CU_ASSERT_EQUAL(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void damaged_chunk_is_claimed_again(void)
{
    struct node_chunks *a = open_chunks("damaged"), *b;

    for (int i = 2; i < COUNT; i++) {
        CU_ASSERT_EQUAL(node_chunks_claim(a, i), NODE_CHUNK_MINE);
        write_chunk(a, i, 'a');
    }
    damage("damaged", 4096 + 8999);
    b = open_chunks("damaged");
    CU_ASSERT_EQUAL(node_chunks_claim(b, 3), NODE_CHUNK_READY);
    CU_ASSERT_EQUAL(node_chunks_claim(b, 2), NODE_CHUNK_MINE);
    write_chunk(b, 2, 'a');
    node_chunks_close(b);
    b = open_chunks("damaged");
    CU_ASSERT_EQUAL(node_chunks_claim(b, 2), NODE_CHUNK_READY);
    node_chunks_close(b);
    node_chunks_close(a);
}

/* A header that this boot has not written, or a file that was cut. */
static void strange_file_is_made_anew(void)
{
    struct node_chunks *a = open_chunks("strange"), *b, *c;
    struct stat before, after;

    CU_ASSERT_EQUAL(node_chunks_claim(a, 2), NODE_CHUNK_MINE);
    write_chunk(a, 2, 'a');
    CU_ASSERT_EQUAL(stat(path_of("strange"), &before), 0);
    damage("strange", 32); /* the boot */
    b = open_chunks("strange");
    CU_ASSERT_EQUAL(node_chunks_claim(b, 2), NODE_CHUNK_MINE);
    CU_ASSERT_EQUAL(stat(path_of("strange"), &after), 0);
    CU_ASSERT(before.st_ino != after.st_ino);
    node_chunks_close(a); /* does not remove what it does not use */
    CU_ASSERT(is_there("strange"));
    CU_ASSERT_EQUAL(chmod(path_of("strange"), 0644), 0);
    c = open_chunks("strange");
    CU_ASSERT_EQUAL(node_chunks_claim(c, 2), NODE_CHUNK_MINE);
    node_chunks_close(b);
    node_chunks_close(c);
    CU_ASSERT(!is_there("strange"));
}

static void what_has_no_room_is_refused_with_sizes(void)
{
    const uint64_t large[COUNT] = {4096, 8192, UINT64_C(1) << 42, UINT64_C(1) << 42};
    const bool small[COUNT] = {true, true, false, true};
    struct node_chunks_plan p = plan("large");
    struct node_chunks *chunks;
    struct error err = {""};

    p.ends = large;
    CU_ASSERT_EQUAL(node_chunks_open(&chunks, &p, &err), ERR_IO);
    CU_ASSERT_PTR_NULL(chunks);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "4398046.5 MB are needed, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/dev/shm/"));
    CU_ASSERT(!is_there("large"));

    p.wanted = small; /* the large one is a hole */
    CU_ASSERT_EQUAL_FATAL(node_chunks_open(&chunks, &p, &err), 0);
    CU_ASSERT_EQUAL(node_chunks_claim(chunks, 1), NODE_CHUNK_MINE);
    memset(node_chunks_data(chunks) + 4096, 'x', 4096);
    node_chunks_done(chunks, 1);
    CU_ASSERT_EQUAL(node_chunks_want(chunks, all, &err), ERR_IO);
    CU_ASSERT_EQUAL(node_chunks_want(chunks, small, &err), 0);
    node_chunks_close(chunks);
    CU_ASSERT(!is_there("large"));
}

static void what_the_process_may_not_write_is_refused(void)
{
    const struct node_chunks_plan p = plan("limited");
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct node_chunks *chunks;
        struct error err = {""};

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, 8192});
        _exit(node_chunks_open(&chunks, &p, &err) != ERR_IO ||
              !strstr(err.text, "File too large") || is_there("limited"));
    }
    waitpid(pid, &status, 0);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

struct seen {
    int count;
    struct node_entry last;
};

static void note(void *context, const struct node_entry *entry)
{
    struct seen *seen = context;

    if (!strstr(entry->path, "0000000000005eed000000000000feed"))
        return; /* of another test that runs now */
    seen->count++;
    seen->last = *entry;
}

static struct seen list(bool clean)
{
    struct seen seen = {0};

    CU_ASSERT_EQUAL(node_place_list(clean, note, &seen, NULL), 0);
    return seen;
}

static void listing_tells_used_files_from_left_ones(void)
{
    struct seen seen = list(false);
    pid_t pid;

    CU_ASSERT_EQUAL(seen.count, 0);
    pid = start_filler("list", 2);
    seen = list(true);
    CU_ASSERT(seen.count == 1 && seen.last.used && !seen.last.removed);
    CU_ASSERT(seen.last.bytes >= 20000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    seen = list(false);
    CU_ASSERT(seen.count == 1 && !seen.last.used && !seen.last.removed);
    CU_ASSERT(is_there("list"));
    seen = list(true);
    CU_ASSERT(seen.count == 1 && !seen.last.used && seen.last.removed);
    CU_ASSERT(!is_there("list"));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(chunk_is_filled_once_and_seen_by_all),
        SUITE_TEST(last_user_removes_the_file),
        SUITE_TEST(claim_ends_with_its_process),
        SUITE_TEST(file_of_a_killed_process_is_found_by_the_next),
        SUITE_TEST(damaged_chunk_is_claimed_again),
        SUITE_TEST(strange_file_is_made_anew),
        SUITE_TEST(what_has_no_room_is_refused_with_sizes),
        SUITE_TEST(what_the_process_may_not_write_is_refused),
        SUITE_TEST(listing_tells_used_files_from_left_ones),
        {NULL, NULL},
    };

    setenv("TMPDIR", place_temporary(), 1);
    return suite_run("node_chunks", tests);
}
