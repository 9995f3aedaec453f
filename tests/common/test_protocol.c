/* Messages: what is encoded is decoded, byte for byte as recorded, and nothing else. */
#include "common/protocol.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t blob[5] = {9, 8, 7, 6, 5};
static const float floats[4] = {1.0f, -2.0f, 0.5f, 0.0f};

static const struct hello hello = {.version = "0.1.0",
                                   .host = "n1",
                                   .boot_id = "b",
                                   .pid = 77,
                                   .pid_started = 1234567,
                                   .numerics = 1,
                                   .isa = "Haswell",
                                   .cores = 2};
static const struct heartbeat heartbeat = {
    .trial = 5, .lease = 6, .microshards = 7, .examples = 8};
static const struct report report = {.trial = 3,
                                     .lease = 2,
                                     .epoch = 1,
                                     .step = 40,
                                     .train_loss = 0.5,
                                     .dev_loss = 0.25,
                                     .score = 0.75,
                                     .learning_rate = 1e-3,
                                     .seconds = 2.5,
                                     .tokens = 1000,
                                     .examples = 320,
                                     .metric_count = 2,
                                     .metrics = {0.5, 1.0},
                                     .checkpoint = blob,
                                     .checkpoint_size = sizeof blob};
static const struct result result = {
    .trial = 3,
    .lease = 2,
    .best_epoch = 1,
    .best_step = 40,
    .seconds = 2.5,
    .tokens = 1000,
    .test_metric_count = 1,
    .test_metrics = {0.25},
    .values = {(const uint8_t *)floats, 3},
    .split_count = 1,
    .splits = {{SPLIT_DEV, 2, 2, {(const uint8_t *)floats, 4}}}};
static const struct failure failure = {
    .trial = 3, .lease = 2, .status = ERR_NUMERIC, .text = "loss is NaN at step 7"};
static const struct stopped stopped = {.trial = 3, .lease = 2};
static const struct unfit unfit = {.text = "/enc: no such file"};
static const struct welcome welcome = {.encoder = "/enc",
                                       .encoder_digest = {1, 2},
                                       .heartbeat_s = 2.0,
                                       .lost_after_s = 30.0,
                                       .threads = 1,
                                       .tasks = 2};
static const struct task_order task_order = {.index = 1,
                                             .name = "mrpc",
                                             .dataset = "/d.h5",
                                             .digest = {3, 4},
                                             .labels = 2,
                                             .metric_count = 2,
                                             .selection_count = 1,
                                             .metrics = {METRIC_F1, METRIC_ACCURACY},
                                             .selection = {METRIC_F1},
                                             .selection_rows = SELECT_SPLIT_DEV};
static const struct grant grant = {
    .count = 2,
    .trials = {{.trial = 1, .lease = 1, .task = 0, .settings = "epochs=2;"},
               {.trial = 2,
                .lease = 4,
                .task = 1,
                .settings = "",
                .init = {5, 6},
                .checkpoint = blob,
                .checkpoint_size = sizeof blob}}};
static const struct receipt receipt = {.trial = 3, .lease = 2, .step = 40};
static const struct stop stop = {.trial = 3, .lease = 2, .at_once = true};
static const struct farewell farewell = {.text = "another version"};
static const struct crew_change crew_change = {
    .trial = 3, .lease = 2, .helper = 7, .joins = true};
static const struct help help = {
    .trial = 3, .lease = 2, .leader = 6, .task = 1, .settings = "epochs=2;"};
static const struct join join = {.trial = 3, .lease = 2};
static const struct work work = {.trial = 3,
                                 .lease = 2,
                                 .serial = 9,
                                 .kind = WORK_SCORE,
                                 .epoch = 1,
                                 .epoch_step = 4,
                                 .step = 19,
                                 .split = SPLIT_TEST,
                                 .chosen = true,
                                 .first = 32,
                                 .end = 64,
                                 .values = {(const uint8_t *)floats, 2}};
static const struct part part = {.trial = 3,
                                 .lease = 2,
                                 .serial = 9,
                                 .loss_count = 1,
                                 .losses = (const uint8_t *)&(const double){0.5},
                                 .floats = {(const uint8_t *)floats, 3}};
