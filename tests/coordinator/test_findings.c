/* What is found, kept and shown. */
#include "coordinator/findings.h"
#include "tests/coordinator/sample_run.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct sample_run run;
static struct findings *findings;
static struct trial_table *table;
static struct findings_dropped dropped;

static void begin(void)
{
    struct error err = {""};
    struct trial_policy policy = {.attempts = 3};
    CU_ASSERT_EQUAL_FATAL(sample_run_init(&run, "", &err), 0);
    CU_ASSERT_EQUAL_FATAL(findings_new(&findings, &run.job, &err), 0);
    table = trial_table_new(SAMPLE_TRIALS, 1, policy, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    trial_table_worker_joined(table, 0, 0);
}

static void end(void)
{
    trial_table_free(table);
    findings_free(findings);
    sample_run_clear(&run);
}

static void report(int trial, int epoch, double score)
{
    struct report m = sample_report((uint64_t)trial, 1, epoch, score);
    struct error err = {""};
    CU_ASSERT_EQUAL(findings_report(findings, &m, &err), 0);
}

/* A whole trial: handed out, two epochs, a result. */
static void do_trial(int trial, double first, double second)
{
    struct trial_lease lease = trial_table_grant(table, 0, 0);
    struct error err = {""};
    CU_ASSERT_EQUAL(lease.trial, trial);
    report(trial, 1, first);
    report(trial, 2, second);
    int best = second > first || isnan(first) ? 2 : 1;
    struct result m = sample_result((uint64_t)trial, lease.lease, best);
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), 0);
    trial_table_ended(table, trial, lease.lease, TRIAL_DONE, 0);
}

static struct results snapshot(void)
{
    struct results results = {0};
    struct error err = {""};
    if (findings_snapshot(findings, table, &results, &err))
        printf("\n  %s", err.text);
    CU_ASSERT_EQUAL_FATAL(results.trial_count, SAMPLE_TRIALS);
    return results;
}

static void a_new_run_shows_all_trials_queued(void)
{
    begin();
    struct results r = snapshot();
    CU_ASSERT(r.task_count == 1 && r.config_count == 3 && r.epoch_count == 0);
    CU_ASSERT_STRING_EQUAL(r.trials[5].status, "queued");
    CU_ASSERT(r.trials[5].config == 3 && r.trials[5].seed == 2);
    CU_ASSERT(isnan(r.trials[5].score) && r.trials[5].best_epoch == 0);
    CU_ASSERT_PTR_NOT_NULL(results_find_column(&r, "learning_rate"));
    CU_ASSERT_PTR_NULL(results_find_column(&r, "seed"));
    results_clear(&r);
    end();
}

static void the_earliest_of_equal_scores_is_best(void)
{
    begin();
    report(1, 1, 0.5);
    report(1, 2, 0.7);
    report(1, 3, 0.7);
    struct results r = snapshot();
    CU_ASSERT(r.trials[0].best_epoch == 2 && r.trials[0].epochs == 3);
    CU_ASSERT(r.trials[0].score == 0.7 && r.trials[0].report_score == 0.7);
    CU_ASSERT(r.trials[0].report[METRIC_MATTHEWS] == 0.7);
    CU_ASSERT(isnan(r.trials[0].report[METRIC_F1]));
    CU_ASSERT_EQUAL(r.epoch_count, 3);
    CU_ASSERT_EQUAL(findings_best(findings, 0), 0.7);
    results_clear(&r);
    end();
}

static void an_undefined_score_ranks_last(void)
{
    begin();
    report(1, 1, NAN);
    report(1, 2, -0.5);
    struct results r = snapshot();
    CU_ASSERT_EQUAL(r.trials[0].best_epoch, 2);
    results_clear(&r);
    end();
}

