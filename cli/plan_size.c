/* Sums of what the formats (docs/formats.md) and the buffers take. */
#include "cli/plan_size.h"

#include "worker/kept_prefixes.h"
#include "worker/panels.h"

#include <math.h>
#include <stdlib.h>

/* Of a process before it has any data: code, MPI, HDF5 (measured, docs/plan.md). */
static const double program = 24e6;
/* What the coordinator holds of a trial and of a report (docs/performance.md,
 * "Coordinator"). */
static const double trial_memory = 250, report_memory = 72;
/* Frames of the journal with what they carry: a trial's line, GRANT, RESULT; REPORT. */
static const double trial_journal = 28 + 130 + 130, report_journal = 125;
/* Columns of results.h5's tables trials and epochs, and an empty file. */
static const double trial_results = 220, report_results = 96, empty_results = 40e3;

static double tensor_floats(const struct encoder_config *c, bool pooler)
{
    double hidden = c->hidden, ffn = c->ffn;
    double layer = 4 * hidden * hidden + 2 * hidden * ffn + 9 * hidden + ffn;
    double rows = (double)c->vocab + c->positions + c->types + 2;

    return rows * hidden + c->layers * layer + (pooler ? hidden * (hidden + 1) : 0);
}

static double dataset_bytes(const struct dataset *d)
{
    double bytes = 0;

    for (int s = 0; s < SPLIT_COUNT; s++) {
        const struct dataset_split *split = &d->splits[s];

        if (split->present)
            bytes += 5.0 * (double)split->offsets[split->rows] +
                     (split->labelled ? 12.0 : 8.0) * (double)split->rows;
    }
    return bytes;
}

static double all_datasets(const struct run_setup *setup)
{
    double bytes = 0;

    for (int i = 0; i < setup->spec.task_count; i++)
        bytes += dataset_bytes(&setup->datasets[i]);
    return bytes;
}

static double panels_of(const struct plan_kinds *kinds, const struct encoder *encoder)
{
    bool used[PRECISION_COUNT] = {false};
    double bytes = 0;

    for (int i = 0; i < kinds->count; i++)
        used[kinds->kinds[i].settings.precision] = true;
    for (int p = 0; p < PRECISION_COUNT; p++)
        if (used[p])
            bytes += (double)panels_bytes(encoder, (enum precision)p);
    return bytes;
}

static bool is_first_with_prefix(const struct plan_kinds *kinds, int index)
{
    for (int i = 0; i < index; i++)
        if (plan_kinds_same_prefix(&kinds->kinds[i], &kinds->kinds[index]))
            return false;
    return kinds->kinds[index].prefix_bytes > 0;
}

/* A worker keeps the last few: the largest of them. */
static double prefixes_of(const struct plan_kinds *kinds)
{
    double largest[KEPT_PREFIXES] = {0}, sum = 0;

    for (int i = 0; i < kinds->count; i++) {
        double bytes = (double)kinds->kinds[i].prefix_bytes;

        if (!is_first_with_prefix(kinds, i))
            continue;
        for (int at = 0; at < KEPT_PREFIXES; at++)
            if (bytes > largest[at]) {
                double less = largest[at];

                largest[at] = bytes;
                bytes = less;
            }
    }
    for (int at = 0; at < KEPT_PREFIXES; at++)
        sum += largest[at];
    return sum;
}

static double reports_of(const struct plan_kinds *kinds, double epochs)
{
    double all = 0, reports = 0;

    for (int i = 0; i < kinds->count; i++) {
        const struct plan_kind *k = &kinds->kinds[i];

        all += (double)k->trials * (double)k->epochs;
        reports += (double)k->trials * (double)k->reports;
    }
    return reports * epochs / all;
}

