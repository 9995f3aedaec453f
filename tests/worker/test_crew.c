/* Several compute threads on one trial, with the letters carried by hand: whatever
 * becomes of the helpers, the numbers are those of one alone. */
#include "worker/compute.h"

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

enum { FEW = 83, MANY = 1040, LEASE = 4, TRIAL = 1, LEADER = 1, MOST = 4 };

static char encoder_dir[512], dataset_path[512];
static struct digest encoder_digest, dataset_digests;
static enum selection_rows selection;
static char *settings_text;

static void prepare(int rows)
{
    struct encoder encoder;
    struct dataset data = {0};
    struct settings settings;
    struct error err = {""};

    snprintf(encoder_dir, sizeof encoder_dir, "%s",
             place_source("tests/data/encoders/tiny-odd"));
    snprintf(dataset_path, sizeof dataset_path, "%s/crew.h5", place_temporary());
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
    settings.microshard_tokens = 16;
    settings.batch_size = 32;
    settings.hidden_dropout = settings.attention_dropout = 0.1;
    free(settings_text);
    settings_text = settings_canonical(&settings);
    CU_ASSERT_PTR_NOT_NULL_FATAL(settings_text);
}

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
                              .selection = {METRIC_ACCURACY},
                              .selection_rows = selection};
    struct compute *c = NULL;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(compute_new(&c, &setup, &err), 0);
    CU_ASSERT_EQUAL_FATAL(compute_task(c, &task, &err), 0);
    return c;
}

/* What a run gave: reports and results without the times in them. */
struct outcome {
    struct bytes numbers;
    int reports;
    bool result, stopped;
};

/* Workers 1…count, of which the first leads. */
struct crew_run {
    int count;
    struct compute *workers[MOST + 1]; /* NULL: gone */
    struct outcome outcome;            /* of the leader */
    int parts, works;                  /* letters carried */
    bool join_first;                   /* helpers are heard of before CREW comes */
    /* Told of every letter between workers; false: it does not arrive. */
    bool (*watch)(struct crew_run *run, int from, struct letter *letter);
};

static void deliver(struct compute *c, int from, const struct bytes *message)
{
    struct error err = {""};

    CU_ASSERT_EQUAL(compute_deliver(c, from, message ? message->data : NULL,
                                    message ? message->size : 0, &err),
                    0);
}

static void tell_leader(struct crew_run *run, int helper, bool joins)
{
    struct bytes out = {0};

    crew_change_encode(&out,
                       &(struct crew_change){TRIAL, LEASE, (uint32_t)helper, joins});
    deliver(run->workers[LEADER], 0, &out);
    bytes_clear(&out);
}

/* The next letter, to be cleared. */
static void take(struct compute *c, struct letter *letter)
{
    while (!compute_take(c, true, letter, 50))
        ; /* it wakes up for other reasons too */
}

/* All have joined when the leader begins. */
static void begin_run(struct crew_run *run, int count)
{
    struct grant_trial trial = {
        .trial = TRIAL, .lease = LEASE, .settings = settings_text};
    struct help help = {
        .trial = TRIAL, .lease = LEASE, .leader = LEADER, .settings = settings_text};
    struct letter letter;
    struct error err = {""};

    run->count = count;
    for (int w = 1; w <= count; w++)
        run->workers[w] = begin();
    for (int w = 2; w <= count; w++) {
        if (!run->join_first)
            tell_leader(run, w, true);
        CU_ASSERT_EQUAL(compute_help(run->workers[w], &help, &err), 0);
        take(run->workers[w], &letter);
        CU_ASSERT(letter.peer == LEADER && letter.message.data[2] == MESSAGE_JOIN);
        deliver(run->workers[LEADER], w, &letter.message);
        bytes_clear(&letter.message);
        if (run->join_first)
            tell_leader(run, w, true);
    }
    CU_ASSERT_EQUAL(compute_add(run->workers[LEADER], &trial, &err), 0);
}