static const struct stage_order stage_order = {.dir = "/tmp/s", .files = 3};
static const struct stage_file stage_file = {.file = 2,
                                             .kind = STAGE_ENCODER,
                                             .name = "config.json",
                                             .size = 77,
                                             .digest = {7, 8}};
static const struct fetch fetch = {.file = 2, .offset = 262144, .size = 9};
static const struct chunk chunk = {
    .file = 2, .offset = 262144, .data = blob, .size = sizeof blob};
static const struct staged staged = {.kind = STAGE_DATASET,
                                     .task = 1,
                                     .fetched = 1000,
                                     .seconds = 0.5,
                                     .damaged = "/tmp/s/x"};
static const struct measured measured = {
    .threads = 2,
    .peak = 1e11,
    .sums = {[PHASE_FFN_UP] = {1000, 3, 4096}, [PHASE_WAITING] = {5, 1, 0}}};

/* One message: how to encode the sample above, and to decode and encode again. */
struct message_case {
    enum message_tag tag;
    void (*encode)(struct bytes *out);
    int (*again)(struct bytes *out, const uint8_t *buf, size_t len, struct error *err);
    const char *recorded; /* hex */
};

#define CASE(NAME)                                                                     \
    static void NAME##_sample(struct bytes *out) { NAME##_encode(out, &NAME); }        \
    static int NAME##_again(struct bytes *out, const uint8_t *buf, size_t len,         \
                            struct error *err)                                         \
    {                                                                                  \
        struct NAME m;                                                                 \
        int rc = NAME##_decode(&m, buf, len, err);                                     \
        if (!rc && out)                                                                \
            NAME##_encode(out, &m);                                                    \
        return rc;                                                                     \
    }

CASE(hello)
CASE(heartbeat)
CASE(report)
CASE(result)
CASE(failure)
CASE(stopped)
CASE(unfit)
CASE(welcome)
CASE(task_order)
CASE(grant)
CASE(receipt)
CASE(stop)
CASE(farewell)
CASE(crew_change)
CASE(help)
CASE(join)
CASE(work)
CASE(part)
CASE(stage_order)
CASE(stage_file)
CASE(fetch)
CASE(chunk)
CASE(staged)
CASE(measured)

static int alive_again(struct bytes *out, const uint8_t *buf, size_t len,
                       struct error *err)
{
    int rc = alive_decode(buf, len, err);
    if (!rc && out)
        alive_encode(out);
    return rc;
}

static int measure_again(struct bytes *out, const uint8_t *buf, size_t len,
                         struct error *err)
{
    int rc = measure_decode(buf, len, err);
    if (!rc && out)
        measure_encode(out);
    return rc;
}

