/* The ledger: what one start has recorded, the next one finds, wherever the first one
 * died. */
#include "coordinator/ledger.h"
#include "coordinator/ledger_rewrite.h"
#include "coordinator/ledger_take.h"

#include "tests/coordinator/sample_run.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 4096 };

/* One start of a coordinator, without its workers. */
struct coordination {
    char dir[PATH - 64];
    struct history history;
    struct sample_run run;
    struct findings *findings;
    struct steering *steering;
    struct trial_table *table;
    struct ledger *ledger;
};

static void fresh_folder(char dir[PATH - 64])
{
    static int count;

    snprintf(dir, PATH - 64, "%s/ledger%d", place_temporary(), count++);
    CU_ASSERT_EQUAL_FATAL(mkdir(dir, 0700), 0);
}

static int start(struct coordination *c, const char *dir,
                 const struct sample_change *change, struct error *err)
{
    struct trial_policy policy = {.attempts = 3};
    struct record_task task = {"cola", {1, 2}};

    memset(c, 0, sizeof *c);
    snprintf(c->dir, sizeof c->dir, "%s", dir);
    int rc = history_read(&c->history, dir, err);
    if (!rc)
        rc = sample_run_again(&c->run, change, &c->history, err);
    if (!rc)
        rc = findings_new(&c->findings, &c->run.job, err);
    if (!rc)
        rc = steering_new(&c->steering, &c->run.spec, &c->run.enrolment.list,
                          c->run.enrolment.wanted, c->run.encoder.layers, err);
    if (!rc)
        rc = ledger_open(&c->ledger, dir, &c->run.enrolment.list, c->findings,
                         c->steering, NULL, err);
    if (rc)
        return rc;
    int64_t trials = c->run.enrolment.list.trial_count;
    CU_ASSERT_PTR_NOT_NULL_FATAL(c->table = trial_table_new(trials, 1, policy, 0));
    ledger_restore(c->ledger, c->run.enrolment.wanted, c->steering, c->findings,
                   c->table);
    trial_table_worker_joined(c->table, 0, 0);
    struct ledger_job job = {
        .encoder = c->run.job.encoder_digest,
        .tasks = &task,
        .task_count = 1,
        .text = c->run.spec.resolved,
        .first_new = c->run.enrolment.first_new,
        .changed = c->run.enrolment.changed,
        .keys = c->run.enrolment.keys,
    };
    rc = ledger_job(c->ledger, &job, err);
    return rc ? rc : ledger_flush(c->ledger, err);
}

