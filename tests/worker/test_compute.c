/* The compute thread with a tiny encoder and real files: which messages it has for the
 * coordinator. */
#include "worker/compute.h"

#include "common/clock.h"
#include "common/dataset.h"
#include "jobs/settings_table.h"
#include "storage/dataset_file.h"
#include "storage/encoder.h"
#include "tests/support/places.h"
#include "tests/support/suite.h"
#include "tests/worker/made_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, LEASE = 4 };

static char encoder_dir[512], dataset_path[512];
static struct digest encoder_digest, dataset_digests;
static struct settings settings;

static void prepare(int rows)
{
    struct encoder encoder;
    struct dataset data = {0};
    struct error err = {""};

    snprintf(encoder_dir, sizeof encoder_dir, "%s",
             place_source("tests/data/encoders/tiny-odd"));
    snprintf(dataset_path, sizeof dataset_path, "%s/made%d.h5", place_temporary(),
             rows);
    CU_ASSERT_EQUAL_FATAL(encoder_open(&encoder, encoder_dir, &err), 0);
    encoder_digest = encoder.digest;
    encoder_close(&encoder);
    made_data(&data, rows, 9, 50, 2);
    data.label_names = calloc(2, sizeof *data.label_names);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data.label_names);
    for (int i = 0; i < 2; i++)
        data.label_names[i] = strdup(i ? "high" : "low");
    CU_ASSERT_EQUAL_FATAL(dataset_digest(&dataset_digests, &data, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dataset_file_write(dataset_path, &data, &err), 0);
    dataset_clear(&data);
    settings_defaults(&settings);
    settings.epochs = 2;
}

/* With one task, made of what prepare() left and tests may have changed. */
static struct compute *begin(void)
{
    struct compute_setup setup = {.encoder = encoder_dir,
                                  .encoder_digest = encoder_digest,
                                  .threads = 1,
                                  .tasks = 1};
    struct task_order task = {.name = "made",
                              .dataset = dataset_path,
                              .digest = dataset_digests,
                              .labels = 2,
                              .metric_count = 1,
                              .selection_count = 1,
                              .metrics = {METRIC_ACCURACY},
                              .selection = {METRIC_ACCURACY}};
    struct compute *c = NULL;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(compute_new(&c, &setup, &err), 0);
    CU_ASSERT_EQUAL_FATAL(compute_task(c, &task, &err), 0);
    return c;
}

static void add_trial(struct compute *c, uint64_t number, const char *text)
{
    struct grant_trial trial = {.trial = number, .lease = LEASE, .settings = text};
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(compute_add(c, &trial, &err), 0);
}

static void add(struct compute *c, uint64_t number)
{
    char *text = settings_canonical(&settings);

    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    add_trial(c, number, text);
    free(text);
}

static void stop(struct compute *c, uint64_t trial, bool at_once)
{
    compute_stop(c, &(struct stop){.trial = trial, .lease = LEASE, .at_once = at_once});
}

/* The next message, to be cleared. */
static enum message_tag take(struct compute *c, struct bytes *message)
{
    enum message_tag tag = MESSAGE_REST;
    size_t size;
    struct error err = {""};

    struct letter letter;

    CU_ASSERT_FATAL(compute_take(c, true, &letter, 50));
    CU_ASSERT_EQUAL(letter.peer, 0);
    *message = letter.message;
    CU_ASSERT_EQUAL(
        message_header_decode(&tag, &size, message->data, message->size, &err), 0);
    return tag;
}

static enum message_tag take_tag(struct compute *c)
{
    struct bytes message;
    enum message_tag tag = take(c, &message);

    bytes_clear(&message);
    return tag;
}

static void trial_gives_a_report_an_epoch_and_a_result(void)
{
    struct compute *c;
    struct bytes message;
    struct result result;

    prepare(ROWS);
    c = begin();
    add(c, 1);
    CU_ASSERT_EQUAL(take_tag(c), MESSAGE_REPORT);
    CU_ASSERT_EQUAL(take_tag(c), MESSAGE_REPORT);
    CU_ASSERT_EQUAL_FATAL(take(c, &message), MESSAGE_RESULT);
    CU_ASSERT_EQUAL(result_decode(&result, message.data, message.size, NULL), 0);
    CU_ASSERT(result.trial == 1 && result.lease == LEASE);
    bytes_clear(&message);
    compute_free(c);
}

static void wait_trained(struct compute *c, uint64_t trial, uint64_t examples)
{
    struct heartbeat now = {0};

    while (now.trial != trial || now.examples < examples) {
        compute_progress(c, &now);
        clock_sleep_s(1e-3);
    }
}

/* Whether the last report was made before the stop or not, each turn: a trial that made
 * it has a result. The first report stays in the mailbox, so the thread cannot get past
 * the last one before the stop. */
static void stopped_trial_is_finished_where_it_made_its_last_report(void)
{
    struct compute *c;

    prepare(ROWS);
    c = begin();
    for (uint64_t i = 1; i <= 10; i++) {
        enum message_tag tag;

        add(c, i);
        wait_trained(c, i, 2 * ROWS);
        stop(c, i, false);
        CU_ASSERT_EQUAL(take_tag(c), MESSAGE_REPORT);
        tag = take_tag(c);
        if (tag == MESSAGE_REPORT)
            CU_ASSERT_EQUAL(take_tag(c), MESSAGE_RESULT)
        else
            CU_ASSERT_EQUAL(tag, MESSAGE_STOPPED);
    }
    compute_free(c);
}

