/* Records of the journal: they read back, recorded bytes stay readable, and nothing
 * else is taken for one. */
#include "coordinator/records.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct segment_ref ref = {3, 77, 4096};

static struct report sample_report(void)
{
    return (struct report){
        .trial = 12,
        .lease = 34,
        .epoch = 2,
        .step = 64,
        .train_loss = .5,
        .dev_loss = NAN,
        .score = .75,
        .learning_rate = 1e-3,
        .seconds = 1.5,
        .tokens = 4711,
        .metric_count = 2,
        .metrics = {.7, .8},
    };
}

static const uint8_t floats[] = {0, 0, 128, 63, 0, 0, 0, 192}; /* 1, -2 */

static struct result sample_result(void)
{
    return (struct result){
        .trial = 12,
        .lease = 34,
        .best_epoch = 2,
        .best_step = 64,
        .seconds = 2.5,
        .tokens = 9000,
        .test_metric_count = 1,
        .test_metrics = {.25},
        .values = {floats, 2},
        .split_count = 1,
        .splits = {{SPLIT_DEV, 1, 2, {floats, 2}}},
    };
}

/* One of each, for the tests of all. */
enum { KINDS = 12 };

static void put(struct bytes *out, int kind)
{
    struct record_task tasks[2] = {{"a", {1, 2}}, {"b", {3, 4}}};
    struct trial_list_entry entries[2] = {{{5, 6}, {1, 2, 3}, 0},
                                          {{7, 8}, {0, 1, 9}, 0}};
    struct result result = sample_result();

    switch (kind) {
    case 0:
        record_job_put(out, (struct digest){9, 9}, tasks, 2, "encoder = \"x\";");
        break;
    case 1:
        record_config_put(out, &(struct record_config){{1, 1}, "epochs=5;"});
        break;
    case 2:
        record_trials_put(out, 7, entries, 2);
        break;
    case 3:
        record_grant_put(out, &(struct record_grant){12, 34, 5, 3, "node1", "1 avx2"});
        break;
    case 4:
        record_report_put(out, &(struct record_report){ref, sample_report()});
        break;
    case 5:
        record_result_put(out, &(struct record_result){ref, result});
        break;
    case 6:
        record_outputs_put(out, &result);
        break;
    case 7:
        record_left_put(out, &(struct record_left){12, 34, TRIAL_GIVEN_UP, 3, "why"});
        break;
    case 8:
        record_end_put(out, &(struct record_end){75, 3, 1, 8});
        break;
    case 9:
        record_clock_put(out, &(struct record_clock){1.75e9, 2.5});
        break;
    case 10:
        record_fork_put(out, &(struct record_fork){.trial = 9,
                                                   .parent = 3,
                                                   .loser = 4,
                                                   .epoch = 2,
                                                   .ref = ref,
                                                   .config = {{1, 1}, "epochs=5;"},
                                                   .entry = entries[0]});
        break;
    default:
        record_dropped_put(out, &(struct record_dropped){12});
    }
}

static int get(int kind, const void *data, size_t size)
{
    union {
        struct record_job job;
        struct record_config config;
        struct record_trials trials;
        struct record_grant grant;
        struct record_report report;
        struct record_result result;
        struct result outputs;
        struct record_left left;
        struct record_end end;
        struct record_dropped dropped;
        struct record_clock clock;
        struct record_fork fork;
    } m;
    struct error err;

    memset(&m, 0, sizeof m);
    switch (kind) {
    case 0:
        return record_job_get(&m.job, data, size, &err);
    case 1:
        return record_config_get(&m.config, data, size, &err);
    case 2:
        return record_trials_get(&m.trials, data, size, &err);
    case 3:
        return record_grant_get(&m.grant, data, size, &err);
    case 4:
        return record_report_get(&m.report, data, size, &err);
    case 5:
        return record_result_get(&m.result, data, size, &err);
    case 6:
        return record_outputs_get(&m.outputs, data, size, &err);
    case 7:
        return record_left_get(&m.left, data, size, &err);
    case 8:
        return record_end_get(&m.end, data, size, &err);
    case 9:
        return record_clock_get(&m.clock, data, size, &err);
    case 10:
        return record_fork_get(&m.fork, data, size, &err);
    default:
        return record_dropped_get(&m.dropped, data, size, &err);
    }
}

static void every_record_reads_back_and_no_part_of_it_does(void)
{
    for (int kind = 0; kind < KINDS; kind++) {
        struct bytes out = {0};

        put(&out, kind);
        CU_ASSERT_EQUAL(get(kind, out.data, out.size), 0);
        for (size_t size = 0; size < out.size; size++) {
            uint8_t *part = malloc(size + 1); /* so that a sanitizer sees the end */
            memcpy(part, out.data, size);
            CU_ASSERT_EQUAL(get(kind, part, size), ERR_INPUT);
            free(part);
        }
        bytes_put_u8(&out, 0);
        CU_ASSERT_EQUAL(get(kind, out.data, out.size), ERR_INPUT);
        bytes_clear(&out);
    }
}

/* XXH3 of the bytes as they were written when the record was made: a change of them
 * needs a new type. */
