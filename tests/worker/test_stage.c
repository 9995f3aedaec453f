/* Staging on one node: compute threads that want files, and a pretended coordinator
 * that has them in memory. */
#include "common/clock.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "worker/stage.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 4, LARGE = 9 * CHUNK_MAX + 17, ORDINARY = 1000 };

/* config.json, model.safetensors (larger than all chunks under way), the dataset of
 * task 0, an init file. */
static uint8_t contents[FILES][LARGE];
static const size_t sizes[FILES] = {ORDINARY, LARGE, ORDINARY, ORDINARY};
static char dir[512];

static const struct stage_want encoder = {.kind = STAGE_ENCODER};

struct worker {
    struct stage *stage;
    pthread_t thread;
    struct stage_want want;
    const char *path;
    int rc;
    struct error err;
    atomic_bool leaves, ended;
    struct staged told;
    int told_count;
    uint64_t sent; /* bytes */
};

static void begin(void)
{
    static int number;
    snprintf(dir, sizeof dir, "%s/stage%d", place_temporary(), number++);
    for (int f = 0; f < FILES; f++)
        for (size_t i = 0; i < sizes[f]; i++)
            contents[f][i] = (uint8_t)(i * 31 + i / 251 + (size_t)f);
}

static void worker_begin(struct worker *w)
{
    static const enum stage_kind kinds[FILES] = {STAGE_ENCODER, STAGE_ENCODER,
                                                 STAGE_DATASET, STAGE_INIT};
    static const char *const names[FILES] = {"config.json", "model.safetensors", "",
                                             ""};
    struct stage_order order = {.dir = dir, .files = FILES};
    memset(w, 0, sizeof *w);
    CU_ASSERT_EQUAL_FATAL(stage_new(&w->stage, &order, 60, NULL), 0);
    for (uint32_t f = 0; f < FILES; f++) {
        struct stage_file file = {.file = f,
                                  .kind = kinds[f],
                                  .name = names[f],
                                  .size = sizes[f],
                                  .digest = digest_of(contents[f], sizes[f])};
        CU_ASSERT_EQUAL_FATAL(stage_add(w->stage, &file, NULL), 0);
    }
}

static bool leaves(void *context)
{
    struct worker *w = context;
    return w->leaves;
}

static void *compute(void *argument)
{
    struct worker *w = argument;
    w->rc = stage_bring(w->stage, &w->want, leaves, w, &w->path, &w->err);
    w->ended = true;
    return NULL;
}

static void want(struct worker *w, struct stage_want wanted)
{
    w->want = wanted;
    w->ended = w->leaves = false;
    w->path = NULL;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, compute, w), 0);
}

static void hear_staged(struct worker *w, const struct bytes *message)
{
    static char damaged[PROTOCOL_PATH + 1];
    CU_ASSERT_EQUAL(staged_decode(&w->told, message->data, message->size, NULL), 0);
    snprintf(damaged, sizeof damaged, "%s", w->told.damaged);
    w->told.damaged = damaged;
    w->told_count++;
}

/* Answers one message of the worker; less: so many bytes too few. */
static bool answer(struct worker *w, uint32_t less)
{
    struct bytes message;
    struct fetch m;
    if (!stage_take(w->stage, &message))
        return false;
    if (message.data[2] == MESSAGE_STAGED) {
        hear_staged(w, &message);
    } else {
        CU_ASSERT_EQUAL_FATAL(fetch_decode(&m, message.data, message.size, NULL), 0);
        struct chunk chunk = {m.file, m.offset, contents[m.file] + m.offset,
                              m.size - less};
        CU_ASSERT_EQUAL(stage_chunk(w->stage, &chunk, NULL), 0);
        w->sent += chunk.size;
    }
    bytes_clear(&message);
    return true;
}

static void serve(struct worker *w)
{
    while (!w->ended)
        if (!answer(w, 0))
            clock_sleep_s(1e-4);
    while (answer(w, 0))
        ;
    pthread_join(w->thread, NULL);
}

static void worker_end(struct worker *w)
{
    stage_close(w->stage);
    stage_free(w->stage);
}

static void check_file(const char *path, int f)
{
    static uint8_t found[LARGE + 1];
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = fread(found, 1, sizeof found, file);
    CU_ASSERT(size == sizes[f] && memcmp(found, contents[f], size) == 0);
    fclose(file);
}