static void must_start(struct coordination *c, const char *dir,
                       const struct sample_change *change)
{
    static const struct sample_change none;
    struct error err = {""};
    int rc = start(c, dir, change ? change : &none, &err);

    if (rc)
        printf("\n  %s", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void stop(struct coordination *c)
{
    ledger_close(c->ledger);
    steering_free(c->steering);
    trial_table_free(c->table);
    findings_free(c->findings);
    sample_run_clear(&c->run);
    history_clear(&c->history);
}

static void flush(struct coordination *c)
{
    struct error err;

    CU_ASSERT_EQUAL_FATAL(ledger_flush(c->ledger, &err), 0);
}

static struct trial_lease grant(struct coordination *c)
{
    struct trial_lease lease = trial_table_grant(c->table, 0, 0);
    struct settings settings;
    struct error err;

    CU_ASSERT_NOT_EQUAL_FATAL(lease.trial, 0);
    trial_list_settings(&c->run.enrolment.list, lease.trial, &settings);
    struct findings_grant grant = {1, "node1", "1 avx2", 0};
    findings_begun(c->findings, lease.trial, &grant, NULL);
    CU_ASSERT_EQUAL(ledger_grant(c->ledger, lease, settings.epochs, &grant, &err), 0);
    return lease;
}

static const double *scores; /* by trial; NULL: rising */

static double score_of(int64_t trial, int epoch)
{
    if (scores)
        return scores[trial] + 0.001 * epoch;
    return 0.1 * (double)trial + 0.01 * epoch;
}

static void report(struct coordination *c, struct trial_lease lease, int epoch)
{
    struct report m = sample_report((uint64_t)lease.trial, lease.lease, epoch,
                                    score_of(lease.trial, epoch));
    char text[64];
    struct error err;

    snprintf(text, sizeof text, "trial %d epoch %d", (int)lease.trial, epoch);
    m.checkpoint = (const uint8_t *)text;
    m.checkpoint_size = strlen(text);
    CU_ASSERT_EQUAL(trial_table_reported(c->table, lease.trial, lease.lease, epoch, 0),
                    ANSWER_CONTINUE);
    CU_ASSERT_EQUAL(findings_report(c->findings, &m, &err), 0);
    CU_ASSERT_EQUAL(ledger_report(c->ledger, &m, &err), 0);
}

static void result(struct coordination *c, struct trial_lease lease, int epoch)
{
    struct result m = sample_result((uint64_t)lease.trial, lease.lease, epoch);
    struct findings_dropped dropped;
    struct error err;

    CU_ASSERT_EQUAL(findings_result(c->findings, &m, &dropped, &err), 0);
    CU_ASSERT_EQUAL(ledger_result(c->ledger, &m, &dropped, &err), 0);
    trial_table_ended(c->table, lease.trial, lease.lease, TRIAL_DONE, 0);
}

static void whole_trial(struct coordination *c, int epochs)
{
    struct trial_lease lease = grant(c);

    for (int epoch = lease.epochs + 1; epoch <= epochs; epoch++)
        report(c, lease, epoch);
    result(c, lease, epochs);
}

static void check_checkpoint(struct coordination *c, int64_t trial, const char *wanted)
{
    struct bytes out = {0};
    struct error err;

    CU_ASSERT_EQUAL(ledger_checkpoint(c->ledger, trial, &out, &err), 0);
    CU_ASSERT_EQUAL_FATAL(out.size, strlen(wanted));
    CU_ASSERT_EQUAL(memcmp(out.size ? out.data : (const uint8_t *)"", wanted, out.size),
                    0);
    bytes_clear(&out);
}

static struct results snapshot(const struct coordination *c)
{
    struct results results;
    struct error err;

    CU_ASSERT_EQUAL_FATAL(findings_snapshot(c->findings, c->table, &results, &err), 0);
    return results;
}

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static bool same_outputs(const struct results *a, const struct results *b)
{
    if (a->adapters_count != b->adapters_count ||
        a->predictions_count != b->predictions_count)
        return false;
    for (int i = 0; i < a->adapters_count; i++)
        for (int t = 0; t < a->adapters[i].trial_count; t++)
            if (a->adapters[i].trial_count != b->adapters[i].trial_count ||
                a->adapters[i].trials[t] != b->adapters[i].trials[t] ||
                memcmp(a->adapters[i].vectors[t], b->adapters[i].vectors[t],
                       (size_t)a->adapters[i].values * sizeof(float)) != 0)
                return false;
    for (int i = 0; i < a->predictions_count; i++)
        for (int t = 0; t < a->predictions[i].trial_count; t++)
            if (memcmp(a->predictions[i].logits[t], b->predictions[i].logits[t],
                       (size_t)a->predictions[i].rows *
                           (size_t)a->predictions[i].labels * sizeof(float)) != 0)
                return false;
    return true;
}

/* All but where a trial is: one that runs is queued after a start. */
static void check_same(const struct results *a, const struct results *b)
{
    CU_ASSERT_EQUAL_FATAL(a->trial_count, b->trial_count);
    CU_ASSERT_EQUAL_FATAL(a->epoch_count, b->epoch_count);
    for (int i = 0; i < a->trial_count; i++) {
        const struct results_trial *x = &a->trials[i], *y = &b->trials[i];

        CU_ASSERT_STRING_EQUAL(x->digest, y->digest);
        CU_ASSERT_STRING_EQUAL(x->host, y->host);
        CU_ASSERT_STRING_EQUAL(x->numerics, y->numerics);
        CU_ASSERT_STRING_EQUAL(x->error, y->error);
        CU_ASSERT(!strcmp(x->status, y->status) || !strcmp(x->status, "running"));
        CU_ASSERT(x->config == y->config && x->seed == y->seed &&
                  x->epochs == y->epochs && x->best_epoch == y->best_epoch &&
                  x->tokens == y->tokens && x->attempts == y->attempts &&
                  x->seconds == y->seconds && same_number(x->score, y->score) &&
                  same_number(x->report_score, y->report_score));
    }
    for (int i = 0; i < a->epoch_count; i++) {
        const struct results_epoch *x = &a->epochs[i], *y = &b->epochs[i];

        CU_ASSERT(x->trial == y->trial && x->epoch == y->epoch && x->step == y->step &&
                  same_number(x->score, y->score) && x->tokens == y->tokens &&
                  same_number(x->train_loss, y->train_loss));
    }
    CU_ASSERT(same_outputs(a, b));
}

/* Done, failed, given up after losses, handed back, and under way. */
static void mixed_events(struct coordination *c, void (*after)(struct coordination *))
{
    struct error err;

    whole_trial(c, 2);
    after(c);
    struct trial_lease lease = grant(c);
    after(c);
    report(c, lease, 1);
    after(c);
    trial_table_failed(c->table, lease.trial, lease.lease, false, 0);
    CU_ASSERT_EQUAL(
        findings_failure(c->findings, lease.trial, "the loss is not finite", &err), 0);
    CU_ASSERT_EQUAL(ledger_left(c->ledger, lease.trial, lease.lease, TRIAL_FAILED, 0,
                                "the loss is not finite", &err),
                    0);
    after(c);
    whole_trial(c, 2);
    after(c);
    lease = grant(c);
    after(c);
    report(c, lease, 1);
    after(c);
}

static void nothing(struct coordination *c) { (void)c; }

static void next_start_finds_all_that_was_recorded(void)
{
    struct coordination c;
    char dir[PATH - 64];

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    mixed_events(&c, nothing);
    flush(&c);
    CU_ASSERT_EQUAL(ledger_committed(c.ledger), ledger_ticket(c.ledger));
    struct results before = snapshot(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    struct results after = snapshot(&c);
    check_same(&before, &after);
    CU_ASSERT_STRING_EQUAL(ledger_numerics(c.ledger), "1 avx2");
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 2), TRIAL_FAILED);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 4), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_epochs(c.table, 4), 1);
    check_checkpoint(&c, 4, "trial 4 epoch 1");
    check_checkpoint(&c, 1, ""); /* done: never needed again */
    struct trial_lease lease = grant(&c);
    CU_ASSERT(lease.trial == 4 && lease.epochs == 1 && lease.lease == 5);
    report(&c, lease, 2);
    result(&c, lease, 2);
    whole_trial(&c, 2);
    whole_trial(&c, 2);
    CU_ASSERT(trial_table_over(c.table));
    results_clear(&before);
    results_clear(&after);
    stop(&c);
}