static void recorded_bytes_stay(void)
{
    static const char *const wanted[KINDS] = {
        "0a244fb91b67e37803ea1fe8d5ae4fde", "84009f8c400bf0ada705027a20425a5f",
        "54db62b725abadd765622333d928f69b", "0cc88b0de584e094d41b11bd9c9cdccf",
        "a8238c16f2c89e12c2232b025e37b0e6", "544486cb779755ab0fbb38961ce1e797",
        "def532522ef72b89990ad56b794b6a76", "520919696332cc98fa08d3f7f2a98939",
        "8702cb69bd122a16b6a41eec459c1d6b", "4b0c6cfc4308266c680294c28edd1a0e",
        "223e63e1bea1e3b77d19857193a22fa1", "7f934485d1e1fe485b6897f10aea775e"};

    for (int kind = 0; kind < KINDS; kind++) {
        struct bytes out = {0};
        char hex[DIGEST_HEX];

        put(&out, kind);
        digest_hex(hex, digest_of(out.data, out.size));
        CU_ASSERT_STRING_EQUAL(hex, wanted[kind]);
        bytes_clear(&out);
    }
}

static void job_names_encoder_data_and_text(void)
{
    struct bytes out = {0};
    struct record_job m;
    struct record_task tasks[2];

    put(&out, 0);
    CU_ASSERT_EQUAL_FATAL(record_job_get(&m, out.data, out.size, NULL), 0);
    CU_ASSERT(digest_equal(m.encoder, (struct digest){9, 9}));
    CU_ASSERT_EQUAL(m.tasks, 2);
    record_job_tasks(&m, tasks);
    CU_ASSERT(digest_equal(tasks[1].digest, (struct digest){3, 4}));
    CU_ASSERT_STRING_EQUAL(tasks[1].name, "b");
    CU_ASSERT_STRING_EQUAL(m.text, "encoder = \"x\";");
    bytes_clear(&out);
}

static void trials_come_back_one_by_one(void)
{
    struct bytes out = {0};
    struct record_trials m;

    put(&out, 2);
    CU_ASSERT_EQUAL_FATAL(record_trials_get(&m, out.data, out.size, NULL), 0);
    CU_ASSERT(m.first == 7 && m.count == 2);
    struct trial_list_entry entry = record_trials_entry(&m, 1);
    CU_ASSERT(digest_equal(entry.identity, (struct digest){7, 8}));
    CU_ASSERT(entry.parts.task == 0 && entry.parts.config == 1 &&
              entry.parts.seed == 9);
    bytes_clear(&out);
}

static void report_and_result_keep_every_field(void)
{
    struct bytes out = {0};
    struct record_report report;
    struct record_result result;
    struct report wanted = sample_report();

    put(&out, 4);
    CU_ASSERT_EQUAL_FATAL(record_report_get(&report, out.data, out.size, NULL), 0);
    CU_ASSERT_EQUAL(report.ref.at, ref.at);
    CU_ASSERT(report.report.trial == 12 && report.report.lease == 34 &&
              report.report.epoch == 2 && report.report.step == 64 &&
              report.report.train_loss == .5 && isnan(report.report.dev_loss) &&
              report.report.score == .75 && report.report.learning_rate == 1e-3 &&
              report.report.seconds == 1.5 && report.report.tokens == 4711 &&
              report.report.metric_count == 2 && report.report.metrics[1] == .8);
    CU_ASSERT_EQUAL(report.report.checkpoint_size, wanted.checkpoint_size);
    bytes_clear(&out);
    put(&out, 5);
    CU_ASSERT_EQUAL_FATAL(record_result_get(&result, out.data, out.size, NULL), 0);
    CU_ASSERT(result.result.best_step == 64 && result.result.tokens == 9000 &&
              result.result.seconds == 2.5 && result.result.test_metrics[0] == .25);
    bytes_clear(&out);
    put(&out, 6);
    CU_ASSERT_EQUAL_FATAL(record_outputs_get(&result.result, out.data, out.size, NULL),
                          0);
    CU_ASSERT_EQUAL(result.result.values.count, 2);
    CU_ASSERT_EQUAL(result.result.splits[0].labels, 2);
    CU_ASSERT_EQUAL(memcmp(result.result.splits[0].logits.bytes, floats, 8), 0);
    bytes_clear(&out);
}

static void absurd_values_are_refused(void)
{
    struct bytes out = {0};

    record_left_put(&out, &(struct record_left){1, 1, TRIAL_RUNNING, 0, ""});
    CU_ASSERT_EQUAL(get(7, out.data, out.size), ERR_INPUT);
    bytes_clear(&out);
    record_config_put(&out, &(struct record_config){{1, 1}, "epochs=-5;"});
    CU_ASSERT_EQUAL(get(1, out.data, out.size), ERR_INPUT);
    bytes_clear(&out);
    record_trials_put(&out, 1, &(struct trial_list_entry){{1, 1}, {0, 0, 0}, 0}, 1);
    CU_ASSERT_EQUAL(get(2, out.data, out.size), ERR_INPUT); /* configurations from 1 */
    bytes_clear(&out);
    struct report report = sample_report();
    report.epoch = -1;
    record_report_put(&out, &(struct record_report){ref, report});
    CU_ASSERT_EQUAL(get(4, out.data, out.size), ERR_INPUT);
    bytes_clear(&out);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(every_record_reads_back_and_no_part_of_it_does),
        SUITE_TEST(recorded_bytes_stay),
        SUITE_TEST(job_names_encoder_data_and_text),
        SUITE_TEST(trials_come_back_one_by_one),
        SUITE_TEST(report_and_result_keep_every_field),
        SUITE_TEST(absurd_values_are_refused),
        {NULL, NULL},
    };

    return suite_run("records", tests);
}