static void inside(char *out, size_t size, const char *folder, const char *name)
{
    CU_ASSERT_FATAL((size_t)snprintf(out, size, "%s/%s", folder, name) < size);
}

static void all_is_fetched_once_and_found_by_the_next(void)
{
    struct worker w;
    char path[700];
    begin();
    for (int turn = 0; turn < 2; turn++) {
        worker_begin(&w);
        want(&w, encoder);
        serve(&w);
        CU_ASSERT_EQUAL_FATAL(w.rc, 0);
        inside(path, sizeof path, w.path, "config.json");
        check_file(path, 0);
        inside(path, sizeof path, w.path, "model.safetensors");
        check_file(path, 1);
        CU_ASSERT_EQUAL(w.told.fetched, turn ? 0 : ORDINARY + LARGE);
        want(&w, (struct stage_want){.kind = STAGE_DATASET});
        serve(&w);
        CU_ASSERT_EQUAL_FATAL(w.rc, 0);
        check_file(w.path, 2);
        want(&w, (struct stage_want){.kind = STAGE_INIT,
                                     .init = digest_of(contents[3], ORDINARY)});
        serve(&w);
        CU_ASSERT_EQUAL_FATAL(w.rc, 0);
        check_file(w.path, 3);
        CU_ASSERT_EQUAL(w.told_count, 3);
        CU_ASSERT_EQUAL(w.sent, turn ? 0 : LARGE + 3 * ORDINARY);
        worker_end(&w);
    }
}

static void what_was_not_announced_is_left_to_the_caller(void)
{
    struct worker w;
    begin();
    worker_begin(&w);
    want(&w, (struct stage_want){.kind = STAGE_DATASET, .task = 1});
    serve(&w);
    CU_ASSERT(w.rc == 0 && !w.path && w.told_count == 0 && w.sent == 0);
    worker_end(&w);
}

static void damaged_file_is_fetched_again_and_named(void)
{
    struct worker w;
    char path[700];
    begin();
    worker_begin(&w);
    want(&w, encoder);
    serve(&w);
    inside(path, sizeof path, w.path, "model.safetensors");
    worker_end(&w);
    FILE *file = fopen(path, "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fseek(file, LARGE / 2, SEEK_SET), 0);
    CU_ASSERT_EQUAL(fputc(contents[1][LARGE / 2] ^ 1, file),
                    contents[1][LARGE / 2] ^ 1);
    fclose(file);
    worker_begin(&w);
    want(&w, encoder);
    serve(&w);
    CU_ASSERT_EQUAL(w.rc, 0);
    check_file(path, 1);
    CU_ASSERT_STRING_EQUAL(w.told.damaged, path);
    CU_ASSERT_EQUAL(w.sent, LARGE);
    worker_end(&w);
}

/* Its first chunk has come, so it holds the lock, and more is due. */
static void begin_fetching(struct worker *w)
{
    want(w, encoder);
    while (w->sent < 2 * ORDINARY)
        if (!answer(w, 0))
            clock_sleep_s(1e-4);
}

static void wait_waiting(struct worker *w)
{
    struct heartbeat m = {.trial = 5};
    while (m.trial != 0) {
        clock_sleep_s(1e-3);
        m = (struct heartbeat){.trial = 5};
        stage_heartbeat(w->stage, &m);
    }
}

static void second_worker_waits_and_finds_what_the_first_has_fetched(void)
{
    struct worker first, second;
    struct heartbeat m = {.trial = 5};
    begin();
    worker_begin(&first);
    worker_begin(&second);
    begin_fetching(&first);
    want(&second, encoder);
    wait_waiting(&second); /* says that it is idle, so that it does not seem to hang */
    stage_heartbeat(first.stage, &m);
    CU_ASSERT(m.trial == 5 && m.microshards > 0); /* and this one that it works */
    serve(&first);
    serve(&second);
    CU_ASSERT(first.rc == 0 && second.rc == 0 && second.sent == 0);
    CU_ASSERT_EQUAL(first.sent, ORDINARY + LARGE);
    CU_ASSERT_STRING_EQUAL(first.path, second.path);
    m = (struct heartbeat){.trial = 5, .microshards = 6};
    stage_heartbeat(second.stage, &m);
    CU_ASSERT(m.trial == 5 && m.microshards == 6); /* it is over */
    worker_end(&first);
    worker_end(&second);
}

static void second_worker_goes_on_where_the_first_gives_up(void)
{
    struct worker first, second;
    begin();
    worker_begin(&first);
    worker_begin(&second);
    begin_fetching(&first);
    want(&second, encoder);
    wait_waiting(&second);
    first.leaves = true; /* a stop: what is due still comes */
    serve(&first);
    CU_ASSERT_EQUAL(first.rc, ERR_IO);
    CU_ASSERT_EQUAL(first.told_count, 0);
    serve(&second);
    CU_ASSERT(second.rc == 0 && second.sent == LARGE);
    first.sent = 0;
    want(&first, encoder); /* and it can begin again */
    serve(&first);
    CU_ASSERT(first.rc == 0 && first.sent == 0);
    worker_end(&first);
    worker_end(&second);
}

static void waiting_worker_leaves_when_it_is_told_to(void)
{
    struct worker first, second;
    begin();
    worker_begin(&first);
    worker_begin(&second);
    begin_fetching(&first);
    want(&second, encoder);
    wait_waiting(&second);
    second.leaves = true;
    serve(&second);
    CU_ASSERT_EQUAL(second.rc, ERR_IO);
    first.leaves = true; /* the end: nothing comes any more */
    stage_close(first.stage);
    pthread_join(first.thread, NULL);
    CU_ASSERT_EQUAL(first.rc, ERR_IO);
    worker_end(&first);
    worker_end(&second);
}

static void other_bytes_than_announced_are_refused(void)
{
    struct worker w;
    char path[700];
    begin();
    worker_begin(&w);
    contents[1][LARGE - 1] ^= 1;
    want(&w, encoder);
    serve(&w);
    CU_ASSERT_EQUAL(w.rc, ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, dir));
    inside(path, sizeof path, w.path, "config.json"); /* which came before it */
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(rmdir(w.path), 0); /* nothing else is left */
    CU_ASSERT_EQUAL(rmdir(dir), 0);
    worker_end(&w);
}

