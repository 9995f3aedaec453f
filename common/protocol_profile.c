/* The messages of run --profile, byte by byte. */
#include "common/protocol_parts.h"

#include <math.h>

void measure_encode(struct bytes *out)
{
    message_end(out, message_begin(out, MESSAGE_MEASURE));
}

int measure_decode(const uint8_t *buf, size_t len, struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_MEASURE, buf, len, err);
    return rc ? rc : message_close(&in, MESSAGE_MEASURE, true, err);
}

void measured_encode(struct bytes *out, const struct measured *m)
{
    size_t start = message_begin(out, MESSAGE_MEASURED);
    bytes_put_u16(out, m->threads);
    bytes_put_f64(out, m->peak);
    bytes_put_u16(out, PHASE_COUNT);
    for (int i = 0; i < PHASE_COUNT; i++) {
        bytes_put_u64(out, m->sums[i].nanoseconds);
        bytes_put_u64(out, m->sums[i].calls);
        bytes_put_f64(out, m->sums[i].flop);
    }
    message_end(out, start);
}

/* Nothing that the totals could not be made of. */
static bool is_amount(double value) { return isfinite(value) && value >= 0; }

int measured_decode(struct measured *m, const uint8_t *buf, size_t len,
                    struct error *err)
{
    struct bytes_reader in;
    int rc = message_open(&in, MESSAGE_MEASURED, buf, len, err);
    if (rc)
        return rc;
    *m = (struct measured){.threads = bytes_get_u16(&in)};
    m->peak = bytes_get_f64(&in);
    unsigned count = bytes_get_u16(&in);
    if (count != PHASE_COUNT)
        return error_set(err, ERR_PROTOCOL, "MEASURED with %u phases, %d are known",
                         count, PHASE_COUNT);
    bool valid = m->threads > 0 && m->threads <= 1024 && is_amount(m->peak);
    for (int i = 0; i < PHASE_COUNT; i++) {
        m->sums[i].nanoseconds = bytes_get_u64(&in);
        m->sums[i].calls = bytes_get_u64(&in);
        m->sums[i].flop = bytes_get_f64(&in);
        valid = valid && is_amount(m->sums[i].flop);
    }
    return message_close(&in, MESSAGE_MEASURED, valid, err);
}
