/* The messages, byte by byte. Nothing here allocates except the encoders' growing
 * bytes; a decoder reads everything first and judges then, since a failed reader gives
 * zeros. */
#include "common/protocol_parts.h"

#include <string.h>

enum { MIB = 1 << 20 };

struct message_kind {
    enum message_tag tag;
    const char *name;
    size_t limit; /* whole size, bytes */
};

/* Checkpoints hold a few copies of the trained tensors and dev outputs; results hold
 * the outputs for every split of a large task. */
static const struct message_kind kinds[] = {
    {MESSAGE_HELLO, "HELLO", MESSAGE_FIRST},
    {MESSAGE_HEARTBEAT, "HEARTBEAT", MESSAGE_FIRST},
    {MESSAGE_REPORT, "REPORT", 512 * (size_t)MIB},
    {MESSAGE_RESULT, "RESULT", 1024 * (size_t)MIB},
    {MESSAGE_FAILURE, "FAILURE", 2 * MESSAGE_FIRST},
    {MESSAGE_STOPPED, "STOPPED", MESSAGE_FIRST},
    {MESSAGE_UNFIT, "UNFIT", 2 * MESSAGE_FIRST},
    {MESSAGE_MEASURED, "MEASURED", MESSAGE_FIRST},
    {MESSAGE_FETCH, "FETCH", MESSAGE_FIRST},
    {MESSAGE_STAGED, "STAGED", 2 * MESSAGE_FIRST},
    {MESSAGE_WELCOME, "WELCOME", 2 * MESSAGE_FIRST},
    {MESSAGE_TASK, "TASK", 2 * MESSAGE_FIRST},
    {MESSAGE_GRANT, "GRANT", 1024 * (size_t)MIB},
    {MESSAGE_RECEIPT, "RECEIPT", MESSAGE_FIRST},
    {MESSAGE_STOP, "STOP", MESSAGE_FIRST},
    {MESSAGE_ALIVE, "ALIVE", MESSAGE_FIRST},
    {MESSAGE_FAREWELL, "FAREWELL", 2 * MESSAGE_FIRST},
    {MESSAGE_MEASURE, "MEASURE", MESSAGE_FIRST},
    {MESSAGE_CREW, "CREW", MESSAGE_FIRST},
    {MESSAGE_HELP, "HELP", 8 * MESSAGE_FIRST},
    {MESSAGE_JOIN, "JOIN", MESSAGE_FIRST},
    {MESSAGE_WORK, "WORK", 256 * (size_t)MIB},
    {MESSAGE_PART, "PART", 1024 * (size_t)MIB},
    {MESSAGE_STAGE, "STAGE", 2 * MESSAGE_FIRST},
    {MESSAGE_FILE, "FILE", MESSAGE_FIRST},
    {MESSAGE_CHUNK, "CHUNK", CHUNK_MAX + MESSAGE_FIRST},
};

static const struct message_kind *kind_of(unsigned tag)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].tag == tag)
            return &kinds[i];
    return NULL;
}

const char *message_name(enum message_tag tag)
{
    const struct message_kind *kind = kind_of(tag);
    return kind ? kind->name : "unknown message";
}

int message_header_decode(enum message_tag *tag, size_t *size, const uint8_t *buf,
                          size_t len, struct error *err)
{
    struct bytes_reader in;
    bytes_reader_init(&in, buf, len);
    unsigned version = bytes_get_u16(&in);
    unsigned number = bytes_get_u16(&in);
    uint32_t whole = bytes_get_u32(&in);
    if (in.failed)
        return error_set(err, ERR_PROTOCOL, "message of %zu bytes has no header", len);
    if (version != PROTOCOL_VERSION)
        return error_set(err, ERR_PROTOCOL,
                         "message of protocol version %u, this program speaks %d",
                         version, PROTOCOL_VERSION);
    const struct message_kind *kind = kind_of(number);
    if (!kind)
        return error_set(err, ERR_PROTOCOL, "unknown message %u", number);
    if (whole < MESSAGE_HEADER || whole > kind->limit)
        return error_set(err, ERR_PROTOCOL, "%s of %lu bytes, at most %zu", kind->name,
                         (unsigned long)whole, kind->limit);
    *tag = kind->tag;
    *size = whole;
    return 0;
}

void message_floats_copy(float *out, struct message_floats floats)
{
    if (floats.count > 0)
        memcpy(out, floats.bytes, floats.count * sizeof *out);
}

