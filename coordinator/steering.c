#include "coordinator/steering.h"

#include "coordinator/sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What an adaptive search wants to know of a trial. */
struct steered {
    double score; /* best so far; NaN: none */
    int epochs;
    bool settled, ended; /* it waits or has ended; the latter only */
};

/* And of a configuration: its trials of all tasks and seeds are one proposal. */
struct steered_config {
    int64_t proposal, first; /* -1: not proposed by this search; first trial */
    int trials, unsettled, unended;
};

struct steering {
    const struct job_spec *spec;
    const struct trial_list *list;
    const bool *wanted;
    struct scheduler *scheduler; /* NULL: none */
    bool *stopped;               /* (trials) by a verdict */
    int *members; /* (units) wanted trials of each, of the first counted */
    int64_t unit_count, counted;
    struct search *search;          /* NULL: not adaptive */
    struct search *explorer;        /* NULL: no population */
    bool exhausted;                 /* it has no more */
    struct steered *trials;         /* (trials), with search only */
    int64_t *next_of_config;        /* (trials) the next of the same configuration */
    struct steered_config *configs; /* (configurations) */
    int64_t trial_count;            /* known by now */
    int config_count;
};

void steering_free(struct steering *steering)
{
    if (!steering)
        return;
    scheduler_free(steering->scheduler);
    search_free(steering->search);
    search_free(steering->explorer);
    free(steering->stopped);
    free(steering->members);
    free(steering->trials);
    free(steering->next_of_config);
    free(steering->configs);
    free(steering);
}

/* Trials of a configuration on a task differ in their seeds. */
static int64_t unit_of(const struct steering *s, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(s->list, trial);

    return (int64_t)parts.config * s->spec->task_count + parts.task;
}

/* An array with room for `count` elements from 1; those behind `before` are zero. */
static int grow(void *array, size_t size, int64_t before, int64_t count)
{
    void *old, *grown;

    memcpy(&old, array, sizeof old);
    grown = realloc(old, ((size_t)count + 1) * size);
    if (!grown)
        return ERR_MEMORY;
    int64_t from = before > 0 ? before + 1 : 0;
    memset((char *)grown + (size_t)from * size, 0, (size_t)(count + 1 - from) * size);
    memcpy(array, &grown, sizeof grown);
    return 0;
}

/* How many of each unit's trials are wanted, of those that are new in the list: others
 * are no business of the scheduler. */
static int count_members(struct steering *s)
{
    int64_t units = ((int64_t)s->list->config_count + 1) * s->spec->task_count;

    if (units > s->unit_count &&
        grow(&s->members, sizeof *s->members, s->unit_count, units))
        return ERR_MEMORY;
    s->unit_count = units > s->unit_count ? units : s->unit_count;
    for (; s->counted < s->list->trial_count; s->counted++)
        s->members[unit_of(s, s->counted + 1)] += s->wanted[s->counted];
    return 0;
}

static int add_to_scheduler(struct steering *s, int64_t first, int64_t last)
{
    int rc = count_members(s);

    for (int64_t i = first; rc >= 0 && i <= last; i++)
        if (s->wanted[i - 1] && s->list->trials[i - 1].parent == 0) /* no fork */
            rc =
                scheduler_add(s->scheduler, i, unit_of(s, i), s->members[unit_of(s, i)],
                              trial_list_parts(s->list, i).task);
    return rc < 0 ? rc : 0;
}

static int open_scheduler(struct steering *s)
{
    const struct job_sweep *sweep = &s->spec->sweep;
    struct scheduler_plan plan = {
        .kind = sweep->scheduler,
        .min_epochs = sweep->min_epochs,
        .max_epochs = s->spec->base.epochs,
        .eta = sweep->eta,
        .brackets = sweep->brackets,
        .judge = sweep->judge,
        .quantile = sweep->quantile,
        .seed = sweep->search_seed,
        .tasks = s->spec->task_count,
    };

    s->scheduler = scheduler_new(&plan);
    return s->scheduler ? 0 : ERR_MEMORY;
}

