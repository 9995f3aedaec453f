#include "tests/coordinator/sample_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LAYERS = 1, HIDDEN = 2, FFN = 3 };

static const struct encoder_config encoder = {.layers = LAYERS,
                                              .hidden = HIDDEN,
                                              .ffn = FFN,
                                              .heads = 1,
                                              .vocab = 10,
                                              .positions = 16,
                                              .types = 2};

static int read_job(struct sample_run *run, const struct sample_change *change,
                    struct error *err)
{
    char text[1024];
    snprintf(text, sizeof text,
             "encoder = \"enc\";\n"
             "tasks = ( { name = \"cola\"; data = \"d\"; max_length = 16; } );\n"
             "training = { %s };\n"
             "sweep = { %s };\n"
             "cluster = { %s };\n"
             "output = { dir = \"run\"; keep = %d; };\n",
             change->training ? change->training : "epochs = 2;",
             change->sweep
                 ? change->sweep
                 : "seeds = 2; space = { learning_rate = [1e-3, 2e-3, 3e-3]; };",
             change->cluster ? change->cluster : "",
             change->keep ? change->keep : SAMPLE_KEEP);
    return job_spec_parse(&run->spec, "job.cfg", "/", text, NULL, 0, err);
}

int sample_run_again(struct sample_run *run, const struct sample_change *change,
                     struct history *history, struct error *err)
{
    static const struct digest dataset = {1, 2};
    struct enrolment_data data = {&dataset, {3, 4}, LAYERS, false};
    memset(run, 0, sizeof *run);
    int rc = read_job(run, change, err);
    if (!rc)
        rc = sweep_init(&run->sweep, &run->spec, LAYERS, err);
    if (!rc)
        rc = enrolment_init(&run->enrolment, history, &run->sweep, &data, err);
    if (!rc)
        rc = enrolment_take_shard(&run->enrolment, run->spec.cluster.shard,
                                  run->spec.cluster.shards, err);
    if (rc)
        return rc;
    run->encoder = encoder;
    run->task.dataset = dataset;
    run->task.labels = SAMPLE_LABELS;
    run->task.majority = NAN;
    run->task.rows[SPLIT_TRAIN] = 10;
    run->task.rows[SPLIT_DEV] = SAMPLE_ROWS;
    run->task.gold[SPLIT_DEV] = run->gold;
    run->job = (struct findings_job){
        .spec = &run->spec,
        .list = &run->enrolment.list,
        .tasks = &run->task,
        .encoder = &run->encoder,
        .encoder_digest = data.encoder,
    };
    return 0;
}

int sample_run_init(struct sample_run *run, const char *cluster, struct error *err)
{
    struct history history = {0};
    struct sample_change change = {.cluster = cluster};
    return sample_run_again(run, &change, &history, err);
}

void sample_run_clear(struct sample_run *run)
{
    enrolment_clear(&run->enrolment);
    sweep_clear(&run->sweep);
    job_spec_clear(&run->spec);
}

struct report sample_report(uint64_t trial, uint32_t lease, int epoch, double score)
{
    static const uint8_t checkpoint[] = "a checkpoint";
    return (struct report){
        .trial = trial,
        .lease = lease,
        .epoch = epoch,
        .step = 10 * epoch,
        .train_loss = 1.0 / epoch,
        .score = score,
        .metric_count = 1,
        .metrics = {score},
        .tokens = 100 * epoch,
        .examples = 10 * (uint64_t)epoch,
        .checkpoint = checkpoint,
        .checkpoint_size = sizeof checkpoint,
    };
}

/* v, w, β of one layer, and the head. */
int sample_values(void)
{
    return HIDDEN + FFN + 1 + SAMPLE_LABELS * HIDDEN + SAMPLE_LABELS;
}

struct result sample_result(uint64_t trial, uint32_t lease, int best_epoch)
{
    static float values[64], logits[SAMPLE_ROWS * SAMPLE_LABELS];
    for (int i = 0; i < 64; i++)
        values[i] = (float)trial + (float)i / 100;
    for (int i = 0; i < SAMPLE_ROWS * SAMPLE_LABELS; i++)
        logits[i] = (float)trial - (float)i;
    return (struct result){
        .trial = trial,
        .lease = lease,
        .best_epoch = best_epoch,
        .best_step = 10 * best_epoch,
        .seconds = 1.5,
        .tokens = 100 * best_epoch,
        .values = {(const uint8_t *)values, (size_t)sample_values()},
        .split_count = 1,
        .splits = {{SPLIT_DEV,
                    SAMPLE_ROWS,
                    SAMPLE_LABELS,
                    {(const uint8_t *)logits, SAMPLE_ROWS * SAMPLE_LABELS}}},
    };
}