static void a_repeated_report_replaces_what_came_after(void)
{
    begin();
    report(1, 1, 0.1);
    report(1, 2, 0.9);
    report(1, 1, 0.3);
    struct results r = snapshot();
    CU_ASSERT_EQUAL(r.epoch_count, 1);
    CU_ASSERT_EQUAL(r.trials[0].score, 0.3);
    results_clear(&r);
    end();
}

static void a_best_score_that_is_replaced_is_best_no_more(void)
{
    begin();
    report(2, 1, 0.4);
    report(1, 1, 0.1);
    report(1, 2, 0.9);
    CU_ASSERT_EQUAL(findings_best(findings, 0), 0.9);
    report(1, 1, 0.3);
    CU_ASSERT_EQUAL(findings_best(findings, 0), 0.4);
    report(1, 2, 0.5);
    CU_ASSERT_EQUAL(findings_best(findings, 0), 0.5);
    end();
}

static void many_reports_keep_their_numbers(void)
{
    enum { REPORTS = 100 }; /* more than anybody makes room for at first */
    begin();
    for (int epoch = 1; epoch <= REPORTS; epoch++)
        report(1, epoch, 1.0 / epoch);
    struct results r = snapshot();
    CU_ASSERT_EQUAL_FATAL(r.epoch_count, REPORTS);
    for (int i = 0; i < REPORTS; i++) {
        struct report m = sample_report(1, 1, i + 1, 1.0 / (i + 1));
        const struct results_epoch *e = &r.epochs[i];
        CU_ASSERT(e->trial == 1 && e->epoch == m.epoch && e->step == m.step &&
                  e->tokens == m.tokens && e->train_loss == m.train_loss &&
                  e->dev_loss == m.dev_loss && e->score == m.score &&
                  e->learning_rate == m.learning_rate && e->seconds == m.seconds &&
                  e->metrics[METRIC_MATTHEWS] == m.metrics[0]);
    }
    CU_ASSERT_EQUAL(r.trials[0].best_epoch, 1);
    results_clear(&r);
    end();
}

static void a_step_that_no_trial_has_is_refused(void)
{
    begin();
    struct error err = {""};
    struct report m = sample_report(1, 1, 1, 0.5);
    m.step = (int64_t)1 << 31;
    CU_ASSERT_EQUAL(findings_report(findings, &m, &err), ERR_PROTOCOL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "2147483648"));
    end();
}

/* All that a results.h5 would say, as text. */
static void print_results(char *out, size_t size, const struct results *r)
{
    FILE *f = fmemopen(out, size, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int i = 0; i < r->trial_count; i++)
        fprintf(f, "%s %d %d %g %g %s|", r->trials[i].status, (int)r->trials[i].epochs,
                (int)r->trials[i].best_epoch, r->trials[i].score,
                r->trials[i].test[METRIC_MATTHEWS], r->trials[i].error);
    for (int i = 0; i < r->epoch_count; i++)
        fprintf(f, "%d %d %g|", (int)r->epochs[i].trial, (int)r->epochs[i].epoch,
                r->epochs[i].score);
    for (int i = 0; i < r->adapters_count; i++)
        for (int t = 0; t < r->adapters[i].trial_count; t++)
            fprintf(f, "%d %g|", (int)r->adapters[i].trials[t],
                    (double)r->adapters[i].vectors[t][0]);
    for (int i = 0; i < r->predictions_count; i++)
        fprintf(f, "%d %g|", r->predictions[i].trial_count,
                (double)r->predictions[i].logits[0][0]);
    fclose(f);
}

static void check_view(struct findings_view *view, const char *then)
{
    struct results r;
    char now[8192];
    CU_ASSERT_EQUAL_FATAL(findings_view_tables(view, &r, NULL), 0);
    print_results(now, sizeof now, &r);
    CU_ASSERT_STRING_EQUAL(now, then);
    results_clear(&r);
}

/* Everything that can change does: reports are replaced and added until they move,
 * leaders fall, a failure gets another text. */
