/* Every rule of the trial table, without messages and without waiting. */
#include "coordinator/trial_table.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct trial_policy policy = {.attempts = 3, .lost_after_s = 30};

static struct trial_table *table_of(int64_t trials, int workers)
{
    struct trial_table *t = trial_table_new(trials, workers, policy, 0);

    for (int w = 0; w < workers; w++)
        trial_table_worker_joined(t, w, 0);
    return t;
}

static void trials_are_handed_out_in_order(void)
{
    struct trial_table *t = table_of(3, 2);
    struct trial_lease a = trial_table_grant(t, 0, 1), b = trial_table_grant(t, 1, 1);

    CU_ASSERT_EQUAL(a.trial, 1);
    CU_ASSERT_EQUAL(b.trial, 2);
    CU_ASSERT_NOT_EQUAL(a.lease, b.lease);
    CU_ASSERT_EQUAL(a.epochs, 0);
    CU_ASSERT_EQUAL(trial_table_state(t, 2), TRIAL_RUNNING);
    CU_ASSERT_EQUAL(trial_table_holder(t, 2), 1);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_QUEUED), 1);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_RUNNING), 2);
    CU_ASSERT_EQUAL(trial_table_computing(t, 0).trial, 1);
    trial_table_free(t);
}

static void finished_trial_is_done_and_frees_its_worker(void)
{
    struct trial_table *t = table_of(1, 1);
    struct trial_lease a = trial_table_grant(t, 0, 1);

    CU_ASSERT_EQUAL(trial_table_reported(t, a.trial, a.lease, 1, 2), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_epochs(t, 1), 1);
    CU_ASSERT(!trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_ended(t, a.trial, a.lease, TRIAL_DONE, 3),
                    ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_holder(t, 1), -1);
    CU_ASSERT_EQUAL(trial_table_computing(t, 0).trial, 0);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 4).trial, 0);
    CU_ASSERT(trial_table_over(t));
    trial_table_free(t);
}

static void lost_worker_requeues_trial(void)
{
    struct trial_table *t = table_of(3, 2);
    struct trial_lease a = trial_table_grant(t, 0, 1), again;

    trial_table_reported(t, a.trial, a.lease, 4, 2);
    CU_ASSERT_EQUAL(trial_table_worker_lost(t, 0), 0);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_QUEUED);
    again = trial_table_grant(t, 1, 3); /* before trials that have not begun */
    CU_ASSERT_EQUAL(again.trial, 1);
    CU_ASSERT_EQUAL(again.epochs, 4);
    CU_ASSERT(again.lease > a.lease);
    CU_ASSERT_EQUAL(trial_table_attempts(t, 1), 2);
    trial_table_free(t);
}

static void words_under_an_old_lease_are_ignored(void)
{
    struct trial_table *t = table_of(2, 2);
    struct trial_lease old = trial_table_grant(t, 0, 1), now;

    trial_table_worker_lost(t, 0);
    CU_ASSERT_EQUAL(trial_table_reported(t, 1, old.lease, 9, 2), ANSWER_IGNORE);
    now = trial_table_grant(t, 1, 2);
    CU_ASSERT_EQUAL(trial_table_reported(t, 1, old.lease, 9, 2), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_ended(t, 1, old.lease, TRIAL_DONE, 2), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_released(t, 1, old.lease, 2), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_epochs(t, 1), 0);
    CU_ASSERT_EQUAL(trial_table_holder(t, 1), 1);
    CU_ASSERT_EQUAL(trial_table_ended(t, 1, now.lease, TRIAL_DONE, 3), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_failed(t, 1, now.lease, false, 3), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_DONE);
    trial_table_free(t);
}

