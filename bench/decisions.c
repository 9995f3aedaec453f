/* The coordinator's decisions alone, without messages and without a disk: what an event
 * costs and how much memory a trial takes.
 *
 *   decisions [WORKERS [TRIALS [EPOCHS]]]          10000, 1000000 and 10 where not
 * given
 *
 * Workers come, are handed trials, give signs of life, report, finish, fall silent and
 * are noticed, answer late under their old leases and come back, in random order. For
 * each event it does what the coordinator does: trial_table decides, findings keep,
 * progress counts, the text of a grant is made. Bytes are those of everything that the
 * coordinator holds a trial: tables, list, enrolment, findings, ledger. */
#include "bench/large_job.h"
#include "common/clock.h"
#include "coordinator/enrolment.h"
#include "coordinator/ledger.h"
#include "coordinator/progress.h"
#include "coordinator/tally.h"

#include <inttypes.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAYERS = 1, HIDDEN = 2, FFN = 3, LABELS = 2, ROWS = 4, SEEDS = 10 };
enum { VALUES = HIDDEN + FFN + 1 + LABELS * HIDDEN + LABELS };
enum { DEATH = 2000, HEARTBEAT = 2 }; /* one event in so many */

struct simulated {
    struct trial_lease held; /* trial 0: none */
    int epoch;
    struct progress_share share;
    bool silent;            /* dead, or not heard any more */
    struct trial_lease old; /* what it held then: it answers late */
};

struct simulation {
    struct job_spec spec;
    struct sweep sweep;
    struct enrolment enrolment;
    struct findings_task task;
    struct findings_job job;
    struct findings *findings;
    struct steering *steering;
    struct ledger *ledger;
    struct trial_table *table;
    struct tally tally;
    struct simulated *workers;
    int worker_count, epochs;
    int64_t trials;
    double now, pause; /* the simulated clock; between two events */
    uint64_t state;    /* of the random numbers */
    uint64_t examples;
    double work_left;
    int64_t grants, heartbeats, reports, results, losses, late, joins;
};

static void must(int rc, const struct error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "decisions: %s\n", err->text);
    exit(1);
}

static uint64_t draw(struct simulation *s, uint64_t below)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return s->state % below;
}

static void set_up(struct simulation *s)
{
    static const struct encoder_config encoder = {
        .layers = LAYERS, .hidden = HIDDEN, .ffn = FFN};
    static const struct digest dataset = {1, 2};
    static float gold[ROWS];
    struct enrolment_data data = {&dataset, {3, 4}, LAYERS, false};
    struct trial_policy policy = {.attempts = 3, .lost_after_s = 30};
    struct history history = {0};
    struct journal_end none;
    struct error err;
    char folder[] = "/tmp/decisions-XXXXXX",
         *text = large_job_text(s->trials, s->epochs, SEEDS);

    must(job_spec_parse(&s->spec, "job.cfg", "/", text, NULL, 0, &err), &err);
    must(sweep_init(&s->sweep, &s->spec, LAYERS, &err), &err);
    must(enrolment_init(&s->enrolment, &history, &s->sweep, &data, &err), &err);
    s->trials = s->enrolment.list.trial_count;
    s->task = (struct findings_task){
        .dataset = dataset,
        .labels = LABELS,
        .majority = NAN,
        .rows = {[SPLIT_TRAIN] = 3668, [SPLIT_DEV] = ROWS},
        .gold = {[SPLIT_DEV] = gold},
    };
    s->job = (struct findings_job){.spec = &s->spec,
                                   .list = &s->enrolment.list,
                                   .tasks = &s->task,
                                   .encoder = &encoder,
                                   .encoder_digest = data.encoder};
    must(findings_new(&s->findings, &s->job, &err), &err);
    must(steering_new(&s->steering, &s->spec, s->job.list, s->enrolment.wanted, LAYERS,
                      &err),
         &err);
    must(mkdtemp(folder) ? 0 : error_set(&err, ERR_IO, "no folder in /tmp"), &err);
    must(ledger_read(&s->ledger, folder, s->job.list, s->findings, NULL, &none, &err),
         &err);
    rmdir(folder);
    s->table = trial_table_new(s->trials, s->worker_count, policy, 0);
    s->workers = calloc((size_t)s->worker_count, sizeof *s->workers);
    must(s->table && s->workers ? 0 : error_set(&err, ERR_MEMORY, "no memory"), &err);
    ledger_restore(s->ledger, s->enrolment.wanted, s->steering, s->findings, s->table);
    s->tally = tally_of(s->table, s->enrolment.wanted, s->trials);
    free(text);
}