size_t message_begin(struct bytes *out, enum message_tag tag)
{
    size_t start = out->size;
    bytes_put_u16(out, PROTOCOL_VERSION);
    bytes_put_u16(out, (uint16_t)tag);
    bytes_put_u32(out, 0);
    return start;
}

void message_end(struct bytes *out, size_t start)
{
    size_t size = out->size - start;
    if (size > UINT32_MAX)
        out->failed = true;
    bytes_set_u32(out, start + 4, (uint32_t)size);
}

int message_open(struct bytes_reader *in, enum message_tag wanted, const uint8_t *buf,
                 size_t len, struct error *err)
{
    enum message_tag tag;
    size_t size;
    int rc = message_header_decode(&tag, &size, buf, len, err);
    if (rc)
        return rc;
    if (tag != wanted)
        return error_set(err, ERR_PROTOCOL, "%s instead of %s", message_name(tag),
                         message_name(wanted));
    if (size != len)
        return error_set(err, ERR_PROTOCOL, "%s of %zu bytes says %zu",
                         message_name(tag), len, size);
    bytes_reader_init(in, buf, len);
    in->at = MESSAGE_HEADER;
    return 0;
}

int message_close(const struct bytes_reader *in, enum message_tag tag, bool valid,
                  struct error *err)
{
    if (!bytes_done(in))
        return error_set(err, ERR_PROTOCOL, "%s of %zu bytes is %s", message_name(tag),
                         in->size, in->failed ? "cut or damaged" : "too long");
    if (!valid)
        return error_set(err, ERR_PROTOCOL, "%s has a value out of range",
                         message_name(tag));
    return 0;
}

void message_put_floats(struct bytes *out, struct message_floats floats)
{
    if (floats.count > UINT32_MAX)
        out->failed = true;
    bytes_put_u32(out, (uint32_t)floats.count);
    bytes_put(out, floats.bytes, 4 * floats.count);
}

struct message_floats message_get_floats(struct bytes_reader *in)
{
    struct message_floats floats = {0};
    floats.count = bytes_get_u32(in);
    floats.bytes = bytes_get(in, 4 * floats.count);
    return floats;
}

static void put_blob(struct bytes *out, const uint8_t *data, size_t size)
{
    if (size > UINT32_MAX)
        out->failed = true;
    bytes_put_u32(out, (uint32_t)size);
    bytes_put(out, data, size);
}

static const uint8_t *get_blob(struct bytes_reader *in, size_t *size)
{
    *size = bytes_get_u32(in);
    return bytes_get(in, *size);
}

void hello_encode(struct bytes *out, const struct hello *m)
{
    size_t start = message_begin(out, MESSAGE_HELLO);
    bytes_put_text(out, m->version);
    bytes_put_text(out, m->host);
    bytes_put_text(out, m->boot_id);
    bytes_put_u64(out, m->pid);
    bytes_put_u64(out, m->pid_started);
    bytes_put_u32(out, m->numerics);
    bytes_put_text(out, m->isa);
    bytes_put_u16(out, m->cores);
    message_end(out, start);
}

int hello_decode(struct hello *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_HELLO, buf, len, err);
    if (rc)
        return rc;
    m->version = bytes_get_text(&in, PROTOCOL_NAME);
    m->host = bytes_get_text(&in, PROTOCOL_NAME);
    m->boot_id = bytes_get_text(&in, PROTOCOL_NAME);
    m->pid = bytes_get_u64(&in);
    m->pid_started = bytes_get_u64(&in);
    m->numerics = bytes_get_u32(&in);
    m->isa = bytes_get_text(&in, PROTOCOL_NAME);
    m->cores = bytes_get_u16(&in);
    return message_close(&in, MESSAGE_HELLO, true, err);
}

void heartbeat_encode(struct bytes *out, const struct heartbeat *m)
{
    size_t start = message_begin(out, MESSAGE_HEARTBEAT);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u64(out, m->microshards);
    bytes_put_u64(out, m->examples);
    message_end(out, start);
}

int heartbeat_decode(struct heartbeat *m, const uint8_t *buf, size_t len,
                     struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_HEARTBEAT, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->microshards = bytes_get_u64(&in);
    m->examples = bytes_get_u64(&in);
    return message_close(&in, MESSAGE_HEARTBEAT, true, err);
}

