#include "coordinator/records.h"

#include "jobs/settings_table.h"

#include <math.h>
#include <string.h>

enum { DIGEST_SIZE = 16, ENTRY_SIZE = 16 + 4 + 4 + 4 };

static int no_record(const char *name, struct error *err)
{
    return error_set(err, ERR_INPUT, "not the bytes of a record %s", name);
}

void record_job_put(struct bytes *out, struct digest encoder,
                    const struct record_task *tasks, int count, const char *text)
{
    bytes_put_digest(out, encoder);
    bytes_put_u32(out, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        bytes_put_text(out, tasks[i].name);
        bytes_put_digest(out, tasks[i].digest);
    }
    bytes_put_text(out, text);
}

static struct record_task get_task(struct bytes_reader *in)
{
    struct record_task task = {.name = bytes_get_text(in, PROTOCOL_NAME)};

    task.digest = bytes_get_digest(in);
    return task;
}

int record_job_get(struct record_job *m, const void *data, size_t size,
                   struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    *m = (struct record_job){.encoder = bytes_get_digest(&in)};
    uint32_t tasks = bytes_get_u32(&in);
    if (tasks == 0 || tasks > RECORD_TASKS_MAX)
        return no_record("JOB", err);
    m->tasks = (int)tasks;
    m->bytes = in.data + in.at;
    for (int i = 0; i < m->tasks; i++)
        get_task(&in);
    m->size = (size_t)(in.data + in.at - m->bytes);
    m->text = bytes_get_text(&in, RECORD_JOB_MAX);
    return bytes_done(&in) ? 0 : no_record("JOB", err);
}

void record_job_tasks(const struct record_job *m, struct record_task *tasks)
{
    struct bytes_reader in;

    bytes_reader_init(&in, m->bytes, m->size);
    for (int i = 0; i < m->tasks; i++)
        tasks[i] = get_task(&in);
}

void record_config_put(struct bytes *out, const struct record_config *m)
{
    bytes_put_digest(out, m->key);
    bytes_put_text(out, m->settings);
}

int record_config_get(struct record_config *m, const void *data, size_t size,
                      struct error *err)
{
    struct bytes_reader in;
    struct settings settings;

    bytes_reader_init(&in, data, size);
    m->key = bytes_get_digest(&in);
    m->settings = bytes_get_text(&in, SETTINGS_TEXT - 1);
    if (!bytes_done(&in))
        return no_record("CONFIG", err);
    return settings_parse(&settings, m->settings, err) ? ERR_INPUT : 0;
}

void record_trials_put(struct bytes *out, int64_t first,
                       const struct trial_list_entry *entries, int count)
{
    bytes_put_i64(out, first);
    bytes_put_u32(out, (uint32_t)count);
    for (int i = 0; i < count; i++) {
        bytes_put_digest(out, entries[i].identity);
        bytes_put_u32(out, (uint32_t)entries[i].parts.task);
        bytes_put_u32(out, (uint32_t)entries[i].parts.config);
        bytes_put_u32(out, entries[i].parts.seed);
    }
}

int record_trials_get(struct record_trials *m, const void *data, size_t size,
                      struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->first = bytes_get_i64(&in);
    uint32_t count = bytes_get_u32(&in);
    if (count > RECORD_BATCH || m->first < 1)
        return no_record("TRIALS", err);
    m->count = (int)count;
    m->entries = bytes_get(&in, count * (size_t)ENTRY_SIZE);
    if (!bytes_done(&in))
        return no_record("TRIALS", err);
    for (int i = 0; i < m->count; i++) {
        struct trial_list_entry entry = record_trials_entry(m, i);
        if (entry.parts.task < 0 || entry.parts.task >= RECORD_TASKS_MAX ||
            entry.parts.config < 1)
            return no_record("TRIALS", err);
    }
    return 0;
}

struct trial_list_entry record_trials_entry(const struct record_trials *m, int index)
{
    struct trial_list_entry entry = {.parent = 0};
    struct bytes_reader in;

    bytes_reader_init(&in, m->entries + (size_t)index * ENTRY_SIZE, ENTRY_SIZE);
    entry.identity = bytes_get_digest(&in);
    entry.parts.task = bytes_get_i32(&in);
    entry.parts.config = bytes_get_i32(&in);
    entry.parts.seed = bytes_get_u32(&in);
    return entry;
}

void record_grant_put(struct bytes *out, const struct record_grant *m)
{
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_i32(out, m->epochs);
    bytes_put_u32(out, m->worker);
    bytes_put_text(out, m->host);
    bytes_put_text(out, m->numerics);
}

static int get_grant(struct record_grant *m, bool worker, const void *data, size_t size,
                     struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->epochs = bytes_get_i32(&in);
    m->worker = worker ? bytes_get_u32(&in) : 0;
    m->host = bytes_get_text(&in, PROTOCOL_NAME);
    m->numerics = bytes_get_text(&in, PROTOCOL_NAME);
    return bytes_done(&in) && m->epochs >= 0 && m->worker <= INT32_MAX
               ? 0
               : no_record("GRANT", err);
}