static const struct message_case cases[] = {
#define ENTRY(TAG, NAME, HEX)                                                          \
    {                                                                                  \
        TAG, NAME##_sample, NAME##_again, HEX                                          \
    }
    ENTRY(MESSAGE_HELLO, hello,
          "020001004100000005000000302e312e3000020000006e31000100000062004d000000000000"
          "0087d6120000000000010000000700000048617377656c6c000200"),
    ENTRY(MESSAGE_HEARTBEAT, heartbeat,
          "020002002400000005000000000000000600000007000000000000000800000000000000"),
    ENTRY(
        MESSAGE_REPORT, report,
        "0200030072000000030000000000000002000000010000002800000000000000000000000000e0"
        "3f000000000000d03f000000000000e83ffca9f1d24d62503f0000000000000440e80300000000"
        "0000400100000000000002000000000000e03f000000000000f03f050000000908070605"),
    ENTRY(MESSAGE_RESULT, result,
          "0200040065000000030000000000000002000000010000002800000000000000000000000000"
          "0440e80300000000000001000000000000d03f030000000000803f000000c00000003f010102"
          "0000000200040000000000803f000000c00000003f00000000"),
    ENTRY(MESSAGE_FAILURE, failure,
          "0200050032000000030000000000000002000000fcffffff150000006c6f7373206973204e61"
          "4e2061742073746570203700"),
    ENTRY(MESSAGE_STOPPED, stopped, "0200060014000000030000000000000002000000"),
    ENTRY(MESSAGE_UNFIT, unfit,
          "020007001f000000120000002f656e633a206e6f20737563682066696c6500"),
    ENTRY(MESSAGE_WELCOME, welcome,
          "0200200035000000040000002f656e6300010000000000000002000000000000000000000000"
          "0000400000000000003e4001000200"),
    ENTRY(MESSAGE_TASK, task_order,
          "02002100360000000100040000006d72706300050000002f642e683500030000000000000004"
          "00000000000000000200020100010101"),
    ENTRY(MESSAGE_GRANT, grant,
          "0200220066000000020001000000000000000100000000000900000065706f6368733d323b00"
          "0000000000000000000000000000000000000000"
          "0200000000000000040000000100000000000005000000000000000600000000000000"
          "050000000908070605"),
    ENTRY(MESSAGE_RECEIPT, receipt,
          "020023001c0000000300000000000000020000002800000000000000"),
    ENTRY(MESSAGE_STOP, stop, "020024001500000003000000000000000200000001"),
    ENTRY(MESSAGE_FAREWELL, farewell,
          "020026001c0000000f000000616e6f746865722076657273696f6e00"),
    ENTRY(MESSAGE_CREW, crew_change,
          "02002c00190000000300000000000000020000000700000001"),
    ENTRY(
        MESSAGE_HELP, help,
        "02002d00280000000300000000000000020000000600000001000900000065706f6368733d323b"
        "00"),
    ENTRY(MESSAGE_JOIN, join, "0200300014000000030000000000000002000000"),
    ENTRY(
        MESSAGE_WORK, work,
        "020031004f00000003000000000000000200000009000000000000000101000000040000000000"
        "00001300000000000000030120000000000000004000000000000000020000000000803f000000"
        "c0"),
    ENTRY(
        MESSAGE_PART, part,
        "0200320038000000030000000000000002000000090000000000000001000000000000000000e0"
        "3f030000000000803f000000c00000003f"),
    ENTRY(MESSAGE_STAGE, stage_order, "0200340017000000060000002f746d702f730003000000"),
    ENTRY(MESSAGE_FILE, stage_file,
          "0200350037000000020000000000000b000000636f6e6669672e6a736f6e004d000000000000"
          "0007000000000000000800000000000000"),
    ENTRY(MESSAGE_FETCH, fetch, "020010001800000002000000000004000000000009000000"),
    ENTRY(MESSAGE_CHUNK, chunk,
          "020036001d000000020000000000040000000000050000000908070605"),
    ENTRY(MESSAGE_STAGED, staged,
          "0200110028000000010100e803000000000000000000000000e03f080000002f746d702f732f"
          "7800"),
    {MESSAGE_ALIVE, alive_encode, alive_again, "0200250008000000"},
    {MESSAGE_MEASURE, measure_encode, measure_again, "0200270008000000"},
    ENTRY(MESSAGE_MEASURED, measured,
          "020008009c0200000200000000e8764837421b00000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000e8030000000000000300000000000000000000000000b040000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000000"
          "0000000000000000000000000000000000000000000000000000000000000000000000000500"
          "00000000000001000000000000000000000000000000"),
};
enum { CASES = sizeof cases / sizeof *cases };

static void hex_of(char *out, const struct bytes *bytes)
{
    out[0] = '\0';
    for (size_t i = 0; i < bytes->size; i++)
        sprintf(out + 2 * i, "%02x", bytes->data[i]);
}

