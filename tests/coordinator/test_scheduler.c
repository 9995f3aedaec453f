#include "coordinator/scheduler.h"

#include "tests/support/suite.h"

#include <math.h>

static struct scheduler_plan plan_of(enum scheduler_kind kind, int max_epochs)
{
    return (struct scheduler_plan){.kind = kind,
                                   .min_epochs = 1,
                                   .max_epochs = max_epochs,
                                   .eta = 3,
                                   .brackets = 1,
                                   .quantile = 0.25,
                                   .seed = 1,
                                   .tasks = 1};
}

/* Trials first…last, each by itself. */
static void add(struct scheduler *s, int first, int last)
{
    for (int i = first; i <= last; i++)
        CU_ASSERT(scheduler_add(s, i, i, 1, 0) >= 0);
}

static int granted_report(struct scheduler *s, int trial, int epoch, double score)
{
    scheduler_granted(s, trial);
    return scheduler_report(s, trial, epoch, score);
}

static int64_t resumed(const struct scheduler *s)
{
    struct scheduler_step step = scheduler_next(s);

    return step.move == MOVE_RESUME ? step.trial : 0;
}

static void without_a_rule_every_report_goes_on(void)
{
    struct scheduler_plan plan = {.kind = SCHEDULER_NONE, .tasks = 1};
    struct scheduler *s = scheduler_new(&plan);

    CU_ASSERT_EQUAL(scheduler_add(s, 1, 1, 1, 0), 0);
    for (int epoch = 1; epoch <= 5; epoch++)
        CU_ASSERT_EQUAL(granted_report(s, 1, epoch, NAN), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_next(s).move, MOVE_NONE);
    CU_ASSERT_EQUAL(scheduler_rung(s, 1), -1);
    CU_ASSERT_EQUAL(scheduler_until(s, 1), 0);
    scheduler_free(s);
}

static void rungs_end_at_the_most_epochs(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 20);
    plan.min_epochs = 2;
    plan.brackets = 9; /* more than there can be */
    struct scheduler *s = scheduler_new(&plan);
    static const int epochs[3][4] = {{2, 6, 20, 0}, {6, 20, 0, 0}, {20, 0, 0, 0}};

    for (int bracket = 0; bracket < 3; bracket++)
        for (int rung = 0; rung < 4; rung++)
            CU_ASSERT_EQUAL(scheduler_rung_epochs(s, bracket, rung),
                            epochs[bracket][rung]);
    CU_ASSERT_EQUAL(scheduler_rung_epochs(s, 3, 0), 0);
    scheduler_free(s);
    plan.kind = SCHEDULER_HYPERBAND;
    s = scheduler_new(&plan);
    CU_ASSERT_EQUAL(scheduler_rung_epochs(s, 0, 0), 2); /* 20 / 9 */
    CU_ASSERT_EQUAL(scheduler_rung_epochs(s, 0, 1), 7); /* 20 / 3 */
    CU_ASSERT_EQUAL(scheduler_rung_epochs(s, 2, 0), 20);
    scheduler_free(s);
}

static void brackets_fill_in_hyperbands_proportion(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    plan.brackets = 3;
    struct scheduler *s = scheduler_new(&plan);
    int counts[3] = {0};

    for (int i = 1; i <= 170; i++) { /* weights 9, 5, 3 */
        int until = scheduler_add(s, i, i, 1, 0), bracket = scheduler_bracket(s, i);
        CU_ASSERT_EQUAL(until, bracket == 2 ? 0 : bracket == 1 ? 3 : 1);
        counts[bracket]++;
    }
    CU_ASSERT_EQUAL(counts[0], 90);
    CU_ASSERT_EQUAL(counts[1], 50);
    CU_ASSERT_EQUAL(counts[2], 30);
    scheduler_free(s);
}

