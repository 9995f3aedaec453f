/* A helper is asked for a share under a serial number and is then awaited once. One
 * that answers too late, wrongly or not at all leaves the crew, as does one whose end
 * the coordinator or MPI tells of; the rest of its answers is thrown away. */
#include "worker/crew.h"

#include "common/clock.h"
#include "common/protocol.h"
#include "worker/profile.h"
#include "worker/tree_sum.h"

#include <stdlib.h>
#include <string.h>

enum { CREW_MOST = 31 }; /* more find no microshards to do */

struct helper {
    int peer;
    bool ready;           /* has said so */
    bool asked, answered; /* in this round */
    int64_t first, end;   /* of what it was asked for */
};

struct crew {
    struct mail *mail;
    uint64_t trial;
    uint32_t lease;
    uint64_t serial; /* of this round */
    int rounds;      /* of training since it was last judged */
    double gain_s;   /* what the helpers have spared in it */
    int rest;        /* rounds to be done alone, since they spare nothing */
    int rested;      /* so many the last time */
    int count;
    struct helper helpers[CREW_MOST];
};

/* What a round asks for, and where the answers go. */
struct round {
    struct course *course;
    struct work work; /* but for first and end */
    float *logits;    /* WORK_SCORE */
};

struct crew *crew_new(struct mail *mail, uint64_t trial, uint32_t lease)
{
    struct crew *crew = calloc(1, sizeof *crew);

    if (crew)
        *crew = (struct crew){.mail = mail, .trial = trial, .lease = lease};
    return crew;
}

void crew_free(struct crew *crew) { free(crew); }

static struct helper *find(struct crew *crew, int peer)
{
    for (int i = 0; i < crew->count; i++)
        if (crew->helpers[i].peer == peer)
            return &crew->helpers[i];
    return NULL;
}

static void leave(struct crew *crew, struct helper *helper)
{
    if (helper)
        *helper = crew->helpers[--crew->count];
}

static void change(struct crew *crew, const struct crew_change *m)
{
    struct helper *helper = find(crew, (int)m->helper);

    if (!m->joins)
        leave(crew, helper);
    else if (!helper && crew->count < CREW_MOST)
        crew->helpers[crew->count++] = (struct helper){.peer = (int)m->helper};
}

/* Its JOIN may come before the coordinator's CREW. */
static void become_ready(struct crew *crew, int peer)
{
    change(crew, &(struct crew_change){.helper = (uint32_t)peer, .joins = true});
    struct helper *helper = find(crew, peer);

    if (helper)
        helper->ready = true;
}

static bool is_ours(const struct crew *crew, uint64_t trial, uint32_t lease)
{
    return trial == crew->trial && lease == crew->lease;
}

/* Gradients of a helper's range, where the sum expects them. False: not what was asked
 * for. */
static bool take_gradients(const struct helper *helper, struct course *course,
                           const struct part *m, int64_t shards)
{
    struct batch_parts parts = batch_runner_parts(course->runner);
    int64_t nodes[TREE_NODES], values = course->layout.values;
    int count = tree_sum_nodes(nodes, helper->first, helper->end, shards);

    if (m->loss_count != helper->end - helper->first ||
        m->floats.count != (size_t)(count * values))
        return false;
    memcpy(parts.losses + helper->first, m->losses,
           m->loss_count * sizeof *parts.losses);
    for (int i = 0; i < count; i++) {
        const uint8_t *from = m->floats.bytes + (size_t)(i * values) * sizeof(float);

        memcpy(parts.grads + nodes[i] * values, from, (size_t)values * sizeof(float));
    }
    batch_runner_count(course->runner, helper->first, helper->end);
    return true;
}

static bool take_outputs(const struct helper *helper, const struct round *round,
                         const struct part *m)
{
    int64_t labels = round->course->layout.shape.labels;

    if (m->floats.count != (size_t)((helper->end - helper->first) * labels))
        return false;
    message_floats_copy(round->logits + helper->first * labels, m->floats);
    return true;
}

static void take_part(struct crew *crew, struct helper *helper,
                      const struct round *round, int64_t shards, const struct part *m)
{
    if (!round || !helper->asked || helper->answered || m->serial != crew->serial)
        return; /* of a round that is over */
    bool good = round->work.kind == WORK_TRAIN
                    ? take_gradients(helper, round->course, m, shards)
                    : take_outputs(helper, round, m);
    if (good)
        helper->answered = true;
    else
        leave(crew, helper);
}

