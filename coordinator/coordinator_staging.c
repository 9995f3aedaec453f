/* cluster.stage: what workers get from the coordinator, and what the log says of it. */
#include "coordinator/coordinator_parts.h"

#include "common/log.h"

#include <stdlib.h>
#include <string.h>

/* Bytes on their way to the workers above which no further part is read. */
static const size_t most_waiting = (size_t)64 * CHUNK_MAX;

static bool has_path(char *const *paths, int count, const char *path)
{
    for (int i = count - 1; i >= 0; i--)
        if (!strcmp(paths[i], path))
            return true;
    return false;
}

/* The files that the configurations' init name, each once. */
static int list_inits(char **paths, int *count, const struct trial_list *list)
{
    struct settings settings;
    for (int i = 1; i <= list->config_count; i++) {
        trial_list_config_settings(list, i, &settings);
        if (!settings.init[0] || has_path(paths, *count, settings.init))
            continue;
        paths[*count] = strdup(settings.init);
        if (!paths[(*count)++])
            return ERR_MEMORY;
    }
    return 0;
}

int coordinator_stage_init(struct coordinator *c, struct error *err)
{
    if (!c->spec->cluster.stage[0])
        return 0;
    int count = 0;
    char **inits = calloc((size_t)c->list->config_count + 1, sizeof *inits);
    int rc = inits ? list_inits(inits, &count, c->list) : ERR_MEMORY;
    struct staging_order order = {
        .dir = c->spec->cluster.stage,
        .encoder = c->spec->encoder,
        .datasets = c->order->datasets,
        .task_count = c->spec->task_count,
        .inits = (const char *const *)inits,
        .init_count = count,
        .workers = c->order->workers,
    };
    rc = rc ? error_set(err, rc, "out of memory for the configurations")
            : staging_new(&c->staging, &order, err);
    for (int i = 0; i < count; i++)
        free(inits[i]);
    free(inits);
    return rc;
}

void coordinator_stage_announce(struct coordinator *c, int worker)
{
    struct bytes out = {0};
    for (uint32_t i = 0; c->staging && staging_announce(c->staging, i, &out); i++)
        coordinator_send(c, worker, &out);
}

void coordinator_stage_turn(struct coordinator *c, bool *busy)
{
    struct bytes out = {0};
    int worker;
    if (!c->staging)
        return;
    bool may_read = channels_waiting(c->channels) < most_waiting;
    if (staging_turn(c->staging, may_read, &out, &worker))
        coordinator_send(c, worker, &out);
    /* MPI moves a large message on only when it is looked at, several times */
    *busy = *busy || (may_read && staging_busy(c->staging)) ||
            channels_waiting(c->channels) >= CHUNK_MAX;
}

int coordinator_on_fetch(struct coordinator *c, int worker,
                         const struct channel_event *event, struct error *err)
{
    struct fetch m;
    int rc = fetch_decode(&m, event->data, event->size, err);
    if (!rc && !c->staging)
        rc = error_set(err, ERR_PROTOCOL, "FETCH without STAGE");
    if (!rc)
        rc = staging_ask(c->staging, worker, &m, err);
    c->members[worker].fetches = true;
    return rc;
}

/* Somebody of that host has fetched, or has said already that nothing is to be. */
static bool host_known(const struct coordinator *c, const char *host)
{
    for (int i = 0; i < c->order->workers; i++)
        if (c->members[i].fetches && !strcmp(c->members[i].host, host))
            return true;
    return false;
}

int coordinator_on_staged(struct coordinator *c, int worker,
                          const struct channel_event *event, struct error *err)
{
    struct staged m;
    struct member *member = &c->members[worker];
    int rc = staged_decode(&m, event->data, event->size, err);
    if (!rc && m.kind == STAGE_DATASET && m.task >= c->spec->task_count)
        rc = error_set(err, ERR_PROTOCOL, "STAGED of task %d", m.task + 1);
    if (rc)
        return rc;
    if (m.damaged[0])
        log_line("%s on host %s was damaged and is fetched again", m.damaged,
                 member->host);
    if (m.fetched > 0)
        log_line("staged %s%s for host %s: %.2f MB in %.2f s",
                 m.kind == STAGE_ENCODER ? "the encoder"
                 : m.kind == STAGE_INIT  ? "an init file"
                                         : "task ",
                 m.kind == STAGE_DATASET ? c->spec->tasks[m.task].name : "",
                 member->host, (double)m.fetched * 1e-6, m.seconds);
    else if (!host_known(c, member->host))
        log_line("found staged files on host %s", member->host);
    member->fetches = true;
    return 0;
}
