#include "coordinator/trial_list.h"

#include "jobs/identity.h"
#include "jobs/settings_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trial_list_clear(struct trial_list *list)
{
    for (int i = 0; i < list->config_count; i++)
        free(list->configs[i].text);
    free(list->configs);
    free(list->trials);
    digest_map_clear(&list->trial_map);
    digest_map_clear(&list->config_map);
    *list = (struct trial_list){0};
}

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the list of trials");
}

static char *text_of(const struct settings *settings)
{
    struct settings standard, without = *settings;

    settings_defaults(&standard);
    without.seed = standard.seed;
    return settings_canonical(&without);
}

/* Behind the last setting whose name comes before "seed". */
static size_t find_seed_place(const char *text)
{
    static const char name[] = "seed";
    const char *at = text;

    while (*at) {
        size_t length = strcspn(at, "=");
        size_t common = length < sizeof name - 1 ? length : sizeof name - 1;
        int order = memcmp(at, name, common);
        if (order > 0 || (order == 0 && length > sizeof name - 1))
            break;
        at += strcspn(at, ";");
        at += *at == ';';
    }
    return (size_t)(at - text);
}

static int make_config(struct trial_list_config *out, const struct settings *settings)
{
    char *text = text_of(settings);

    if (!text || strlen(text) >= SETTINGS_TEXT) { /* not by far, with one path in it */
        free(text);
        return ERR_MEMORY;
    }
    *out = (struct trial_list_config){
        .text = text,
        .seed_place = find_seed_place(text),
        .epochs = settings->epochs,
        .report_steps = settings->report_steps,
        .limit = settings->limit,
        .subsample = settings->subsample,
        .extendable = identity_extendable(settings),
    };
    return 0;
}

static int add_config(struct trial_list *list, struct digest key,
                      const struct trial_list_config *config)
{
    if (list->config_count == list->config_capacity) {
        if (list->reserved)
            return ERR_MEMORY;
        int capacity = 2 * list->config_capacity + 16;
        struct trial_list_config *grown =
            realloc(list->configs, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        list->configs = grown;
        list->config_capacity = capacity;
    }
    if (digest_map_put(&list->config_map, key, list->config_count + 1))
        return ERR_MEMORY;
    list->configs[list->config_count++] = *config;
    return 0;
}

int trial_list_config(struct trial_list *list, struct digest key,
                      const struct settings *settings, int *number, bool *added,
                      struct error *err)
{
    int64_t known = digest_map_find(&list->config_map, key);
    struct trial_list_config config;

    assert(!list->settled);
    if (make_config(&config, settings))
        return no_memory(err);
    *added = known == 0;
    if (known) {
        free(list->configs[known - 1].text);
        list->configs[known - 1] = config;
        *number = (int)known;
        return 0;
    }
    if (add_config(list, key, &config)) {
        free(config.text);
        return no_memory(err);
    }
    *number = list->config_count;
    return 0;
}

static int add_trial(struct trial_list *list, const struct trial_list_entry *entry)
{
    if (list->trial_count == list->trial_capacity) {
        if (list->reserved)
            return ERR_MEMORY;
        int64_t capacity = 2 * list->trial_capacity + 64;
        struct trial_list_entry *grown =
            realloc(list->trials, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ERR_MEMORY;
        list->trials = grown;
        list->trial_capacity = capacity;
    }
    if (digest_map_put(&list->trial_map, entry->identity, list->trial_count + 1))
        return ERR_MEMORY;
    list->trials[list->trial_count++] = *entry;
    return 0;
}

int trial_list_trial(struct trial_list *list, const struct trial_list_entry *entry,
                     int64_t *number, bool *added, struct error *err)
{
    assert(!list->settled);
    assert(entry->parts.config >= 1 && entry->parts.config <= list->config_count);
    *number = digest_map_find(&list->trial_map, entry->identity);
    *added = *number == 0;
    if (!*added)
        return 0;
    if (add_trial(list, entry))
        return no_memory(err);
    *number = list->trial_count;
    return 0;
}

int64_t trial_list_find(const struct trial_list *list, struct digest identity)
{
    return digest_map_find(&list->trial_map, identity);
}

int trial_list_reserve(struct trial_list *list, int64_t trials, int configs)
{
    struct trial_list_entry *entries =
        realloc(list->trials, (size_t)trials * sizeof *entries);
    if (entries)
        list->trials = entries;
    struct trial_list_config *grown =
        realloc(list->configs, (size_t)configs * sizeof *grown);
    if (grown)
        list->configs = grown;
    assert(trials >= list->trial_count && configs >= list->config_count);
    if (!entries || !grown)
        return ERR_MEMORY;
    list->trial_capacity = trials;
    list->config_capacity = configs;
    list->reserved = true;
    return 0;
}

/* realloc() to less does not fail, and if it did, what was there stays. */
static void trim(void *array, size_t size)
{
    void **items = array;
    void *smaller = realloc(*items, size ? size : 1);

    if (smaller)
        *items = smaller;
}

void trial_list_settle(struct trial_list *list)
{
    digest_map_clear(&list->trial_map);
    digest_map_clear(&list->config_map);
    trim(&list->trials, (size_t)list->trial_count * sizeof *list->trials);
    trim(&list->configs, (size_t)list->config_count * sizeof *list->configs);
    list->settled = true;
}

struct trial_parts trial_list_parts(const struct trial_list *list, int64_t trial)
{
    return list->trials[trial - 1].parts;
}

struct digest trial_list_identity(const struct trial_list *list, int64_t trial)
{
    return list->trials[trial - 1].identity;
}

void trial_list_config_settings(const struct trial_list *list, int config,
                                struct settings *out)
{
    int rc = settings_parse(out, list->configs[config - 1].text, NULL);

    assert(!rc); /* it was checked when it came in */
    (void)rc;
}

void trial_list_settings(const struct trial_list *list, int64_t trial,
                         struct settings *out)
{
    struct trial_parts parts = trial_list_parts(list, trial);

    trial_list_config_settings(list, parts.config, out);
    out->seed = parts.seed;
}

char *trial_list_text(const struct trial_list *list, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(list, trial);
    const struct trial_list_config *config = trial_list_config_of(list, parts.config);
    char seed[32] = "", *text;

    if (parts.seed != (uint32_t)settings_table_find_trial("seed")->standard)
        snprintf(seed, sizeof seed, "seed=%" PRIu32 ";", parts.seed);
    size_t before = config->seed_place, added = strlen(seed);
    size_t behind = strlen(config->text + before) + 1;
    text = malloc(before + added + behind);
    if (!text)
        return NULL;
    memcpy(text, config->text, before);
    memcpy(text + before, seed, added);
    memcpy(text + before + added, config->text + before, behind);
    return text;
}

const struct trial_list_config *trial_list_config_of(const struct trial_list *list,
                                                     int config)
{
    return &list->configs[config - 1];
}