/* round is NULL between rounds. */
static void read_letter(struct crew *crew, const struct letter *letter,
                        const struct round *round, int64_t shards)
{
    const struct bytes *in = &letter->message;
    struct helper *helper = find(crew, letter->peer);
    struct crew_change m;
    struct join join;
    struct part part;
    enum message_tag tag;
    size_t size;

    if (letter->lost)
        leave(crew, helper);
    if (letter->lost || message_header_decode(&tag, &size, in->data, in->size, NULL))
        return;
    if (letter->peer == 0) {
        if (!crew_change_decode(&m, in->data, in->size, NULL) &&
            is_ours(crew, m.trial, m.lease))
            change(crew, &m);
    } else if (tag == MESSAGE_JOIN) {
        if (!join_decode(&join, in->data, in->size, NULL) &&
            is_ours(crew, join.trial, join.lease))
            become_ready(crew, letter->peer);
    } else if (helper && tag == MESSAGE_PART) {
        if (!part_decode(&part, in->data, in->size, NULL) &&
            is_ours(crew, part.trial, part.lease))
            take_part(crew, helper, round, shards, &part);
    }
}

/* What has come since the last round. Returns how many helpers are ready. */
static int look(struct crew *crew)
{
    int ready = 0;

    for (struct letter *l; (l = mail_wait(crew->mail, 0)); letter_free(l))
        read_letter(crew, l, NULL, 0);
    for (int i = 0; i < crew->count; i++) {
        crew->helpers[i].asked = crew->helpers[i].answered = false;
        ready += crew->helpers[i].ready;
    }
    crew->serial++;
    return ready;
}

/* One range each for the leader and for those that are ready, as far as they go; empty
 * ones are not asked for. bounds (ranges + 1). */
static void ask(struct crew *crew, const struct round *round, const int64_t *bounds,
                int ranges)
{
    int range = 1;

    for (int i = 0; i < crew->count && range < ranges; i++) {
        struct helper *helper = &crew->helpers[i];
        struct work work = round->work;
        struct bytes out = {0};

        if (!helper->ready)
            continue;
        helper->first = bounds[range];
        helper->end = bounds[++range];
        if (helper->first == helper->end)
            continue;
        work.trial = crew->trial;
        work.lease = crew->lease;
        work.serial = crew->serial;
        work.first = helper->first;
        work.end = helper->end;
        work_encode(&out, &work);
        helper->asked = mail_post(crew->mail, helper->peer, &out);
    }
}

static bool all_answered(const struct crew *crew)
{
    for (int i = 0; i < crew->count; i++)
        if (crew->helpers[i].asked && !crew->helpers[i].answered)
            return false;
    return true;
}

/* Waits for those who were asked, twice as long as the leader took and some seconds: a
 * leader who waits longer would itself be taken for one that hangs. Not at all once the
 * trial is stopped. Then the others leave. */
static void collect(struct crew *crew, const struct round *round, int64_t shards,
                    double took_s)
{
    double end = clock_monotonic_s() + 2 * took_s + 10;

    while (!all_answered(crew)) {
        struct letter *letter = mail_wait(crew->mail, end - clock_monotonic_s());

        if (!letter)
            break;
        read_letter(crew, letter, round, shards);
        letter_free(letter);
    }
    for (int i = crew->count - 1; i >= 0; i--)
        if (crew->helpers[i].asked && !crew->helpers[i].answered)
            leave(crew, &crew->helpers[i]);
}

/* Whether somebody has done this range. */
static bool is_done(const struct crew *crew, int64_t first, int64_t end)
{
    for (int i = 0; i < crew->count; i++)
        if (crew->helpers[i].answered && crew->helpers[i].first == first &&
            crew->helpers[i].end == end)
            return true;
    return first == end;
}

/* Small batches take longer to be sent than to be computed. Which way is taken changes
 * no digit, so it may be found by trying: now and then, and ever more seldom. took_s is
 * of the leader's own share. */