static void what_was_not_flushed_is_not_there(void)
{
    struct coordination c;
    char dir[PATH - 64];

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    CU_ASSERT_PTR_NULL(ledger_numerics(c.ledger));
    struct trial_lease lease = grant(&c);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_PTR_NULL(ledger_numerics(c.ledger)); /* nothing is computed yet */
    lease = grant(&c);
    report(&c, lease, 1);
    flush(&c);
    report(&c, lease, 2);
    CU_ASSERT(ledger_committed(c.ledger) < ledger_ticket(c.ledger));
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_epochs(c.table, 1), 1);
    check_checkpoint(&c, 1, "trial 1 epoch 1");
    stop(&c);
}

/* Sizes of the journal and snapshots after each event. */
static struct moment {
    off_t size;
    struct results results;
} moments[32];
static int moment_count;

static void remember(struct coordination *c)
{
    char path[PATH];
    struct stat st;

    flush(c);
    snprintf(path, sizeof path, "%s/journal.0001", c->dir);
    CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
    moments[moment_count++] = (struct moment){st.st_size, snapshot(c)};
}

static void copy_file(const char *from, const char *to, off_t size)
{
    char *buffer = malloc((size_t)size + 1);
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CU_ASSERT_FATAL(buffer && in >= 0 && out >= 0);
    ssize_t n = read(in, buffer, (size_t)size);
    CU_ASSERT_EQUAL_FATAL(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
    free(buffer);
}

static void copy_segments(const char *from, const char *to, const char *name)
{
    char a[PATH], b[2 * PATH];
    struct dirent *entry;

    snprintf(a, sizeof a, "%s/%s", from, name);
    snprintf(b, sizeof b, "%s/%s", to, name);
    mkdir(b, 0700);
    DIR *folder = opendir(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
    while ((entry = readdir(folder))) {
        char source[2 * PATH], target[3 * PATH];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(source, sizeof source, "%s/%s", a, entry->d_name);
        snprintf(target, sizeof target, "%s/%s", b, entry->d_name);
        copy_file(source, target, 1 << 20);
    }
    closedir(folder);
}

static void death_after_any_event_leaves_what_was_flushed_until_then(void)
{
    struct coordination c, again;
    char dir[PATH - 64], copy[PATH - 64], from[PATH], to[PATH];

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    moment_count = 0;
    mixed_events(&c, remember);
    snprintf(from, sizeof from, "%s/journal.0001", dir);
    for (int i = 0; i < moment_count; i++)
        for (int torn = 0; torn < 20; torn += 9) { /* bytes of the next frame */
            fresh_folder(copy);
            snprintf(to, sizeof to, "%s/journal.0001", copy);
            copy_file(from, to, moments[i].size + torn);
            copy_segments(dir, copy, "checkpoints");
            copy_segments(dir, copy, "outputs");
            must_start(&again, copy, NULL);
            struct results found = snapshot(&again);
            check_same(&moments[i].results, &found);
            results_clear(&found);
            stop(&again);
        }
    for (int i = 0; i < moment_count; i++)
        results_clear(&moments[i].results);
    stop(&c);
}

static void losses_count_over_starts_until_a_report(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct error err;

    fresh_folder(dir);
    for (int i = 0; i < 2; i++) {
        must_start(&c, dir, NULL);
        struct trial_lease lease = grant(&c);
        CU_ASSERT_EQUAL(lease.trial, 1);
        trial_table_worker_lost(c.table, 0);
        CU_ASSERT_EQUAL(trial_table_losses(c.table, 1), i + 1);
        ledger_left(c.ledger, 1, lease.lease, TRIAL_QUEUED, i + 1, "", &err);
        flush(&c);
        stop(&c);
    }
    must_start(&c, dir, NULL);
    grant(&c);
    CU_ASSERT_EQUAL(trial_table_worker_lost(c.table, 0), 1); /* the third */
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_GIVEN_UP);
    stop(&c);
}

/* Two of them: one failed, one that lost its workers. Both begin anew. */
static void failed_and_given_up_trials_are_queued_again_when_asked_for(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct error err;
    bool none[SAMPLE_TRIALS] = {false};
    int64_t count;

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    for (int i = 0; i < 2; i++) {
        struct trial_lease lease = grant(&c);
        enum trial_state state = i ? TRIAL_GIVEN_UP : TRIAL_FAILED;
        report(&c, lease, 1);
        trial_table_failed(c.table, lease.trial, lease.lease, false, 0);
        CU_ASSERT_EQUAL(
            ledger_left(c.ledger, lease.trial, lease.lease, state, 3 * i, "why", &err),
            0);
    }
    whole_trial(&c, 2); /* the checkpoints of those before are no longer needed */
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), SAMPLE_TRIALS - 3);
    CU_ASSERT_EQUAL(ledger_retry(c.ledger, none, &count, &err), 0);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(ledger_retry(c.ledger, c.run.enrolment.wanted, &count, &err), 0);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(ledger_past(c.ledger, 2).losses, 0);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), SAMPLE_TRIALS - 1);
    CU_ASSERT_EQUAL(trial_table_losses(c.table, 2), 0);
    check_checkpoint(&c, 1, "");
    struct trial_lease lease = grant(&c);
    CU_ASSERT_EQUAL(lease.trial, 1);
    report(&c, lease, 1);
    report(&c, lease, 2);
    result(&c, lease, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    struct results results = snapshot(&c);
    CU_ASSERT_STRING_EQUAL(results.trials[0].error, "");
    CU_ASSERT_EQUAL(results.trials[0].epochs, 2);
    results_clear(&results);
    stop(&c);
}

