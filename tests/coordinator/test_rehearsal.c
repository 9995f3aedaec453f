/* How long imaginary sweeps take. */
#include "coordinator/rehearsal.h"

#include "tests/support/suite.h"

#include <math.h>

enum { MOST = 243 };

static struct rehearsal_trial trials[MOST];
static struct rehearsal_kind kinds[2];

/* So many trials of the first kind, judged each. */
static struct rehearsal_plan plan_of(int count, int workers, int workers_per_trial)
{
    for (int i = 0; i < count; i++)
        trials[i] = (struct rehearsal_trial){.unit = i, .members = 1};
    return (struct rehearsal_plan){.kinds = kinds,
                                   .trials = trials,
                                   .trial_count = count,
                                   .workers = workers,
                                   .workers_per_trial = workers_per_trial,
                                   .scheduler = {.tasks = 1}};
}

static void set_kind(int kind, double start_s, double epoch_s, double end_s, int epochs)
{
    kinds[kind] = (struct rehearsal_kind){start_s, epoch_s, end_s, epochs, 8};
}

static struct rehearsal run(const struct rehearsal_plan *plan)
{
    struct rehearsal result;

    CU_ASSERT_EQUAL(rehearse(&result, plan), 0);
    return result;
}

static void check_seconds(const struct rehearsal_plan *plan, double seconds)
{
    CU_ASSERT_DOUBLE_EQUAL(run(plan).seconds, seconds, 1e-9);
}

static void trials_are_handed_out_in_their_order(void)
{
    set_kind(0, 0.5, 1, 0.5, 2);
    set_kind(1, 0, 10, 0, 1);
    struct rehearsal_plan plan = plan_of(5, 2, 1);
    check_seconds(&plan, 9); /* 3 + 3 + 3 and 3 + 3 */
    CU_ASSERT_EQUAL(run(&plan).epochs, 10);
    trials[4].kind = 1; /* the long one comes last */
    check_seconds(&plan, 16);
    trials[4].kind = 0;
    trials[0].kind = 1;
    check_seconds(&plan, 12); /* 10 beside four of 3 */
}

static void more_workers_than_trials_do_not_help_where_nobody_may(void)
{
    set_kind(0, 0, 4, 0, 1);
    struct rehearsal_plan plan = plan_of(3, 3, 1);
    check_seconds(&plan, 4);
    plan.workers = 12;
    check_seconds(&plan, 4);
}

static void idle_workers_help_with_what_is_left(void)
{
    set_kind(0, 0, 4, 0, 1);
    struct rehearsal_plan plan = plan_of(1, 2, 0);
    check_seconds(&plan, 4 / 1.85);
    plan = plan_of(2, 3, 0); /* the third helps both */
    check_seconds(&plan, 4 / (1 + 0.85 / 2));
}

static void a_batch_has_no_more_helpers_than_microshards(void)
{
    set_kind(0, 0, 8, 0, 1);
    struct rehearsal_plan plan = plan_of(1, 100, 0);
    check_seconds(&plan, 8 / fmin(8, 1 + 0.85 * 7));
    kinds[0].shards = 3; /* of two workers one has two of them */
    plan.workers = 2;
    check_seconds(&plan, 8 / 1.5);
    kinds[0].shards = 1;
    check_seconds(&plan, 8);
}

static void a_crew_of_two_for_each_trial_halves_the_places(void)
{
    set_kind(0, 0, 1.85, 0, 1);
    struct rehearsal_plan plan = plan_of(4, 4, 2);
    check_seconds(&plan, 2);
}

static void no_epoch_is_begun_beyond_the_limit(void)
{
    set_kind(0, 0, 1, 0, 5);
    struct rehearsal_plan plan = plan_of(4, 2, 1);
    plan.epoch_limit = 7;
    CU_ASSERT_EQUAL(run(&plan).epochs, 7);
    check_seconds(&plan, 4);
}

static struct rehearsal_plan asha(int count, int workers)
{
    struct rehearsal_plan plan = plan_of(count, workers, 1);

