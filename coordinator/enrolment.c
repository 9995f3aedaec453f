#include "coordinator/enrolment.h"

#include "jobs/identity.h"
#include "jobs/settings_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void enrolment_clear(struct enrolment *enrolment)
{
    trial_list_clear(&enrolment->list);
    free(enrolment->wanted);
    free(enrolment->changed);
    free(enrolment->keys);
    free((void *)enrolment->data.datasets);
    *enrolment = (struct enrolment){0};
}

struct digest enrolment_key(const struct settings *settings, int layers)
{
    struct settings effective;

    identity_settings(&effective, settings, layers);
    effective.seed = 0;
    return identity_settings_key(&effective);
}

/* What stays the same when a job only gets more or fewer epochs. */
static struct digest key_without_epochs(const struct settings *settings, int layers)
{
    struct settings effective;

    identity_settings(&effective, settings, layers);
    effective.horizon = 0;
    effective.seed = 0;
    return identity_settings_key(&effective);
}

static int refuse_other_job(struct error *err)
{
    return error_set(err, ERR_INPUT,
                     "it holds the run of another job, which has no configuration in "
                     "common with this one");
}

/* Whether any configuration of the sweep was there before, with any epochs. */
static int check_related(const struct trial_list *list, const struct sweep *sweep,
                         int layers, struct error *err)
{
    struct digest_map known = {0};
    struct settings settings;
    bool related = false;
    int rc = 0;

    for (int i = 1; !rc && i <= list->config_count; i++) {
        trial_list_config_settings(list, i, &settings);
        rc = digest_map_put(&known, key_without_epochs(&settings, layers), i);
    }
    for (int i = 1; !rc && !related && i <= sweep->config_count; i++) {
        sweep_settings(sweep, i, 0, &settings);
        related = digest_map_find(&known, key_without_epochs(&settings, layers)) != 0;
    }
    digest_map_clear(&known);
    if (rc)
        return error_set(err, rc, "out of memory for the configurations");
    return related ? 0 : refuse_other_job(err);
}

/* Numbers of the sweep's configurations; with more epochs where they had more. */
static int enrol_configs(struct enrolment *e, const struct sweep *sweep, int layers,
                         int *numbers, struct error *err)
{
    int rc = 0;

    for (int i = 1; !rc && i <= sweep->config_count; i++) {
        struct settings settings, before;
        sweep_settings(sweep, i, 0, &settings);
        struct digest key = enrolment_key(&settings, layers);
        int64_t known = digest_map_find(&e->list.config_map, key);
        int epochs = settings.epochs;
        if (known) {
            trial_list_config_settings(&e->list, (int)known, &before);
            if (before.epochs >= epochs) {
                numbers[i - 1] = (int)known;
                continue;
            }
        }
        bool added;
        rc = trial_list_config(&e->list, key, &settings, &numbers[i - 1], &added, err);
        if (!rc) {
            e->changed[numbers[i - 1] - 1] = true;
            e->keys[numbers[i - 1] - 1] = key;
        }
    }
    return rc;
}

/* Digests of the files that init names; most sweeps name none or one. */
struct init_digest {
    char path[SETTINGS_PATH];
    struct digest digest;
};

static int init_digest(struct init_digest *last, const char *path, struct error *err)
{
    if (!path[0])
        return last->path[0] = '\0', last->digest = (struct digest){0}, 0;
    if (!strcmp(last->path, path))
        return 0;
    int rc = identity_file_digest(&last->digest, path, err);
    snprintf(last->path, sizeof last->path, "%s", rc ? "" : path);
    return rc;
}

static struct digest key_of_parts(struct trial_parts parts)
{
    return digest_of(&parts, sizeof parts);
}

/* Where a file that init names is gone, its trials are known by what they are made of:
 * the last ones, where its content was another before. */
static int list_parts(struct digest_map *map, const struct trial_list *list,
                      struct error *err)
{
    int rc = 0;

