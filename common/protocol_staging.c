/* The messages that bring files to the workers' nodes. */
#include "common/protocol_parts.h"

#include <string.h>

void stage_order_encode(struct bytes *out, const struct stage_order *m)
{
    size_t start = message_begin(out, MESSAGE_STAGE);
    bytes_put_text(out, m->dir);
    bytes_put_u32(out, m->files);
    message_end(out, start);
}

int stage_order_decode(struct stage_order *m, const uint8_t *buf, size_t len,
                       struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_STAGE, buf, len, err);
    if (rc)
        return rc;
    m->dir = bytes_get_text(&in, PROTOCOL_PATH);
    m->files = bytes_get_u32(&in);
    bool valid = m->dir[0] == '/' && m->files > 0 && m->files <= STAGE_FILES_MAX;
    return message_close(&in, MESSAGE_STAGE, valid, err);
}

static bool get_kind(struct bytes_reader *in, enum stage_kind *kind)
{
    unsigned number = bytes_get_u8(in);
    *kind = number <= STAGE_INIT ? (enum stage_kind)number : STAGE_ENCODER;
    return number <= STAGE_INIT;
}

void stage_file_encode(struct bytes *out, const struct stage_file *m)
{
    size_t start = message_begin(out, MESSAGE_FILE);
    bytes_put_u32(out, m->file);
    bytes_put_u8(out, (uint8_t)m->kind);
    bytes_put_u16(out, m->task);
    bytes_put_text(out, m->name);
    bytes_put_u64(out, m->size);
    bytes_put_digest(out, m->digest);
    message_end(out, start);
}

/* A name that stays in its folder and is not hidden there. */
static bool plain_name(const char *name)
{
    return name[0] && name[0] != '.' && !strchr(name, '/');
}

int stage_file_decode(struct stage_file *m, const uint8_t *buf, size_t len,
                      struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_FILE, buf, len, err);
    if (rc)
        return rc;
    m->file = bytes_get_u32(&in);
    bool valid = get_kind(&in, &m->kind);
    m->task = bytes_get_u16(&in);
    m->name = bytes_get_text(&in, PROTOCOL_NAME);
    m->size = bytes_get_u64(&in);
    m->digest = bytes_get_digest(&in);
    valid = valid && m->size > 0 && m->size <= INT64_MAX;
    valid = valid && (m->kind == STAGE_ENCODER ? plain_name(m->name) : !m->name[0]);
    return message_close(&in, MESSAGE_FILE, valid, err);
}

void fetch_encode(struct bytes *out, const struct fetch *m)
{
    size_t start = message_begin(out, MESSAGE_FETCH);
    bytes_put_u32(out, m->file);
    bytes_put_u64(out, m->offset);
    bytes_put_u32(out, m->size);
    message_end(out, start);
}

int fetch_decode(struct fetch *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_FETCH, buf, len, err);
    if (rc)
        return rc;
    m->file = bytes_get_u32(&in);
    m->offset = bytes_get_u64(&in);
    m->size = bytes_get_u32(&in);
    return message_close(&in, MESSAGE_FETCH, m->size > 0 && m->size <= CHUNK_MAX, err);
}

void chunk_encode(struct bytes *out, const struct chunk *m)
{
    size_t start = message_begin(out, MESSAGE_CHUNK);
    bytes_put_u32(out, m->file);
    bytes_put_u64(out, m->offset);
    bytes_put_u32(out, m->size);
    bytes_put(out, m->data, m->size);
    message_end(out, start);
}

int chunk_decode(struct chunk *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_CHUNK, buf, len, err);
    if (rc)
        return rc;
    m->file = bytes_get_u32(&in);
    m->offset = bytes_get_u64(&in);
    m->size = bytes_get_u32(&in);
    m->data = bytes_get(&in, m->size);
    return message_close(&in, MESSAGE_CHUNK, m->size <= CHUNK_MAX, err);
}

void staged_encode(struct bytes *out, const struct staged *m)
{
    size_t start = message_begin(out, MESSAGE_STAGED);
    bytes_put_u8(out, (uint8_t)m->kind);
    bytes_put_u16(out, m->task);
    bytes_put_u64(out, m->fetched);
    bytes_put_f64(out, m->seconds);
    bytes_put_text(out, m->damaged);
    message_end(out, start);
}

int staged_decode(struct staged *m, const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_STAGED, buf, len, err);
    if (rc)
        return rc;
    bool valid = get_kind(&in, &m->kind);
    m->task = bytes_get_u16(&in);
    m->fetched = bytes_get_u64(&in);
    m->seconds = bytes_get_f64(&in);
    m->damaged = bytes_get_text(&in, PROTOCOL_PATH);
    valid = valid && m->seconds >= 0 && m->seconds < 1e9;
    return message_close(&in, MESSAGE_STAGED, valid, err);
}
