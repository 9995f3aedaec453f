#include "worker/announce.h"

#include "common/protocol.h"

#include <string.h>

int announce_report(struct mail *mail, const struct announced *about,
                    const struct trial *trial, const struct task *task,
                    const struct epoch_record *record, struct error *err)
{
    struct checkpoint checkpoint;
    struct bytes state = {0}, out = {0};
    trial_checkpoint(trial, &checkpoint);
    int rc = checkpoint_encode(&state, &checkpoint, err);
    struct report report = {
        .trial = about->trial,
        .lease = about->lease,
        .epoch = record->epoch,
        .step = record->step,
        .train_loss = record->train_loss,
        .dev_loss = record->dev_loss,
        .score = record->score,
        .learning_rate = record->learning_rate,
        .seconds = record->seconds,
        .tokens = record->tokens,
        .examples = trial_progress(trial).examples,
        .metric_count = (uint8_t)task->metric_count,
        .checkpoint = state.data,
        .checkpoint_size = state.size,
    };
    memcpy(report.metrics, record->metrics, sizeof report.metrics);
    if (!rc) {
        report_encode(&out, &report);
        mail_post(mail, 0, &out);
    }
    bytes_clear(&state);
    return rc;
}

static struct message_floats floats_of(const float *values, int64_t count)
{
    return (struct message_floats){(const uint8_t *)values, (size_t)count};
}

void announce_result(struct mail *mail, const struct announced *about,
                     const struct trial *trial, const struct task *task,
                     const struct trial_result *result)
{
    struct checkpoint state;
    struct bytes out = {0};
    trial_checkpoint(trial, &state);
    struct result m = {
        .trial = about->trial,
        .lease = about->lease,
        .best_epoch = result->best.epoch,
        .best_step = result->best.step,
        .seconds = state.seconds,
        .tokens = state.tokens,
        .test_metric_count = (uint8_t)(result->tested ? task->metric_count : 0),
        .values = floats_of(result->values, result->count),
    };
    int labels = trial_layout(trial)->shape.labels;
    memcpy(m.test_metrics, result->test_metrics, sizeof m.test_metrics);
    for (int i = 0; i < SPLIT_COUNT; i++) {
        int64_t rows = result->splits[i].rows;
        if (!result->splits[i].logits)
            continue;
        m.splits[m.split_count++] = (struct result_split){
            .split = (enum split)i,
            .rows = (uint32_t)rows,
            .labels = (uint16_t)labels,
            .logits = floats_of(result->splits[i].logits, rows * labels),
        };
    }
    result_encode(&out, &m);
    mail_post(mail, 0, &out);
}

void announce_stopped(struct mail *mail, const struct announced *about)
{
    struct bytes out = {0};
    stopped_encode(&out, &(struct stopped){about->trial, about->lease});
    mail_post(mail, 0, &out);
}

void announce_failure(struct mail *mail, const struct announced *about, int status,
                      const char *text)
{
    struct bytes out = {0};
    failure_encode(&out, &(struct failure){about->trial, about->lease, status, text});
    mail_post(mail, 0, &out);
}

void announce_measured(struct mail *mail, struct profile *profiles, int threads,
                       double peak)
{
    struct bytes out = {0};
    struct measured m = {.threads = (uint16_t)threads, .peak = peak};
    profile_read(m.sums, profiles, threads);
    measured_encode(&out, &m);
    mail_post(mail, 0, &out);
}

/* Whatever it is: another node may have what this one lacks. */
void announce_unfit(struct mail *mail, const char *text)
{
    struct bytes out = {0};
    unfit_encode(&out, &(struct unfit){text});
    mail_post(mail, 0, &out);
}