static void job_that_grew_keeps_numbers_and_adds_behind(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change more = {
        .sweep = "seeds = 3; space = { learning_rate = [5e-4, 1e-3, 2e-3, 3e-3]; };"};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    whole_trial(&c, 2);
    flush(&c);
    struct digest first = trial_list_identity(&c.run.enrolment.list, 1);
    struct digest sixth = trial_list_identity(&c.run.enrolment.list, 6);
    stop(&c);
    must_start(&c, dir, &more);
    const struct trial_list *list = &c.run.enrolment.list;
    CU_ASSERT_EQUAL(list->trial_count, 12);
    CU_ASSERT_EQUAL(list->config_count, 4);
    CU_ASSERT_EQUAL(c.run.enrolment.first_new, 7);
    CU_ASSERT(digest_equal(trial_list_identity(list, 1), first));
    CU_ASSERT(digest_equal(trial_list_identity(list, 6), sixth));
    CU_ASSERT_EQUAL(trial_list_parts(list, 7).config, 4); /* the new rate comes first */
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), 11);
    stop(&c);
    must_start(&c, dir, &more); /* and once more, with the same */
    CU_ASSERT_EQUAL(c.run.enrolment.list.trial_count, 12);
    CU_ASSERT_EQUAL(c.run.enrolment.first_new, 13);
    stop(&c);
}

