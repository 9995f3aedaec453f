/* Publishing a large run: how long results.h5 takes in all, and how long the thread
 * that dispatches stands still for it.
 *
 *   publish FILE.h5 [TRIALS [EPOCHS]]                 100000 and 10 where not given
 *
 * All trials are done but the last, which goes on to report while the file is written,
 * as trials of a run do. */
#include "bench/large_job.h"
#include "common/clock.h"
#include "coordinator/enrolment.h"
#include "coordinator/publisher.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LAYERS = 1, HIDDEN = 2, FFN = 3, LABELS = 2, ROWS = 4, SEEDS = 10, ROUNDS = 5 };
enum { VALUES = HIDDEN + FFN + 1 + LABELS * HIDDEN + LABELS };

struct large_run {
    struct job_spec spec;
    struct sweep sweep;
    struct enrolment enrolment;
    struct findings_task task;
    struct findings_job job;
    struct findings *findings;
    struct trial_table *table;
    int64_t trials;
    int epochs;
};

static void must(int rc, const struct error *err)
{
    if (!rc)
        return;
    fprintf(stderr, "publish: %s\n", err->text);
    exit(1);
}

static void set_up(struct large_run *run)
{
    static const struct encoder_config encoder = {
        .layers = LAYERS, .hidden = HIDDEN, .ffn = FFN};
    static const struct digest dataset = {1, 2};
    static float gold[ROWS];
    struct enrolment_data data = {&dataset, {3, 4}, LAYERS, false};
    struct trial_policy policy = {.attempts = 3};
    struct history history = {0};
    struct error err;
    char *text = large_job_text(run->trials, run->epochs, SEEDS);

    must(job_spec_parse(&run->spec, "job.cfg", "/", text, NULL, 0, &err), &err);
    must(sweep_init(&run->sweep, &run->spec, LAYERS, &err), &err);
    must(enrolment_init(&run->enrolment, &history, &run->sweep, &data, &err), &err);
    run->trials = run->enrolment.list.trial_count;
    run->task = (struct findings_task){
        .dataset = dataset,
        .labels = LABELS,
        .majority = NAN,
        .rows = {[SPLIT_TRAIN] = 3668, [SPLIT_DEV] = ROWS},
        .gold = {[SPLIT_DEV] = gold},
    };
    run->job = (struct findings_job){.spec = &run->spec,
                                     .list = &run->enrolment.list,
                                     .tasks = &run->task,
                                     .encoder = &encoder,
                                     .encoder_digest = data.encoder};
    must(findings_new(&run->findings, &run->job, &err), &err);
    run->table = trial_table_new(run->trials, 1, policy, 0);
    must(run->table ? 0 : error_set(&err, ERR_MEMORY, "no memory"), &err);
    trial_table_worker_joined(run->table, 0, 0);
    free(text);
}

static void report(struct large_run *run, struct trial_lease lease, int epoch)
{
    double score = (double)(lease.trial * 7919 % 1000) / 1000 + epoch;
    struct error err;

    must(findings_report(run->findings,
                         &(struct report){.trial = (uint64_t)lease.trial,
                                          .lease = lease.lease,
                                          .epoch = epoch,
                                          .step = 115 * epoch,
                                          .train_loss = 1.0 / epoch,
                                          .dev_loss = 1.0 / epoch,
                                          .score = score,
                                          .learning_rate = 1e-3,
                                          .seconds = epoch,
                                          .tokens = (int64_t)200000 * epoch,
                                          .metric_count = 2,
                                          .metrics = {score, score}},
                         &err),
         &err);
}

static void do_trial(struct large_run *run)
{
    static const float values[VALUES], logits[ROWS * LABELS];
    struct trial_lease lease = trial_table_grant(run->table, 0, 0);
    struct findings_dropped dropped;
    struct error err;

    findings_begun(run->findings, lease.trial,
                   &(struct findings_grant){1, "node0001", "1 avx512", 0}, NULL);
    for (int epoch = 1; epoch <= run->epochs; epoch++)
        report(run, lease, epoch);
    struct result m = {
        .trial = (uint64_t)lease.trial,
        .lease = lease.lease,
        .best_epoch = run->epochs,
        .best_step = (int64_t)115 * run->epochs,
        .tokens = (int64_t)200000 * run->epochs,
        .values = {(const uint8_t *)values, VALUES},
        .split_count = 1,
        .splits = {{SPLIT_DEV, ROWS, LABELS, {(const uint8_t *)logits, ROWS * LABELS}}},
    };
    must(findings_result(run->findings, &m, &dropped, &err), &err);
    trial_table_ended(run->table, lease.trial, lease.lease, TRIAL_DONE, 0);
}

/* Seconds that the caller stood still at most, and in all until the file was there. */
static void publish(struct large_run *run, struct publisher *p,
                    struct trial_lease under_way, double *still, double *whole)
{
    struct error err;
    double begun = clock_monotonic_s(), at;

    must(publisher_start(p, run->table, 0, 0, &err), &err);
    *still = clock_monotonic_s() - begun;
    for (int epoch = 1; publisher_busy(p); epoch = epoch % run->epochs + 1) {
        report(run, under_way, epoch);
        at = clock_monotonic_s();
        must(publisher_poll(p, 0, &err), &err);
        double took = clock_monotonic_s() - at;
        if (took > *still)
            *still = took; /* what is no longer looked at is freed here */
        clock_sleep_s(1e-4);
    }
    *whole = clock_monotonic_s() - begun;
}

int main(int argc, char **argv)
{
    struct large_run run = {.trials = argc > 2 ? atoll(argv[2]) : 100000,
                            .epochs = argc > 3 ? atoi(argv[3]) : 10};
    struct stat st = {0};

    if (argc < 2 || run.trials < 2 || run.epochs < 1) {
        fprintf(stderr, "usage: publish FILE.h5 [TRIALS [EPOCHS]]\n");
        return 2;
    }
    set_up(&run);
    for (int64_t i = 1; i < run.trials; i++)
        do_trial(&run);
    struct trial_lease under_way = trial_table_grant(run.table, 0, 0);
    struct publisher *p = publisher_new(argv[1], run.findings, (struct file_gate){0});
    for (int round = 0; p && round < ROUNDS; round++) {
        double still, whole;
        publish(&run, p, under_way, &still, &whole);
        stat(argv[1], &st);
        printf("%" PRId64 " trials of %d epochs: published in %.2f s (%.0f MiB), the "
               "dispatch stood still for %.2f ms\n",
               run.trials, run.epochs, whole, (double)st.st_size / (1 << 20),
               1e3 * still);
    }
    publisher_free(p);
    trial_table_free(run.table);
    findings_free(run.findings);
    enrolment_clear(&run.enrolment);
    sweep_clear(&run.sweep);
    job_spec_clear(&run.spec);
    return p ? 0 : 1;
}