static void a_view_stays_as_it_was_while_findings_go_on(void)
{
    struct findings_view *view;
    char then[8192], later[8192];
    begin();
    do_trial(1, 0.2, 0.3);
    do_trial(2, 0.1, 0.2);
    report(3, 1, 0.5);
    report(3, 2, 0.6);
    CU_ASSERT_EQUAL(findings_failure(findings, 4, "first", NULL), 0);
    struct results r = snapshot();
    print_results(then, sizeof then, &r);
    results_clear(&r);
    CU_ASSERT_EQUAL_FATAL(findings_freeze(findings, table, &view, NULL), 0);
    check_view(view, then);
    report(3, 1, 0.9);
    for (int epoch = 2; epoch < 50; epoch++)
        report(3, epoch, 0.8);
    report(3, 2, 0.1);
    CU_ASSERT_EQUAL(findings_failure(findings, 4, "second", NULL), 0);
    do_trial(3, 0.7, 0.9);
    do_trial(4, 0.8, 0.7);
    do_trial(5, 0.9, 0.7);
    findings_reopen(findings, 1);
    check_view(view, then);
    findings_thaw(findings, view);
    r = snapshot();
    print_results(later, sizeof later, &r);
    CU_ASSERT_STRING_NOT_EQUAL(later, then);
    results_clear(&r);
    end();
}

static bool keeps(const struct results *r, int64_t trial)
{
    const struct results_adapters *adapters;
    const float *values = results_find_adapter(r, trial, &adapters);
    if (values)
        CU_ASSERT_EQUAL(values[0], (float)trial);
    return values != NULL;
}

/* Configuration 1 has the highest score, configuration 3 the best mean. */
static void best_by_mean_is_kept_with_the_highest_scores(void)
{
    begin();
    do_trial(1, 0.9, 0.1);
    do_trial(2, 0.1, 0.1);
    do_trial(3, 0.85, 0.1);
    do_trial(4, 0.1, 0.1);
    do_trial(5, 0.7, 0.1);
    do_trial(6, 0.1, 0.6);
    struct results r = snapshot();
    CU_ASSERT(keeps(&r, 5) && keeps(&r, 1));
    CU_ASSERT(!keeps(&r, 2) && !keeps(&r, 3) && !keeps(&r, 4) && !keeps(&r, 6));
    CU_ASSERT_EQUAL_FATAL(r.predictions_count, 1);
    CU_ASSERT_EQUAL(r.predictions[0].trial_count, SAMPLE_KEEP);
    CU_ASSERT(r.predictions[0].split == SPLIT_DEV && r.predictions[0].gold);
    results_clear(&r);
    end();
}

static int reads, answer;

static int read_stored(void *arg, int64_t trial, struct bytes *scratch,
                       struct result *out, struct error *err)
{
    (void)arg;
    (void)scratch;
    (void)err;
    reads++;
    CU_ASSERT_EQUAL(trial, 5);
    *out = sample_result((uint64_t)trial, 1, 1);
    return answer;
}

/* The same scores as above: trial 5 is kept as the best of its configuration. */
static void outputs_that_are_stored_elsewhere_are_read_when_they_are_published(void)
{
    begin();
    findings_set_store(findings, (struct findings_store){read_stored, NULL});
    do_trial(1, 0.9, 0.1);
    do_trial(2, 0.1, 0.1);
    do_trial(3, 0.85, 0.1);
    do_trial(4, 0.1, 0.1);
    do_trial(5, 0.7, 0.1);
    CU_ASSERT_EQUAL(dropped.count, 0);
    do_trial(6, 0.1, 0.6);
    for (answer = 0; answer <= 1; answer++) { /* 1: no longer kept */
        reads = 0;
        struct results r = snapshot();
        CU_ASSERT_EQUAL(reads, 1);
        CU_ASSERT(keeps(&r, 1) && keeps(&r, 5) == (answer == 0));
        CU_ASSERT_EQUAL(r.predictions[0].trial_count, answer == 0 ? 2 : 1);
        results_clear(&r);
    }
    end();
}