void report_encode(struct bytes *out, const struct report *m)
{
    size_t start = message_begin(out, MESSAGE_REPORT);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_i32(out, m->epoch);
    bytes_put_i64(out, m->step);
    bytes_put_f64(out, m->train_loss);
    bytes_put_f64(out, m->dev_loss);
    bytes_put_f64(out, m->score);
    bytes_put_f64(out, m->learning_rate);
    bytes_put_f64(out, m->seconds);
    bytes_put_i64(out, m->tokens);
    bytes_put_u64(out, m->examples);
    bytes_put_u8(out, m->metric_count);
    for (int i = 0; i < m->metric_count; i++)
        bytes_put_f64(out, m->metrics[i]);
    put_blob(out, m->checkpoint, m->checkpoint_size);
    message_end(out, start);
}

int report_decode(struct report *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_REPORT, buf, len, err);
    if (rc)
        return rc;
    *m = (struct report){.trial = bytes_get_u64(&in)};
    m->lease = bytes_get_u32(&in);
    m->epoch = bytes_get_i32(&in);
    m->step = bytes_get_i64(&in);
    m->train_loss = bytes_get_f64(&in);
    m->dev_loss = bytes_get_f64(&in);
    m->score = bytes_get_f64(&in);
    m->learning_rate = bytes_get_f64(&in);
    m->seconds = bytes_get_f64(&in);
    m->tokens = bytes_get_i64(&in);
    m->examples = bytes_get_u64(&in);
    m->metric_count = bytes_get_u8(&in);
    if (m->metric_count > TASK_METRICS_MAX)
        return error_set(err, ERR_PROTOCOL, "REPORT with %d metrics, at most %d",
                         m->metric_count, TASK_METRICS_MAX);
    for (int i = 0; i < m->metric_count; i++)
        m->metrics[i] = bytes_get_f64(&in);
    m->checkpoint = get_blob(&in, &m->checkpoint_size);
    bool valid = m->trial > 0 && m->epoch >= 0 && m->step >= 0 && m->tokens >= 0;
    return message_close(&in, MESSAGE_REPORT, valid, err);
}

void result_encode(struct bytes *out, const struct result *m)
{
    size_t start = message_begin(out, MESSAGE_RESULT);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_i32(out, m->best_epoch);
    bytes_put_i64(out, m->best_step);
    bytes_put_f64(out, m->seconds);
    bytes_put_i64(out, m->tokens);
    bytes_put_u8(out, m->test_metric_count);
    for (int i = 0; i < m->test_metric_count; i++)
        bytes_put_f64(out, m->test_metrics[i]);
    message_put_floats(out, m->values);
    bytes_put_u8(out, m->split_count);
    for (int i = 0; i < m->split_count; i++) {
        bytes_put_u8(out, (uint8_t)m->splits[i].split);
        bytes_put_u32(out, m->splits[i].rows);
        bytes_put_u16(out, m->splits[i].labels);
        message_put_floats(out, m->splits[i].logits);
    }
    message_end(out, start);
}

static bool get_result_split(struct bytes_reader *in, struct result_split *split)
{
    unsigned number = bytes_get_u8(in);
    split->split = number < SPLIT_COUNT ? (enum split)number : SPLIT_TRAIN;
    split->rows = bytes_get_u32(in);
    split->labels = bytes_get_u16(in);
    split->logits = message_get_floats(in);
    return number < SPLIT_COUNT &&
           (uint64_t)split->rows * split->labels == split->logits.count;
}

int result_decode(struct result *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_RESULT, buf, len, err);
    if (rc)
        return rc;
    *m = (struct result){.trial = bytes_get_u64(&in)};
    m->lease = bytes_get_u32(&in);
    m->best_epoch = bytes_get_i32(&in);
    m->best_step = bytes_get_i64(&in);
    m->seconds = bytes_get_f64(&in);
    m->tokens = bytes_get_i64(&in);
    m->test_metric_count = bytes_get_u8(&in);
    if (m->test_metric_count > TASK_METRICS_MAX)
        return error_set(err, ERR_PROTOCOL, "RESULT with %d metrics, at most %d",
                         m->test_metric_count, TASK_METRICS_MAX);
    for (int i = 0; i < m->test_metric_count; i++)
        m->test_metrics[i] = bytes_get_f64(&in);
    m->values = message_get_floats(&in);
    m->split_count = bytes_get_u8(&in);
    if (m->split_count > SPLIT_COUNT)
        return error_set(err, ERR_PROTOCOL, "RESULT with %d splits, at most %d",
                         m->split_count, SPLIT_COUNT);
    bool valid =
        m->trial > 0 && m->best_epoch >= 0 && m->best_step >= 0 && m->tokens >= 0;
    unsigned seen = 0;
    for (int i = 0; i < m->split_count; i++) {
        valid = get_result_split(&in, &m->splits[i]) && valid;
        valid = valid && !(seen & 1u << m->splits[i].split);
        seen |= 1u << m->splits[i].split;
    }
    return message_close(&in, MESSAGE_RESULT, valid, err);
}