static void held_trials_are_told_in_their_order(void)
{
    struct trial_table *t = table_of(4, 1);

    CU_ASSERT_EQUAL(trial_table_next_held(t, 0, 0).trial, 0);
    for (int i = 1; i <= 3; i++)
        trial_table_grant(t, 0, 1);
    CU_ASSERT_EQUAL(trial_table_held(t, 0), 3);
    struct trial_lease lease = trial_table_next_held(t, 0, 0);
    for (int i = 1; i <= 3; i++) {
        CU_ASSERT(lease.trial == i && lease.lease == (uint32_t)i);
        lease = trial_table_next_held(t, 0, lease.trial);
    }
    CU_ASSERT_EQUAL(lease.trial, 0);
    trial_table_ended(t, 1, 1, TRIAL_DONE, 2);
    CU_ASSERT_EQUAL(trial_table_held(t, 0), 2);
    CU_ASSERT_EQUAL(trial_table_next_held(t, 0, 0).trial, 2);
    trial_table_worker_lost(t, 0);
    CU_ASSERT_EQUAL(trial_table_held(t, 0), 0);
    trial_table_free(t);
}

static void words_about_no_trial_are_ignored(void)
{
    struct trial_table *t = table_of(2, 1);

    CU_ASSERT_EQUAL(trial_table_reported(t, 0, 0, 1, 1), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_reported(t, 1, 0, 1, 1), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_reported(t, 3, 1, 1, 1), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_reported(t, INT64_MIN, 1, 1, 1), ANSWER_IGNORE);
    trial_table_free(t);
}

static void trial_that_loses_every_worker_is_given_up(void)
{
    struct trial_table *t = table_of(2, 1);

    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(trial_table_grant(t, 0, i).trial, 1);
        CU_ASSERT_EQUAL(trial_table_worker_lost(t, 0), i < 2 ? 0 : 1);
        trial_table_worker_joined(t, 0, i);
    }
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_GIVEN_UP);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_GIVEN_UP), 1);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 9).trial, 2);
    trial_table_free(t);
}

static void progress_makes_up_for_lost_workers(void)
{
    struct trial_table *t = table_of(1, 1);

    for (int i = 1; i < 20; i++) {
        struct trial_lease a = trial_table_grant(t, 0, i);

        CU_ASSERT_EQUAL(a.epochs, i - 1);
        trial_table_reported(t, 1, a.lease, i, i);
        CU_ASSERT_EQUAL(trial_table_worker_lost(t, 0), 0);
        trial_table_worker_joined(t, 0, i);
    }
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_QUEUED);
    trial_table_free(t);
}

/* A worker may hold trials ahead; only the one that it computes counts a loss. */
static void trials_held_ahead_go_back_in_their_order(void)
{
    struct trial_table *t = table_of(5, 2);

    for (int i = 1; i <= 3; i++)
        CU_ASSERT_EQUAL(trial_table_grant(t, 0, 1).trial, i);
    CU_ASSERT_EQUAL(trial_table_computing(t, 0).trial, 1);
    trial_table_worker_lost(t, 0);
    for (int i = 1; i <= 5; i++)
        CU_ASSERT_EQUAL(trial_table_grant(t, 1, 2).trial, i);
    for (int i = 0; i < 2; i++) { /* trial 1 is the one that kills */
        trial_table_worker_lost(t, 1);
        trial_table_worker_joined(t, 1, 3);
        for (int n = trial_table_state(t, 1) == TRIAL_GIVEN_UP; n < 5; n++)
            trial_table_grant(t, 1, 3);
    }
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_GIVEN_UP);
    for (int i = 2; i <= 5; i++)
        CU_ASSERT_EQUAL(trial_table_state(t, i), TRIAL_RUNNING);
    trial_table_free(t);
}

static void trial_ahead_becomes_the_computed_one(void)
{
    struct trial_table *t = table_of(2, 1);
    struct trial_lease a = trial_table_grant(t, 0, 1), b = trial_table_grant(t, 0, 1);

    trial_table_failed(t, a.trial, a.lease, false, 2);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_FAILED);
    CU_ASSERT_EQUAL(trial_table_computing(t, 0).trial, 2);
    CU_ASSERT_EQUAL(trial_table_computing(t, 0).lease, b.lease);
    trial_table_free(t);
}