static double work_of(const struct simulation *s, int64_t trial)
{
    int config = trial_list_parts(s->job.list, trial).config;
    int done = ledger_past(s->ledger, trial).epochs;

    return (double)s->task.rows[SPLIT_TRAIN] *
           (trial_list_config_of(s->job.list, config)->epochs - done);
}

static void grant(struct simulation *s, int worker)
{
    struct simulated *w = &s->workers[worker];

    w->held = trial_table_grant(s->table, worker, s->now);
    w->epoch = w->held.epochs;
    if (w->held.trial == 0)
        return;
    findings_begun(s->findings, w->held.trial,
                   &(struct findings_grant){1, "node", "1 avx512", 0}, NULL);
    char *text = trial_list_text(s->job.list, w->held.trial);
    s->grants += text != NULL;
    free(text);
}

static void heartbeat(struct simulation *s, int worker)
{
    struct simulated *w = &s->workers[worker];

    trial_table_heard(s->table, worker, s->now);
    s->examples += progress_advance(&w->share, (uint64_t)w->held.trial, w->held.lease,
                                    (uint64_t)w->epoch * 3668 + 32);
    s->heartbeats++;
}

static struct report make_report(struct simulation *s, struct trial_lease lease,
                                 int epoch)
{
    double score = (double)draw(s, 1000) / 1e6 + epoch; /* the last is best */

    return (struct report){
        .trial = (uint64_t)lease.trial,
        .lease = lease.lease,
        .epoch = epoch,
        .step = 115 * epoch,
        .train_loss = 1.0 / epoch,
        .dev_loss = 1.0 / epoch,
        .score = score,
        .learning_rate = 1e-3,
        .seconds = epoch,
        .tokens = (int64_t)200000 * epoch,
        .examples = (uint64_t)3668 * (uint64_t)epoch,
        .metric_count = 2,
        .metrics = {score, score},
    };
}

static void report(struct simulation *s, int worker)
{
    struct simulated *w = &s->workers[worker];
    struct report m = make_report(s, w->held, ++w->epoch);
    struct error err;

    if (trial_table_reported(s->table, w->held.trial, m.lease, m.epoch, s->now) !=
        ANSWER_CONTINUE)
        must(error_set(&err, ERR_PROTOCOL, "a current lease was ignored"), &err);
    s->examples += progress_advance(&w->share, m.trial, m.lease, m.examples);
    must(findings_report(s->findings, &m, &err), &err);
    s->reports++;
}

static void result(struct simulation *s, int worker)
{
    static const float values[VALUES], logits[ROWS * LABELS];
    struct simulated *w = &s->workers[worker];
    struct findings_dropped dropped;
    struct error err;
    struct result m = {
        .trial = (uint64_t)w->held.trial,
        .lease = w->held.lease,
        .best_epoch = w->epoch,
        .best_step = 115 * w->epoch,
        .tokens = (int64_t)200000 * w->epoch,
        .values = {(const uint8_t *)values, VALUES},
        .split_count = 1,
        .splits = {{SPLIT_DEV, ROWS, LABELS, {(const uint8_t *)logits, ROWS * LABELS}}},
    };

    must(findings_result(s->findings, &m, &dropped, &err), &err);
    trial_table_ended(s->table, w->held.trial, w->held.lease, TRIAL_DONE, s->now);
    s->work_left -= work_of(s, w->held.trial);
    s->results++;
    grant(s, worker);
}

static void fall_silent(struct simulation *s, int worker)
{
    struct simulated *w = &s->workers[worker];

    w->silent = true;
    w->old = w->held;
    w->held = (struct trial_lease){0};
}