int record_old_grant_get(struct record_grant *m, const void *data, size_t size,
                         struct error *err)
{
    return get_grant(m, false, data, size, err);
}

int record_grant_get(struct record_grant *m, const void *data, size_t size,
                     struct error *err)
{
    return get_grant(m, true, data, size, err);
}

static void put_metrics(struct bytes *out, const double *metrics, int count)
{
    bytes_put_u8(out, (uint8_t)count);
    for (int i = 0; i < count; i++)
        bytes_put_f64(out, metrics[i]);
}

/* False: more than there can be. */
static bool get_metrics(struct bytes_reader *in, double *metrics, uint8_t *count)
{
    *count = bytes_get_u8(in);
    if (*count > TASK_METRICS_MAX)
        return false;
    for (int i = 0; i < *count; i++)
        metrics[i] = bytes_get_f64(in);
    return true;
}

void record_report_put(struct bytes *out, const struct record_report *m)
{
    const struct report *r = &m->report;

    segment_ref_put(out, m->ref);
    bytes_put_u64(out, r->trial);
    bytes_put_u32(out, r->lease);
    bytes_put_i32(out, r->epoch);
    bytes_put_i64(out, r->step);
    bytes_put_f64(out, r->train_loss);
    bytes_put_f64(out, r->dev_loss);
    bytes_put_f64(out, r->score);
    bytes_put_f64(out, r->learning_rate);
    bytes_put_f64(out, r->seconds);
    bytes_put_i64(out, r->tokens);
    put_metrics(out, r->metrics, r->metric_count);
}

int record_report_get(struct record_report *m, const void *data, size_t size,
                      struct error *err)
{
    struct report *r = &m->report;
    struct bytes_reader in;

    memset(m, 0, sizeof *m);
    bytes_reader_init(&in, data, size);
    m->ref = segment_ref_get(&in);
    r->trial = bytes_get_u64(&in);
    r->lease = bytes_get_u32(&in);
    r->epoch = bytes_get_i32(&in);
    r->step = bytes_get_i64(&in);
    r->train_loss = bytes_get_f64(&in);
    r->dev_loss = bytes_get_f64(&in);
    r->score = bytes_get_f64(&in);
    r->learning_rate = bytes_get_f64(&in);
    r->seconds = bytes_get_f64(&in);
    r->tokens = bytes_get_i64(&in);
    bool valid = get_metrics(&in, r->metrics, &r->metric_count) && r->epoch >= 0 &&
                 r->step >= 0 && r->tokens >= 0;
    return valid && bytes_done(&in) ? 0 : no_record("REPORT", err);
}

void record_result_put(struct bytes *out, const struct record_result *m)
{
    const struct result *r = &m->result;

    segment_ref_put(out, m->ref);
    bytes_put_u64(out, r->trial);
    bytes_put_u32(out, r->lease);
    bytes_put_i32(out, r->best_epoch);
    bytes_put_i64(out, r->best_step);
    bytes_put_f64(out, r->seconds);
    bytes_put_i64(out, r->tokens);
    put_metrics(out, r->test_metrics, r->test_metric_count);
}

int record_result_get(struct record_result *m, const void *data, size_t size,
                      struct error *err)
{
    struct result *r = &m->result;
    struct bytes_reader in;

    memset(m, 0, sizeof *m);
    bytes_reader_init(&in, data, size);
    m->ref = segment_ref_get(&in);
    r->trial = bytes_get_u64(&in);
    r->lease = bytes_get_u32(&in);
    r->best_epoch = bytes_get_i32(&in);
    r->best_step = bytes_get_i64(&in);
    r->seconds = bytes_get_f64(&in);
    r->tokens = bytes_get_i64(&in);
    bool valid = get_metrics(&in, r->test_metrics, &r->test_metric_count) &&
                 r->best_epoch >= 0 && r->best_step >= 0 && r->tokens >= 0;
    return valid && bytes_done(&in) ? 0 : no_record("RESULT", err);
}

static void put_floats(struct bytes *out, struct message_floats floats)
{
    bytes_put_u64(out, floats.count);
    bytes_put(out, floats.bytes, 4 * floats.count);
}

static struct message_floats get_floats(struct bytes_reader *in)
{
    uint64_t count = bytes_get_u64(in);

    if (count > bytes_left(in) / 4)
        in->failed = true;
    if (in->failed)
        return (struct message_floats){0};
    return (struct message_floats){bytes_get(in, 4 * (size_t)count), (size_t)count};
}

void record_outputs_put(struct bytes *out, const struct result *m)
{
    put_floats(out, m->values);
    bytes_put_u8(out, m->split_count);
    for (int i = 0; i < m->split_count; i++) {
        const struct result_split *s = &m->splits[i];
        bytes_put_u8(out, (uint8_t)s->split);
        bytes_put_u32(out, s->rows);
        bytes_put_u16(out, s->labels);
        put_floats(out, s->logits);
    }
}