static void a_result_of_another_epoch_is_refused(void)
{
    begin();
    struct error err = {""};
    report(1, 1, 0.5);
    report(1, 2, 0.4);
    struct result m = sample_result(1, 1, 2);
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), ERR_PROTOCOL);
    m = sample_result(1, 1, 1);
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), 0);
    end();
}

static void a_result_with_rows_that_the_task_has_not_is_refused(void)
{
    begin();
    struct error err = {""};
    report(1, 1, 0.5);
    report(1, 2, 0.4);
    struct result m = sample_result(1, 1, 1);
    CU_ASSERT_FATAL(m.split_count > 0);
    m.splits[0].rows++;
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), ERR_PROTOCOL);
    m.splits[0].rows--;
    m.splits[0].labels++;
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), ERR_PROTOCOL);
    m.splits[0].labels--;
    m.splits[0].split = SPLIT_TRAIN;
    CU_ASSERT_EQUAL(findings_result(findings, &m, &dropped, &err), ERR_PROTOCOL);
    end();
}

static void a_report_of_other_metrics_is_refused(void)
{
    begin();
    struct error err = {""};
    struct report m = sample_report(1, 1, 1, 0.5);
    m.metric_count = 2;
    CU_ASSERT_EQUAL(findings_report(findings, &m, &err), ERR_PROTOCOL);
    end();
}

static void failures_are_named(void)
{
    begin();
    struct trial_lease lease = trial_table_grant(table, 0, 0);
    findings_begun(findings, 1, &(struct findings_grant){1, "n1", "1 avx2", 0}, NULL);
    CU_ASSERT_EQUAL(findings_failure(findings, 1, "loss is NaN at step 7", NULL), 0);
    trial_table_failed(table, 1, lease.lease, false, 0);
    struct results r = snapshot();
    CU_ASSERT_STRING_EQUAL(r.trials[0].status, "failed");
    CU_ASSERT_STRING_EQUAL(r.trials[0].error, "loss is NaN at step 7");
    CU_ASSERT_STRING_EQUAL(r.trials[0].host, "n1");
    CU_ASSERT_STRING_EQUAL(r.trials[0].numerics, "1 avx2");
    CU_ASSERT_EQUAL(r.trials[0].attempts, 1);
    results_clear(&r);
    end();
}

static void success_takes_an_earlier_failures_text_away(void)
{
    begin();
    CU_ASSERT_EQUAL(findings_failure(findings, 1, "the disk is full", NULL), 0);
    do_trial(1, 0.1, 0.2);
    struct results r = snapshot();
    CU_ASSERT_STRING_EQUAL(r.trials[0].status, "done");
    CU_ASSERT_STRING_EQUAL(r.trials[0].error, "");
    results_clear(&r);
    end();
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(a_new_run_shows_all_trials_queued),
        SUITE_TEST(the_earliest_of_equal_scores_is_best),
        SUITE_TEST(an_undefined_score_ranks_last),
        SUITE_TEST(a_repeated_report_replaces_what_came_after),
        SUITE_TEST(a_best_score_that_is_replaced_is_best_no_more),
        SUITE_TEST(many_reports_keep_their_numbers),
        SUITE_TEST(a_step_that_no_trial_has_is_refused),
        SUITE_TEST(a_view_stays_as_it_was_while_findings_go_on),
        SUITE_TEST(best_by_mean_is_kept_with_the_highest_scores),
        SUITE_TEST(outputs_that_are_stored_elsewhere_are_read_when_they_are_published),
        SUITE_TEST(a_result_of_another_epoch_is_refused),
        SUITE_TEST(a_result_with_rows_that_the_task_has_not_is_refused),
        SUITE_TEST(a_report_of_other_metrics_is_refused),
        SUITE_TEST(failures_are_named),
        SUITE_TEST(success_takes_an_earlier_failures_text_away),
        {NULL, NULL},
    };
    return suite_run("findings", tests);
}