/* One that is silent speaks again: under its old lease, then as a new worker. */
static void wake(struct simulation *s, int worker)
{
    struct simulated *w = &s->workers[worker];
    struct error err;

    if (trial_table_held(s->table, worker) > 0)
        return; /* not noticed yet */
    if (w->old.trial != 0) {
        struct report m = make_report(s, w->old, w->epoch + 1);
        if (trial_table_reported(s->table, w->old.trial, m.lease, m.epoch, s->now) !=
            ANSWER_IGNORE)
            must(error_set(&err, ERR_PROTOCOL, "an old lease was accepted"), &err);
        w->old = (struct trial_lease){0};
        s->late++;
        return;
    }
    w->silent = false;
    trial_table_worker_joined(s->table, worker, s->now);
    s->joins++;
    grant(s, worker);
}

static void notice(struct simulation *s)
{
    struct error err;

    for (int lost; (lost = trial_table_silent(s->table, s->now)) >= 0; s->losses++) {
        int64_t given_up = trial_table_worker_lost(s->table, lost);
        if (given_up > 0)
            must(findings_failure(s->findings, given_up, "its workers were lost", &err),
                 &err);
    }
}

static void event(struct simulation *s)
{
    int worker = (int)draw(s, (uint64_t)s->worker_count);
    struct simulated *w = &s->workers[worker];

    s->now += s->pause;
    if (w->silent)
        wake(s, worker);
    else if (w->held.trial == 0)
        grant(s, worker);
    else if (draw(s, DEATH) == 0)
        fall_silent(s, worker);
    else if (draw(s, HEARTBEAT) == 0)
        heartbeat(s, worker);
    else if (w->epoch < s->epochs)
        report(s, worker);
    else
        result(s, worker);
    notice(s);
}

/* All workers are there at first; the end of a sweep, when few have anything left, is
 * cut off, since nothing happens in most of its events. */
static int64_t simulate(struct simulation *s)
{
    int64_t events = 0;

    for (int i = 0; i < s->worker_count; i++, events++) {
        trial_table_worker_joined(s->table, i, s->now);
        grant(s, i);
    }
    while (tally_outcome(&s->tally, s->table).left > s->worker_count) {
        event(s);
        events++;
    }
    return events;
}

static double in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd);
}

static double resident(void)
{
    long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (statm && fscanf(statm, "%*d %lld", &pages) != 1)
        pages = 0;
    if (statm)
        fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    struct simulation s = {
        .worker_count = argc > 1 ? atoi(argv[1]) : 10000,
        .trials = argc > 2 ? atoll(argv[2]) : 1000000,
        .epochs = argc > 3 ? atoi(argv[3]) : 10,
        .state = 88172645463325252u,
    };
    if (s.worker_count < 1 || s.trials < 1 || s.epochs < 1) {
        fprintf(stderr, "usage: decisions [WORKERS [TRIALS [EPOCHS]]]\n");
        return 2;
    }
    double used = in_use(), begun = clock_monotonic_s();
    set_up(&s);
    double ready = clock_monotonic_s();
    s.pause = 1.0 / s.worker_count; /* a worker is heard every second */
    int64_t events = simulate(&s);
    double seconds = clock_monotonic_s() - ready;
    struct outcome end = tally_outcome(&s.tally, s.table);
    double trials = (double)s.trials;
    printf("%d workers, %" PRId64 " trials of %d epochs, set up in %.1f s\n",
           s.worker_count, s.trials, s.epochs, ready - begun);
    printf("events: %" PRId64 " (%" PRId64 " grants, %" PRId64 " heartbeats, %" PRId64
           " reports, %" PRId64 " results, %" PRId64 " losses, %" PRId64
           " late answers, %" PRId64 " joins)\n",
           events, s.grants, s.heartbeats, s.reports, s.results, s.losses, s.late,
           s.joins);
    printf("%.3f us an event; %.0f bytes a trial in use, %.0f resident\n",
           1e6 * seconds / (double)events, (in_use() - used) / trials,
           resident() / trials);
    printf("done=%" PRId64 " given_up=%" PRId64 " left=%" PRId64 "\n", end.done,
           end.given_up, end.left);
    return 0;
}
