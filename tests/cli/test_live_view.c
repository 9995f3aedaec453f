/* Lines for a terminal: what they say, and that they fit. */
#include "cli/live_view.h"
#include "cli/run_state.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct live_worker workers[] = {
    {.number = 1,
     .host = "n1",
     .activity = LIVE_COMPUTES,
     .trial = 12,
     .task = "mrpc",
     .config = 4,
     .epoch = 3,
     .epochs = 10,
     .seed = 1,
     .for_s = 32},
    {.number = 2, .host = "n2", .activity = LIVE_IDLE},
    {.number = 3, .host = "n2", .activity = LIVE_GONE},
};
static struct live_task tasks[] = {{.name = "mrpc", .best = 0.8427}};
static struct live_rung rungs[] = {
    {.rung = 0, .epochs = 1, .paused = 4, .stopped = 5, .on = 1},
    {.rung = 1, .epochs = 3, .paused = 2, .stopped = 0, .on = 0}};
static const struct live run = {
    .ran_s = 720,
    .trials = 48,
    .states = {[TRIAL_DONE] = 12, [TRIAL_RUNNING] = 1, [TRIAL_PAUSED] = 6},
    .per_second = 118.4,
    .examples_left = 118.4 * 170,
    .activities = {[LIVE_COMPUTES] = 1, [LIVE_IDLE] = 1, [LIVE_GONE] = 1},
    .worker_count = 3,
    .task_count = 1,
    .rung_count = 2,
    .workers = workers,
    .tasks = tasks,
    .rungs = rungs,
};

static char *draw(int columns, int lines)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    live_view_print(out, &run, (struct view_size){columns, lines});
    fclose(out);
    return text;
}

static void view_tells_everything(void)
{
    char *text = draw(0, 0);
    CU_ASSERT_STRING_EQUAL(
        text,
        "48 trials: 12 done, 1 running, 6 paused\n"
        "for 12 min, 118 training examples/s, 3 min left if no trial stops early\n"
        "best so far: mrpc 0.8427\n"
        "  rung 0 (epoch 1): 12 trials so far; 4 wait, 5 stopped here\n"
        "  rung 1 (epoch 3): 2 trials so far; 2 wait, 0 stopped here\n"
        "3 workers: 1 computing, 1 idle, 1 gone\n"
        "    1 n1: computes trial 12 (mrpc, configuration 4, seed 1), epoch 3 of 10, "
        "for 32 s\n"
        "    2 n2: idle\n"
        "    3 n2: gone\n");
    free(text);
}

static void view_fits_every_terminal(void)
{
    for (int columns = 1; columns < 100; columns++)
        for (int lines = 5; lines < 12; lines++) {
            char *text = draw(columns, lines);
            int count = 0;
            for (char *at = text; *at; at += strcspn(at, "\n") + 1, count++)
                CU_ASSERT(strcspn(at, "\n") <= (size_t)columns);
            CU_ASSERT(count <= lines);
            free(text);
        }
}

static void what_does_not_fit_is_counted(void)
{
    char *text = draw(0, 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "and 2 rungs more"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "and 2 workers more"));
    free(text);
}

static void characters_are_not_cut_in_two(void)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    view_line(out, 3, "aäöü");
    fclose(out);
    CU_ASSERT_STRING_EQUAL(text, "aäö\n");
    free(text);
}

static void phase_follows_from_the_lock_and_its_holder(void)
{
    CU_ASSERT_EQUAL(run_phase_of(false, true, true, 0), RUN_ENDED);
    CU_ASSERT_EQUAL(run_phase_of(true, true, true, 1), RUN_RUNNING);
    CU_ASSERT_EQUAL(run_phase_of(true, true, false, 1), RUN_GONE);
    CU_ASSERT_EQUAL(run_phase_of(true, false, false, 1), RUN_RUNNING);
    CU_ASSERT_EQUAL(run_phase_of(true, false, true, 300), RUN_SILENT);
}

static void silent_coordinator_of_another_host_is_said(void)
{
    struct run_state state = {
        .phase = RUN_SILENT, .silent_s = 120, .holder = {.host = "far", .pid = 9}};
    char text[512];
    run_state_text(text, sizeof text, &state, "r");
    CU_ASSERT_STRING_EQUAL(text, "r: running, coordinated by process 9 on far, as its "
                                 "lock says; no sign of it for 2 min: if it is dead or "
                                 "cut off, the same command goes on");
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(view_tells_everything),
        SUITE_TEST(view_fits_every_terminal),
        SUITE_TEST(what_does_not_fit_is_counted),
        SUITE_TEST(characters_are_not_cut_in_two),
        SUITE_TEST(phase_follows_from_the_lock_and_its_holder),
        SUITE_TEST(silent_coordinator_of_another_host_is_said),
        {NULL, NULL},
    };
    return suite_run("live_view", tests);
}