static void job_that_shrank_leaves_the_others_as_they_are(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change fewer = {
        .sweep = "seeds = 1; space = { learning_rate = [1e-3, 3e-3]; };"};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    struct trial_lease lease = grant(&c), second = grant(&c);
    report(&c, lease, 1);
    (void)second;
    flush(&c);
    stop(&c);
    must_start(&c, dir, &fewer);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), 2);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 2), TRIAL_STOPPED);
    stop(&c);
    must_start(&c, dir, NULL); /* the job names them again */
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), 6);
    stop(&c);
}

static void shard_wants_its_own_trials_in_every_start(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change second = {.cluster = "shard = 2; shards = 4;"};
    struct sample_change grown = {.cluster = "shard = 2; shards = 4;",
                                  .sweep = "seeds = 4; space = { learning_rate = "
                                           "[1e-3, 2e-3, 3e-3]; };"};

    fresh_folder(dir);
    must_start(&c, dir, &second);
    CU_ASSERT_EQUAL(c.run.enrolment.list.trial_count, SAMPLE_TRIALS);
    CU_ASSERT_EQUAL(c.run.enrolment.wanted_count, 2);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 2), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 6), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_UNWANTED), 4);
    struct results results = snapshot(&c);
    CU_ASSERT_EQUAL_FATAL(results.trial_count, 2);
    CU_ASSERT_EQUAL(results.trials[1].trial, 6);
    results_clear(&results);
    stop(&c);
    must_start(&c, dir, &grown); /* new trials come behind, so none changes its shard */
    CU_ASSERT_EQUAL(c.run.enrolment.list.trial_count, 12);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 6), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 10), TRIAL_QUEUED);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_UNWANTED), 9);
    stop(&c);
}

static void shard_without_trials_is_refused(void)
{
    struct sample_run run;
    struct error err;

    CU_ASSERT_EQUAL(sample_run_init(&run, "shard = 7; shards = 8;", &err), ERR_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "shard 7/8: none of the job's 6 trials is in it");
    sample_run_clear(&run);
}

/* Of trials under the numbers that other has for them, but for one of them. */
static int64_t *numbers_in(struct trial_list *other, const struct trial_list *list,
                           int64_t without)
{
    int64_t *numbers = calloc((size_t)list->trial_count, sizeof *numbers);

    CU_ASSERT_PTR_NOT_NULL_FATAL(numbers);
    for (int64_t i = 1; i <= list->trial_count; i++)
        for (int64_t at = 1; at <= other->trial_count && i != without; at++)
            if (digest_equal(trial_list_identity(list, i),
                             trial_list_identity(other, at)))
                numbers[i - 1] = at;
    return numbers;
}

static void take_from(struct coordination *c, const char *dir, int64_t without)
{
    struct coordination from = {.ledger = NULL};
    struct journal_end end;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(history_read(&from.history, dir, &err), 0);
    CU_ASSERT_EQUAL_FATAL(
        sample_run_again(&from.run, &(struct sample_change){0}, &from.history, &err),
        0);
    int64_t *numbers =
        numbers_in(&c->run.enrolment.list, &from.run.enrolment.list, without);
    CU_ASSERT_EQUAL(ledger_take(c->ledger, dir, &from.run.job, numbers, &end, &err), 0);
    CU_ASSERT_EQUAL(end.files, 2);
    free(numbers);
    sample_run_clear(&from.run);
    history_clear(&from.history);
}

static void records_of_another_directory_count_under_new_numbers(void)
{
    struct sample_change turned = {
        .sweep = "seeds = 2; space = { learning_rate = [3e-3, 2e-3, 1e-3]; };"};
    struct coordination c;
    char from[PATH - 64], to[PATH - 64];

    fresh_folder(from);
    fresh_folder(to);
    must_start(&c, from, NULL);
    whole_trial(&c, 2);                                       /* 1: there it is 5 */
    struct trial_lease second = grant(&c), third = grant(&c); /* 6 and 3 */
    report(&c, second, 1);
    report(&c, third, 1);
    flush(&c);
    stop(&c);
    must_start(&c, from, NULL); /* a second journal */
    struct trial_lease again = grant(&c);
    report(&c, again, 2);
    flush(&c);
    stop(&c);
    must_start(&c, to, &turned);
    take_from(&c, from, 3);
    stop(&c);
    must_start(&c, to, &turned);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 5), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), SAMPLE_TRIALS - 1);
    CU_ASSERT_EQUAL(trial_table_epochs(c.table, 6), 2);
    CU_ASSERT_EQUAL(trial_table_attempts(c.table, 6), 2);
    CU_ASSERT_EQUAL(trial_table_attempts(c.table, 3), 0); /* it was left out */
    check_checkpoint(&c, 6, "trial 2 epoch 2");
    struct results results = snapshot(&c);
    CU_ASSERT_EQUAL(results.epoch_count, 4);
    CU_ASSERT_EQUAL(results.trials[4].score, score_of(1, 2));
    CU_ASSERT_EQUAL_FATAL(results.adapters_count, 1);
    CU_ASSERT_EQUAL(results.adapters[0].trials[0], 5);
    CU_ASSERT_EQUAL(results.adapters[0].vectors[0][0], 1.0F); /* as it was made */
    results_clear(&results);
    stop(&c);
}

