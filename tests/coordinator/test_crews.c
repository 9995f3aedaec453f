/* Who helps whom, by trial table, events and time. */
#include "coordinator/crews.h"
#include "tests/support/suite.h"

enum { WORKERS = 6 };

static struct trial_table *table;
static struct crews *crews;

static void begin(int trials, int workers_per_trial)
{
    struct crew_policy policy = {
        .workers_per_trial = workers_per_trial, .attempts = 2, .settle_s = 1};

    table = trial_table_new(trials, WORKERS, (struct trial_policy){.attempts = 3}, 0);
    crews = crews_new(WORKERS, policy);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crews);
    for (int w = 0; w < WORKERS; w++) {
        trial_table_worker_joined(table, w, 0);
        crews_place(crews, w, w / 3, 0); /* two nodes with three workers each */
    }
}

static void end(void)
{
    crews_free(crews);
    trial_table_free(table);
}

/* Every worker that may lead gets a trial, as long as there are any. */
static void grant_all(double now)
{
    for (int w = 0; w < WORKERS; w++)
        if (trial_table_held(table, w) == 0 && crews_may_lead(crews, table, w))
            trial_table_grant(table, w, now);
    crews_look(crews, table, now);
}

static int joins(double now)
{
    struct crew_bond bond;
    int count = 0;

    while (crews_next_to_join(crews, table, now, &bond))
        count++;
    return count;
}

static int leaves(void)
{
    struct crew_bond bond;
    int count = 0;

    while (crews_next_to_leave(crews, table, &bond))
        count++;
    return count;
}

static int helpers_of(int leader)
{
    struct crew_bond bond;
    int count = 0;

    for (int w = 0; w < WORKERS; w++)
        count += crews_bond(crews, w, &bond) && bond.leader == leader;
    return count;
}

static void finish(int worker, double now)
{
    struct trial_lease lease = trial_table_computing(table, worker);

    trial_table_ended(table, lease.trial, lease.lease, TRIAL_DONE, now);
}

static void whoever_has_nothing_to_do_helps_once_no_trial_waits(void)
{
    begin(8, 0);
    grant_all(0);
    CU_ASSERT_EQUAL(joins(5), 0); /* all are busy, two trials wait */
    finish(0, 5);
    finish(1, 5);
    grant_all(5);
    finish(2, 6);
    grant_all(6);
    CU_ASSERT_EQUAL(joins(6), 1); /* worker 2 */
    CU_ASSERT_EQUAL(joins(6), 0);
    end();
}

static void trials_that_have_just_begun_get_no_helpers(void)
{
    begin(1, 0);
    grant_all(3);
    CU_ASSERT_EQUAL(joins(3.5), 0);
    crews_look(crews, table, 4);
    CU_ASSERT_EQUAL(joins(4), WORKERS - 1);
    end();
}

static void helpers_are_spread_and_keep_to_their_node(void)
{
    struct crew_bond bond;

    begin(2, 0);
    trial_table_grant(table, 0, 0);
    trial_table_grant(table, 3, 0);
    crews_look(crews, table, 0);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), 4);
    CU_ASSERT(helpers_of(0) == 2 && helpers_of(3) == 2);
    CU_ASSERT(crews_bond(crews, 1, &bond) && bond.leader == 0);
    CU_ASSERT(crews_bond(crews, 5, &bond) && bond.leader == 3);
    CU_ASSERT(bond.trial == 2 && bond.lease == trial_table_computing(table, 3).lease);
    end();
}

static void other_numerics_never_help(void)
{
    begin(1, 0);
    for (int w = 1; w < WORKERS; w++)
        crews_place(crews, w, 0, 1);
    grant_all(0);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), 0);
    end();
}

static void so_many_workers_on_each_trial_from_the_start(void)
{
    begin(10, 3);
    grant_all(0);
    CU_ASSERT_EQUAL(trial_table_busy(table), 2);
    CU_ASSERT_EQUAL(joins(0), 4);
    for (int w = 0; w < WORKERS; w++)
        if (trial_table_held(table, w))
            CU_ASSERT_EQUAL(helpers_of(w), 2);
    grant_all(1);
    CU_ASSERT_EQUAL(trial_table_busy(table), 2);
    end();
}

static void one_worker_a_trial_means_no_helpers(void)
{
    begin(1, 1);
    grant_all(0);
    crews_look(crews, table, 9);
    CU_ASSERT_EQUAL(joins(9), 0);
    end();
}

static void helpers_leave_when_the_lease_ends(void)
{
    begin(1, 0);
    grant_all(0);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), WORKERS - 1);
    CU_ASSERT_EQUAL(leaves(), 0);
    trial_table_worker_lost(table, 0); /* the leader */
    crews_look(crews, table, 3);
    CU_ASSERT_EQUAL(leaves(), WORKERS - 1);
    CU_ASSERT_EQUAL(leaves(), 0); /* they are told once */
    CU_ASSERT(!crews_may_lead(crews, table, 1));
    CU_ASSERT(!crews_overdue(crews, 1, 4, 5));
    CU_ASSERT(crews_overdue(crews, 1, 9, 5));
    crews_freed(crews, 1);
    CU_ASSERT(!crews_overdue(crews, 1, 9, 5));
    CU_ASSERT(crews_may_lead(crews, table, 1));
    end();
}

static void a_helper_leaves_for_a_trial_that_waits(void)
{
    begin(2, 0);
    trial_table_grant(table, 0, 0);
    trial_table_grant(table, 1, 0);
    crews_look(crews, table, 0);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), 4);
    trial_table_worker_lost(table, 1);
    crews_look(crews, table, 3);
    int own = 0;
    for (int w = 2; w < WORKERS; w++) {
        struct crew_bond bond;
        own += crews_bond(crews, w, &bond) && bond.leader == 1;
    }
    CU_ASSERT_EQUAL(leaves(), own > 1 ? own : 1);
    end();
}

static void nobody_helps_with_a_trial_that_has_cost_helpers(void)
{
    struct crew_bond bond;

    begin(1, 0);
    grant_all(0);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), WORKERS - 1);
    CU_ASSERT(crews_lost(crews, 1, &bond));
    CU_ASSERT(bond.leader == 0 && bond.trial == 1);
    CU_ASSERT(!crews_lost(crews, 1, &bond));
    crews_freed(crews, 2); /* it could not help */
    CU_ASSERT_EQUAL(helpers_of(0), 3);
    crews_look(crews, table, 3);
    CU_ASSERT_EQUAL(joins(3), 0);
    end();
}

static void nobody_joins_while_the_run_is_stopping(void)
{
    begin(1, 0);
    grant_all(0);
    trial_table_stop(table);
    crews_look(crews, table, 2);
    CU_ASSERT_EQUAL(joins(2), 0);
    end();
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(whoever_has_nothing_to_do_helps_once_no_trial_waits),
        SUITE_TEST(trials_that_have_just_begun_get_no_helpers),
        SUITE_TEST(helpers_are_spread_and_keep_to_their_node),
        SUITE_TEST(other_numerics_never_help),
        SUITE_TEST(so_many_workers_on_each_trial_from_the_start),
        SUITE_TEST(one_worker_a_trial_means_no_helpers),
        SUITE_TEST(helpers_leave_when_the_lease_ends),
        SUITE_TEST(a_helper_leaves_for_a_trial_that_waits),
        SUITE_TEST(nobody_helps_with_a_trial_that_has_cost_helpers),
        SUITE_TEST(nobody_joins_while_the_run_is_stopping),
        {NULL, NULL},
    };

    return suite_run("crews", tests);
}