static void the_best_third_is_promoted_once(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 6);
    CU_ASSERT_EQUAL(granted_report(s, 1, 1, 0.5), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(granted_report(s, 2, 1, 0.7), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(resumed(s), 0);
    CU_ASSERT_EQUAL(granted_report(s, 3, 1, 0.6), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(resumed(s), 2);
    CU_ASSERT_EQUAL(resumed(s), 2); /* asking changes nothing */
    CU_ASSERT(scheduler_is_paused(s, 2));
    CU_ASSERT_EQUAL(scheduler_rung(s, 2), 0);
    scheduler_granted(s, 2);
    CU_ASSERT(!scheduler_is_paused(s, 2));
    CU_ASSERT_EQUAL(scheduler_until(s, 2), 3);
    CU_ASSERT_EQUAL(resumed(s), 0);
    CU_ASSERT_EQUAL(scheduler_report(s, 2, 2, 0.1), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 2, 3, 0.1), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(scheduler_rung(s, 2), 1);
    scheduler_free(s);
}

static void undefined_scores_rank_last_and_equals_by_number(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 3);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 9);
    granted_report(s, 1, 1, NAN);
    granted_report(s, 4, 1, -100);
    granted_report(s, 3, 1, -100);
    CU_ASSERT_EQUAL(resumed(s), 3);
    granted_report(s, 5, 1, NAN);
    granted_report(s, 6, 1, NAN);
    granted_report(s, 2, 1, NAN);
    CU_ASSERT_EQUAL(resumed(s), 3);
    scheduler_granted(s, 3);
    CU_ASSERT_EQUAL(resumed(s), 4);
    scheduler_free(s);
}

static void trial_begun_anew_disturbs_no_rung(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 4);
    for (int i = 1; i <= 3; i++)
        granted_report(s, i, 1, i);
    scheduler_granted(s, 3);
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 2, 0.5), VERDICT_CONTINUE);
    scheduler_granted(s, 3); /* its worker and its checkpoint were lost */
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 1, 0.1), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 2, 0.1), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(resumed(s), 0); /* 3 were judged, not 4 */
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 3, 0.9), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 3, 0.2), VERDICT_PAUSE);
    scheduler_free(s);
}

static void report_of_a_paused_trial_means_that_it_was_granted(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 4);
    for (int i = 1; i <= 3; i++)
        CU_ASSERT_EQUAL(scheduler_report(s, i, 1, i), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(scheduler_report(s, 3, 2, 1), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(resumed(s), 0);
    CU_ASSERT_EQUAL(scheduler_report(s, 77, 1, 1), VERDICT_CONTINUE); /* unknown */
    scheduler_free(s);
}

static void failed_trial_is_the_worst_where_it_was_going(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 6);
    granted_report(s, 1, 1, 0.1);
    for (int i = 2; i <= 3; i++)
        CU_ASSERT_EQUAL(scheduler_ended(s, i, true), 0);
    CU_ASSERT_EQUAL(resumed(s), 1); /* the best of 3 */
    CU_ASSERT_EQUAL(scheduler_ended(s, 1, false), 0);
    CU_ASSERT_EQUAL(scheduler_ended(s, 1, false), 0);
    CU_ASSERT_EQUAL(resumed(s), 0); /* it keeps its place */
    scheduler_free(s);
}

static void seeds_are_judged_by_their_mean_and_go_on_together(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    plan.judge = JUDGE_MEAN;
    struct scheduler *s = scheduler_new(&plan);

    for (int i = 1; i <= 6; i++)
        scheduler_add(s, i, 10 * ((i + 1) / 2), 2, 0);
    granted_report(s, 1, 1, 0.9);
    granted_report(s, 2, 1, 0.1);
    granted_report(s, 3, 1, 0.6);
    granted_report(s, 4, 1, 0.6);
    granted_report(s, 5, 1, 0.4);
    CU_ASSERT_EQUAL(resumed(s), 0); /* two units are judged */
    scheduler_granted(s, 6);
    scheduler_ended(s, 6, true); /* the mean is that of the other one */
    CU_ASSERT_EQUAL(resumed(s), 3);
    scheduler_granted(s, 3);
    CU_ASSERT_EQUAL(resumed(s), 4);
    scheduler_granted(s, 4);
    CU_ASSERT_EQUAL(resumed(s), 0);
    scheduler_free(s);
}

static void units_are_judged_as_they_are_once_complete(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 3);
    plan.judge = JUDGE_MEAN;
    struct scheduler *s = scheduler_new(&plan);

    for (int i = 1; i <= 3; i++) {
        scheduler_add(s, i, i, 2, 0); /* the second seeds never come */
        granted_report(s, i, 1, i);
    }
    CU_ASSERT_EQUAL(resumed(s), 0);
    CU_ASSERT_EQUAL(scheduler_complete(s), 0);
    CU_ASSERT_EQUAL(resumed(s), 3);
    scheduler_free(s);
}

