/* All trials and configurations of a run directory, whatever jobs they came from.
 *
 * Numbers count from 1 in the order of first appearance and never change: a job that
 * gains configurations, seeds or tasks adds behind what is there. A trial is known by
 * its identity, a configuration by the digest of those of its settings that have an
 * effect. */
#ifndef COORDINATOR_TRIAL_LIST_H
#define COORDINATOR_TRIAL_LIST_H

#include "common/digest_map.h"
#include "common/error.h"
#include "jobs/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trial_parts {
    int task;   /* index in the job's tasks */
    int config; /* number */
    uint32_t seed;
};

struct trial_list_entry {
    struct digest identity;
    struct trial_parts parts;
    int32_t parent; /* trial from whose state it went on; 0: it began by itself */
};

/* A configuration: its settings as text, and those that are asked for often. */
struct trial_list_config {
    char *text;        /* canonical, without seed */
    size_t seed_place; /* in text: where a seed belongs, in the order of names */
    int epochs, report_steps, limit, subsample;
    bool extendable; /* more epochs may continue its trials */
};

/* All zero is an empty one. Read the counts; the rest is its own. */
struct trial_list {
    int64_t trial_count;
    int config_count;
    struct trial_list_entry *trials;
    struct trial_list_config *configs;
    int64_t trial_capacity;
    int config_capacity;
    struct digest_map trial_map, config_map;
    bool settled, reserved;
};

void trial_list_clear(struct trial_list *list);

/* The number of a configuration; one not known yet (*added) is put behind the others.
 * Of a known one the settings become these: they may differ in what has no effect, and
 * in epochs where the schedule does not depend on them. seed is left out. */
int trial_list_config(struct trial_list *list, struct digest key,
                      const struct settings *settings, int *number, bool *added,
                      struct error *err);
/* The same for a trial of a known configuration. */
int trial_list_trial(struct trial_list *list, const struct trial_list_entry *entry,
                     int64_t *number, bool *added, struct error *err);

int64_t trial_list_find(const struct trial_list *list,
                        struct digest identity); /* or 0 */
/* Makes room for so many in all, and no more: what is there does not move when others
 * are added, so that another thread may look at it. ERR_MEMORY. */
int trial_list_reserve(struct trial_list *list, int64_t trials, int configs);
/* Nothing more will be added or looked for by digest: gives back the memory for it. */
void trial_list_settle(struct trial_list *list);

struct trial_parts trial_list_parts(const struct trial_list *list, int64_t trial);
struct digest trial_list_identity(const struct trial_list *list, int64_t trial);
/* Without the seed: its default. */
void trial_list_config_settings(const struct trial_list *list, int config,
                                struct settings *out);
void trial_list_settings(const struct trial_list *list, int64_t trial,
                         struct settings *out);
/* The same as a message has it, without parsing anything: settings_canonical() of them.
 * Release with free(); NULL when out of memory. */
char *trial_list_text(const struct trial_list *list, int64_t trial);
/* Borrowed. */
const struct trial_list_config *trial_list_config_of(const struct trial_list *list,
                                                     int config);

#endif