static void keep_report(struct outcome *outcome, const struct bytes *message)
{
    struct report m;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(report_decode(&m, message->data, message->size, &err), 0);
    outcome->reports++;
    bytes_put_f64(&outcome->numbers, m.train_loss);
    bytes_put_f64(&outcome->numbers, m.dev_loss);
    bytes_put_f64(&outcome->numbers, m.score);
    bytes_put_i64(&outcome->numbers, m.tokens);
    bytes_put_u64(&outcome->numbers, m.examples);
}

static void keep_result(struct outcome *outcome, const struct bytes *message)
{
    struct result m;
    struct error err = {""};

    CU_ASSERT_EQUAL_FATAL(result_decode(&m, message->data, message->size, &err), 0);
    outcome->result = true;
    bytes_put(&outcome->numbers, m.values.bytes, 4 * m.values.count);
    for (int i = 0; i < m.split_count; i++)
        bytes_put(&outcome->numbers, m.splits[i].logits.bytes,
                  4 * m.splits[i].logits.count);
}

static void to_coordinator(struct outcome *outcome, const struct bytes *message)
{
    enum message_tag tag = MESSAGE_REST;
    size_t size;

    CU_ASSERT_EQUAL(
        message_header_decode(&tag, &size, message->data, message->size, NULL), 0);
    if (tag == MESSAGE_REPORT)
        keep_report(outcome, message);
    else if (tag == MESSAGE_RESULT)
        keep_result(outcome, message);
    else
        outcome->stopped = tag == MESSAGE_STOPPED;
}

static void count_letter(struct crew_run *run, const struct letter *letter)
{
    run->works += letter->message.data[2] == MESSAGE_WORK;
    run->parts += letter->message.data[2] == MESSAGE_PART;
}

/* Carries what one worker has to send. */
static void carry(struct crew_run *run, int from)
{
    struct letter letter;

    while (run->workers[from] && compute_take(run->workers[from], true, &letter, 0)) {
        if (letter.peer == 0) {
            to_coordinator(&run->outcome, &letter.message);
        } else if (!run->watch || run->watch(run, from, &letter)) {
            count_letter(run, &letter);
            if (run->workers[letter.peer])
                deliver(run->workers[letter.peer], from, &letter.message);
        }
        bytes_clear(&letter.message);
    }
}

static void lose(struct crew_run *run, int worker)
{
    compute_free(run->workers[worker]);
    run->workers[worker] = NULL;
}

/* Until the leader has its result, or was left. */
static void finish(struct crew_run *run)
{
    while (run->workers[LEADER] && !run->outcome.result && !run->outcome.stopped)
        for (int w = 1; w <= run->count; w++)
            carry(run, w);
    for (int w = 1; w <= run->count; w++)
        lose(run, w);
}

static struct bytes alone(void)
{
    struct crew_run run = {0};

    begin_run(&run, 1);
    finish(&run);
    CU_ASSERT(run.outcome.result && run.outcome.reports == 2);
    return run.outcome.numbers;
}

static void check_same(const struct crew_run *run, const struct bytes *want)
{
    const struct bytes *got = &run->outcome.numbers;

    CU_ASSERT_EQUAL_FATAL(got->size, want->size);
    CU_ASSERT(!memcmp(got->data, want->data, want->size));
}

static void check_run(struct crew_run *run, int count)
{
    struct bytes want = alone();

    begin_run(run, count);
    finish(run);
    check_same(run, &want);
    bytes_clear(&run->outcome.numbers);
    bytes_clear(&want);
}

static void several_workers_give_the_numbers_of_one(void)
{
    prepare(FEW);
    for (int count = 2; count <= MOST; count++) {
        struct crew_run run = {0};

        check_run(&run, count);
        CU_ASSERT(run.parts > 0);
    }
}

static void helpers_may_be_ready_before_the_coordinator_names_them(void)
{
    struct crew_run run = {.join_first = true};

    prepare(FEW);
    check_run(&run, 3);
    CU_ASSERT(run.parts > 0);
}

static void rows_of_train_that_choose_are_shared_too(void)
{
    struct crew_run run = {0};

    selection = SELECT_SPLIT_TRAIN;
    prepare(MANY);
    check_run(&run, 2);
    selection = SELECT_DEV;
    CU_ASSERT(run.parts > 0);
}

