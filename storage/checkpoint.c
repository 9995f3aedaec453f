/* Checkpoint bytes: magic, version, fixed fields, then the vectors whose lengths the
 * fields gave. */
#include "storage/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECKPOINT_MAGIC = 0x4b435753, /* "SWCK" */
    CHECKPOINT_VERSION = 1,
    LAYOUT_TAG = 8,
    HAS_BEST = 1,
    DONE = 2,
    LABELS_MAX = 1 << 20,
};

void checkpoint_clear(struct checkpoint *c)
{
    free(c->last);
    free(c->moment1);
    free(c->moment2);
    free(c->best_values);
    for (int s = 0; s < CHECKPOINT_OUTPUTS; s++)
        free(c->outputs[s].logits);
    *c = (struct checkpoint){0};
}

void epoch_record_put(struct bytes *out, const struct epoch_record *r)
{
    bytes_put_i32(out, r->epoch);
    bytes_put_i64(out, r->step);
    bytes_put_f64(out, r->train_loss);
    bytes_put_f64(out, r->dev_loss);
    bytes_put_f64(out, r->score);
    for (int m = 0; m < TASK_METRICS_MAX; m++)
        bytes_put_f64(out, r->metrics[m]);
    bytes_put_f64(out, r->learning_rate);
    bytes_put_i64(out, r->tokens);
    bytes_put_f64(out, r->seconds);
}

void epoch_record_get(struct epoch_record *r, struct bytes_reader *in)
{
    r->epoch = bytes_get_i32(in);
    r->step = bytes_get_i64(in);
    r->train_loss = bytes_get_f64(in);
    r->dev_loss = bytes_get_f64(in);
    r->score = bytes_get_f64(in);
    for (int m = 0; m < TASK_METRICS_MAX; m++)
        r->metrics[m] = bytes_get_f64(in);
    r->learning_rate = bytes_get_f64(in);
    r->tokens = bytes_get_i64(in);
    r->seconds = bytes_get_f64(in);
}

static size_t output_size(const struct checkpoint_outputs *o)
{
    return (size_t)o->rows * (size_t)o->labels;
}

int checkpoint_encode(struct bytes *out, const struct checkpoint *c, struct error *err)
{
    size_t n = (size_t)c->values;

    bytes_put_u32(out, CHECKPOINT_MAGIC);
    bytes_put_u32(out, CHECKPOINT_VERSION);
    bytes_put(out, c->layout, LAYOUT_TAG);
    bytes_put_u32(out, (c->has_best ? HAS_BEST : 0) | (c->done ? DONE : 0));
    bytes_put_i64(out, c->values);
    bytes_put_i64(out, c->step);
    bytes_put_i32(out, c->epoch);
    bytes_put_i64(out, c->epoch_step);
    bytes_put_i64(out, c->reported);
    bytes_put_f64(out, c->epoch_loss);
    bytes_put_i64(out, c->tokens);
    bytes_put_f64(out, c->seconds);
    epoch_record_put(out, &c->best);
    for (int s = 0; s < CHECKPOINT_OUTPUTS; s++) {
        bytes_put_i64(out, c->outputs[s].rows);
        bytes_put_i32(out, c->outputs[s].labels);
    }
    bytes_put_floats(out, c->last, n);
    bytes_put_floats(out, c->moment1, n);
    bytes_put_floats(out, c->moment2, n);
    if (c->has_best)
        bytes_put_floats(out, c->best_values, n);
    for (int s = 0; s < CHECKPOINT_OUTPUTS; s++)
        bytes_put_floats(out, c->outputs[s].logits, output_size(&c->outputs[s]));
    return out->failed ? error_set(err, ERR_MEMORY, "checkpoint: out of memory") : 0;
}