int record_outputs_get(struct result *m, const void *data, size_t size,
                       struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->values = get_floats(&in);
    m->split_count = bytes_get_u8(&in);
    if (m->split_count > SPLIT_COUNT)
        return no_record("outputs", err);
    for (int i = 0; i < m->split_count; i++) {
        struct result_split *s = &m->splits[i];
        uint8_t split = bytes_get_u8(&in);
        s->split = (enum split)split;
        s->rows = bytes_get_u32(&in);
        s->labels = bytes_get_u16(&in);
        s->logits = get_floats(&in);
        if (split >= SPLIT_COUNT || s->logits.count != (size_t)s->rows * s->labels)
            return no_record("outputs", err);
    }
    return bytes_done(&in) ? 0 : no_record("outputs", err);
}

void record_left_put(struct bytes *out, const struct record_left *m)
{
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u8(out, m->state);
    bytes_put_u16(out, m->losses);
    bytes_put_text(out, m->text);
}

int record_left_get(struct record_left *m, const void *data, size_t size,
                    struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->state = bytes_get_u8(&in);
    m->losses = bytes_get_u16(&in);
    m->text = bytes_get_text(&in, PROTOCOL_TEXT);
    bool valid = m->state == TRIAL_QUEUED || m->state == TRIAL_STOPPED ||
                 m->state == TRIAL_FAILED || m->state == TRIAL_GIVEN_UP;
    return valid && bytes_done(&in) ? 0 : no_record("LEFT", err);
}

void record_dropped_put(struct bytes *out, const struct record_dropped *m)
{
    bytes_put_u64(out, m->trial);
}

int record_dropped_get(struct record_dropped *m, const void *data, size_t size,
                       struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->trial = bytes_get_u64(&in);
    return bytes_done(&in) ? 0 : no_record("DROPPED", err);
}

void record_fork_put(struct bytes *out, const struct record_fork *m)
{
    bytes_put_u64(out, m->trial);
    bytes_put_u64(out, m->parent);
    bytes_put_u64(out, m->loser);
    bytes_put_i32(out, m->epoch);
    segment_ref_put(out, m->ref);
    bytes_put_digest(out, m->entry.identity);
    bytes_put_u32(out, (uint32_t)m->entry.parts.task);
    bytes_put_u32(out, m->entry.parts.seed);
    record_config_put(out, &m->config);
}

int record_fork_get(struct record_fork *m, const void *data, size_t size,
                    struct error *err)
{
    struct bytes_reader in;

    memset(m, 0, sizeof *m);
    bytes_reader_init(&in, data, size);
    m->trial = bytes_get_u64(&in);
    m->parent = bytes_get_u64(&in);
    m->loser = bytes_get_u64(&in);
    m->epoch = bytes_get_i32(&in);
    m->ref = segment_ref_get(&in);
    m->entry.identity = bytes_get_digest(&in);
    uint32_t task = bytes_get_u32(&in);
    m->entry.parts.seed = bytes_get_u32(&in);
    m->entry.parts.task = (int)task;
    bool valid = task < RECORD_TASKS_MAX && m->epoch >= 1 && m->parent >= 1 &&
                 m->loser >= 1 && m->parent < m->trial && m->loser < m->trial;
    if (!valid || in.failed)
        return no_record("FORK", err);
    size_t at = size - bytes_left(&in);
    return record_config_get(&m->config, (const uint8_t *)data + at, size - at, err);
}

void record_clock_put(struct bytes *out, const struct record_clock *m)
{
    bytes_put_f64(out, m->unix_s);
    bytes_put_f64(out, m->ran_s);
}

int record_clock_get(struct record_clock *m, const void *data, size_t size,
                     struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->unix_s = bytes_get_f64(&in);
    m->ran_s = bytes_get_f64(&in);
    bool valid = m->unix_s >= 0 && m->ran_s >= 0 && isfinite(m->unix_s + m->ran_s);
    return valid && bytes_done(&in) ? 0 : no_record("CLOCK", err);
}

void record_end_put(struct bytes *out, const struct record_end *m)
{
    bytes_put_i32(out, m->exit_code);
    bytes_put_i64(out, m->done);
    bytes_put_i64(out, m->given_up);
    bytes_put_i64(out, m->left);
}

int record_end_get(struct record_end *m, const void *data, size_t size,
                   struct error *err)
{
    struct bytes_reader in;

    bytes_reader_init(&in, data, size);
    m->exit_code = bytes_get_i32(&in);
    m->done = bytes_get_i64(&in);
    m->given_up = bytes_get_i64(&in);
    m->left = bytes_get_i64(&in);
    return bytes_done(&in) ? 0 : no_record("END", err);
}