    set_kind(0, 0, 1, 0, 9);
    plan.scheduler = (struct scheduler_plan){.kind = SCHEDULER_ASHA,
                                             .min_epochs = 1,
                                             .max_epochs = 9,
                                             .eta = 3,
                                             .brackets = 1,
                                             .tasks = 1};
    return plan;
}

/* Synchronous halving of 27 would train 27 + 9·2 + 3·6 = 63 epochs; who is promoted
 * early, before better ones have come, adds to that. */
static void asha_trains_few_trials_to_the_end(void)
{
    struct rehearsal_plan plan = asha(27, 1);
    struct rehearsal result;

    CU_ASSERT_EQUAL(rehearse_mean(&result, &plan), 0);
    CU_ASSERT_TRUE(result.epochs >= 63 && result.epochs <= 90);
    CU_ASSERT_DOUBLE_EQUAL(result.seconds, (double)result.epochs, 0.6);
}

static void hyperband_takes_what_its_table_says(void)
{
    struct rehearsal_plan plan = asha(9 + 5 + 3, 1);

    /* R = 9, eta = 3: 9, 3, 1 trials at 1, 3, 9 epochs; 5, 1 at 3, 9; 3 at 9 */
    plan.scheduler.kind = SCHEDULER_HYPERBAND;
    CU_ASSERT_EQUAL(run(&plan).epochs, 9 + 3 * 2 + 6 + 5 * 3 + 6 + 3 * 9);
}

static void a_population_trains_to_its_end(void)
{
    struct rehearsal_plan plan = asha(8, 4);

    plan.scheduler.kind = SCHEDULER_PBT;
    plan.scheduler.quantile = 0.25;
    plan.scheduler.min_epochs = 3;
    /* whoever takes the state of one that is ahead skips what is between */
    int64_t epochs = run(&plan).epochs;
    CU_ASSERT_TRUE(epochs <= 8 * 9 && epochs >= 8 * 9 - 3 * 3);
}

static void useful_workers_end_where_trials_do(void)
{
    int useful;
    set_kind(0, 0, 4, 0, 1);
    struct rehearsal_plan plan = plan_of(12, 1, 1);
    CU_ASSERT_EQUAL(rehearse_useful(&useful, &plan), 0);
    CU_ASSERT_EQUAL(useful, 12);
    trials[0].kind = 1; /* as long as five others: more than four have no use */
    set_kind(1, 0, 20, 0, 1);
    CU_ASSERT_EQUAL(rehearse_useful(&useful, &plan), 0);
    CU_ASSERT_EQUAL(useful, 4);
}

static void helpers_are_of_use_beyond_the_trials(void)
{
    int useful;
    set_kind(0, 0, 4, 0, 1);
    struct rehearsal_plan plan = plan_of(2, 1, 0);
    CU_ASSERT_EQUAL(rehearse_useful(&useful, &plan), 0);
    CU_ASSERT_EQUAL(useful, 16); /* eight microshards each */
}

static const struct suite_test tests[] = {
    SUITE_TEST(trials_are_handed_out_in_their_order),
    SUITE_TEST(more_workers_than_trials_do_not_help_where_nobody_may),
    SUITE_TEST(idle_workers_help_with_what_is_left),
    SUITE_TEST(a_batch_has_no_more_helpers_than_microshards),
    SUITE_TEST(a_crew_of_two_for_each_trial_halves_the_places),
    SUITE_TEST(no_epoch_is_begun_beyond_the_limit),
    SUITE_TEST(asha_trains_few_trials_to_the_end),
    SUITE_TEST(hyperband_takes_what_its_table_says),
    SUITE_TEST(a_population_trains_to_its_end),
    SUITE_TEST(useful_workers_end_where_trials_do),
    SUITE_TEST(helpers_are_of_use_beyond_the_trials),
    {NULL, NULL},
};

int main(void) { return suite_run("rehearsal", tests); }
