/* What the coordinator tells comes back as it was, and nothing else is taken for it. */
#include "coordinator/live.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct live_worker workers[] = {
    {.number = 1,
     .host = "node1",
     .activity = LIVE_COMPUTES,
     .trial = 12,
     .task = "mrpc",
     .config = 4,
     .epoch = 3,
     .epochs = 10,
     .seed = 4294967295u,
     .for_s = 31.5},
    {.number = 2, .host = "node2", .activity = LIVE_IDLE},
};
static struct live_task tasks[] = {{.name = "mrpc", .best = 0.8427},
                                   {.name = "cola", .best = NAN}};
static struct live_rung rungs[] = {
    {.bracket = 0, .rung = 1, .epochs = 3, .paused = 4, .stopped = 5, .on = 6}};

static struct live sample(void)
{
    return (struct live){
        .writer = {.host = "node1", .boot_id = "b-1", .pid = 77, .started = 123456},
        .time_s = 1790000000.25,
        .ran_s = 812.5,
        .stopping = true,
        .trials = 48,
        .states = {[TRIAL_DONE] = 12, [TRIAL_RUNNING] = 1, [TRIAL_PAUSED] = 35},
        .per_second = NAN,
        .examples_left = 20000,
        .activities = {[LIVE_COMPUTES] = 1, [LIVE_IDLE] = 1},
        .worker_count = 2,
        .task_count = 2,
        .rung_count = 1,
        .workers = workers,
        .tasks = tasks,
        .rungs = rungs,
    };
}

static void check_sample(const struct live *live)
{
    CU_ASSERT_STRING_EQUAL(live->writer.host, "node1");
    CU_ASSERT_EQUAL(live->writer.pid, 77);
    CU_ASSERT_EQUAL(live->writer.started, 123456);
    CU_ASSERT_DOUBLE_EQUAL(live->time_s, 1790000000.25, 0.01);
    CU_ASSERT_TRUE(live->stopping);
    CU_ASSERT_EQUAL(live->states[TRIAL_PAUSED], 35);
    CU_ASSERT_TRUE(isnan(live->per_second));
    CU_ASSERT_EQUAL(live->activities[LIVE_IDLE], 1);
    CU_ASSERT_EQUAL_FATAL(live->worker_count, 2);
    CU_ASSERT_EQUAL(live->workers[0].activity, LIVE_COMPUTES);
    CU_ASSERT_EQUAL(live->workers[0].seed, 4294967295u);
    CU_ASSERT_EQUAL(live->workers[0].for_s, 31.5);
    CU_ASSERT_EQUAL(live->workers[1].trial, 0);
    CU_ASSERT_EQUAL_FATAL(live->task_count, 2);
    CU_ASSERT_EQUAL(live->tasks[0].best, 0.8427);
    CU_ASSERT_TRUE(isnan(live->tasks[1].best));
    CU_ASSERT_EQUAL_FATAL(live->rung_count, 1);
    CU_ASSERT_EQUAL(live->rungs[0].stopped, 5);
}

static void text_comes_back_as_it_was(void)
{
    struct live live = sample(), back;
    struct error err;
    char *text = live_text(&live);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL_FATAL(live_parse(&back, text, strlen(text), &err), 0);
    check_sample(&back);
    live_clear(&back);
    free(text);
}

static void every_shorter_text_is_refused(void)
{
    struct live live = sample(), back;
    struct error err;
    char *text = live_text(&live);
    for (size_t n = 0; n < strlen(text); n++)
        CU_ASSERT_EQUAL(live_parse(&back, text, n, &err), ERR_INPUT);
    CU_ASSERT_PTR_NULL(back.workers);
    free(text);
}

/* The sample's text with one piece of it replaced. */
static int parse_with(const char *piece, const char *other)
{
    struct live live = sample(), back;
    struct error err;
    char *text = live_text(&live), *at = strstr(text, piece), *changed;
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    if (asprintf(&changed, "%.*s%s%s", (int)(at - text), text, other,
                 at + strlen(piece)) < 0)
        CU_FAIL_FATAL("out of memory");
    int rc = live_parse(&back, changed, strlen(changed), &err);
    live_clear(&back);
    free(changed);
    free(text);
    return rc;
}

static void wrong_types_and_ranges_are_refused(void)
{
    CU_ASSERT_EQUAL(parse_with("\"trials\": 48", "\"trials\": 48"), 0);
    CU_ASSERT_EQUAL(parse_with("\"trials\": 48", "\"trials\": -1"), ERR_INPUT);
    CU_ASSERT_EQUAL(parse_with("\"trials\": 48", "\"trials\": \"48\""), ERR_INPUT);
    CU_ASSERT_EQUAL(parse_with("\"format\": 1", "\"format\": 2"), ERR_INPUT);
    CU_ASSERT_EQUAL(parse_with("\"computes\",", "\"dances\","), ERR_INPUT);
    CU_ASSERT_EQUAL(parse_with("\"seed\": 4294967295", "\"seed\": 4294967296"),
                    ERR_INPUT);
    CU_ASSERT_EQUAL(parse_with("\"paused\": 35", "\"poised\": 35"), ERR_INPUT);
}

static void more_workers_than_are_told_are_refused(void)
{
    static struct live_worker many[LIVE_WORKERS + 1];
    struct live live = sample(), back;
    struct error err;
    for (int i = 0; i <= LIVE_WORKERS; i++)
        many[i] = (struct live_worker){.number = i + 1, .activity = LIVE_IDLE};
    live.workers = many;
    for (int more = 0; more <= 1; more++) {
        live.worker_count = LIVE_WORKERS + more;
        char *text = live_text(&live);
        CU_ASSERT_EQUAL(live_parse(&back, text, strlen(text), &err),
                        more ? ERR_INPUT : 0);
        live_clear(&back);
        free(text);
    }
}

static void control_characters_do_not_reach_a_terminal(void)
{
    struct live live = sample(), back;
    struct live_task odd = {.name = "a\033[2Jb", .best = 0.5};
    struct error err;
    live.tasks = &odd;
    live.task_count = 1;
    char *text = live_text(&live);
    CU_ASSERT_EQUAL_FATAL(live_parse(&back, text, strlen(text), &err), 0);
    CU_ASSERT_STRING_EQUAL(back.tasks[0].name, "a?[2Jb");
    live_clear(&back);
    free(text);
}

static void file_is_replaced_and_read(void)
{
    struct live live = sample(), back;
    struct error err;
    const char *dir = place_temporary();
    CU_ASSERT_EQUAL(live_read(&back, dir, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(live_write(dir, &live, &err), 0);
    live.trials = 49;
    CU_ASSERT_EQUAL(live_write(dir, &live, &err), 0);
    CU_ASSERT_EQUAL_FATAL(live_read(&back, dir, &err), 0);
    CU_ASSERT_EQUAL(back.trials, 49);
    live_clear(&back);
    CU_ASSERT_EQUAL(live_write("/nowhere", &live, &err), ERR_IO);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(text_comes_back_as_it_was),
        SUITE_TEST(every_shorter_text_is_refused),
        SUITE_TEST(wrong_types_and_ranges_are_refused),
        SUITE_TEST(more_workers_than_are_told_are_refused),
        SUITE_TEST(control_characters_do_not_reach_a_terminal),
        SUITE_TEST(file_is_replaced_and_read),
        {NULL, NULL},
    };
    return suite_run("live", tests);
}
