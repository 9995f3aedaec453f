/* Trials that come while the run goes on: what the search proposes is recorded before
 * it is handed out, as everything is. */
#include "coordinator/coordinator_parts.h"

#include "common/log.h"
#include "jobs/identity.h"

#include <stdlib.h>

/* Of the file that the configuration's init names; a file that is missing fails its
 * trials. */
static int add_init(struct coordinator *c, const struct settings *settings)
{
    size_t count = (size_t)c->list->config_count;
    struct digest *grown = realloc(c->inits, (count + 1) * sizeof *grown);

    if (!grown)
        return ERR_MEMORY;
    c->inits = grown;
    grown[count - 1] = (struct digest){0};
    if (settings->init[0])
        identity_file_digest(&grown[count - 1], settings->init, NULL);
    return 0;
}

static int queue(struct coordinator *c, int64_t first)
{
    int rc = 0;

    for (int64_t i = first; !rc && i <= c->list->trial_count; i++) {
        rc = trial_table_add(c->table);
        c->work_left += coordinator_work_of(c, i);
        c->tally.trials++;
    }
    return rc;
}

/* Everybody who keeps something of each trial hears of it. */
static int grow(struct coordinator *c, const struct settings *settings,
                struct digest key, int64_t first, struct error *err)
{
    int64_t count = c->list->trial_count - first + 1;
    int rc = findings_grow(c->findings, err);

    if (!rc)
        rc = ledger_grow(c->ledger, err);
    if (!rc)
        rc = ledger_added(c->ledger, key, first, err);
    if (!rc)
        rc = steering_added(c->steering, first, count, err);
    if (!rc && (add_init(c, settings) || queue(c, first)))
        rc = error_set(err, ERR_MEMORY, "out of memory for more trials");
    return rc;
}

/* In the place of the loser, before all that are queued. */
static int fork_off(struct coordinator *c, const struct ledger_fork *fork,
                    const struct settings *settings, struct error *err)
{
    int rc = findings_grow(c->findings, err);

    if (!rc)
        rc = ledger_grow(c->ledger, err);
    if (!rc)
        rc = ledger_forked(c->ledger, fork, err);
    if (!rc)
        rc = findings_fork(c->findings, fork->trial, fork->parent, err);
    if (!rc && (add_init(c, settings) ||
                steering_forked(c->steering, fork->trial, fork->parent, fork->loser,
                                fork->epoch) ||
                trial_table_fork(c->table, fork->loser, fork->epoch)))
        rc = error_set(err, ERR_MEMORY, "out of memory for more trials");
    c->tally.trials++;
    return rc;
}

void coordinator_fork(struct coordinator *c, const struct scheduler_step *step)
{
    struct settings parent, settings;
    struct error err;
    struct ledger_fork fork = {.parent = step->trial,
                               .loser = step->loser,
                               .epoch = trial_table_epochs(c->table, step->trial)};

    trial_list_settings(c->list, fork.parent, &parent);
    steering_explore(c->steering, &parent, step->draw, &settings);
    int rc = enrolment_fork(c->order->enrolment, &settings, fork.parent, fork.loser,
                            fork.epoch, &fork.key, &fork.trial, &err);
    if (!rc)
        rc = fork_off(c, &fork, &settings, &err);
    if (rc < 0)
        coordinator_give_up(c, err.text);
}

void coordinator_propose(struct coordinator *c)
{
    struct settings settings;
    struct digest key;
    struct error err;
    int64_t first;
    int rc = steering_propose(c->steering, &settings, &err);

    if (!rc)
        rc = enrolment_add(c->order->enrolment, &settings, &key, &first, &err);
    if (!rc)
        rc = grow(c, &settings, key, first, &err);
    if (rc < 0)
        coordinator_give_up(c, err.text);
}
