/* Which trials count for how a run ends. */
#include "coordinator/tally.h"

#include "tests/support/suite.h"

enum { TRIALS = 6 };

static struct trial_table *table;

static void begin(const enum trial_state states[TRIALS])
{
    struct trial_policy policy = {.attempts = 3};

    table = trial_table_new(TRIALS, 1, policy, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    for (int i = 0; i < TRIALS; i++)
        trial_table_restore(table, i + 1, &(struct trial_restored){.state = states[i]});
    trial_table_worker_joined(table, 0, 0);
}

static void check(const struct tally *tally, int exit_code, int done, int given_up,
                  int left)
{
    struct outcome outcome = tally_outcome(tally, table);

    CU_ASSERT_EQUAL(outcome.exit_code, exit_code);
    CU_ASSERT_EQUAL(outcome.done, done);
    CU_ASSERT_EQUAL(outcome.given_up, given_up);
    CU_ASSERT_EQUAL(outcome.left, left);
}

static void trials_that_the_job_does_not_name_do_not_count(void)
{
    static const enum trial_state states[TRIALS] = {TRIAL_DONE,     TRIAL_FAILED,
                                                    TRIAL_GIVEN_UP, TRIAL_QUEUED,
                                                    TRIAL_STOPPED,  TRIAL_DONE};
    static const bool wanted[TRIALS] = {true, false, false, true, false, false};

    begin(states);
    struct tally tally = tally_of(table, wanted, TRIALS);
    check(&tally, 75, 1, 0, 1);
    struct trial_lease lease = trial_table_grant(table, 0, 0);
    check(&tally, 75, 1, 0, 1);
    CU_ASSERT_EQUAL(tally_count(&tally, table, TRIAL_RUNNING), 1);
    trial_table_ended(table, lease.trial, lease.lease, TRIAL_DONE, 0);
    check(&tally, 0, 2, 0, 0);
    CU_ASSERT_EQUAL(tally_count(&tally, table, TRIAL_DONE), 2);
    trial_table_free(table);
}

static void trials_of_the_job_that_failed_make_the_exit_code_3(void)
{
    static const enum trial_state states[TRIALS] = {TRIAL_DONE,     TRIAL_FAILED,
                                                    TRIAL_GIVEN_UP, TRIAL_DONE,
                                                    TRIAL_STOPPED,  TRIAL_DONE};
    static const bool wanted[TRIALS] = {true, true, true, true, true, true};

    begin(states);
    struct tally tally = tally_of(table, wanted, TRIALS);
    check(&tally, 3, 4, 2, 0);
    trial_table_free(table);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(trials_that_the_job_does_not_name_do_not_count),
        SUITE_TEST(trials_of_the_job_that_failed_make_the_exit_code_3),
        {NULL, NULL},
    };

    return suite_run("tally", tests);
}
