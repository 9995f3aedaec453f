/* The messages of several workers on one trial, byte by byte. */
#include "common/protocol_parts.h"

void crew_change_encode(struct bytes *out, const struct crew_change *m)
{
    size_t start = message_begin(out, MESSAGE_CREW);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u32(out, m->helper);
    bytes_put_u8(out, m->joins);
    message_end(out, start);
}

int crew_change_decode(struct crew_change *m, const uint8_t *buf, size_t len,
                       struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_CREW, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->helper = bytes_get_u32(&in);
    unsigned joins = bytes_get_u8(&in);
    m->joins = joins == 1;
    bool valid = m->trial > 0 && m->helper > 0 && m->helper <= INT32_MAX && joins <= 1;
    return message_close(&in, MESSAGE_CREW, valid, err);
}

void help_encode(struct bytes *out, const struct help *m)
{
    size_t start = message_begin(out, MESSAGE_HELP);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u32(out, m->leader);
    bytes_put_u16(out, m->task);
    bytes_put_text(out, m->settings);
    message_end(out, start);
}

int help_decode(struct help *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_HELP, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->leader = bytes_get_u32(&in);
    m->task = bytes_get_u16(&in);
    m->settings = bytes_get_text(&in, PROTOCOL_SETTINGS);
    bool valid = m->trial > 0 && m->leader > 0 && m->leader <= INT32_MAX;
    return message_close(&in, MESSAGE_HELP, valid, err);
}

void join_encode(struct bytes *out, const struct join *m)
{
    size_t start = message_begin(out, MESSAGE_JOIN);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    message_end(out, start);
}

int join_decode(struct join *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_JOIN, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    return message_close(&in, MESSAGE_JOIN, m->trial > 0, err);
}

void work_encode(struct bytes *out, const struct work *m)
{
    size_t start = message_begin(out, MESSAGE_WORK);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u64(out, m->serial);
    bytes_put_u8(out, (uint8_t)m->kind);
    bytes_put_i32(out, m->epoch);
    bytes_put_i64(out, m->epoch_step);
    bytes_put_i64(out, m->step);
    bytes_put_u8(out, (uint8_t)m->split);
    bytes_put_u8(out, m->chosen);
    bytes_put_i64(out, m->first);
    bytes_put_i64(out, m->end);
    message_put_floats(out, m->values);
    message_end(out, start);
}

/* Whether the worker has such a batch or such rows, only it can tell. */
static bool work_is_valid(const struct work *m)
{
    return m->trial > 0 && m->epoch >= 0 && m->epoch_step >= 0 && m->step >= 0 &&
           m->first >= 0 && m->first < m->end;
}

int work_decode(struct work *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_WORK, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->serial = bytes_get_u64(&in);
    unsigned kind = bytes_get_u8(&in);
    m->epoch = bytes_get_i32(&in);
    m->epoch_step = bytes_get_i64(&in);
    m->step = bytes_get_i64(&in);
    unsigned split = bytes_get_u8(&in), chosen = bytes_get_u8(&in);
    m->first = bytes_get_i64(&in);
    m->end = bytes_get_i64(&in);
    m->values = message_get_floats(&in);
    m->kind = kind == WORK_SCORE ? WORK_SCORE : WORK_TRAIN;
    m->split = split < SPLIT_COUNT ? (enum split)split : SPLIT_TRAIN;
    m->chosen = chosen == 1;
    bool valid = kind <= WORK_SCORE && split < SPLIT_COUNT && chosen <= 1;
    return message_close(&in, MESSAGE_WORK, valid && work_is_valid(m), err);
}

void part_encode(struct bytes *out, const struct part *m)
{
    size_t start = message_begin(out, MESSAGE_PART);
    bytes_put_u64(out, m->trial);
    bytes_put_u32(out, m->lease);
    bytes_put_u64(out, m->serial);
    bytes_put_u32(out, m->loss_count);
    bytes_put(out, m->losses, 8 * (size_t)m->loss_count);
    message_put_floats(out, m->floats);
    message_end(out, start);
}

int part_decode(struct part *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_PART, buf, len, err);
    if (rc)
        return rc;
    m->trial = bytes_get_u64(&in);
    m->lease = bytes_get_u32(&in);
    m->serial = bytes_get_u64(&in);
    m->loss_count = bytes_get_u32(&in);
    m->losses = bytes_get(&in, 8 * (size_t)m->loss_count);
    m->floats = message_get_floats(&in);
    return message_close(&in, MESSAGE_PART, m->trial > 0, err);
}