static void silent_worker_is_found_by_the_time(void)
{
    struct trial_table *t = table_of(3, 3);

    trial_table_heard(t, 0, 10);
    trial_table_heard(t, 2, 11);
    CU_ASSERT_EQUAL(trial_table_deadline(t), 30); /* worker 1, heard at 0 */
    CU_ASSERT_EQUAL(trial_table_silent(t, 29.9), -1);
    CU_ASSERT_EQUAL(trial_table_silent(t, 30), 1);
    trial_table_worker_lost(t, 1);
    CU_ASSERT_EQUAL(trial_table_silent(t, 30), -1);
    CU_ASSERT_EQUAL(trial_table_deadline(t), 40);
    CU_ASSERT_EQUAL(trial_table_silent(t, 1000), 0);
    trial_table_worker_lost(t, 0);
    CU_ASSERT_EQUAL(trial_table_silent(t, 1000), 2);
    trial_table_worker_lost(t, 2);
    CU_ASSERT_EQUAL(trial_table_silent(t, 1000), -1);
    CU_ASSERT(isinf(trial_table_deadline(t)));
    trial_table_free(t);
}

static void every_word_is_a_sign_of_life(void)
{
    struct trial_table *t = table_of(3, 1);
    struct trial_lease a = trial_table_grant(t, 0, 5);

    CU_ASSERT_EQUAL(trial_table_deadline(t), 35);
    trial_table_reported(t, a.trial, a.lease, 1, 7);
    CU_ASSERT_EQUAL(trial_table_deadline(t), 37);
    trial_table_ended(t, a.trial, a.lease, TRIAL_DONE, 9);
    CU_ASSERT_EQUAL(trial_table_deadline(t), 39);
    trial_table_free(t);
}

static void lost_worker_gets_nothing_until_it_is_back(void)
{
    struct trial_table *t = table_of(1, 1);

    trial_table_worker_lost(t, 0);
    trial_table_heard(t, 0, 5);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 5).trial, 0);
    CU_ASSERT_EQUAL(trial_table_worker_lost(t, 0), 0); /* twice is once */
    trial_table_worker_joined(t, 0, 6);
    trial_table_worker_joined(t, 0, 6);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 6).trial, 1);
    trial_table_free(t);
}

static void stop_lets_running_trials_hand_back(void)
{
    struct trial_table *t = table_of(3, 2);
    struct trial_lease a = trial_table_grant(t, 0, 1), b = trial_table_grant(t, 1, 1);

    trial_table_stop(t);
    CU_ASSERT(trial_table_stopping(t));
    CU_ASSERT(!trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_reported(t, a.trial, a.lease, 2, 2), ANSWER_STOP);
    CU_ASSERT_EQUAL(trial_table_released(t, a.trial, a.lease, 2), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_epochs(t, 1), 2);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 2).trial, 0);
    CU_ASSERT_EQUAL(trial_table_ended(t, b.trial, b.lease, TRIAL_DONE, 3),
                    ANSWER_CONTINUE);
    CU_ASSERT(trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_QUEUED), 2);
    trial_table_free(t);
}

static void handed_back_trial_is_no_lost_one(void)
{
    struct trial_table *t = table_of(1, 1);

    for (int i = 0; i < 10; i++) {
        struct trial_lease a = trial_table_grant(t, 0, i);

        CU_ASSERT_EQUAL(trial_table_released(t, 1, a.lease, i), ANSWER_CONTINUE);
    }
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_QUEUED);
    trial_table_free(t);
}

static void dismissed_workers_trials_are_no_lost_ones(void)
{
    struct trial_table *t = table_of(3, 1);

    for (int i = 0; i < 10; i++) {
        for (int n = 1; n <= 3; n++)
            CU_ASSERT_EQUAL(trial_table_grant(t, 0, i).trial, n);
        trial_table_worker_dismissed(t, 0);
        CU_ASSERT_EQUAL(trial_table_workers(t), 0);
        CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_QUEUED), 3);
        CU_ASSERT_EQUAL(trial_table_grant(t, 0, i).trial, 0);
        trial_table_worker_joined(t, 0, i);
    }
    trial_table_free(t);
}