static void more_epochs_continue_trials_that_do_not_know_their_end(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change two = {.training = "epochs = 2; warmup = 0.0; "
                                            "schedule = \"constant\";"};
    struct sample_change five = {.training = "epochs = 5; warmup = 0.0; "
                                             "schedule = \"constant\";"};

    fresh_folder(dir);
    must_start(&c, dir, &two);
    whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    for (int i = 0; i < 2; i++) { /* the second time after a death */
        must_start(&c, dir, &five);
        CU_ASSERT_EQUAL(c.run.enrolment.list.trial_count, SAMPLE_TRIALS);
        CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_QUEUED);
        CU_ASSERT_EQUAL(trial_table_epochs(c.table, 1), 2 + i);
        struct results results = snapshot(&c);
        CU_ASSERT_EQUAL(results.adapters_count, 0); /* until its next result */
        CU_ASSERT_EQUAL(results.epoch_count, 2 + i);
        results_clear(&results);
        struct trial_lease lease = grant(&c);
        check_checkpoint(&c, 1, i ? "trial 1 epoch 3" : "trial 1 epoch 2");
        report(&c, lease, 3 + i);
        flush(&c);
        stop(&c);
    }
    must_start(&c, dir, &five);
    struct trial_lease lease = grant(&c);
    report(&c, lease, 5);
    result(&c, lease, 5);
    flush(&c);
    stop(&c);
    must_start(&c, dir, &five);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    struct results results = snapshot(&c);
    CU_ASSERT_EQUAL(results.adapters_count, 1);
    CU_ASSERT_EQUAL(results.trials[0].best_epoch, 5);
    results_clear(&results);
    stop(&c);
}

static void more_epochs_of_a_schedule_that_ends_are_new_trials(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change five = {.training = "epochs = 5;"};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, &five);
    CU_ASSERT_EQUAL(c.run.enrolment.list.trial_count, 2 * SAMPLE_TRIALS);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_UNWANTED), SAMPLE_TRIALS - 1);
    CU_ASSERT_EQUAL(trial_table_count(c.table, TRIAL_QUEUED), SAMPLE_TRIALS);
    stop(&c);
}