    for (int64_t i = 1; !rc && i <= list->trial_count; i++)
        rc = digest_map_put(map, key_of_parts(trial_list_parts(list, i)), i);
    return rc ? error_set(err, rc, "out of memory for the trials") : 0;
}

static void want(struct enrolment *e, int64_t number)
{
    e->wanted_count += !e->wanted[number - 1];
    e->wanted[number - 1] = true;
}

/* The trial of these settings, wanted from now on. */
static int enrol_trial(struct enrolment *e, const struct settings *settings,
                       struct trial_parts parts, struct init_digest *init,
                       const struct digest_map *past, struct error *err)
{
    int rc = init_digest(init, settings->init, err);
    struct identity_parts identity = {
        .data = e->data.datasets[parts.task],
        .encoder = e->data.encoder,
        .init = init->digest,
        .layers = e->data.layers,
    };
    struct trial_list_entry entry = {.parts = parts};
    int64_t number;
    bool added;

    if (rc == ERR_INPUT && (number = digest_map_find(past, key_of_parts(parts)))) {
        want(e, number);
        return 0;
    }
    if (!rc)
        rc = identity_digest(&entry.identity, settings, &e->spec->tasks[parts.task],
                             &identity, err);
    if (!rc)
        rc = trial_list_trial(&e->list, &entry, &number, &added, err);
    if (!rc)
        want(e, number);
    return rc;
}

static int enrol_trials(struct enrolment *e, const struct sweep *sweep,
                        const int *numbers, const struct digest_map *past,
                        struct error *err)
{
    struct init_digest init = {.path = ""};
    int rc = 0;

    for (int64_t i = 1; !rc && i <= sweep->trial_count; i++) {
        struct sweep_trial at = sweep_trial(sweep, i);
        struct trial_parts parts = {at.task, numbers[at.config - 1], at.seed};
        struct settings settings;
        sweep_settings(sweep, at.config, at.seed, &settings);
        rc = enrol_trial(e, &settings, parts, &init, past, err);
    }
    return rc;
}

/* Trials of a known configuration: all that there are to be. */
static int enrol_config(struct enrolment *e, int config, struct init_digest *init,
                        const struct digest_map *past, struct error *err)
{
    const struct job_sweep *sweep = &e->spec->sweep;
    struct settings settings;
    int rc = 0;

    trial_list_config_settings(&e->list, config, &settings);
    for (int task = 0; task < e->spec->task_count; task++)
        for (int i = 0; !rc && i < sweep->seed_count; i++) {
            struct trial_parts parts = {task, config, sweep->seeds[i]};
            settings.seed = parts.seed;
            rc = enrol_trial(e, &settings, parts, init, past, err);
        }
    return rc;
}

/* Whether the job's search could have proposed it: beside its axes it is as the job
 * says. */
static bool is_of_job(const struct enrolment *e, int config)
{
    const struct job_sweep *sweep = &e->spec->sweep;
    struct settings settings, proposed = e->spec->base;

    trial_list_config_settings(&e->list, config, &settings);
    for (int a = 0; a < sweep->axis_count; a++) {
        const struct setting *setting = sweep->axes[a].setting;
        setting_set(setting, &proposed, setting_get(setting, &settings));
    }
    return digest_equal(enrolment_key(&settings, e->data.layers),
                        enrolment_key(&proposed, e->data.layers));
}

/* What earlier starts have proposed. */
static int enrol_past(struct enrolment *e, const struct digest_map *past,
                      struct error *err)
{
    struct init_digest init = {.path = ""};
    bool related = e->list.config_count == 0;
    int rc = 0;

    for (int c = 1; !rc && c <= e->list.config_count; c++)
        if (is_of_job(e, c)) {
            related = true;
            rc = enrol_config(e, c, &init, past, err);
        }
    return rc || related ? rc : refuse_other_job(err);
}