static void messages_have_their_recorded_bytes(void)
{
    for (int i = 0; i < CASES; i++) {
        struct bytes out = {0};
        cases[i].encode(&out);
        char *hex = malloc(2 * out.size + 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(hex);
        hex_of(hex, &out);
        CU_ASSERT_STRING_EQUAL(hex, cases[i].recorded);
        if (strcmp(hex, cases[i].recorded) != 0)
            printf("\n%s %s\n", message_name(cases[i].tag), hex);
        free(hex);
        bytes_clear(&out);
    }
}

static void decoding_and_encoding_gives_the_same_bytes(void)
{
    for (int i = 0; i < CASES; i++) {
        struct bytes out = {0}, again = {0};
        struct error err = {""};
        cases[i].encode(&out);
        CU_ASSERT_EQUAL(cases[i].again(&again, out.data, out.size, &err), 0);
        CU_ASSERT_EQUAL_FATAL(again.size, out.size);
        CU_ASSERT_EQUAL(memcmp(again.data, out.data, out.size), 0);
        bytes_clear(&again);
        bytes_clear(&out);
    }
}

static void every_shorter_or_longer_message_is_refused(void)
{
    for (int i = 0; i < CASES; i++) {
        struct bytes out = {0};
        cases[i].encode(&out);
        for (size_t len = 0; len < out.size; len++) {
            uint8_t *cut = malloc(len + 1); /* so that a sanitizer sees the end */
            CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
            memcpy(cut, out.data, len);
            CU_ASSERT_EQUAL(cases[i].again(NULL, cut, len, NULL), ERR_PROTOCOL);
            if (len >= MESSAGE_HEADER) { /* also where the header agrees */
                memcpy(cut + 4, &(uint32_t){(uint32_t)len}, 4);
                CU_ASSERT_EQUAL(cases[i].again(NULL, cut, len, NULL), ERR_PROTOCOL);
            }
            free(cut);
        }
        bytes_put_u8(&out, 0);
        CU_ASSERT_EQUAL(cases[i].again(NULL, out.data, out.size, NULL), ERR_PROTOCOL);
        bytes_set_u32(&out, 4, (uint32_t)out.size);
        CU_ASSERT_EQUAL(cases[i].again(NULL, out.data, out.size, NULL), ERR_PROTOCOL);
        bytes_clear(&out);
    }
}

static void no_flipped_bit_reads_outside(void)
{
    for (int i = 0; i < CASES; i++) {
        struct bytes out = {0};
        cases[i].encode(&out);
        for (size_t bit = 0; bit < 8 * out.size; bit++) {
            uint8_t *flipped = malloc(out.size);
            CU_ASSERT_PTR_NOT_NULL_FATAL(flipped);
            memcpy(flipped, out.data, out.size);
            flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
            struct bytes again = {0};
            int rc = cases[i].again(&again, flipped, out.size, NULL);
            CU_ASSERT(
                rc == ERR_PROTOCOL ||
                (again.size == out.size && memcmp(again.data, flipped, out.size) == 0));
            bytes_clear(&again);
            free(flipped);
        }
        bytes_clear(&out);
    }
}

static void another_version_is_named(void)
{
    struct bytes out = {0};
    struct error err = {""};
    heartbeat_encode(&out, &heartbeat);
    out.data[0] = PROTOCOL_VERSION + 1;
    struct heartbeat m;
    CU_ASSERT_EQUAL(heartbeat_decode(&m, out.data, out.size, &err), ERR_PROTOCOL);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "message of protocol version 3, this program speaks 2");
    bytes_clear(&out);
}

static void header_refuses_sizes_above_the_tags_limit(void)
{
    struct bytes out = {0};
    struct error err = {""};
    enum message_tag tag;
    size_t size;
    alive_encode(&out);
    bytes_set_u32(&out, 4, 0xfffffff0u);
    CU_ASSERT_EQUAL(message_header_decode(&tag, &size, out.data, out.size, &err),
                    ERR_PROTOCOL);
    CU_ASSERT_STRING_EQUAL(err.text, "ALIVE of 4294967280 bytes, at most 4096");
    bytes_set_u32(&out, 4, 4096);
    CU_ASSERT_EQUAL(message_header_decode(&tag, &size, out.data, out.size, &err), 0);
    CU_ASSERT(tag == MESSAGE_ALIVE && size == 4096);
    bytes_clear(&out);
}

static void undefined_scores_survive(void)
{
    struct report sent = report, got;
    sent.score = NAN;
    struct bytes out = {0};
    report_encode(&out, &sent);
    CU_ASSERT_EQUAL(report_decode(&got, out.data, out.size, NULL), 0);
    CU_ASSERT(isnan(got.score));
    bytes_clear(&out);
}