/* Fixed fields; false where one is absurd by itself. */
static bool read_fields(struct checkpoint *c, struct bytes_reader *in)
{
    const uint8_t *tag = bytes_get(in, LAYOUT_TAG);
    uint32_t flags = bytes_get_u32(in);

    if (tag)
        memcpy(c->layout, tag, LAYOUT_TAG);
    c->has_best = flags & HAS_BEST;
    c->done = flags & DONE;
    c->values = bytes_get_i64(in);
    c->step = bytes_get_i64(in);
    c->epoch = bytes_get_i32(in);
    c->epoch_step = bytes_get_i64(in);
    c->reported = bytes_get_i64(in);
    c->epoch_loss = bytes_get_f64(in);
    c->tokens = bytes_get_i64(in);
    c->seconds = bytes_get_f64(in);
    epoch_record_get(&c->best, in);
    return !in->failed && flags <= (HAS_BEST | DONE) && !memchr(tag, 0, LAYOUT_TAG) &&
           c->step >= 0 && c->epoch >= 0 && c->epoch_step >= 0 &&
           c->epoch_step <= c->step && c->reported >= 0 && c->reported <= c->step &&
           c->tokens >= 0 && !isnan(c->epoch_loss) && c->best.epoch >= 0 &&
           c->best.step >= 0 && c->best.step <= c->step;
}

/* True where the vectors announced are exactly the bytes that are left. */
static bool sizes_fit(struct checkpoint *c, struct bytes_reader *in)
{
    uint64_t total, vectors = c->has_best ? 4 : 3;
    uint64_t most = bytes_left(in) / sizeof(float);

    if (c->values < 1 || (uint64_t)c->values > most)
        return false;
    total = vectors * (uint64_t)c->values;
    for (int s = 0; s < CHECKPOINT_OUTPUTS; s++) {
        struct checkpoint_outputs *o = &c->outputs[s];

        o->rows = bytes_get_i64(in);
        o->labels = bytes_get_i32(in);
        if (o->rows < 0 || (uint64_t)o->rows > most || o->labels < 0 ||
            o->labels > LABELS_MAX || (o->rows == 0) != (o->labels == 0) ||
            (o->rows && !c->has_best))
            return false;
        total += output_size(o);
    }
    return !in->failed && total <= most && bytes_left(in) == total * sizeof(float);
}

static float *read_floats(struct bytes_reader *in, size_t count)
{
    float *values = malloc(count * sizeof *values);

    if (values)
        bytes_get_floats(in, values, count);
    return values;
}

static bool read_vectors(struct checkpoint *c, struct bytes_reader *in)
{
    size_t n = (size_t)c->values;
    bool ok = (c->last = read_floats(in, n)) && (c->moment1 = read_floats(in, n)) &&
              (c->moment2 = read_floats(in, n)) &&
              (!c->has_best || (c->best_values = read_floats(in, n)));

    for (int s = 0; s < CHECKPOINT_OUTPUTS; s++) {
        struct checkpoint_outputs *o = &c->outputs[s];

        if (ok && o->rows)
            ok = (o->logits = read_floats(in, output_size(o)));
    }
    return ok;
}

int checkpoint_decode(struct checkpoint *out, const void *data, size_t size,
                      struct error *err)
{
    struct bytes_reader in;
    uint32_t magic, version;

    *out = (struct checkpoint){0};
    bytes_reader_init(&in, data, size);
    magic = bytes_get_u32(&in);
    version = bytes_get_u32(&in);
    if (in.failed || magic != CHECKPOINT_MAGIC)
        return error_set(err, ERR_PROTOCOL, "checkpoint: not a checkpoint");
    if (version != CHECKPOINT_VERSION)
        return error_set(err, ERR_PROTOCOL, "checkpoint: version %u, known is %d",
                         (unsigned)version, CHECKPOINT_VERSION);
    if (!read_fields(out, &in) || !sizes_fit(out, &in)) {
        *out = (struct checkpoint){0};
        return error_set(err, ERR_PROTOCOL,
                         "checkpoint: %zu bytes that are cut or not its own", size);
    }
    if (!read_vectors(out, &in)) {
        checkpoint_clear(out);
        return error_set(err, ERR_MEMORY, "checkpoint: out of memory");
    }
    return 0;
}