static void file_that_the_coordinator_cannot_read_is_an_error(void)
{
    struct worker w;
    begin();
    worker_begin(&w);
    want(&w, encoder);
    while (!w.ended)
        if (!answer(&w, 1))
            clock_sleep_s(1e-4);
    pthread_join(w.thread, NULL);
    CU_ASSERT_EQUAL(w.rc, ERR_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "coordinator cannot read"));
    worker_end(&w);
}

static void directory_that_cannot_be_made_is_named(void)
{
    struct worker w;
    begin();
    snprintf(dir, sizeof dir, "/proc/shiftwork");
    worker_begin(&w);
    want(&w, encoder);
    serve(&w);
    CU_ASSERT_EQUAL(w.rc, ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(w.err.text, "/proc/shiftwork"));
    worker_end(&w);
}

static void files_and_chunks_out_of_order_are_refused(void)
{
    struct worker w;
    struct chunk chunk = {.file = 0, .data = contents[0], .size = ORDINARY};
    struct stage_file file = {.file = FILES, .name = "more"};
    begin();
    worker_begin(&w);
    CU_ASSERT_EQUAL(stage_add(w.stage, &file, NULL), ERR_PROTOCOL);
    CU_ASSERT_EQUAL(stage_chunk(w.stage, &chunk, NULL), ERR_PROTOCOL);
    worker_end(&w);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(all_is_fetched_once_and_found_by_the_next),
        SUITE_TEST(what_was_not_announced_is_left_to_the_caller),
        SUITE_TEST(damaged_file_is_fetched_again_and_named),
        SUITE_TEST(second_worker_waits_and_finds_what_the_first_has_fetched),
        SUITE_TEST(second_worker_goes_on_where_the_first_gives_up),
        SUITE_TEST(waiting_worker_leaves_when_it_is_told_to),
        SUITE_TEST(other_bytes_than_announced_are_refused),
        SUITE_TEST(file_that_the_coordinator_cannot_read_is_an_error),
        SUITE_TEST(directory_that_cannot_be_made_is_named),
        SUITE_TEST(files_and_chunks_out_of_order_are_refused),
        {NULL, NULL},
    };
    return suite_run("stage", tests);
}