static void trial_that_fails_everywhere_has_failed(void)
{
    struct trial_table *t = table_of(1, 2);

    for (int i = 0; i < 3; i++) { /* a lost worker counts as much as a failure */
        struct trial_lease a = trial_table_grant(t, i % 2, i);

        CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_RUNNING);
        if (i == 1)
            trial_table_worker_lost(t, 1);
        else
            CU_ASSERT_EQUAL(trial_table_failed(t, 1, a.lease, true, i),
                            ANSWER_CONTINUE);
    }
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_FAILED);
    trial_table_free(t);
}

/* As often as it was handed out does not matter, nor what was before a report. */
static void failure_that_may_not_hold_elsewhere_is_tried_elsewhere(void)
{
    struct trial_table *t = table_of(1, 1);

    for (int i = 0; i < 10; i++) {
        struct trial_lease a = trial_table_grant(t, 0, i);

        CU_ASSERT_EQUAL(trial_table_reported(t, 1, a.lease, i + 1, i), ANSWER_CONTINUE);
        CU_ASSERT_EQUAL(trial_table_failed(t, 1, a.lease, true, i), ANSWER_CONTINUE);
        CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_QUEUED);
    }
    trial_table_free(t);
}

static void failure_of_the_trials_own_is_final(void)
{
    struct trial_table *t = table_of(1, 1);
    struct trial_lease a = trial_table_grant(t, 0, 1);

    CU_ASSERT_EQUAL(trial_table_failed(t, 1, a.lease, false, 2), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_FAILED);
    CU_ASSERT(trial_table_over(t));
    trial_table_free(t);
}

static void worker_that_never_joins_is_found_by_the_time(void)
{
    struct trial_table *t = trial_table_new(1, 3, policy, 100);

    CU_ASSERT_EQUAL(trial_table_workers(t), 3);
    CU_ASSERT_EQUAL(trial_table_deadline(t), 130);
    trial_table_heard(t, 1, 110); /* only joining counts */
    trial_table_worker_joined(t, 0, 105);
    CU_ASSERT_EQUAL(trial_table_silent(t, 129), -1);
    for (int i = 0; i < 2; i++) {
        int silent = trial_table_silent(t, 130);

        CU_ASSERT(silent == 1 || silent == 2);
        CU_ASSERT_EQUAL(trial_table_worker_lost(t, silent), 0);
    }
    CU_ASSERT_EQUAL(trial_table_silent(t, 130), -1);
    CU_ASSERT_EQUAL(trial_table_workers(t), 1);
    CU_ASSERT_EQUAL(trial_table_silent(t, 135), 0);
    trial_table_worker_lost(t, 0);
    CU_ASSERT_EQUAL(trial_table_workers(t), 0);
    CU_ASSERT(isinf(trial_table_deadline(t)));
    trial_table_free(t);
}

static void after_a_pause_of_our_own_silence_begins_anew(void)
{
    struct trial_table *t = trial_table_new(1, 2, policy, 0);

    trial_table_worker_joined(t, 0, 5);
    trial_table_worker_joined(t, 1, 7);
    trial_table_forgive(t, 500);
    CU_ASSERT_EQUAL(trial_table_silent(t, 529), -1);
    trial_table_heard(t, 0, 510);
    CU_ASSERT_EQUAL(trial_table_silent(t, 530), 1);
    trial_table_free(t);
}