static void tasks_are_never_compared(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_ASHA, 9);
    plan.tasks = 2;
    struct scheduler *s = scheduler_new(&plan);

    for (int i = 1; i <= 6; i++)
        scheduler_add(s, i, i, 1, i % 2);
    for (int i = 1; i <= 4; i++)
        granted_report(s, i, 1, i % 2 ? i : 100 + i);
    CU_ASSERT_EQUAL(resumed(s), 0);
    granted_report(s, 5, 1, 0);
    CU_ASSERT_EQUAL(resumed(s), 3);
    scheduler_free(s);
}

static void hyperband_waits_until_a_bracket_is_full_or_complete(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_HYPERBAND, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 5); /* of 9 */
    for (int i = 1; i <= 5; i++)
        CU_ASSERT_EQUAL(granted_report(s, i, 1, i), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(resumed(s), 0);
    scheduler_granted(s, 5); /* nobody has offered it */
    CU_ASSERT(scheduler_is_paused(s, 5));
    CU_ASSERT_EQUAL(scheduler_complete(s), 0);
    CU_ASSERT_EQUAL(resumed(s), 5);
    scheduler_granted(s, 5);
    CU_ASSERT_EQUAL(resumed(s), 0);
    CU_ASSERT_EQUAL(scheduler_report(s, 5, 3, 1), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(resumed(s), 5); /* at least one goes to the end */
    scheduler_free(s);
}

static void ended_trial_leaves_its_place_to_the_next_best(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_HYPERBAND, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 9);
    for (int i = 1; i <= 9; i++)
        granted_report(s, i, 1, i);
    CU_ASSERT_EQUAL(resumed(s), 9);
    scheduler_ended(s, 9, false);
    for (int i = 8; i >= 6; i--) {
        CU_ASSERT_EQUAL(resumed(s), i);
        scheduler_granted(s, i);
        CU_ASSERT_EQUAL(scheduler_report(s, i, 3, i), VERDICT_PAUSE);
    }
    CU_ASSERT_EQUAL(resumed(s), 8);
    scheduler_free(s);
}

static void bracket_whose_trials_all_end_is_over(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_HYPERBAND, 9);
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 9);
    for (int i = 1; i <= 9; i++)
        granted_report(s, i, 1, i);
    for (int i = 1; i <= 9; i++)
        scheduler_ended(s, i, i % 2);
    CU_ASSERT_EQUAL(scheduler_next(s).move, MOVE_NONE);
    scheduler_free(s);
}

static void trial_below_the_median_of_others_stops(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_MEDIAN, 4);
    plan.min_epochs = 2;
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 5);
    for (int i = 1; i <= 3; i++)
        for (int epoch = 1; epoch <= 4; epoch++)
            CU_ASSERT_EQUAL(granted_report(s, i, epoch, i), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(granted_report(s, 4, 1, 0), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 4, 2, 2), VERDICT_CONTINUE); /* as good */
    CU_ASSERT_EQUAL(granted_report(s, 5, 1, 0), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 5, 2, 1.4), VERDICT_STOP); /* 1, 1, 2, 3 */
    CU_ASSERT_EQUAL(scheduler_report(s, 5, 2, 9), VERDICT_STOP);
    CU_ASSERT_EQUAL(scheduler_report(s, 5, 3, 9), VERDICT_STOP);
    scheduler_free(s);
}

/* Eight trials; the first seven have scores of their numbers. */
static struct scheduler *population(int *max_epochs)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_PBT, *max_epochs);
    plan.min_epochs = 2;
    struct scheduler *s = scheduler_new(&plan);

    add(s, 1, 8);
    CU_ASSERT_EQUAL(scheduler_complete(s), 0);
    for (int i = 1; i <= 8; i++)
        scheduler_granted(s, i);
    for (int i = 7; i >= 1; i--)
        scheduler_report(s, i, 1, i);
    return s;
}