static void values_out_of_range_are_refused(void)
{
    struct bytes out = {0};
    struct grant_trial none = {.trial = 0, .settings = ""};
    struct grant granted = {.count = 1, .trials = {none}}, grant_got;
    grant_encode(&out, &granted);
    CU_ASSERT_EQUAL(grant_decode(&grant_got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    struct result wrong = result, result_got;
    wrong.splits[0].rows = 3; /* 3 · 2 is not the number of logits */
    result_encode(&out, &wrong);
    CU_ASSERT_EQUAL(result_decode(&result_got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    wrong = result;
    wrong.split_count = 2;
    wrong.splits[1] = wrong.splits[0]; /* the same split twice */
    result_encode(&out, &wrong);
    CU_ASSERT_EQUAL(result_decode(&result_got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    struct failure good = failure, failure_got;
    good.status = 0;
    failure_encode(&out, &good);
    CU_ASSERT_EQUAL(failure_decode(&failure_got, out.data, out.size, NULL),
                    ERR_PROTOCOL);
    out.size = 0;
    struct stop stop_got;
    stop_encode(&out, &stop);
    out.data[out.size - 1] = 2; /* neither true nor false */
    CU_ASSERT_EQUAL(stop_decode(&stop_got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    struct work empty = work, work_got;
    empty.end = empty.first;
    work_encode(&out, &empty);
    CU_ASSERT_EQUAL(work_decode(&work_got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    struct help leaderless = help, help_got;
    leaderless.leader = 0; /* the coordinator */
    help_encode(&out, &leaderless);
    CU_ASSERT_EQUAL(help_decode(&help_got, out.data, out.size, NULL), ERR_PROTOCOL);
    bytes_clear(&out);
}

static void profiles_that_cannot_be_added_up_are_refused(void)
{
    struct bytes out = {0};
    struct measured wrong = measured, got;
    struct error err = {""};
    wrong.sums[PHASE_HEAD].flop = NAN;
    measured_encode(&out, &wrong);
    CU_ASSERT_EQUAL(measured_decode(&got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    wrong = measured;
    wrong.peak = -1;
    measured_encode(&out, &wrong);
    CU_ASSERT_EQUAL(measured_decode(&got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    wrong = measured;
    wrong.threads = 0;
    measured_encode(&out, &wrong);
    CU_ASSERT_EQUAL(measured_decode(&got, out.data, out.size, NULL), ERR_PROTOCOL);
    out.size = 0;
    measured_encode(&out, &measured);
    out.data[MESSAGE_HEADER + 2 + 8]++; /* the number of phases */
    CU_ASSERT_EQUAL(measured_decode(&got, out.data, out.size, &err), ERR_PROTOCOL);
    CU_ASSERT_STRING_EQUAL(err.text, "MEASURED with 28 phases, 27 are known");
    bytes_clear(&out);
}

static void names_that_leave_their_folder_are_refused(void)
{
    static const char *const names[] = {"", "..", ".x", "a/b", "/a"};
    struct bytes out = {0};
    struct stage_file file = stage_file, got;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file.name = names[i];
        out.size = 0;
        stage_file_encode(&out, &file);
        CU_ASSERT_EQUAL(stage_file_decode(&got, out.data, out.size, NULL),
                        ERR_PROTOCOL);
    }
    bytes_clear(&out);
}

static void floats_are_copied_from_any_address(void)
{
    uint8_t raw[1 + sizeof floats];
    float got[4];
    memcpy(raw + 1, floats, sizeof floats);
    message_floats_copy(got, (struct message_floats){raw + 1, 4});
    CU_ASSERT_EQUAL(memcmp(got, floats, sizeof floats), 0);
}

int main(void)
{
    static const struct suite_test tests[] = {
        SUITE_TEST(messages_have_their_recorded_bytes),
        SUITE_TEST(decoding_and_encoding_gives_the_same_bytes),
        SUITE_TEST(every_shorter_or_longer_message_is_refused),
        SUITE_TEST(no_flipped_bit_reads_outside),
        SUITE_TEST(another_version_is_named),
        SUITE_TEST(header_refuses_sizes_above_the_tags_limit),
        SUITE_TEST(undefined_scores_survive),
        SUITE_TEST(values_out_of_range_are_refused),
        SUITE_TEST(profiles_that_cannot_be_added_up_are_refused),
        SUITE_TEST(names_that_leave_their_folder_are_refused),
        SUITE_TEST(floats_are_copied_from_any_address),
        {NULL, NULL},
    };
    return suite_run("protocol", tests);
}