static void restored_trials_go_on_where_they_were(void)
{
    struct trial_table *t = table_of(4, 1);
    struct trial_lease a;

    trial_table_restore(t, 1, &(struct trial_restored){TRIAL_DONE, 10, 7, 1, 0});
    trial_table_restore(t, 2, &(struct trial_restored){TRIAL_QUEUED, 3, 9, 4, 2});
    CU_ASSERT_EQUAL(trial_table_attempts(t, 2), 4);
    CU_ASSERT_EQUAL(trial_table_losses(t, 2), 2);
    trial_table_restore(t, 4, &(struct trial_restored){TRIAL_STOPPED, 5, 2, 1, 0});
    a = trial_table_grant(t, 0, 1);
    CU_ASSERT_EQUAL(a.trial, 2);
    CU_ASSERT_EQUAL(a.epochs, 3);
    CU_ASSERT(a.lease > 9); /* above every lease there was */
    CU_ASSERT_EQUAL(trial_table_reported(t, 2, 9, 4, 1), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 1).trial, 3);
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 1).trial, 0);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_DONE), 1);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_STOPPED), 1);
    trial_table_free(t);
}

static void paused_trial_waits_until_it_is_resumed(void)
{
    struct trial_table *t = table_of(3, 1);
    struct trial_lease a, again;

    trial_table_worker_joined(t, 0, 0);
    a = trial_table_grant(t, 0, 1);
    CU_ASSERT_EQUAL(trial_table_reported(t, 1, a.lease, 1, 2), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_paused(t, 1, a.lease, 2), ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_PAUSED);
    CU_ASSERT_EQUAL(trial_table_held(t, 0), 0);
    CU_ASSERT_EQUAL(trial_table_reported(t, 1, a.lease, 2, 3), ANSWER_IGNORE);
    CU_ASSERT_EQUAL(trial_table_released(t, 1, a.lease, 3), ANSWER_IGNORE);
    trial_table_resume(t, 1);
    trial_table_resume(t, 1); /* queued by now: nothing happens */
    again = trial_table_grant(t, 0, 4);
    CU_ASSERT_EQUAL(again.trial, 1); /* before 2 and 3 */
    CU_ASSERT_EQUAL(again.epochs, 1);
    CU_ASSERT(again.lease > a.lease);
    trial_table_resume(t, 1); /* and running */
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_RUNNING);
    trial_table_free(t);
}

static void closing_ends_what_waits(void)
{
    struct trial_table *t = table_of(4, 1);

    trial_table_restore(t, 1, &(struct trial_restored){TRIAL_PAUSED, 3, 7, 1, 0});
    trial_table_restore(t, 2, &(struct trial_restored){TRIAL_DONE, 9, 8, 1, 0});
    trial_table_restore(t, 3, &(struct trial_restored){TRIAL_QUEUED, 1, 9, 1, 0});
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_PAUSED), 1);
    CU_ASSERT_FALSE(trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_close(t), 1);
    CU_ASSERT_EQUAL(trial_table_state(t, 1), TRIAL_STOPPED);
    CU_ASSERT_EQUAL(trial_table_state(t, 2), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_state(t, 3), TRIAL_STOPPED);
    CU_ASSERT_EQUAL(trial_table_state(t, 4), TRIAL_UNWANTED);
    CU_ASSERT(trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 1).trial, 0);
    trial_table_free(t);
}

static void job_without_trials_is_over(void)
{
    struct trial_table *t = table_of(0, 1);

    CU_ASSERT(trial_table_over(t));
    CU_ASSERT_EQUAL(trial_table_grant(t, 0, 1).trial, 0);
    trial_table_free(t);
}

enum { STORM_TRIALS = 200, STORM_WORKERS = 7 };

static void check_counts(const struct trial_table *t)
{
    int64_t sum = 0, seen[TRIAL_STATE_COUNT] = {0};

    for (int i = 1; i <= STORM_TRIALS; i++)
        seen[trial_table_state(t, i)]++;
    for (int s = 0; s < TRIAL_STATE_COUNT; s++) {
        CU_ASSERT_EQUAL(seen[s], trial_table_count(t, (enum trial_state)s));
        sum += seen[s];
    }
    CU_ASSERT_EQUAL(sum, STORM_TRIALS);
}

