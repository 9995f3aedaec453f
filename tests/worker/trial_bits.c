#include "tests/worker/trial_bits.h"

#include "common/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static void write_record(FILE *out, const struct epoch_record *r)
{
    fprintf(out, "%d %lld %a %a %a %a %a %a %a %a %lld\n", r->epoch, (long long)r->step,
            r->train_loss, r->dev_loss, r->score, r->metrics[0], r->metrics[1],
            r->metrics[2], r->metrics[3], r->learning_rate, (long long)r->tokens);
}

static void write_floats(FILE *out, const char *what, const float *x, int64_t n)
{
    struct digest digest = digest_of(x, (size_t)n * sizeof *x);
    char hex[DIGEST_HEX];

    digest_hex(hex, digest);
    fprintf(out, "%s %lld %s\n", what, (long long)n, hex);
}

static void write_result(FILE *out, const struct trial_result *r, int labels)
{
    write_record(out, &r->best);
    write_floats(out, "values", r->values, r->count);
    for (int s = 0; s < SPLIT_COUNT; s++)
        if (r->splits[s].logits)
            write_floats(out, split_names[s], r->splits[s].logits,
                         r->splits[s].rows * labels);
    for (int m = 0; m < TASK_METRICS_MAX; m++)
        fprintf(out, "%a ", r->test_metrics[m]);
}

static struct trial *make(const struct trial_parts *p, int threads)
{
    struct trial *trial;
    struct error err;

    if (trial_new(&trial, p->encoder, p->panels, p->dataset, p->task, &p->settings,
                  threads, &err))
        fprintf(stderr, "%s\n", err.text);
    return trial;
}

/* As another process would go on: from bytes. */
static struct trial *carry_over(struct trial *trial, const struct trial_parts *p,
                                int threads)
{
    struct checkpoint now, later;
    struct bytes bytes = {0};
    struct error err;
    struct trial *next = NULL;

    trial_checkpoint(trial, &now);
    if (!checkpoint_encode(&bytes, &now, &err) &&
        !checkpoint_decode(&later, bytes.data, bytes.size, &err)) {
        next = make(p, threads);
        if (next && trial_restore(next, &later, &err)) {
            fprintf(stderr, "%s\n", err.text);
            trial_free(next);
            next = NULL;
        }
        checkpoint_clear(&later);
    }
    bytes_clear(&bytes);
    trial_free(trial);
    return next;
}

struct stopper {
    struct trial *trial;
    unsigned long long after;
    atomic_bool over;
};

static void *stop_in_time(void *argument)
{
    struct stopper *s = argument;

    while (!atomic_load(&s->over) && trial_progress(s->trial).microshards < s->after)
        clock_sleep_s(1e-4);
    trial_stop(s->trial);
    return NULL;
}

/* trial_run_to_report(), or trial_finish() where result is given, stopped in time. */
static int run_stopped(struct trial *trial, unsigned long long after,
                       enum trial_event *event, struct epoch_record *record,
                       struct trial_result *result, struct error *err)
{
    struct stopper s = {.trial = trial, .after = after};
    pthread_t thread;
    int rc;

    if (after)
        pthread_create(&thread, NULL, stop_in_time, &s);
    rc = result ? trial_finish(trial, event, result, err)
                : trial_run_to_report(trial, event, record, err);
    atomic_store(&s.over, true);
    if (after)
        pthread_join(thread, NULL);
    return rc;
}

char *trial_bits(const struct trial_parts *parts, struct trial_way way,
                 int *interruptions)
{
    struct trial *trial = make(parts, way.threads);
    struct trial_result result;
    struct epoch_record record;
    enum trial_event event;
    struct error err;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int count = 0, rc = 0;

    for (;;) {
        bool done = trial && trial_done(trial);

        if (!trial || (rc = run_stopped(trial, way.stop_after, &event, &record,
                                        done ? &result : NULL, &err)))
            break;
        if (done && event == TRIAL_REPORT)
            break;
        if (event == TRIAL_REPORT)
            write_record(out, &record);
        if (event == TRIAL_STOPPED || way.carry || way.stop_after) {
            trial = carry_over(trial, parts, way.threads);
            way.stop_after += way.stop_after ? 3 : 0;
            count++;
        }
    }
    if (trial && rc == 0)
        write_result(out, &result, parts->dataset->labels);
    fclose(out);
    if (!trial || rc) {
        fprintf(stderr, "%s\n", rc ? err.text : "no trial");
        free(text);
        text = NULL;
    }
    trial_free(trial);
    if (interruptions)
        *interruptions = count;
    return text;
}
