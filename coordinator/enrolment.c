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
    return related ? 0
                   : error_set(err, ERR_INPUT,
                               "it holds the run of another job, which has no "
                               "configuration in common with this one");
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

static int enrol_trials(struct enrolment *e, const struct sweep *sweep,
                        const struct enrolment_data *data, const int *numbers,
                        struct error *err)
{
    struct init_digest init = {.path = ""};
    struct digest_map past = {0};
    int rc = data->past ? list_parts(&past, &e->list, err) : 0;

    for (int64_t i = 1; !rc && i <= sweep->trial_count; i++) {
        struct sweep_trial parts = sweep_trial(sweep, i);
        struct settings settings;
        sweep_settings(sweep, parts.config, parts.seed, &settings);
        rc = init_digest(&init, settings.init, err);
        struct identity_parts identity = {
            .data = data->datasets[parts.task],
            .encoder = data->encoder,
            .init = init.digest,
            .layers = data->layers,
        };
        struct trial_list_entry entry = {
            .parts = {parts.task, numbers[parts.config - 1], parts.seed}};
        int64_t number;
        bool added;
        if (rc == ERR_INPUT &&
            (number = digest_map_find(&past, key_of_parts(entry.parts)))) {
            want(e, number);
            rc = 0;
            continue;
        }
        if (!rc)
            rc = identity_digest(&entry.identity, &settings,
                                 &sweep->spec->tasks[parts.task], &identity, err);
        if (!rc)
            rc = trial_list_trial(&e->list, &entry, &number, &added, err);
        if (!rc)
            want(e, number);
    }
    digest_map_clear(&past);
    return rc;
}

int enrolment_init(struct enrolment *out, struct history *history,
                   const struct sweep *sweep, const struct enrolment_data *data,
                   struct error *err)
{
    struct enrolment *e = out;
    int *numbers = calloc((size_t)sweep->config_count, sizeof *numbers);

    *e = (struct enrolment){.list = history->list,
                            .first_new = history->list.trial_count + 1};
    history->list = (struct trial_list){0};
    size_t configs = (size_t)e->list.config_count + (size_t)sweep->config_count;
    e->wanted =
        calloc((size_t)(e->list.trial_count + sweep->trial_count), sizeof *e->wanted);
    e->changed = calloc(configs, sizeof *e->changed);
    e->keys = calloc(configs, sizeof *e->keys);
    int rc = 0;
    if (!numbers || !e->wanted || !e->changed || !e->keys)
        rc = error_set(err, ERR_MEMORY, "out of memory for the trials");
    if (!rc && e->list.config_count > 0)
        rc = check_related(&e->list, sweep, data->layers, err);
    if (!rc)
        rc = enrol_configs(e, sweep, data->layers, numbers, err);
    if (!rc)
        rc = enrol_trials(e, sweep, data, numbers, err);
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
    if (enrolment->wanted_count > 0)
        return 0;
    return error_set(err, ERR_INPUT,
                     "shard %d/%d: none of the job's %lld trials is in it", shard,
                     shards, (long long)all);
}
