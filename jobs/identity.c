/* One text that says everything a trial's numbers depend on, then its digest. */
#include "jobs/identity.h"

#include "jobs/settings_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without warm-up a constant rate does not know how long it will last. */
static bool spans_nothing(const struct settings *s)
{
    return s->schedule == SCHEDULE_CONSTANT && s->warmup == 0;
}

static void drop_adapters(struct settings *s, const struct settings *standard)
{
    s->share_alpha = standard->share_alpha;
    s->share_v = standard->share_v;
    s->decay_v = standard->decay_v;
    if (s->train_layernorm == LN_OUTPUT) /* the others need first_layer = 0 */
        s->train_layernorm = LN_NONE;
}

void identity_settings(struct settings *out, const struct settings *settings,
                       int layers)
{
    struct settings standard;

    settings_defaults(&standard);
    *out = *settings;
    out->horizon = settings->horizon ? settings->horizon : settings->epochs;
    if (spans_nothing(settings))
        out->horizon = standard.horizon;
    out->epochs = standard.epochs;
    if (settings->first_layer == layers)
        drop_adapters(out, &standard);
    if (settings->head_learning_rate == settings->learning_rate)
        out->head_learning_rate = standard.head_learning_rate;
    if (settings->weight_decay == 0) {
        out->decay_v = standard.decay_v;
        out->decay_head_bias = standard.decay_head_bias;
    }
    if (settings->prefix == settings_prefix_rule(settings))
        out->prefix = standard.prefix;
    if (!settings->subsample)
        out->subsample_seed = standard.subsample_seed;
}

static struct digest value_digest(const struct setting *s, struct setting_value value)
{
    const char *text = s->type == SETTING_PATH ? value.text : NULL;

    if (s->type == SETTING_WORD)
        text = s->words[(int)value.number];
    return text ? digest_of(text, strlen(text))
                : digest_of(&value.number, sizeof value.number);
}

/* A sum does not depend on the order, and what is not in it leaves it as it is. */
struct digest identity_key_over(const struct settings *effective,
                                const struct setting *const *settings, int count)
{
    struct settings standard;
    struct digest sum = digest_of("settings", 8);

    settings_defaults(&standard);
    for (int i = 0; i < count; i++) {
        const struct setting *s = settings[i];
        struct setting_value value = setting_get(s, effective);
        if (setting_equal(s, value, setting_get(s, &standard)))
            continue;
        struct digest pair[2] = {digest_of(s->name, strlen(s->name)),
                                 value_digest(s, value)};
        struct digest part = digest_of(pair, sizeof pair);
        sum.high += part.high;
        sum.low += part.low;
    }
    return sum;
}

struct digest identity_settings_key(const struct settings *effective)
{
    const struct setting *settings[64];
    int count = 0;

    for (int i = 0; i < settings_table_count() && count < 64; i++) {
        const struct setting *s = settings_table_at(i);

        if (s->group == GROUP_ADAPTER || s->group == GROUP_TRAINING)
            settings[count++] = s;
    }
    return identity_key_over(effective, settings, count);
}

bool identity_extendable(const struct settings *settings)
{
    return spans_nothing(settings) || settings->horizon > settings->epochs;
}

/* Labels and regression: the head's shape and loss are not in the data's digest. */
static void print_task(FILE *out, const struct task *task)
{
    static const char *const rows[] = {
        [SELECT_SPLIT_DEV] = "split_dev", [SELECT_SPLIT_TRAIN] = "split_train"};

    if (task->regression)
        fprintf(out, "\ntask regression");
    else
        fprintf(out, "\ntask labels=%d", task->labels);
    fprintf(out, ";max_length=%d;selection=", task->max_length);
    for (int i = 0; i < task->selection_count; i++)
        fprintf(out, "%s%s", i ? "+" : "", metric_name(task->selection[i]));
    if (task->selection_rows != SELECT_DEV)
        fprintf(out, ";selection_rows=%s", rows[task->selection_rows]);
}

static void print_digest(FILE *out, const char *name, struct digest digest)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, digest);
    fprintf(out, "\n%s %s", name, hex);
}

int identity_digest(struct digest *out, const struct settings *settings,
                    const struct task *task, const struct identity_parts *parts,
                    struct error *err)
{
    struct settings effective;
    char *canonical, *text = NULL;
    size_t size = 0;
    FILE *stream;

    identity_settings(&effective, settings, parts->layers);
    effective.init[0] = 0; /* its content stands for it */
    canonical = settings_canonical(&effective);
    stream = canonical ? open_memstream(&text, &size) : NULL;
    if (stream) {
        fprintf(stream, "trial 1\nsettings %s", canonical);
        print_task(stream, task);
        print_digest(stream, "data", parts->data);
        print_digest(stream, "encoder", parts->encoder);
        if (*settings->init)
            print_digest(stream, "init", parts->init);
    }
    free(canonical);
    if (!stream || fclose(stream) || !text) {
        free(text);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    *out = digest_of(text, size);
    free(text);
    return 0;
}

int identity_task_digest(struct digest *out, const struct task *task,
                         struct digest data, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream) {
        print_task(stream, task);
        print_digest(stream, "data", data);
    }
    if (!stream || fclose(stream) || !text) {
        free(text);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    *out = digest_of(text, size);
    free(text);
    return 0;
}

int identity_file_digest(struct digest *out, const char *path, struct error *err)
{
    FILE *file = fopen(path, "rb");
    struct digest_stream *stream = file ? digest_stream_new() : NULL;
    char buffer[16384];
    size_t size;
    int rc = 0;

    if (!file)
        return error_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (!stream)
        rc = error_set(err, ERR_MEMORY, "out of memory");
    while (!rc && (size = fread(buffer, 1, sizeof buffer, file)))
        digest_stream_add(stream, buffer, size);
    if (!rc && ferror(file))
        rc = error_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (!rc)
        *out = digest_stream_value(stream);
    digest_stream_free(stream);
    fclose(file);
    return rc;
}