static void job_without_a_common_configuration_is_another(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change other = {.training = "epochs = 2; batch_size = 7;"};
    struct error err = {""};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    stop(&c);
    CU_ASSERT_EQUAL(start(&c, dir, &other, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another job"));
    stop(&c);
}

static void kept_outputs_stay_as_they_are_when_more_or_fewer_are_to_be_kept(void)
{
    static const int keeps[] = {1, 3, 1, 6};
    struct coordination c;
    char dir[PATH - 64];

    fresh_folder(dir);
    for (size_t i = 0; i < sizeof keeps / sizeof *keeps; i++) {
        struct sample_change change = {.keep = keeps[i]};
        must_start(&c, dir, &change);
        if (trial_table_count(c.table, TRIAL_QUEUED) > 0) {
            whole_trial(&c, 2);
            whole_trial(&c, 2);
        }
        flush(&c);
        struct results before = snapshot(&c);
        stop(&c);
        must_start(&c, dir, &change);
        struct results after = snapshot(&c);
        check_same(&before, &after);
        results_clear(&before);
        results_clear(&after);
        stop(&c);
    }
}

static bool keeps(const struct results *r, int64_t trial)
{
    const struct results_adapters *table;
    const float *values = results_find_adapter(r, trial, &table);

    return values && values[0] == (float)trial;
}

/* Configuration 3 has the best mean, its best trial none of the highest scores. */
static void outputs_of_the_best_by_mean_come_from_their_segment(void)
{
    static const double given[SAMPLE_TRIALS + 1] = {0, 0.9, 0.1, 0.85, 0.1, 0.7, 0.6};
    struct coordination c;
    char dir[PATH - 64];

    fresh_folder(dir);
    scores = given;
    must_start(&c, dir, NULL);
    for (int i = 0; i < SAMPLE_TRIALS; i++)
        whole_trial(&c, 2);
    scores = NULL;
    flush(&c);
    struct results before = snapshot(&c);
    CU_ASSERT(keeps(&before, 1) && keeps(&before, 5) && !keeps(&before, 3));
    stop(&c);
    must_start(&c, dir, NULL);
    struct results after = snapshot(&c);
    check_same(&before, &after);
    results_clear(&before);
    results_clear(&after);
    stop(&c);
}

/* While trials go on with more epochs, some are done again and others not yet. */
static void death_among_trials_that_go_on_keeps_the_same_outputs(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change two = {.training = "epochs = 2; warmup = 0.0; "
                                            "schedule = \"constant\";"};
    struct sample_change four = {.training = "epochs = 4; warmup = 0.0; "
                                             "schedule = \"constant\";"};

    fresh_folder(dir);
    must_start(&c, dir, &two);
    for (int i = 0; i < SAMPLE_TRIALS; i++)
        whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, &four);
    for (int i = 0; i < 4; i++)
        whole_trial(&c, 4);
    grant(&c);
    grant(&c);
    flush(&c);
    struct results before = snapshot(&c);
    stop(&c);
    must_start(&c, dir, &four);
    struct results after = snapshot(&c);
    check_same(&before, &after);
    results_clear(&before);
    results_clear(&after);
    stop(&c);
}

static bool has_segment(const char *dir, const char *name)
{
    char path[PATH];

    snprintf(path, sizeof path, "%s/checkpoints/%s.seg", dir, name);
    return access(path, F_OK) == 0;
}

/* What another process does right before a journal is started. */
static const char *appears_from, *appears_as;

int __real_journal_start(struct journal **out, const char *dir, journal_visit *visit,
                         void *arg, struct journal_end *end, struct error *err);
int __wrap_journal_start(struct journal **out, const char *dir, journal_visit *visit,
                         void *arg, struct journal_end *end, struct error *err);
int __wrap_journal_start(struct journal **out, const char *dir, journal_visit *visit,
                         void *arg, struct journal_end *end, struct error *err)
{
    if (appears_from)
        CU_ASSERT_EQUAL(rename(appears_from, appears_as), 0);
    appears_from = NULL;
    return __real_journal_start(out, dir, visit, arg, end, err);
}

static void segments_made_until_the_new_journal_is_there_are_found(void)
{
    struct coordination c;
    char dir[PATH - 64], hidden[PATH], folder[PATH];

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    report(&c, grant(&c), 1);
    flush(&c);
    stop(&c);
    snprintf(folder, sizeof folder, "%s/checkpoints", dir);
    snprintf(hidden, sizeof hidden, "%s/hidden", dir);
    CU_ASSERT_EQUAL_FATAL(rename(folder, hidden), 0);
    appears_from = hidden;
    appears_as = folder;
    must_start(&c, dir, NULL);
    CU_ASSERT_PTR_NULL(appears_from);
    flush(&c); /* keeps what is held, and removes the rest */
    check_checkpoint(&c, 1, "trial 1 epoch 1");
    stop(&c);
}

static void numbers_of_segments_are_not_used_again(void)
{
    struct coordination c;
    char dir[PATH - 64];

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL); /* nothing in the first one counts any more */
    stop(&c);
    CU_ASSERT(!has_segment(dir, "000001"));
    must_start(&c, dir, NULL);
    report(&c, grant(&c), 1);
    flush(&c);
    CU_ASSERT(!has_segment(dir, "000001") && has_segment(dir, "000002"));
    stop(&c);
}

