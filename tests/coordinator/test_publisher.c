/* What is published, and what is not. */
#include "coordinator/publisher.h"

#include "common/clock.h"
#include "storage/results_file.h"
#include "tests/coordinator/sample_run.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct sample_run run;
static struct findings *findings;
static struct trial_table *table;
static char folder[256], path[300];

static void begin(void)
{
    static int count;
    struct trial_policy policy = {.attempts = 3};
    struct error err;

    CU_ASSERT_EQUAL_FATAL(sample_run_init(&run, "", &err), 0);
    CU_ASSERT_EQUAL_FATAL(findings_new(&findings, &run.job, &err), 0);
    table = trial_table_new(SAMPLE_TRIALS, 1, policy, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    snprintf(folder, sizeof folder, "%s/publisher%d", place_temporary(), count++);
    CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/results.h5", folder);
}

static void end(void)
{
    trial_table_free(table);
    findings_free(findings);
    sample_run_clear(&run);
}

static void report(int epoch)
{
    struct report m = sample_report(1, 1, epoch, 0.1 * epoch);
    struct error err;

    CU_ASSERT_EQUAL(findings_report(findings, &m, &err), 0);
}

static void start(struct publisher *p, uint64_t ticket)
{
    struct error err;

    CU_ASSERT_EQUAL_FATAL(publisher_start(p, table, ticket, 0, &err), 0);
    CU_ASSERT(publisher_busy(p));
}

static int wait_ended(struct publisher *p, struct error *err)
{
    int rc = 0;

    while (publisher_busy(p)) {
        rc = publisher_poll(p, 0, err);
        clock_sleep_s(1e-3);
    }
    return rc;
}

/* Reports in results.h5; -1: there is none. Nothing else may lie beside it. */
static int published(void)
{
    struct results results;
    struct dirent *entry;
    int files = 0, reports = -1;
    DIR *d = opendir(folder);

    while (d && (entry = readdir(d)))
        files += entry->d_name[0] != '.';
    closedir(d);
    if (results_read(&results, path, RESULTS_EPOCHS, NULL) == 0) {
        reports = results.epoch_count;
        results_clear(&results);
    }
    CU_ASSERT_EQUAL(files, reports < 0 ? 0 : 1);
    return reports;
}

static void what_lasts_is_published_as_it_was_at_the_start(void)
{
    struct error err = {""};

    begin();
    struct publisher *p = publisher_new(path, findings, (struct file_gate){0});
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    report(1);
    start(p, 5);
    report(2);
    publisher_committed(p, 5);
    CU_ASSERT_EQUAL(wait_ended(p, &err), 0);
    CU_ASSERT_EQUAL(published(), 1);
    CU_ASSERT(!publisher_due(p, 4.9) && publisher_due(p, 5));
    publisher_free(p);
    end();
}

static void what_was_not_committed_is_never_published(void)
{
    struct error err = {""};

    begin();
    struct publisher *p = publisher_new(path, findings, (struct file_gate){0});
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    report(1);
    publisher_committed(p, 5);
    start(p, 5);
    CU_ASSERT_EQUAL(wait_ended(p, &err), 0);
    report(2);
    start(p, 6);
    publisher_abandon(p);
    CU_ASSERT_EQUAL(wait_ended(p, &err), 0);
    CU_ASSERT_EQUAL(published(), 1);
    start(p, 7);
    publisher_free(p); /* does not wait for what will not come */
    CU_ASSERT_EQUAL(published(), 1);
    end();
}

static int refuse(void *arg, struct error *err)
{
    (void)arg;
    return error_set(err, ERR_IO, "taken over");
}

static void the_gate_is_asked_last(void)
{
    struct error err = {""};

    begin();
    struct publisher *p =
        publisher_new(path, findings, (struct file_gate){refuse, NULL});
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    report(1);
    start(p, 0);
    CU_ASSERT_EQUAL(wait_ended(p, &err), ERR_IO);
    CU_ASSERT_STRING_EQUAL(err.text, "taken over");
    CU_ASSERT_EQUAL(published(), -1);
    publisher_free(p);
    end();
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(what_lasts_is_published_as_it_was_at_the_start),
        SUITE_TEST(what_was_not_committed_is_never_published),
        SUITE_TEST(the_gate_is_asked_last),
        {NULL, NULL},
    };

    return suite_run("publisher", tests);
}
