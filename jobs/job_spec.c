/* Reads a job in this order: scan of the text, libconfig, --set, groups, tasks, sweep;
 * the first error ends it. Kept in one piece by struct job_reader. */
#include "jobs/job_spec.h"

#include "jobs/job_reader.h"
#include "jobs/job_text.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX = 16 << 20 };

void job_spec_clear(struct job_spec *spec)
{
    for (int i = 0; i < spec->task_count; i++)
        task_clear(&spec->tasks[i]);
    free(spec->tasks);
    job_sweep_clear(&spec->sweep);
    job_slurm_clear(&spec->slurm);
    free(spec->path);
    free(spec->text);
    free(spec->resolved);
    *spec = (struct job_spec){0};
}

const struct task *job_spec_task(const struct job_spec *spec, const char *name)
{
    for (int i = 0; i < spec->task_count; i++)
        if (!strcmp(spec->tasks[i].name, name))
            return &spec->tasks[i];
    return NULL;
}

static int refuse_syntax(struct job_reader *r)
{
    return error_set(r->err, ERR_INPUT, "%s:%d: %s%s", r->name,
                     config_error_line(&r->config), config_error_text(&r->config),
                     reader_syntax_hint(&r->config));
}

static int read_text(struct job_reader *r, const char *text,
                     const char *const *overrides, int override_count)
{
    int line, rc = job_text_check(text, &line, r->err);

    if (rc)
        return error_prefix(r->err, rc, "%s:%d", r->name, line);
    if (!config_read_string(&r->config, text))
        return refuse_syntax(r);
    for (int i = 0; i < override_count && !rc; i++)
        rc = reader_override(r, overrides[i]);
    return rc;
}

static int look_for(struct job_reader *r, const char *path, const char *text)
{
    const node *at = config_lookup(&r->config, path);

    return at && *text ? reader_look(r, at, text) : 0;
}

/* A worker must have a chance to be heard. The place is what the job says of the two;
 * one of them it says, since their defaults fit. */
static int check_heartbeat(struct job_reader *r, const struct job_cluster *cluster)
{
    const node *at = config_lookup(&r->config, "cluster.heartbeat_s");

    if (cluster->heartbeat_s < cluster->lost_after_s)
        return 0;
    if (!at)
        at = config_lookup(&r->config, "cluster.lost_after_s");
    return reader_refuse(r, at, "heartbeat_s: %.10g is not below lost_after_s, %.10g",
                         cluster->heartbeat_s, cluster->lost_after_s);
}

static int check_shard(struct job_reader *r, const struct job_cluster *cluster)
{
    if (cluster->shard <= cluster->shards)
        return 0;
    return reader_refuse(r, config_lookup(&r->config, "cluster.shard"),
                         "shard: %d is above shards, %d", cluster->shard,
                         cluster->shards);
}

/* NULL: there is none. varies: not every value comes with every value of others. */
static const struct job_axis *find_axis(const struct job_sweep *sweep, const char *name,
                                        bool *varies)
{
    *varies = false;
    for (int a = 0; a < sweep->axis_count; a++) {
        const struct job_axis *axis = &sweep->axes[a];

        if (strcmp(axis->setting->name, name) != 0)
            continue;
        *varies = sweep->search == SEARCH_LIST || axis->condition_count;
        return axis;
    }
    return NULL;
}

/* How many of a setting's values are within [from, to], of those that come with any
 * value of others; of a range 1, where it reaches into them. */
static int count_within(const struct job_spec *spec, const char *name, double from,
                        double to)
{
    const struct setting *setting = settings_table_find_trial(name);
    struct setting_value base = setting_get(setting, &spec->base);
    bool varies;
    const struct job_axis *axis = find_axis(&spec->sweep, name, &varies);
    int count = 0;

    if (!axis)
        return base.number >= from && base.number <= to;
    if (varies)
        return 0;
    if (!axis->count)
        return axis->max >= from && axis->min <= to;
    for (int i = 0; i < axis->count; i++)
        count += axis->values[i].number >= from && axis->values[i].number <= to;
    return count;
}

/* Axes without conditions have every combination, so one value of each is enough. The
 * rest is for search_check(), which sees whole configurations. */
static int check_prefix(struct job_reader *r, const struct job_spec *spec)
{
    const node *at = config_lookup(&r->config, "sweep.space.prefix");

    if (!count_within(spec, "prefix", PREFIX_KEPT, PREFIX_KEPT))
        return 0;
    if (!at)
        at = config_lookup(&r->config, "training.prefix");
    for (const struct prefix_conflict *c = settings_prefix_conflicts; c->name; c++)
        if (count_within(spec, c->name, c->from, DBL_MAX))
            return reader_refuse(r, at,
                                 "prefix: \"kept\" does not go with %s, which %s",
                                 c->name, c->why);
    return 0;
}