int enrolment_add(struct enrolment *enrolment, const struct settings *settings,
                  struct digest *key, int64_t *first, struct error *err)
{
    struct enrolment *e = enrolment;
    struct init_digest init = {.path = ""};
    struct digest_map none = {0};
    int number;
    bool added;

    *first = e->list.trial_count + 1;
    *key = enrolment_key(settings, e->data.layers);
    if (digest_map_find(&e->list.config_map, *key))
        return 1;
    int rc = trial_list_config(&e->list, *key, settings, &number, &added, err);
    return rc ? rc : enrol_config(e, number, &init, &none, err);
}

/* The digest of what it comes from makes it another trial than one that begins with
 * these settings. */
static int fork_identity(struct enrolment *e, const struct settings *settings,
                         int64_t parent, int64_t loser, int epoch,
                         struct trial_list_entry *entry, struct error *err)
{
    struct init_digest init = {.path = ""};
    int rc = init_digest(&init, settings->init, err);
    struct identity_parts identity = {
        .data = e->data.datasets[entry->parts.task],
        .encoder = e->data.encoder,
        .init = init.digest,
        .layers = e->data.layers,
    };
    struct {
        struct digest own, parent, loser;
        int64_t epoch;
    } lineage = {.parent = trial_list_identity(&e->list, parent),
                 .loser = trial_list_identity(&e->list, loser),
                 .epoch = epoch};

    if (!rc)
        rc = identity_digest(&lineage.own, settings, &e->spec->tasks[entry->parts.task],
                             &identity, err);
    entry->identity = digest_of(&lineage, sizeof lineage);
    return rc;
}

int enrolment_fork(struct enrolment *enrolment, const struct settings *settings,
                   int64_t parent, int64_t loser, int epoch, struct digest *key,
                   int64_t *number, struct error *err)
{
    struct enrolment *e = enrolment;
    struct trial_list_entry entry = {.parts = trial_list_parts(&e->list, parent),
                                     .parent = (int32_t)parent};
    bool added;

    *key = enrolment_key(settings, e->data.layers);
    int rc = fork_identity(e, settings, parent, loser, epoch, &entry, err);
    if (!rc)
        rc = trial_list_config(&e->list, *key, settings, &entry.parts.config, &added,
                               err);
    if (!rc)
        rc = trial_list_trial(&e->list, &entry, number, &added, err);
    if (!rc)
        want(e, *number);
    return rc;
}

bool enrolment_grows(const struct job_spec *spec)
{
    return spec->sweep.search == SEARCH_TPE || spec->sweep.scheduler == SCHEDULER_PBT;
}

static bool searches_on(const struct job_spec *spec)
{
    return spec->sweep.search == SEARCH_TPE;
}

/* Most trials of this start's that there is room for. */
static int64_t most_trials(const struct sweep *sweep)
{
    enum { WITHOUT_LIMIT = 1000000 };
    const struct job_spec *spec = sweep->spec;
    int64_t each = (int64_t)spec->task_count * spec->sweep.seed_count;
    int64_t configs = sweep_most_configs(spec);

    if (spec->sweep.scheduler == SCHEDULER_PBT) /* each may be replaced every time */
        return sweep->trial_count * (1 + spec->base.epochs / spec->sweep.min_epochs);
    if (!enrolment_grows(spec))
        return sweep->trial_count;
    if (configs > WITHOUT_LIMIT / each + 1)
        configs = WITHOUT_LIMIT / each + 1;
    return configs * each;
}

/* data is kept, without what is the caller's. */
static int keep_data(struct enrolment *e, const struct enrolment_data *data)
{
    size_t size = (size_t)e->spec->task_count * sizeof *data->datasets;
    struct digest *datasets = malloc(size);

    e->data = *data;
    e->data.datasets = datasets;
    if (datasets)
        memcpy(datasets, data->datasets, size);
    return datasets ? 0 : ERR_MEMORY;
}