void plan_memory_of(struct plan_memory *out, const struct plan_kinds *kinds,
                    const struct run_setup *setup, const struct encoder *encoder)
{
    double buffers = 0, data = all_datasets(setup);

    for (int i = 0; i < kinds->count; i++)
        buffers = fmax(buffers, (double)kinds->kinds[i].bytes);
    *out = (struct plan_memory){
        .encoder = 4 * tensor_floats(&encoder->config, encoder->pooler_weight != NULL),
        .panels = panels_of(kinds, encoder),
        .prefix = prefixes_of(kinds),
        .worker = program + buffers + data,
        .coordinator = program + data + trial_memory * (double)kinds->trials};
    for (int i = 0; i < kinds->count; i++)
        out->coordinator += report_memory * (double)kinds->kinds[i].trials *
                            (double)kinds->kinds[i].reports;
}

/* Four vectors of trained numbers and the outputs on dev. */
static double checkpoint_bytes(const struct plan_kind *k, const struct run_setup *setup)
{
    int labels = setup->datasets[k->task].labels;

    return 4.0 * (4 * (double)k->values + (double)k->score_rows * labels) + 300;
}

/* Of trials that run or wait; one segment more may be full of what counts no more. */
static double checkpoints_of(const struct plan_kinds *kinds,
                             const struct run_setup *setup, int workers, double epochs)
{
    const double segment = 64 << 20;
    bool wait = setup->spec.sweep.scheduler != SCHEDULER_NONE;
    double largest = 0, written = 0, all = 0;

    for (int i = 0; i < kinds->count; i++) {
        const struct plan_kind *k = &kinds->kinds[i];
        double bytes = checkpoint_bytes(k, setup);

        largest = fmax(largest, bytes);
        written += bytes * (double)k->trials * (double)k->reports;
        all += (double)k->trials * (double)k->epochs;
    }
    double held = wait ? (double)kinds->trials : fmin(workers, (double)kinds->trials);
    return fmin(written * epochs / all, held * largest + 2 * segment);
}

/* A trained adapter and the outputs on all labelled splits. */
static double output_bytes(const struct plan_kind *k, const struct run_setup *setup)
{
    const struct dataset *d = &setup->datasets[k->task];
    double rows = 0;

    for (int s = SPLIT_DEV; s < SPLIT_COUNT; s++)
        if (d->splits[s].present && d->splits[s].labelled)
            rows += (double)d->splits[s].rows;
    return 4.0 * ((double)k->values + rows * d->labels) + 100;
}

/* output.keep trials of each task, of its largest kind: in results.h5 and, with the
 * best trial of each configuration, in outputs/. */
static void add_outputs(struct plan_disk *out, const struct plan_kinds *kinds,
                        const struct run_setup *setup)
{
    for (int t = 0; t < setup->spec.task_count; t++) {
        double largest = 0, trials = 0, keep = setup->spec.output.keep;

        for (int i = 0; i < kinds->count; i++) {
            const struct plan_kind *k = &kinds->kinds[i];

            if (k->task != t || !k->trials)
                continue;
            largest = fmax(largest, output_bytes(k, setup));
            trials += (double)k->trials;
        }
        keep = fmin(keep, trials);
        out->results += keep * largest;
        out->outputs += fmin(trials, keep + setup->sweep.config_count) * largest;
    }
}

void plan_disk_of(struct plan_disk *out, const struct plan_kinds *kinds,
                  const struct run_setup *setup, int workers, double epochs)
{
    double trials = (double)kinds->trials, reports = reports_of(kinds, epochs);

    *out = (struct plan_disk){
        .datasets = all_datasets(setup) + 20e3 * setup->spec.task_count,
        .journal = trials * trial_journal + reports * report_journal +
                   300.0 * setup->sweep.config_count,
        .checkpoints = checkpoints_of(kinds, setup, workers, epochs),
        .results = empty_results + trials * trial_results + reports * report_results +
                   400.0 * setup->sweep.config_count};
    add_outputs(out, kinds, setup);
}

double plan_memory_sum(const struct plan_memory *m, int workers)
{
    return m->encoder + m->panels + m->prefix + workers * m->worker + m->coordinator;
}

double plan_disk_sum(const struct plan_disk *d)
{
    return d->datasets + d->journal + d->checkpoints + d->outputs + d->results;
}