static int read_groups(struct job_reader *r, struct job_spec *spec)
{
    const config_t *c = &r->config;
    int rc;

    settings_defaults(&spec->base);
    settings_table_defaults(GROUP_SWEEP, &spec->sweep);
    settings_table_defaults(GROUP_CLUSTER, &spec->cluster);
    settings_table_defaults(GROUP_OUTPUT, &spec->output);
    if ((rc = reader_group(r, config_root_setting(c), GROUP_TOP, spec)) ||
        (rc = reader_group(r, config_lookup(c, "adapter"), GROUP_ADAPTER,
                           &spec->base)) ||
        (rc = reader_group(r, config_lookup(c, "training"), GROUP_TRAINING,
                           &spec->base)) ||
        (rc = reader_group(r, config_lookup(c, "cluster"), GROUP_CLUSTER,
                           &spec->cluster)) ||
        (rc = check_heartbeat(r, &spec->cluster)) ||
        (rc = check_shard(r, &spec->cluster)) ||
        (rc = reader_group(r, config_lookup(c, "output"), GROUP_OUTPUT,
                           &spec->output)) ||
        (rc = reader_slurm(r, &spec->slurm)))
        return rc;
    if (!*spec->encoder)
        return error_set(r->err, ERR_INPUT, "%s: encoder: is missing", r->name);
    if ((rc = look_for(r, "encoder", spec->encoder)))
        return rc;
    return look_for(r, "adapter.init", spec->base.init);
}

static int keep_text(struct job_reader *r, struct job_spec *spec, const char *text)
{
    spec->path = strdup(r->name);
    spec->text = strdup(text);
    spec->resolved = job_spec_format(spec);
    if (!spec->path || !spec->text || !spec->resolved)
        return error_set(r->err, ERR_MEMORY, "out of memory");
    return 0;
}

static int parse(struct job_spec *out, struct job_reader *r, const char *text,
                 const char *const *overrides, int override_count)
{
    int rc;

    *out = (struct job_spec){0};
    if (!getcwd(r->directory, sizeof r->directory))
        return error_set(r->err, ERR_INPUT, "working directory: %s", strerror(errno));
    config_init(&r->config);
    if (!(rc = read_text(r, text, overrides, override_count)) &&
        !(rc = read_groups(r, out)) && !(rc = reader_tasks(r, out)) &&
        !(rc = reader_sweep(r, out)) && !(rc = check_prefix(r, out)))
        rc = keep_text(r, out, text);
    config_destroy(&r->config);
    if (rc)
        job_spec_clear(out);
    return rc;
}

static int set_folder(struct job_reader *r, const char *folder)
{
    if (strlen(folder) >= sizeof r->folder)
        return error_set(r->err, ERR_INPUT, "%s: the path is too long", folder);
    memcpy(r->folder, folder, strlen(folder) + 1);
    return 0;
}

int job_spec_parse(struct job_spec *out, const char *name, const char *folder,
                   const char *text, const char *const *overrides, int override_count,
                   struct error *err)
{
    struct job_reader r = {.name = name, .err = err};
    int rc = set_folder(&r, folder);

    *out = (struct job_spec){0};
    return rc ? rc : parse(out, &r, text, overrides, override_count);
}

static int find_folder(struct job_reader *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *folder = parent ? realpath(parent, NULL) : NULL;
    int rc;

    if (!parent)
        rc = error_set(r->err, ERR_MEMORY, "out of memory");
    else if (!folder)
        rc = error_set(r->err, ERR_INPUT, "%s: %s", path, strerror(errno));
    else
        rc = set_folder(r, folder);
    free(folder);
    free(parent);
    return rc;
}

/* *text is the whole file with a closing zero; release with free(). */
static int load(char **text, const char *path, struct error *err)
{
    FILE *file = fopen(path, "rb");
    size_t size = 0;
    int rc = 0;

    *text = NULL;
    if (!file)
        return error_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (!(*text = malloc((size_t)TEXT_MAX + 1)))
        rc = error_set(err, ERR_MEMORY, "out of memory");
    else if ((size = fread(*text, 1, (size_t)TEXT_MAX + 1, file)) > TEXT_MAX)
        rc = error_set(err, ERR_INPUT, "%s: more than %d bytes", path, (int)TEXT_MAX);
    else if (ferror(file))
        rc = error_set(err, ERR_INPUT, "%s: %s", path, strerror(errno));
    else if (memchr(*text, 0, size))
        rc =
            error_set(err, ERR_INPUT, "%s: holds a zero byte; it is no job file", path);
    else
        (*text)[size] = 0;
    fclose(file);
    return rc;
}

int job_spec_read(struct job_spec *out, const char *path, const char *const *overrides,
                  int override_count, struct error *err)
{
    struct job_reader r = {.name = path, .look = true, .err = err};
    char *text = NULL;
    int rc;

    *out = (struct job_spec){0};
    if (!(rc = load(&text, path, err)) && !(rc = find_folder(&r, path)))
        rc = parse(out, &r, text, overrides, override_count);
    free(text);
    return rc;
}