static int make_room(struct enrolment *e, const struct sweep *sweep,
                     const struct enrolment_data *data, struct error *err)
{
    int64_t most = most_trials(sweep), trials = e->list.trial_count + most;
    int64_t each = (int64_t)e->spec->task_count * e->spec->sweep.seed_count;
    int configs = e->list.config_count + (int)most + 1;
    if (searches_on(e->spec))
        configs = e->list.config_count + (int)(most / each) + 1;

    e->wanted = calloc((size_t)trials + 1, sizeof *e->wanted);
    e->changed = calloc((size_t)configs, sizeof *e->changed);
    e->keys = calloc((size_t)configs, sizeof *e->keys);
    if (!e->wanted || !e->changed || !e->keys || keep_data(e, data) ||
        (enrolment_grows(e->spec) && trial_list_reserve(&e->list, trials + 1, configs)))
        return error_set(err, ERR_MEMORY, "out of memory for the trials");
    return 0;
}

/* Of what is wanted: parents have lower numbers. */
static int want_forks(struct enrolment *e, struct error *err)
{
    bool forked = false;

    for (int64_t i = 1; i <= e->list.trial_count; i++) {
        int32_t parent = e->list.trials[i - 1].parent;
        forked = forked || parent;
        if (parent && e->wanted[parent - 1])
            want(e, i);
    }
    return forked && e->first_new <= e->list.trial_count
               ? error_set(err, ERR_INPUT,
                           "its population has been trained together: it cannot get "
                           "other trials any more")
               : 0;
}

static int enrol(struct enrolment *e, const struct sweep *sweep, int *numbers,
                 struct error *err)
{
    struct digest_map past = {0};
    int rc = e->data.past ? list_parts(&past, &e->list, err) : 0;

    if (!rc && searches_on(e->spec))
        rc = enrol_past(e, &past, err);
    if (!rc && !searches_on(e->spec) && e->list.config_count > 0)
        rc = check_related(&e->list, sweep, e->data.layers, err);
    if (!rc)
        rc = enrol_configs(e, sweep, e->data.layers, numbers, err);
    if (!rc)
        rc = enrol_trials(e, sweep, numbers, &past, err);
    if (!rc && e->spec->sweep.scheduler == SCHEDULER_PBT)
        rc = want_forks(e, err);
    digest_map_clear(&past);
    return rc;
}

int enrolment_init(struct enrolment *out, struct history *history,
                   const struct sweep *sweep, const struct enrolment_data *data,
                   struct error *err)
{
    struct enrolment *e = out;
    int *numbers = calloc((size_t)sweep->config_count + 1, sizeof *numbers);

    *e = (struct enrolment){.list = history->list,
                            .first_new = history->list.trial_count + 1,
                            .spec = sweep->spec};
    history->list = (struct trial_list){0};
    int rc = numbers ? make_room(e, sweep, data, err)
                     : error_set(err, ERR_MEMORY, "out of memory for the trials");
    if (!rc)
        rc = enrol(e, sweep, numbers, err);
    if (!enrolment_grows(e->spec))
        trial_list_settle(&e->list);
    free(numbers);
    if (rc)
        enrolment_clear(e);
    return rc;
}

int enrolment_take_shard(struct enrolment *enrolment, int shard, int shards,
                         struct error *err)
{
    int64_t all = enrolment->wanted_count;

    for (int64_t i = 0; i < enrolment->list.trial_count; i++)
        if (enrolment->wanted[i] && i % shards != shard - 1) {
            enrolment->wanted[i] = false;
            enrolment->wanted_count--;
        }
    if (enrolment->wanted_count > 0 || searches_on(enrolment->spec))
        return 0;
    return error_set(err, ERR_INPUT,
                     "shard %d/%d: none of the job's %lld trials is in it", shard,
                     shards, (long long)all);
}