void failure_encode(struct bytes *out, const struct failure *m)
{
    size_t start = message_begin(out, MESSAGE_FAILURE);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_i32(out, m->status);
    bytes_put_text(out, m->text);
    message_end(out, start);
}

int failure_decode(struct failure *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_FAILURE, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->status = bytes_get_i32(&in);
    m->text = bytes_get_text(&in, PROTOCOL_TEXT);
    bool valid = m->trial > 0 && m->status < 0 && m->status >= ERR_MEMORY;
    return message_close(&in, MESSAGE_FAILURE, valid, err);
}

void stopped_encode(struct bytes *out, const struct stopped *m)
{
    size_t start = message_begin(out, MESSAGE_STOPPED);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    message_end(out, start);
}

int stopped_decode(struct stopped *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_STOPPED, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    return message_close(&in, MESSAGE_STOPPED, m->trial > 0, err);
}

void unfit_encode(struct bytes *out, const struct unfit *m)
{
    size_t start = message_begin(out, MESSAGE_UNFIT);
    bytes_put_text(out, m->text);
    message_end(out, start);
}

int unfit_decode(struct unfit *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_UNFIT, buf, len, err);
    if (rc)
        return rc;
    m->text = bytes_get_text(&in, PROTOCOL_TEXT);
    return message_close(&in, MESSAGE_UNFIT, true, err);
}

void welcome_encode(struct bytes *out, const struct welcome *m)
{
    size_t start = message_begin(out, MESSAGE_WELCOME);
    bytes_put_text(out, m->encoder);
    bytes_put_digest(out, m->encoder_digest);
    bytes_put_f64(out, m->heartbeat_s);
    bytes_put_f64(out, m->lost_after_s);
    bytes_put_u16(out, m->threads);
    bytes_put_u16(out, m->tasks);
    message_end(out, start);
}

int welcome_decode(struct welcome *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_WELCOME, buf, len, err);
    if (rc)
        return rc;
    m->encoder = bytes_get_text(&in, PROTOCOL_PATH);
    m->encoder_digest = bytes_get_digest(&in);
    m->heartbeat_s = bytes_get_f64(&in);
    m->lost_after_s = bytes_get_f64(&in);
    m->threads = bytes_get_u16(&in);
    m->tasks = bytes_get_u16(&in);
    bool valid = m->heartbeat_s > 0 && m->lost_after_s > 0 && m->threads > 0 &&
                 m->threads <= 1024 && m->tasks > 0;
    return message_close(&in, MESSAGE_WELCOME, valid, err);
}

static void put_metrics(struct bytes *out, const enum metric *metrics, uint8_t count)
{
    bytes_put_u8(out, count);
    for (int i = 0; i < count; i++)
        bytes_put_u8(out, (uint8_t)metrics[i]);
}

static bool get_metrics(struct bytes_reader *in, enum metric *metrics, uint8_t *count)
{
    *count = bytes_get_u8(in);
    if (*count < 1 || *count > TASK_METRICS_MAX)
        return false;
    bool valid = true;
    for (int i = 0; i < *count; i++) {
        unsigned number = bytes_get_u8(in);
        valid = valid && number < METRIC_COUNT;
        metrics[i] = number < METRIC_COUNT ? (enum metric)number : METRIC_ACCURACY;
    }
    return valid;
}

void task_order_encode(struct bytes *out, const struct task_order *m)
{
    size_t start = message_begin(out, MESSAGE_TASK);
    bytes_put_u16(out, m->index);
    bytes_put_text(out, m->name);
    bytes_put_text(out, m->dataset);
    bytes_put_digest(out, m->digest);
    bytes_put_u8(out, m->regression);
    bytes_put_u16(out, m->labels);
    put_metrics(out, m->metrics, m->metric_count);
    put_metrics(out, m->selection, m->selection_count);
    bytes_put_u8(out, (uint8_t)m->selection_rows);
    message_end(out, start);
}