/* The third order gets no answer: the helper is gone, and the leader told so. */
static bool lose_helper(struct crew_run *run, int from, struct letter *letter)
{
    (void)from;
    if (letter->message.data[2] != MESSAGE_WORK || run->works < 2)
        return true;
    if (run->workers[2]) {
        lose(run, 2);
        tell_leader(run, 2, false);
    }
    return false;
}

static void helper_that_dies_is_replaced_by_the_leader(void)
{
    struct crew_run run = {.watch = lose_helper};

    prepare(FEW);
    check_run(&run, 2);
    CU_ASSERT_EQUAL(run.works, 2);
}

static bool break_channel(struct crew_run *run, int from, struct letter *letter)
{
    if (letter->message.data[2] != MESSAGE_PART || run->parts < 2)
        return true;
    deliver(run->workers[LEADER], from, NULL);
    return false;
}

static void helper_that_cannot_be_heard_is_replaced_by_the_leader(void)
{
    struct crew_run run = {.watch = break_channel};

    prepare(FEW);
    check_run(&run, 3);
}

/* Says that it did less, or more, or sends an old answer once more. */
static bool falsify(struct crew_run *run, int from, struct letter *letter)
{
    struct part m;
    struct bytes out = {0};

    if (letter->message.data[2] != MESSAGE_PART ||
        part_decode(&m, letter->message.data, letter->message.size, NULL))
        return true;
    deliver(run->workers[LEADER], from, &letter->message); /* and then once more */
    if (run->parts == 1)
        m.floats.count--;
    else if (run->parts == 2)
        m.serial--;
    part_encode(&out, &m);
    deliver(run->workers[LEADER], from, &out);
    bytes_clear(&out);
    run->parts++;
    return false;
}

static void answers_that_were_not_asked_for_change_nothing(void)
{
    struct crew_run run = {.watch = falsify};

    prepare(FEW);
    check_run(&run, 2);
    CU_ASSERT(run.parts > 2);
}

/* What is left of a helper whose leader is gone. */
static void helper_is_free_once_its_leader_is_gone_or_it_is_stopped(void)
{
    for (int stop = 0; stop < 2; stop++) {
        struct crew_run run = {0};
        struct letter letter = {0};

        prepare(FEW);
        begin_run(&run, 2);
        if (stop)
            compute_stop(run.workers[2], &(struct stop){TRIAL, LEASE, true});
        else
            deliver(run.workers[2], LEADER, NULL);
        do {
            bytes_clear(&letter.message);
            take(run.workers[2], &letter);
        } while (letter.peer != 0); /* answers to what it was asked before */
        CU_ASSERT_EQUAL(letter.message.data[2], MESSAGE_STOPPED);
        bytes_clear(&letter.message);
        lose(&run, 1);
        lose(&run, 2);
        bytes_clear(&run.outcome.numbers);
    }
}

static bool stop_leader(struct crew_run *run, int from, struct letter *letter)
{
    (void)from;
    if (letter->message.data[2] != MESSAGE_PART || run->parts < 1)
        return true;
    compute_stop(run->workers[LEADER], &(struct stop){TRIAL, LEASE, true});
    return false;
}

static void leader_that_is_stopped_does_not_wait_for_helpers(void)
{
    struct crew_run run = {.watch = stop_leader};

    prepare(FEW);
    begin_run(&run, 2);
    finish(&run);
    CU_ASSERT(run.outcome.stopped && !run.outcome.result);
    bytes_clear(&run.outcome.numbers);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(several_workers_give_the_numbers_of_one),
        SUITE_TEST(helpers_may_be_ready_before_the_coordinator_names_them),
        SUITE_TEST(rows_of_train_that_choose_are_shared_too),
        SUITE_TEST(helper_that_dies_is_replaced_by_the_leader),
        SUITE_TEST(helper_that_cannot_be_heard_is_replaced_by_the_leader),
        SUITE_TEST(answers_that_were_not_asked_for_change_nothing),
        SUITE_TEST(helper_is_free_once_its_leader_is_gone_or_it_is_stopped),
        SUITE_TEST(leader_that_is_stopped_does_not_wait_for_helpers),
        {NULL, NULL},
    };

    int rc = suite_run("crew", tests);

    free(settings_text);
    return rc;
}
