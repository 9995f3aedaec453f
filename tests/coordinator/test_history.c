#include "coordinator/history.h"

#include "coordinator/records.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *fresh_folder(void)
{
    static char path[4096];
    static int count;

    snprintf(path, sizeof path, "%s/history%d", place_temporary(), count++);
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    return path;
}

static int64_t next_trial;

static struct journal *start(const char *dir)
{
    struct journal *journal = NULL;

    CU_ASSERT_EQUAL_FATAL(journal_start(&journal, dir, NULL, NULL, NULL, NULL), 0);
    return journal;
}

static void end(struct journal *journal)
{
    struct append_file *file = journal_file(journal);

    append_file_take(file);
    CU_ASSERT_EQUAL_FATAL(append_file_flush(file, NULL), 0);
    journal_close(journal);
}

static void put_job(struct journal *journal, int tasks, const char *text)
{
    struct record_task data[2] = {{"a", {1, 1}}, {"b", {2, 2}}};

    record_job_put(journal_begin(journal, RECORD_JOB), (struct digest){9, 9}, data,
                   tasks, text);
    journal_append(journal);
}

static void put_config(struct journal *journal, uint64_t key, const char *settings)
{
    struct record_config m = {{key, 0}, settings};

    record_config_put(journal_begin(journal, RECORD_CONFIG), &m);
    journal_append(journal);
}

static void put_trial(struct journal *journal, uint64_t identity, int task, int config,
                      uint32_t seed)
{
    struct trial_list_entry entry = {{identity, 0}, {task, config, seed}, 0};

    record_trials_put(journal_begin(journal, RECORD_TRIALS), next_trial++, &entry, 1);
    journal_append(journal);
}

static void jobs_add_up_in_the_order_of_their_starts(void)
{
    const char *dir = fresh_folder();
    struct history history;
    struct settings settings;
    struct error err = {""};

    next_trial = 1;
    CU_ASSERT_EQUAL(history_read(&history, dir, &err), 0);
    CU_ASSERT_PTR_NULL(history.job);
    struct journal *journal = start(dir);
    put_job(journal, 1, "first");
    put_config(journal, 10, "epochs=5;");
    put_trial(journal, 100, 0, 1, 1);
    end(journal);
    end(start(dir)); /* a start without anything new */
    journal = start(dir);
    put_job(journal, 2, "second");
    put_config(journal, 11, "epochs=6;");
    put_config(journal, 10, "epochs=8;"); /* known, with more epochs */
    put_trial(journal, 101, 1, 2, 7);
    put_trial(journal, 102, 0, 1, 2);
    end(journal);
    CU_ASSERT_EQUAL_FATAL(history_read(&history, dir, &err), 0);
    CU_ASSERT_STRING_EQUAL(history.job, "second");
    CU_ASSERT_EQUAL(history.tasks, 2);
    CU_ASSERT(digest_equal(history.digests[1], (struct digest){2, 2}));
    CU_ASSERT_STRING_EQUAL(history.names[1], "b");
    CU_ASSERT(digest_equal(history.encoder, (struct digest){9, 9}));
    CU_ASSERT_EQUAL(history.end.files, 3);
    CU_ASSERT_EQUAL(history.list.config_count, 2);
    CU_ASSERT_EQUAL(history.list.trial_count, 3);
    CU_ASSERT_EQUAL(trial_list_find(&history.list, (struct digest){101, 0}), 2);
    trial_list_settings(&history.list, 3, &settings);
    CU_ASSERT(settings.epochs == 8 && settings.seed == 2);
    history_clear(&history);
}

/* What one record after a plain beginning does. */
static int with(void (*put)(struct journal *), struct error *err)
{
    const char *dir = fresh_folder();
    struct history history;
    struct journal *journal = start(dir);

    next_trial = 1;
    put_job(journal, 1, "job");
    put_config(journal, 10, "epochs=5;");
    put_trial(journal, 100, 0, 1, 1);
    put(journal);
    end(journal);
    int rc = history_read(&history, dir, err);
    if (!rc)
        history_clear(&history);
    return rc;
}

static void the_same_trial_again(struct journal *j) { put_trial(j, 100, 0, 1, 1); }
static void another_trial(struct journal *j) { put_trial(j, 101, 0, 1, 2); }
static void an_unknown_config(struct journal *j) { put_trial(j, 101, 0, 2, 1); }
static void an_unknown_task(struct journal *j) { put_trial(j, 101, 1, 1, 1); }
static void strange_settings(struct journal *j) { put_config(j, 11, "epoch=5;"); }
static void a_gap_in_the_numbers(struct journal *j)
{
    next_trial++;
    put_trial(j, 101, 0, 1, 2);
}
static void a_config_of_old(struct journal *j)
{
    struct record_config m = {{12, 0}, "epochs=5;"};

    record_config_put(journal_begin(j, RECORD_OLD_CONFIG), &m);
    journal_append(j);
}

static void half_a_record(struct journal *j)
{
    bytes_put_u32(journal_begin(j, RECORD_JOB), 1);
    journal_append(j);
}

static void what_cannot_be_is_refused(void)
{
    struct error err = {""};

    CU_ASSERT_EQUAL(with(another_trial, &err), 0);
    CU_ASSERT_EQUAL(with(the_same_trial_again, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "trial 1 comes twice"));
    CU_ASSERT_EQUAL(with(an_unknown_config, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(with(an_unknown_task, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(with(a_gap_in_the_numbers, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(with(strange_settings, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(with(half_a_record, &err), ERR_INPUT);
    CU_ASSERT_EQUAL(with(a_config_of_old, &err), ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "before 0.1.0"));
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(jobs_add_up_in_the_order_of_their_starts),
        SUITE_TEST(what_cannot_be_is_refused),
        {NULL, NULL},
    };

    return suite_run("history", tests);
}