int task_order_decode(struct task_order *m, const uint8_t *buf, size_t len,
                      struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_TASK, buf, len, err);
    if (rc)
        return rc;
    *m = (struct task_order){.index = bytes_get_u16(&in)};
    m->name = bytes_get_text(&in, PROTOCOL_NAME);
    m->dataset = bytes_get_text(&in, PROTOCOL_PATH);
    m->digest = bytes_get_digest(&in);
    unsigned regression = bytes_get_u8(&in);
    m->regression = regression == 1;
    m->labels = bytes_get_u16(&in);
    bool valid = get_metrics(&in, m->metrics, &m->metric_count);
    valid = valid && get_metrics(&in, m->selection, &m->selection_count);
    unsigned rows = bytes_get_u8(&in);
    m->selection_rows =
        rows <= SELECT_SPLIT_TRAIN ? (enum selection_rows)rows : SELECT_DEV;
    valid = valid && rows <= SELECT_SPLIT_TRAIN && regression <= 1 && m->labels > 0;
    if (!valid)
        return error_set(err, ERR_PROTOCOL, "TASK has a value out of range");
    return message_close(&in, MESSAGE_TASK, true, err);
}

void grant_encode(struct bytes *out, const struct grant *m)
{
    size_t start = message_begin(out, MESSAGE_GRANT);
    bytes_put_u16(out, m->count);
    for (int i = 0; i < m->count; i++) {
        bytes_put_u64(out, m->trials[i].trial);
        bytes_put_u32(out, m->trials[i].lease);
        bytes_put_u16(out, m->trials[i].task);
        bytes_put_text(out, m->trials[i].settings);
        bytes_put_digest(out, m->trials[i].init);
        put_blob(out, m->trials[i].checkpoint, m->trials[i].checkpoint_size);
    }
    message_end(out, start);
}

int grant_decode(struct grant *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_GRANT, buf, len, err);
    if (rc)
        return rc;
    m->count = bytes_get_u16(&in);
    if (m->count < 1 || m->count > GRANT_MAX)
        return error_set(err, ERR_PROTOCOL, "GRANT of %d trials, 1 to %d", m->count,
                         GRANT_MAX);
    bool valid = true;
    for (int i = 0; i < m->count; i++) {
        struct grant_trial *trial = &m->trials[i];
        trial->trial = bytes_get_u64(&in);
        trial->lease = bytes_get_u32(&in);
        trial->task = bytes_get_u16(&in);
        trial->settings = bytes_get_text(&in, PROTOCOL_SETTINGS);
        trial->init = bytes_get_digest(&in);
        trial->checkpoint = get_blob(&in, &trial->checkpoint_size);
        valid = valid && trial->trial > 0;
    }
    return message_close(&in, MESSAGE_GRANT, valid, err);
}

void receipt_encode(struct bytes *out, const struct receipt *m)
{
    size_t start = message_begin(out, MESSAGE_RECEIPT);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_i64(out, m->step);
    message_end(out, start);
}

int receipt_decode(struct receipt *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_RECEIPT, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->step = bytes_get_i64(&in);
    return message_close(&in, MESSAGE_RECEIPT, m->trial > 0 && m->step >= 0, err);
}

void stop_encode(struct bytes *out, const struct stop *m)
{
    size_t start = message_begin(out, MESSAGE_STOP);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u8(out, m->at_once);
    message_end(out, start);
}

int stop_decode(struct stop *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_STOP, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    unsigned at_once = bytes_get_u8(&in);
    m->at_once = at_once == 1;
    return message_close(&in, MESSAGE_STOP, m->trial > 0 && at_once <= 1, err);
}

void alive_encode(struct bytes *out)
{
    message_end(out, message_begin(out, MESSAGE_ALIVE));
}

int alive_decode(const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_ALIVE, buf, len, err);
    return rc ? rc : message_close(&in, MESSAGE_ALIVE, true, err);
}

void farewell_encode(struct bytes *out, const struct farewell *m)
{
    size_t start = message_begin(out, MESSAGE_FAREWELL);
    bytes_put_text(out, m->text);
    message_end(out, start);
}

int farewell_decode(struct farewell *m, const uint8_t *buf, size_t len,
                    struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_FAREWELL, buf, len, err);
    if (rc)
        return rc;
    m->text = bytes_get_text(&in, PROTOCOL_TEXT);
    return message_close(&in, MESSAGE_FAREWELL, true, err);
}
