#include "worker/helper.h"

#include "common/protocol.h"
#include "worker/profile.h"
#include "worker/tree_sum.h"

#include <stdlib.h>

struct bench {
    const struct helper_place *place;
    struct course *course;
    struct mail *mail;
    float *values;      /* as the leader sent them last */
    float *logits;      /* of the most rows that there are */
    struct bytes nodes; /* gradients to be sent */
};

static int64_t most_rows(const struct course *c)
{
    int64_t most = c->rows.choose.count;

    for (int s = SPLIT_DEV; s < SPLIT_COUNT; s++)
        if (c->dataset->splits[s].rows > most)
            most = c->dataset->splits[s].rows;
    return most;
}

static bool is_step(const struct course *c, const struct work *m)
{
    return m->epoch < c->settings.epochs && m->epoch_step < c->batches &&
           m->step == m->epoch * c->batches + m->epoch_step;
}

static bool send_part(struct bench *b, const struct work *m, struct part part)
{
    struct bytes out = {0};

    part.trial = m->trial;
    part.lease = m->lease;
    part.serial = m->serial;
    part_encode(&out, &part);
    return mail_post(b->mail, b->place->leader, &out);
}

/* False: there is no such share, or nobody to send it to. */
static bool train(struct bench *b, const struct work *m)
{
    struct course *c = b->course;
    const struct course_step at = {m->epoch, m->epoch_step, m->step};
    int64_t nodes[TREE_NODES], values = c->layout.values;
    int rows;

    if (!is_step(c, m))
        return false;
    struct dropout dropout = course_dropout(c, &at);
    const uint32_t *batch = course_batch(c, &at, &rows);
    int64_t shards =
        batch_runner_cut(c->runner, &c->dataset->splits[SPLIT_TRAIN], batch, rows);
    if (m->end > shards)
        return false;
    batch_runner_train_range(c->runner, b->values, &dropout, m->first, m->end);
    struct batch_parts parts = batch_runner_parts(c->runner);
    int count = tree_sum_nodes(nodes, m->first, m->end, shards);
    b->nodes.size = 0;
    for (int i = 0; i < count; i++)
        bytes_put_floats(&b->nodes, parts.grads + nodes[i] * values, (size_t)values);
    if (b->nodes.failed)
        return false;
    struct part part = {.loss_count = (uint32_t)(m->end - m->first),
                        .losses = (const uint8_t *)(parts.losses + m->first),
                        .floats = {b->nodes.data, (size_t)(count * values)}};
    return send_part(b, m, part);
}

static bool score(struct bench *b, const struct work *m)
{
    struct course *c = b->course;
    struct course_rows rows = {m->split, m->chosen};
    int64_t labels = c->layout.shape.labels;

    if (m->chosen
            ? m->split != SPLIT_TRAIN || c->task->selection_rows != SELECT_SPLIT_TRAIN
            : m->split == SPLIT_TRAIN || !course_labelled(c, m->split))
        return false;
    if (m->end > course_row_count(c, rows) || m->first % EVALUATION_BATCH != 0)
        return false;
    if (!course_score(c, b->values, rows, m->first, m->end, b->logits))
        return false;
    struct part part = {
        .floats = {(const uint8_t *)b->logits, (size_t)((m->end - m->first) * labels)}};
    return send_part(b, m, part);
}

/* False: this help has ended. */
static bool read_letter(struct bench *b, const struct letter *letter)
{
    const struct helper_place *place = b->place;
    const struct bytes *in = &letter->message;
    struct work m;

    if (letter->peer != place->leader)
        return true; /* of an earlier crew */
    if (letter->lost || work_decode(&m, in->data, in->size, NULL))
        return false;
    if (m.trial != place->trial || m.lease != place->lease)
        return true;
    if (m.values.count != (size_t)b->course->layout.values)
        return false;
    message_floats_copy(b->values, m.values);
    return m.kind == WORK_TRAIN ? train(b, &m) : score(b, &m);
}

int helper_run(const struct helper_place *place, struct course *course,
               struct mail *mail, struct error *err)
{
    struct bench b = {.place = place, .course = course, .mail = mail};
    size_t labels = (size_t)course->layout.shape.labels;
    const double hour_s = 3600;
    struct bytes out = {0};
    int rc = 0;

    b.values = malloc((size_t)course->layout.values * sizeof *b.values);
    b.logits = malloc((size_t)most_rows(course) * labels * sizeof *b.logits);
    if (!b.values || !b.logits)
        rc = error_set(err, ERR_MEMORY, "out of memory for a helper");
    join_encode(&out, &(struct join){place->trial, place->lease});
    bool more =
        !rc && course_fill_prefix(course) && mail_post(mail, place->leader, &out);
    while (more) {
        struct letter *letter = mail_wait(mail, hour_s);

        profile_mark(course->profiles, PHASE_WAITING, 0);
        more = letter && read_letter(&b, letter);
        letter_free(letter);
    }
    bytes_clear(&b.nodes);
    free(b.logits);
    free(b.values);
    return rc;
}