/* Its test set is large, so the stop comes while it is scored. */
static void stop_after_the_last_report_changes_nothing(void)
{
    struct compute *c;

    prepare(6000);
    settings.epochs = 1;
    settings.limit = ROWS;
    c = begin();
    add(c, 1);
    CU_ASSERT_EQUAL(take_tag(c), MESSAGE_REPORT);
    stop(c, 1, false);
    CU_ASSERT_EQUAL(take_tag(c), MESSAGE_RESULT);
    compute_free(c);
}

static void stop_at_once_leaves_a_trial_that_is_done_too(void)
{
    struct compute *c;
    enum message_tag tag;

    prepare(ROWS);
    c = begin();
    add(c, 1);
    wait_trained(c, 1, 2 * ROWS);
    stop(c, 1, true);
    while ((tag = take_tag(c)) == MESSAGE_REPORT)
        ;
    CU_ASSERT_EQUAL(tag, MESSAGE_STOPPED);
    compute_free(c);
}

static void stop_of_another_lease_is_ignored(void)
{
    struct compute *c;
    enum message_tag tag;

    prepare(ROWS);
    c = begin();
    add(c, 1);
    compute_stop(c, &(struct stop){.trial = 1, .lease = LEASE - 1, .at_once = true});
    while ((tag = take_tag(c)) == MESSAGE_REPORT)
        ;
    CU_ASSERT_EQUAL(tag, MESSAGE_RESULT);
    compute_free(c);
}

/* One trial's first message is UNFIT, and says this. */
static void check_unfit(const char *path, const char *why)
{
    struct compute *c = begin();
    struct bytes message;
    struct unfit unfit;

    add(c, 1);
    CU_ASSERT_EQUAL_FATAL(take(c, &message), MESSAGE_UNFIT);
    CU_ASSERT_EQUAL_FATAL(unfit_decode(&unfit, message.data, message.size, NULL), 0);
    if (!strstr(unfit.text, path) || !strstr(unfit.text, why))
        fprintf(stderr, "%s: not %s: %s\n", unfit.text, path, why);
    CU_ASSERT_PTR_NOT_NULL(strstr(unfit.text, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(unfit.text, why));
    bytes_clear(&message);
    compute_free(c);
}

static void worker_without_the_encoder_is_unfit(void)
{
    prepare(ROWS);
    encoder_digest.low++;
    check_unfit(encoder_dir, "not the encoder that the coordinator reads");
    encoder_digest.low--;
    snprintf(encoder_dir, sizeof encoder_dir, "%s/nothing", place_temporary());
    check_unfit(encoder_dir, "No such file");
}

static void worker_without_the_data_is_unfit(void)
{
    prepare(ROWS);
    dataset_digests.low++;
    check_unfit(dataset_path, "not the data that the coordinator prepared");
    dataset_digests.low--;
    CU_ASSERT_EQUAL(remove(dataset_path), 0);
    check_unfit(dataset_path, "");
}

static void worker_without_the_adapter_to_start_from_is_unfit(void)
{
    prepare(ROWS);
    snprintf(settings.init, sizeof settings.init, "%s/none.safetensors",
             place_temporary());
    check_unfit(settings.init, "No such file");
    FILE *file = fopen(settings.init, "w"); /* another than the identity says */
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("another", file);
    fclose(file);
    check_unfit(settings.init, "not the file that the coordinator reads");
}

static void check_failure(struct compute *c, int status)
{
    struct bytes message;
    struct failure failure;

    CU_ASSERT_EQUAL_FATAL(take(c, &message), MESSAGE_FAILURE);
    CU_ASSERT_EQUAL(failure_decode(&failure, message.data, message.size, NULL), 0);
    CU_ASSERT_EQUAL(failure.status, status);
    bytes_clear(&message);
}

static void trial_with_a_fault_of_its_own_fails(void)
{
    struct compute *c;

    prepare(ROWS);
    c = begin();
    add_trial(c, 1, "nonsense");
    check_failure(c, ERR_PROTOCOL);
    settings.first_layer = 4; /* it has three */
    add(c, 2);
    check_failure(c, ERR_INPUT);
    compute_free(c);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(trial_gives_a_report_an_epoch_and_a_result),
        SUITE_TEST(stopped_trial_is_finished_where_it_made_its_last_report),
        SUITE_TEST(stop_after_the_last_report_changes_nothing),
        SUITE_TEST(stop_at_once_leaves_a_trial_that_is_done_too),
        SUITE_TEST(stop_of_another_lease_is_ignored),
        SUITE_TEST(worker_without_the_encoder_is_unfit),
        SUITE_TEST(worker_without_the_data_is_unfit),
        SUITE_TEST(worker_without_the_adapter_to_start_from_is_unfit),
        SUITE_TEST(trial_with_a_fault_of_its_own_fails),
        {NULL, NULL},
    };

    return suite_run("compute", tests);
}