static int make_room(struct steering *s, int64_t trials, int configs)
{
    if (trials > s->trial_count &&
        (grow(&s->stopped, sizeof *s->stopped, s->trial_count, trials) ||
         (s->search && (grow(&s->trials, sizeof *s->trials, s->trial_count, trials) ||
                        grow(&s->next_of_config, sizeof *s->next_of_config,
                             s->trial_count, trials)))))
        return ERR_MEMORY;
    if (s->search && configs > s->config_count &&
        grow(&s->configs, sizeof *s->configs, s->config_count, configs))
        return ERR_MEMORY;
    return 0;
}

static int add_all(struct steering *s)
{
    int64_t trials = s->list->trial_count;

    if (make_room(s, trials, 0))
        return ERR_MEMORY;
    s->trial_count = trials;
    if (!s->scheduler)
        return 0;
    return add_to_scheduler(s, 1, trials) ? ERR_MEMORY
                                          : scheduler_complete(s->scheduler);
}

static int open_search(struct steering *s, int layers, struct error *err)
{
    struct search *search;
    int rc = search_new(&search, s->spec, layers, err);

    if (rc)
        return rc;
    if (search_is_adaptive(search))
        s->search = search;
    else if (s->spec->sweep.scheduler == SCHEDULER_PBT)
        s->explorer = search;
    else
        search_free(search);
    return 0;
}

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the scheduler");
}

int steering_new(struct steering **out, const struct job_spec *spec,
                 const struct trial_list *list, const bool *wanted, int layers,
                 struct error *err)
{
    struct steering *s = calloc(1, sizeof *s);

    if (!s)
        return no_memory(err);
    *s = (struct steering){.spec = spec, .list = list, .wanted = wanted};
    int rc = open_search(s, layers, err);
    if (!rc && ((spec->sweep.scheduler != SCHEDULER_NONE && open_scheduler(s)) ||
                (!s->search && add_all(s))))
        rc = no_memory(err);
    if (rc)
        steering_free(s);
    else
        *out = s;
    return rc;
}

bool steering_is_on(const struct steering *steering)
{
    return steering->scheduler || steering->search;
}

/* A configuration that the search has to know: what it proposed itself, and what an
 * earlier job had. */
static int add_config(struct steering *s, int config, struct error *err)
{
    struct settings settings;
    int64_t proposal = search_proposed(s->search);

    trial_list_config_settings(s->list, config, &settings);
    int rc = search_restore(s->search, &settings, err);
    if (rc < 0)
        return rc;
    s->configs[config] =
        (struct steered_config){.proposal = rc ? proposal - 1 : proposal};
    s->config_count = config;
    return 0;
}

static void add_trial(struct steering *s, int64_t trial)
{
    struct steered_config *config =
        &s->configs[trial_list_parts(s->list, trial).config];

    s->trials[trial] = (struct steered){.score = NAN};
    s->next_of_config[trial] = config->first;
    config->first = trial;
    config->trials++;
    config->unsettled++;
    config->unended++;
}

int steering_added(struct steering *steering, int64_t first, int64_t count,
                   struct error *err)
{
    struct steering *s = steering;
    int64_t last = first + count - 1;
    int rc = 0;

    if (!s->search)
        return 0;
    if (make_room(s, last, s->list->config_count))
        return no_memory(err);
    for (int64_t i = first; !rc && i <= last; i++) {
        int config = trial_list_parts(s->list, i).config;
        if (config > s->config_count)
            rc = add_config(s, config, err);
        if (!rc && s->wanted[i - 1])
            add_trial(s, i);
    }
    s->trial_count = last;
    if (!rc && s->scheduler && add_to_scheduler(s, first, last))
        rc = no_memory(err);
    return rc;
}

bool steering_may_propose(const struct steering *steering)
{
    return steering->search && !steering->exhausted &&
           search_proposed(steering->search) < sweep_most_configs(steering->spec);
}

int steering_propose(struct steering *steering, struct settings *out, struct error *err)
{
    int rc = search_next(steering->search, out, err);

    if (rc == 1) {
        steering->exhausted = true;
        if (steering->scheduler && scheduler_complete(steering->scheduler))
            rc = no_memory(err);
    }
    return rc;
}

/* The mean over its trials of their best scores; NaN where one has none. */
static void tell_search(struct steering *s, const struct steered_config *config)
{
    int epochs = config->unended > 0 ? INT_MAX - 1 : SEARCH_FINISHED;
    double sum = 0;

    for (int64_t i = config->first; i; i = s->next_of_config[i]) {
        sum += s->trials[i].score;
        if (config->unended > 0 && s->trials[i].epochs < epochs)
            epochs = s->trials[i].epochs;
    }
    search_tell(s->search, config->proposal, sum / config->trials, epochs);
}