static void bottom_trial_is_replaced_by_a_copy_of_a_top_one(void)
{
    int max_epochs = 8;
    struct scheduler *s = population(&max_epochs);

    CU_ASSERT_EQUAL(scheduler_report(s, 8, 1, 0.5), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 5, 2, 5), VERDICT_CONTINUE);
    CU_ASSERT_EQUAL(scheduler_report(s, 8, 2, 0.5), VERDICT_PAUSE);
    struct scheduler_step step = scheduler_next(s);
    CU_ASSERT_EQUAL(step.move, MOVE_FORK);
    CU_ASSERT_EQUAL(step.loser, 8);
    CU_ASSERT(step.trial == 7 || step.trial == 6);
    CU_ASSERT_EQUAL(step.draw, 1);
    CU_ASSERT_EQUAL(scheduler_forked(s, 9, step.trial, 8, 1), 0);
    CU_ASSERT_EQUAL(scheduler_next(s).move, MOVE_NONE);
    CU_ASSERT(!scheduler_is_paused(s, 8));
    CU_ASSERT_EQUAL(scheduler_rung(s, 9), -1);
    CU_ASSERT_EQUAL(scheduler_until(s, 9), 2);
    CU_ASSERT_EQUAL(scheduler_report(s, 9, 1, 0), VERDICT_CONTINUE); /* its parent's */
    CU_ASSERT_EQUAL(scheduler_report(s, 9, 2, 0), VERDICT_PAUSE);
    CU_ASSERT_EQUAL(scheduler_next(s).draw, 2);
    scheduler_free(s);
}

static void loser_goes_on_where_nobody_is_left_to_copy(void)
{
    int max_epochs = 8;
    struct scheduler *s = population(&max_epochs);

    scheduler_report(s, 8, 2, 0.5);
    for (int i = 1; i <= 7; i++)
        scheduler_ended(s, i, i % 2);
    CU_ASSERT_EQUAL(resumed(s), 8);
    scheduler_granted(s, 8);
    for (int epoch = 3; epoch <= max_epochs; epoch++)
        CU_ASSERT_EQUAL(scheduler_report(s, 8, epoch, 0), VERDICT_CONTINUE);
    scheduler_free(s);
}

static void population_larger_than_the_workers_moves_on_together(void)
{
    struct scheduler_plan plan = plan_of(SCHEDULER_PBT, 4);
    struct scheduler *s = scheduler_new(&plan);
    int epochs[4] = {0};

    add(s, 1, 3);
    scheduler_complete(s);
    for (int i = 1; i <= 3; i++) { /* new ones first */
        CU_ASSERT_EQUAL(scheduler_next(s).move, MOVE_NONE);
        CU_ASSERT_EQUAL(granted_report(s, i, ++epochs[i], i),
                        i < 3 ? VERDICT_PAUSE : VERDICT_CONTINUE);
    }
    CU_ASSERT_EQUAL(scheduler_report(s, 3, ++epochs[3], 3), VERDICT_PAUSE);
    for (int i; (i = (int)resumed(s)) > 0;) {
        scheduler_granted(s, i);
        if (scheduler_report(s, i, ++epochs[i], i) == VERDICT_CONTINUE &&
            epochs[i] == 4)
            scheduler_ended(s, i, false);
        else if (!scheduler_is_paused(s, i)) /* nobody is behind it: once more */
            scheduler_report(s, i, ++epochs[i], i);
    }
    for (int i = 1; i <= 3; i++)
        CU_ASSERT_EQUAL(epochs[i], 4);
    scheduler_free(s);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(without_a_rule_every_report_goes_on),
        SUITE_TEST(rungs_end_at_the_most_epochs),
        SUITE_TEST(brackets_fill_in_hyperbands_proportion),
        SUITE_TEST(the_best_third_is_promoted_once),
        SUITE_TEST(undefined_scores_rank_last_and_equals_by_number),
        SUITE_TEST(trial_begun_anew_disturbs_no_rung),
        SUITE_TEST(report_of_a_paused_trial_means_that_it_was_granted),
        SUITE_TEST(failed_trial_is_the_worst_where_it_was_going),
        SUITE_TEST(seeds_are_judged_by_their_mean_and_go_on_together),
        SUITE_TEST(units_are_judged_as_they_are_once_complete),
        SUITE_TEST(tasks_are_never_compared),
        SUITE_TEST(hyperband_waits_until_a_bracket_is_full_or_complete),
        SUITE_TEST(ended_trial_leaves_its_place_to_the_next_best),
        SUITE_TEST(bracket_whose_trials_all_end_is_over),
        SUITE_TEST(trial_below_the_median_of_others_stops),
        SUITE_TEST(bottom_trial_is_replaced_by_a_copy_of_a_top_one),
        SUITE_TEST(loser_goes_on_where_nobody_is_left_to_copy),
        SUITE_TEST(population_larger_than_the_workers_moves_on_together),
        {NULL, NULL},
    };

    return suite_run("scheduler", tests);
}
