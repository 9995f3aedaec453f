#include "cli/plan_text.h"

#include "storage/run_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER = 32, KINDS_SHOWN = 12 };

/* 1234567 as 1,234,567. */
static const char *grouped(char out[NUMBER], double number)
{
    char digits[NUMBER];
    int length = snprintf(digits, sizeof digits, "%.0f", number), at = 0;

    for (int i = 0; i < length && at < NUMBER - 2; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

/* "42 s", "3 min 20 s", "2 h 05 min". */
static const char *duration(char out[NUMBER], double s)
{
    double whole = floor(s + 0.5);

    if (s < 10)
        snprintf(out, NUMBER, "%.1f s", s);
    else if (whole < 120)
        snprintf(out, NUMBER, "%.0f s", whole);
    else if (whole < 2 * 3600)
        snprintf(out, NUMBER, "%.0f min %02.0f s", floor(whole / 60), fmod(whole, 60));
    else
        snprintf(out, NUMBER, "%.0f h %02.0f min", floor(whole / 3600),
                 floor(fmod(whole, 3600) / 60));
    return out;
}

static const char *megabytes(char out[NUMBER], double bytes)
{
    if (bytes < 9.95e6)
        snprintf(out, NUMBER, "%.1f MB", bytes / 1e6);
    else if (bytes < 9.95e9)
        snprintf(out, NUMBER, "%.0f MB", bytes / 1e6);
    else
        snprintf(out, NUMBER, "%.1f GB", bytes / 1e9);
    return out;
}

static const char *plural(double n) { return n == 1 ? "" : "s"; }

/* ---- the block of text ---- */

static void print_counts(FILE *out, const struct plan *p)
{
    const struct job_spec *spec = &p->setup->spec;
    char trials[NUMBER], configs[NUMBER], epochs[NUMBER], most[NUMBER];

    fprintf(out, "trials    %s: %d task%s, %s configuration%s, %d seed%s",
            grouped(trials, (double)p->kinds->trials), spec->task_count,
            plural(spec->task_count), grouped(configs, p->setup->sweep.config_count),
            plural(p->setup->sweep.config_count), spec->sweep.seed_count,
            plural(spec->sweep.seed_count));
    if (spec->cluster.shards > 1)
        fprintf(out, "; shard %d/%d of them", spec->cluster.shard,
                spec->cluster.shards);
    fprintf(out, "\nepochs    ");
    if (spec->sweep.scheduler == SCHEDULER_NONE)
        fprintf(out, "%s", grouped(epochs, (double)p->time.epochs));
    else
        fprintf(out, "%s expected with %s, %s at most",
                grouped(epochs, (double)p->time.epochs),
                job_scheduler_words[spec->sweep.scheduler],
                grouped(most, (double)p->time.most_epochs));
    if (spec->base.patience)
        fprintf(out, "; patience may end trials earlier");
    fprintf(out, "\n");
}

/* Of the epochs that are expected. */
static void print_tokens(FILE *out, const struct plan *p)
{
    double trained = 0, scored = 0, epochs = 0;
    char text[2][NUMBER];

    for (int i = 0; i < p->kinds->count; i++) {
        const struct plan_kind *k = &p->kinds->kinds[i];

        epochs += (double)k->trials * (double)k->epochs;
        trained += (double)k->trials * (double)k->steps / (double)k->batches *
                   (double)k->train_tokens;
        scored += (double)k->trials * (double)k->reports * (double)k->score_tokens;
    }
    double share = (double)p->time.epochs / epochs;
    fprintf(out, "tokens    %s trained, %s scored\n", grouped(text[0], trained * share),
            grouped(text[1], scored * share));
}

/* What is trained and scored, the range over a task's kinds. */
struct range {
    double least, most;
};

static void widen(struct range *r, double value)
{
    r->least = r->most == 0 ? value : fmin(r->least, value);
    r->most = fmax(r->most, value);
}

static void print_range(FILE *out, const struct range *r)
{
    char least[NUMBER], most[NUMBER];

    fprintf(out, "%s", grouped(least, r->least));
    if (r->most > r->least)
        fprintf(out, " to %s", grouped(most, r->most));
}

static void print_tasks(FILE *out, const struct plan *p)
{
    for (int t = 0; t < p->setup->spec.task_count; t++) {
        struct range rows = {0}, tokens = {0}, scored = {0}, scored_tokens = {0};

        for (int i = 0; i < p->kinds->count; i++) {
            const struct plan_kind *k = &p->kinds->kinds[i];

            if (k->task != t)
                continue;
            widen(&rows, (double)k->rows.count);
            widen(&tokens, (double)k->train_tokens);
            widen(&scored, (double)k->score_rows);
            widen(&scored_tokens, (double)k->score_tokens);
        }
        fprintf(out, "%-10s", t == 0 ? "an epoch" : "");
        fprintf(out, "%s: trains ", p->setup->spec.tasks[t].name);
        print_range(out, &rows);
        fprintf(out, " rows (");
        print_range(out, &tokens);
        fprintf(out, " tokens), scores ");
        print_range(out, &scored);
        fprintf(out, " (");
        print_range(out, &scored_tokens);
        fprintf(out, ")\n");
    }
}

static void print_kind(FILE *out, const struct plan *p, const struct plan_kind *k)
{
    const struct settings *s = &k->settings;
    char train[NUMBER], score[NUMBER];

    fprintf(out,
            "          %s first_layer %d, batch_size %d%s%s%s: %s trained, %s scored",
            p->setup->spec.tasks[k->task].name, s->first_layer, s->batch_size,
            s->precision == PRECISION_BF16 ? ", bf16" : "",
            settings_keep_prefix(s) ? ", prefix kept" : "",
            s->hidden_dropout > 0 || s->attention_dropout > 0 ? ", dropout" : "",
            grouped(train, 1 / k->train_s), grouped(score, 1 / k->evaluate_s));
    fprintf(out, "%s\n", p->rate || k->measured ? "" : " (between those measured)");
}

static void print_paces(FILE *out, const struct plan *p)
{
    int shown = 0, kinds = 0;

    if (p->rate > 0)
        fprintf(out,
                "rate      as stated; tokens a second of a worker (others than the\n"
                "          kind with the most operations by theirs):\n");
    else
        fprintf(
            out,
            "rate      measured for %.0f s with %d worker%s at once; tokens a second "
            "of each:\n",
            p->pace.took_s, p->pace.workers, plural(p->pace.workers));
    for (int i = 0; i < p->kinds->count; i++) {
        if (p->kinds->kinds[i].pace != i)
            continue;
        if (++kinds <= KINDS_SHOWN) {
            print_kind(out, p, &p->kinds->kinds[i]);
            shown++;
        }
    }
    if (kinds > shown)
        fprintf(out, "          and %d more kinds of trials\n", kinds - shown);
}

/* With several threads a worker's cores are not always wanted, so their use tells
 * nothing. */
static void print_disturbance(FILE *out, const struct plan *p)
{
    char alone[NUMBER];

    if (p->rate > 0 || p->setup->spec.cluster.threads > 1 || p->pace.processor > 0.93)
        return;
    fprintf(
        out,
        "          Other programs had %.0f %% of these cores meanwhile; with the cores "
        "to itself\n          a run would take about %s.\n",
        100 * (1 - p->pace.processor),
        duration(alone, p->time.seconds * p->pace.processor));
}

/* Why not more. */
static void print_useful(FILE *out, const struct plan *p)
{
    char trials[NUMBER], longest[NUMBER];
    int shards = 0;

    for (int i = 0; i < p->kinds->count; i++)
        if (p->kinds->kinds[i].shards > shards)
            shards = p->kinds->kinds[i].shards;
    grouped(trials, (double)p->kinds->trials);
    if (p->time.useful > p->kinds->trials)
        fprintf(out,
                "there are %s trials, and a batch has at most %d microshards to\n"
                "          share among the workers of one\n",
                trials, shards);
    else if (p->time.useful == p->kinds->trials)
        fprintf(out, "one for each trial\n");
    else
        fprintf(out,
                "more would wait for the end of the longest of %s trials\n"
                "          (%s) or be busy for less than half of the time\n",
                trials, duration(longest, p->time.longest_s));
}

static void print_time(FILE *out, const struct plan *p)
{
    char seconds[NUMBER], shortest[NUMBER], longest[NUMBER];

    fprintf(out, "expected  %.2f h (%s) on %d worker%s of %d node%s; a trial takes %s",
            p->time.seconds / 3600, duration(seconds, p->time.seconds), p->workers,
            plural(p->workers), p->nodes, plural(p->nodes),
            duration(shortest, p->time.shortest_s));
    if (p->time.longest_s > 1.05 * p->time.shortest_s)
        fprintf(out, " to %s", duration(longest, p->time.longest_s));
    if (p->setup->spec.sweep.scheduler != SCHEDULER_NONE)
        fprintf(out, " to its end");
    fprintf(out, "\n");
    print_disturbance(out, p);
    fprintf(out, "workers ");
    for (int i = 0; i < p->time.table_count; i++)
        fprintf(out, "%s %d: %s", i > 0 ? "," : " ", p->time.table[i].workers,
                duration(seconds, p->time.table[i].seconds));
    fprintf(out, "\n          at most %d are of use: ", p->time.useful);
    print_useful(out, p);
}

/* What sweep.wall_time makes of it. */
static void print_limit(FILE *out, const struct plan *p)
{
    double limit = 3600 * p->setup->spec.sweep.wall_time;
    char text[NUMBER];

    if (limit == 0)
        return;
    fprintf(out, "limit     sweep.wall_time of %s: ", duration(text, limit));
    if (p->time.seconds <= limit) {
        fprintf(out, "fits\n");
        return;
    }
    fprintf(out, "too short, enough for about %.0f %% of it",
            100 * limit / p->time.seconds);
    for (int i = 0; i < p->time.table_count; i++)
        if (p->time.table[i].seconds <= limit) {
            fprintf(out, "; %d workers would do", p->time.table[i].workers);
            break;
        }
    fprintf(out, "\n");
}

static void print_sizes(FILE *out, const struct plan *p)
{
    const struct plan_memory *m = &p->memory;
    const struct plan_disk *d = &p->disk;
    char n[6][NUMBER];

    fprintf(
        out,
        "memory    %s a node of %d worker%s: %s encoder, %s panels, %s kept prefix,\n"
        "          %s a worker, %s coordinator\n",
        megabytes(n[0], plan_memory_sum(m, p->node_workers)), p->node_workers,
        plural(p->node_workers), megabytes(n[1], m->encoder),
        megabytes(n[2], m->panels), megabytes(n[3], m->prefix),
        megabytes(n[4], m->worker), megabytes(n[5], m->coordinator));
    fprintf(out,
            "disk      %s: %s data, %s journal, %s checkpoints while it runs,\n"
            "          %s outputs, %s results.h5\n",
            megabytes(n[0], plan_disk_sum(d)), megabytes(n[1], d->datasets),
            megabytes(n[2], d->journal), megabytes(n[3], d->checkpoints),
            megabytes(n[4], d->outputs), megabytes(n[5], d->results));
}

void plan_print(FILE *out, const struct plan *p)
{
    const struct encoder_config *e = &p->setup->encoder;

    fprintf(out, "plan      %s: %s, %d layers of %d\n", p->job, p->setup->spec.encoder,
            e->layers, e->hidden);
    if (p->setup->state != RUN_DIR_NEW)
        fprintf(out, "          %s has a run already; this is for the whole job\n",
                p->setup->dir);
    print_counts(out, p);
    print_tokens(out, p);
    print_tasks(out, p);
    print_paces(out, p);
    print_time(out, p);
    print_limit(out, p);
    print_sizes(out, p);
}