/* One random thing happens to one worker. */
static void storm_event(struct trial_table *t, int worker, unsigned what, double now)
{
    static int64_t paused; /* the last one */
    struct trial_lease a = trial_table_computing(t, worker);

    if (what < 30) {
        trial_table_grant(t, worker, now);
    } else if (what < 60) {
        trial_table_reported(t, a.trial, a.lease, a.epochs + 1, now);
    } else if (what < 80) {
        trial_table_ended(t, a.trial, a.lease, TRIAL_DONE, now);
    } else if (what < 85) {
        trial_table_released(t, a.trial, a.lease, now);
    } else if (what < 86) {
        if (trial_table_paused(t, a.trial, a.lease, now) == ANSWER_CONTINUE)
            paused = a.trial;
    } else if (what < 87) {
        trial_table_worker_dismissed(t, worker);
    } else if (what < 92) {
        trial_table_worker_lost(t, worker);
    } else {
        trial_table_worker_joined(t, worker, now);
    }
    if (what % 2 && paused)
        trial_table_resume(t, paused);
}

static void storm_of_events_loses_no_trial(void)
{
    struct trial_table *t = table_of(STORM_TRIALS, STORM_WORKERS);
    unsigned state = 12345;
    int events = 0;

    while (!trial_table_over(t) && events < 1000000) {
        int worker;

        state = state * 1664525u + 1013904223u;
        worker = (int)(state >> 8) % STORM_WORKERS;
        storm_event(t, worker, (state >> 16) % 100, events * 0.01);
        if (events++ % 50 == 0)
            check_counts(t);
    }
    CU_ASSERT(trial_table_over(t));
    check_counts(t);
    CU_ASSERT_EQUAL(trial_table_count(t, TRIAL_DONE) +
                        trial_table_count(t, TRIAL_GIVEN_UP),
                    STORM_TRIALS);
    CU_ASSERT(trial_table_count(t, TRIAL_DONE) > STORM_TRIALS / 2);
    trial_table_free(t);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(trials_are_handed_out_in_order),
        SUITE_TEST(finished_trial_is_done_and_frees_its_worker),
        SUITE_TEST(lost_worker_requeues_trial),
        SUITE_TEST(words_under_an_old_lease_are_ignored),
        SUITE_TEST(held_trials_are_told_in_their_order),
        SUITE_TEST(words_about_no_trial_are_ignored),
        SUITE_TEST(trial_that_loses_every_worker_is_given_up),
        SUITE_TEST(progress_makes_up_for_lost_workers),
        SUITE_TEST(trials_held_ahead_go_back_in_their_order),
        SUITE_TEST(trial_ahead_becomes_the_computed_one),
        SUITE_TEST(silent_worker_is_found_by_the_time),
        SUITE_TEST(every_word_is_a_sign_of_life),
        SUITE_TEST(lost_worker_gets_nothing_until_it_is_back),
        SUITE_TEST(stop_lets_running_trials_hand_back),
        SUITE_TEST(handed_back_trial_is_no_lost_one),
        SUITE_TEST(dismissed_workers_trials_are_no_lost_ones),
        SUITE_TEST(trial_that_fails_everywhere_has_failed),
        SUITE_TEST(failure_that_may_not_hold_elsewhere_is_tried_elsewhere),
        SUITE_TEST(failure_of_the_trials_own_is_final),
        SUITE_TEST(worker_that_never_joins_is_found_by_the_time),
        SUITE_TEST(after_a_pause_of_our_own_silence_begins_anew),
        SUITE_TEST(restored_trials_go_on_where_they_were),
        SUITE_TEST(paused_trial_waits_until_it_is_resumed),
        SUITE_TEST(closing_ends_what_waits),
        SUITE_TEST(job_without_trials_is_over),
        SUITE_TEST(storm_of_events_loses_no_trial),
        {NULL, NULL},
    };

    return suite_run("trial_table", tests);
}
