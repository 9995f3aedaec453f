#include "coordinator/steering.h"

#include <stdlib.h>

struct steering {
    const struct job_spec *spec;
    const struct trial_list *list;
    struct scheduler *scheduler; /* NULL: none */
    bool *stopped;               /* (trials) by a verdict */
};

void steering_free(struct steering *steering)
{
    if (!steering)
        return;
    scheduler_free(steering->scheduler);
    free(steering->stopped);
    free(steering);
}

/* Trials of a configuration on a task differ in their seeds. */
static int64_t unit_of(const struct steering *s, int64_t trial)
{
    struct trial_parts parts = trial_list_parts(s->list, trial);

    return (int64_t)parts.config * s->spec->task_count + parts.task;
}

/* How many of each unit's trials are wanted: those of others are no business of it. */
static int *count_members(const struct steering *s, const bool *wanted)
{
    int64_t units = ((int64_t)s->list->config_count + 1) * s->spec->task_count;
    int *members = calloc((size_t)units, sizeof *members);

    for (int64_t i = 1; members && i <= s->list->trial_count; i++)
        if (wanted[i - 1])
            members[unit_of(s, i)]++;
    return members;
}

static int add_all(struct steering *s, const bool *wanted)
{
    int *members = count_members(s, wanted);
    int rc = members ? 0 : ERR_MEMORY;

    for (int64_t i = 1; rc >= 0 && i <= s->list->trial_count; i++) {
        int64_t unit = unit_of(s, i);
        if (wanted[i - 1])
            rc = scheduler_add(s->scheduler, i, unit, members[unit],
                               trial_list_parts(s->list, i).task);
    }
    free(members);
    return rc < 0 ? rc : scheduler_complete(s->scheduler);
}

static int open_scheduler(struct steering *s, const bool *wanted)
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
    s->stopped = calloc((size_t)s->list->trial_count + 1, sizeof *s->stopped);
    return s->scheduler && s->stopped ? add_all(s, wanted) : ERR_MEMORY;
}

int steering_new(struct steering **out, const struct job_spec *spec,
                 const struct trial_list *list, const bool *wanted, struct error *err)
{
    struct steering *s = calloc(1, sizeof *s);
    int rc = s ? 0 : ERR_MEMORY;

    if (s)
        *s = (struct steering){.spec = spec, .list = list};
    if (!rc && spec->sweep.scheduler != SCHEDULER_NONE)
        rc = open_scheduler(s, wanted);
    if (!rc) {
        *out = s;
        return 0;
    }
    steering_free(s);
    return error_set(err, ERR_MEMORY, "out of memory for the scheduler");
}

bool steering_is_on(const struct steering *steering)
{
    return steering->scheduler != NULL;
}

void steering_granted(struct steering *steering, int64_t trial)
{
    if (steering->scheduler)
        scheduler_granted(steering->scheduler, trial);
}

int steering_reported(struct steering *steering, int64_t trial, int epoch, double score)
{
    int verdict = VERDICT_CONTINUE;

    if (steering->scheduler)
        verdict = scheduler_report(steering->scheduler, trial, epoch, score);
    if (verdict != VERDICT_STOP)
        return verdict;
    steering->stopped[trial - 1] = true;
    return scheduler_ended(steering->scheduler, trial, false) ? ERR_MEMORY
                                                              : VERDICT_STOP;
}

int steering_ended(struct steering *steering, int64_t trial, bool failed)
{
    return steering->scheduler ? scheduler_ended(steering->scheduler, trial, failed)
                               : 0;
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
    if (steering->stopped[trial - 1])
        return TRIAL_STOPPED;
    return scheduler_is_paused(steering->scheduler, trial) ? TRIAL_PAUSED
                                                           : TRIAL_QUEUED;
}

bool steering_over(const struct steering *steering, const struct trial_table *table)
{
    return trial_table_over(table) &&
           (trial_table_stopping(table) || steering_next(steering).move == MOVE_NONE);
}

int steering_bracket(const struct steering *steering, int64_t trial)
{
    return steering->scheduler ? scheduler_bracket(steering->scheduler, trial) : 0;
}

int steering_rung(const struct steering *steering, int64_t trial)
{
    return steering->scheduler ? scheduler_rung(steering->scheduler, trial) : -1;
}