static void note_gain(struct crew *crew, double share, double took_s, double all_s)
{
    enum { TRY = 16, REST = 1000, REST_MOST = 1000000 };

    crew->gain_s += took_s / share - all_s;
    if (++crew->rounds < TRY)
        return;
    if (crew->gain_s >= 0)
        crew->rested = 0;
    else if (crew->rested < REST_MOST)
        crew->rested = crew->rested ? 2 * crew->rested : REST;
    crew->rest = crew->rested;
    crew->rounds = 0;
    crew->gain_s = 0;
}

/* Helpers that are worth it. */
static int helpers_now(struct crew *crew)
{
    int ready = crew ? look(crew) : 0;

    if (ready == 0 || crew->rest == 0)
        return ready;
    crew->rest--;
    return 0;
}

/* The batch is cut. bounds (ranges + 1) of its microshards. */
static void train_together(struct crew *crew, const struct round *round,
                           const struct dropout *dropout, const float *values,
                           const int64_t *bounds, int ranges)
{
    struct batch_runner *runner = round->course->runner;
    double start = clock_monotonic_s();

    ask(crew, round, bounds, ranges);
    batch_runner_train_range(runner, values, dropout, 0, bounds[1]);
    double took_s = clock_monotonic_s() - start;
    collect(crew, round, bounds[ranges], took_s);
    profile_mark(round->course->profiles, PHASE_WAITING, 0);
    for (int i = 1; i < ranges; i++)
        if (!is_done(crew, bounds[i], bounds[i + 1]))
            batch_runner_train_range(runner, values, dropout, bounds[i], bounds[i + 1]);
    note_gain(crew, batch_runner_weight(runner, 0, bounds[1]), took_s,
              clock_monotonic_s() - start);
}

double crew_train(struct crew *crew, struct course *course,
                  const struct course_step *at, const float *values, float **grad)
{
    int64_t bounds[CREW_MOST + 2];
    struct dropout dropout = course_dropout(course, at);
    struct round round = {
        .course = course,
        .work = {.kind = WORK_TRAIN,
                 .epoch = at->epoch,
                 .epoch_step = at->epoch_step,
                 .step = at->step,
                 .values = {(const uint8_t *)values, (size_t)course->layout.values}}};
    int count, ranges = 1 + helpers_now(crew);
    const uint32_t *rows = course_batch(course, at, &count);
    int shards = batch_runner_cut(course->runner, &course->dataset->splits[SPLIT_TRAIN],
                                  rows, count);

    ranges = ranges < shards ? ranges : shards;
    batch_runner_share(course->runner, bounds, ranges);
    if (ranges > 1)
        train_together(crew, &round, &dropout, values, bounds, ranges);
    else
        batch_runner_train_range(course->runner, values, &dropout, 0, shards);
    return batch_runner_sum(course->runner, bounds, ranges, grad);
}

/* Whole batches, about as many rows in each range. */
static void share_rows(int64_t *bounds, int ranges, int64_t rows)
{
    int64_t batches = (rows + EVALUATION_BATCH - 1) / EVALUATION_BATCH;

    for (int i = 0; i < ranges; i++)
        bounds[i] = i * batches / ranges * EVALUATION_BATCH;
    bounds[ranges] = rows;
}

bool crew_score(struct crew *crew, struct course *course, const float *values,
                struct course_rows rows, float *logits)
{
    int64_t bounds[CREW_MOST + 2], count = course_row_count(course, rows);
    int64_t labels = course->layout.shape.labels;
    int ranges = 1 + (crew ? look(crew) : 0);

    if (ranges == 1)
        return course_score(course, values, rows, 0, count, logits);
    struct round round = {
        .course = course,
        .work = {.kind = WORK_SCORE,
                 .split = rows.split,
                 .chosen = rows.chosen,
                 .values = {(const uint8_t *)values, (size_t)course->layout.values}},
        .logits = logits};
    double start = clock_monotonic_s();
    share_rows(bounds, ranges, count);
    ask(crew, &round, bounds, ranges);
    if (!course_score(course, values, rows, 0, bounds[1], logits))
        return false;
    collect(crew, &round, 0, clock_monotonic_s() - start);
    profile_mark(course->profiles, PHASE_WAITING, 0);
    for (int i = 1; i < ranges; i++)
        if (!is_done(crew, bounds[i], bounds[i + 1]) &&
            !course_score(course, values, rows, bounds[i], bounds[i + 1],
                          logits + bounds[i] * labels))
            return false;
    return !batch_runner_stopped(course->runner);
}