/* As one with a damaged checkpoint does. */
static void trial_whose_checkpoint_is_missing_begins_anew(void)
{
    struct coordination c;
    char dir[PATH - 64], path[PATH];
    struct bytes out = {0};
    struct error err = {""};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    report(&c, grant(&c), 1);
    flush(&c);
    stop(&c);
    snprintf(path, sizeof path, "%s/checkpoints/000001.seg", dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
    must_start(&c, dir, NULL);
    struct trial_lease lease = grant(&c);
    CU_ASSERT_EQUAL(lease.trial, 1);
    CU_ASSERT_EQUAL(ledger_checkpoint(c.ledger, 1, &out, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "000001.seg"));
    report(&c, lease, 1);
    report(&c, lease, 2);
    result(&c, lease, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    stop(&c);
}

/* The first page behind START has not reached the disk, later ones have. */
static void lose_the_job(const char *dir)
{
    char path[PATH], zeros[64] = {0};
    struct journal_end end;
    const char *empty = place_temporary();

    snprintf(path, sizeof path, "%s/start", empty);
    mkdir(path, 0700);
    struct journal *journal;
    CU_ASSERT_EQUAL_FATAL(journal_start(&journal, path, NULL, NULL, NULL, NULL), 0);
    journal_close(journal);
    CU_ASSERT_EQUAL_FATAL(journal_read(path, NULL, NULL, &end, NULL), 0);
    snprintf(path, sizeof path, "%s/journal.0001", dir);
    int fd = open(path, O_WRONLY);
    CU_ASSERT_EQUAL(pwrite(fd, zeros, sizeof zeros, (off_t)end.length), sizeof zeros);
    close(fd);
}

static void first_commit_that_never_ended_is_set_aside(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct sample_change none = {0};
    struct journal_rewritten counts;
    struct error err = {""};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    stop(&c);
    lose_the_job(dir);
    CU_ASSERT_EQUAL(start(&c, dir, &none, &err), ERR_INPUT);
    stop(&c);
    CU_ASSERT_EQUAL(ledger_rewrite_jobs(dir, &counts, &err), 0);
    CU_ASSERT_EQUAL(counts.kept, 0);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(c.run.enrolment.first_new, 1);
    whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    must_start(&c, dir, NULL);
    CU_ASSERT_EQUAL(trial_table_state(c.table, 1), TRIAL_DONE);
    stop(&c);
}

static void lost_job_of_a_run_that_has_begun_is_refused(void)
{
    struct coordination c;
    char dir[PATH - 64];
    struct journal_rewritten counts;
    struct error err = {""};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    grant(&c);
    flush(&c);
    stop(&c);
    lose_the_job(dir);
    CU_ASSERT_EQUAL(ledger_rewrite_jobs(dir, &counts, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "record of its job is damaged"));
}

static void missing_outputs_are_refused(void)
{
    struct coordination c;
    char dir[PATH - 64], path[PATH];
    struct sample_change none = {0};
    struct error err = {""};

    fresh_folder(dir);
    must_start(&c, dir, NULL);
    whole_trial(&c, 2);
    flush(&c);
    stop(&c);
    snprintf(path, sizeof path, "%s/outputs/000001.seg", dir);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(start(&c, dir, &none, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "000001.seg: is missing"));
    stop(&c);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(next_start_finds_all_that_was_recorded),
        SUITE_TEST(what_was_not_flushed_is_not_there),
        SUITE_TEST(death_after_any_event_leaves_what_was_flushed_until_then),
        SUITE_TEST(losses_count_over_starts_until_a_report),
        SUITE_TEST(failed_and_given_up_trials_are_queued_again_when_asked_for),
        SUITE_TEST(job_that_grew_keeps_numbers_and_adds_behind),
        SUITE_TEST(job_that_shrank_leaves_the_others_as_they_are),
        SUITE_TEST(shard_wants_its_own_trials_in_every_start),
        SUITE_TEST(shard_without_trials_is_refused),
        SUITE_TEST(records_of_another_directory_count_under_new_numbers),
        SUITE_TEST(more_epochs_continue_trials_that_do_not_know_their_end),
        SUITE_TEST(more_epochs_of_a_schedule_that_ends_are_new_trials),
        SUITE_TEST(job_without_a_common_configuration_is_another),
        SUITE_TEST(kept_outputs_stay_as_they_are_when_more_or_fewer_are_to_be_kept),
        SUITE_TEST(outputs_of_the_best_by_mean_come_from_their_segment),
        SUITE_TEST(death_among_trials_that_go_on_keeps_the_same_outputs),
        SUITE_TEST(segments_made_until_the_new_journal_is_there_are_found),
        SUITE_TEST(numbers_of_segments_are_not_used_again),
        SUITE_TEST(trial_whose_checkpoint_is_missing_begins_anew),
        SUITE_TEST(first_commit_that_never_ended_is_set_aside),
        SUITE_TEST(lost_job_of_a_run_that_has_begun_is_refused),
        SUITE_TEST(missing_outputs_are_refused),
        {NULL, NULL},
    };

    return suite_run("ledger", tests);
}
