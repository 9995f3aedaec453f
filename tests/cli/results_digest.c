/* Prints a digest of all numbers in a results.h5 that a trial's identity decides: not
 * seconds, hosts, attempts. Two runs of the same job must have the same. With --seconds
 * before the file: what its trials took together. */
#include "common/digest.h"
#include "storage/results_file.h"

#include <stdio.h>
#include <string.h>

static struct digest_stream *stream;

static void add(const void *data, size_t size)
{
    digest_stream_add(stream, data, size);
}

static void add_trial(const struct results_trial *t)
{
    const int64_t whole[] = {t->trial,  t->config,     t->task,  t->seed,
                             t->epochs, t->best_epoch, t->tokens};
    add(whole, sizeof whole);
    digest_stream_add_text(stream, t->digest);
    digest_stream_add_text(stream, t->status);
    digest_stream_add_text(stream, t->numerics);
    digest_stream_add_text(stream, t->error);
    add(&t->score, sizeof t->score);
    add(&t->report_score, sizeof t->report_score);
    add(t->report, sizeof t->report);
    add(t->test, sizeof t->test);
}

static void add_epoch(const struct results_epoch *e)
{
    const int64_t whole[] = {e->trial, e->epoch, e->step, e->tokens};
    const double reals[] = {e->train_loss, e->dev_loss, e->score, e->learning_rate};
    add(whole, sizeof whole);
    add(reals, sizeof reals);
    add(e->metrics, sizeof e->metrics);
}

static void add_predictions(const struct results_predictions *p)
{
    size_t size = (size_t)p->rows * (size_t)p->labels * sizeof(float);
    for (int i = 0; i < p->trial_count; i++) {
        add(&p->trials[i], sizeof p->trials[i]);
        add(p->logits[i], size);
    }
}

static void add_adapters(const struct results_adapters *a)
{
    for (int i = 0; i < a->trial_count; i++) {
        add(&a->trials[i], sizeof a->trials[i]);
        add(a->vectors[i], (size_t)a->values * sizeof(float));
    }
}

static int print_seconds(const struct results *results)
{
    double sum = 0;
    for (int i = 0; i < results->trial_count; i++)
        sum += results->trials[i].seconds;
    printf("%.9f\n", sum);
    return 0;
}

int main(int argc, char **argv)
{
    struct results results;
    struct error err;
    char hex[DIGEST_HEX];
    bool seconds = argc == 3 && !strcmp(argv[1], "--seconds");
    if (argc != 2 + seconds || !(stream = digest_stream_new()))
        return 2;
    if (results_read(&results, argv[argc - 1], RESULTS_ALL, &err)) {
        fprintf(stderr, "results_digest: %s\n", err.text);
        return 1;
    }
    if (seconds)
        return print_seconds(&results);
    for (int i = 0; i < results.trial_count; i++)
        add_trial(&results.trials[i]);
    for (int i = 0; i < results.epoch_count; i++)
        add_epoch(&results.epochs[i]);
    for (int i = 0; i < results.predictions_count; i++)
        add_predictions(&results.predictions[i]);
    for (int i = 0; i < results.adapters_count; i++)
        add_adapters(&results.adapters[i]);
    digest_hex(hex, digest_stream_value(stream));
    printf("%s trials=%d epochs=%d predictions=%d adapters=%d\n", hex,
           results.trial_count, results.epoch_count, results.predictions_count,
           results.adapters_count);
    results_clear(&results);
    digest_stream_free(stream);
    return 0;
}