static bool is_steered(const struct steering *s, int64_t trial)
{
    return s->search && trial <= s->trial_count && s->wanted[trial - 1];
}

/* It waits, or has ended; a configuration is told of when all its trials do. */
static void settle(struct steering *s, int64_t trial, bool ended)
{
    if (!is_steered(s, trial))
        return;
    struct steered *t = &s->trials[trial];
    struct steered_config *config =
        &s->configs[trial_list_parts(s->list, trial).config];
    config->unsettled -= !t->settled;
    config->unended -= ended && !t->ended;
    t->settled = true;
    t->ended = t->ended || ended;
    if (config->unsettled == 0)
        tell_search(s, config);
}

void steering_granted(struct steering *steering, int64_t trial)
{
    if (steering->scheduler)
        scheduler_granted(steering->scheduler, trial);
    if (!is_steered(steering, trial) || !steering->trials[trial].settled)
        return;
    steering->trials[trial].settled = false;
    steering->configs[trial_list_parts(steering->list, trial).config].unsettled++;
}

static void note_score(struct steering *s, int64_t trial, int epoch, double score)
{
    if (!is_steered(s, trial))
        return;
    struct steered *t = &s->trials[trial];
    t->epochs = epoch;
    if (isnan(t->score) || score > t->score)
        t->score = score;
}

int steering_reported(struct steering *steering, int64_t trial, int epoch, double score)
{
    int verdict = VERDICT_CONTINUE;

    note_score(steering, trial, epoch, score);
    if (steering->scheduler)
        verdict = scheduler_report(steering->scheduler, trial, epoch, score);
    if (verdict == VERDICT_PAUSE)
        settle(steering, trial, false);
    if (verdict != VERDICT_STOP)
        return verdict;
    steering->stopped[trial] = true;
    return steering_ended(steering, trial, false) ? ERR_MEMORY : VERDICT_STOP;
}

int steering_ended(struct steering *steering, int64_t trial, bool failed)
{
    if (failed && is_steered(steering, trial))
        steering->trials[trial].score = NAN;
    settle(steering, trial, true);
    return steering->scheduler ? scheduler_ended(steering->scheduler, trial, failed)
                               : 0;
}

void steering_explore(const struct steering *steering, const struct settings *from,
                      uint64_t draw, struct settings *out)
{
    search_explore(steering->explorer, from, draw, out);
}

int steering_forked(struct steering *steering, int64_t trial, int64_t parent,
                    int64_t loser, int epoch)
{
    struct steering *s = steering;

    if (make_room(s, trial, 0))
        return ERR_MEMORY;
    s->trial_count = trial > s->trial_count ? trial : s->trial_count;
    s->stopped[loser] = true;
    return scheduler_forked(s->scheduler, trial, parent, loser, epoch);
}

struct scheduler_step steering_next(const struct steering *steering)
{
    return steering->scheduler ? scheduler_next(steering->scheduler)
                               : (struct scheduler_step){.move = MOVE_NONE};
}

enum trial_state steering_state(const struct steering *steering, int64_t trial)
{
    if (!steering->scheduler)
        return TRIAL_QUEUED;
    if (steering->stopped[trial])
        return TRIAL_STOPPED;
    return scheduler_is_paused(steering->scheduler, trial) ? TRIAL_PAUSED
                                                           : TRIAL_QUEUED;
}

bool steering_over(const struct steering *steering, const struct trial_table *table)
{
    return trial_table_over(table) &&
           (trial_table_stopping(table) || (steering_next(steering).move == MOVE_NONE &&
                                            !steering_may_propose(steering)));
}

int steering_bracket(const struct steering *steering, int64_t trial)
{
    return steering->scheduler ? scheduler_bracket(steering->scheduler, trial) : 0;
}

int steering_rung(const struct steering *steering, int64_t trial)
{
    return steering->scheduler ? scheduler_rung(steering->scheduler, trial) : -1;
}

int steering_rung_epochs(const struct steering *steering, int bracket, int rung)
{
    return steering->scheduler
               ? scheduler_rung_epochs(steering->scheduler, bracket, rung)
               : 0;
}
