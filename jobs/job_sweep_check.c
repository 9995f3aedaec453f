/* Which searches, schedulers and limits go together: said when a job is read, before
 * anything is prepared or submitted. */
#include "jobs/job_reader.h"

#include <string.h>

/* What the job says first of these; NULL: nothing. */
static const node *place(const struct job_reader *r, const char *path,
                         const char *otherwise)
{
    const node *at = config_lookup(&r->config, path);

    return at ? at : config_lookup(&r->config, otherwise);
}

static int check_what_is_tried(struct job_reader *r, const struct job_sweep *s)
{
    const node *at = place(r, "sweep.search", "sweep");
    const char *word = job_search_words[s->search];

    if (s->search == SEARCH_GRID)
        return 0;
    if (s->search == SEARCH_LIST) {
        if (config_lookup(&r->config, "sweep.space"))
            return reader_refuse(r, place(r, "sweep.space", "sweep"),
                                 "space: does not go with search = \"list\"; write "
                                 "configs = ( { … }, … )");
        return s->config_count ? 0
                               : reader_refuse(r, at,
                                               "search: \"list\" needs configs = ( { … "
                                               "}, … )");
    }
    if (!s->axis_count)
        return reader_refuse(r, at, "search: \"%s\" needs a space to search", word);
    if (!s->trials)
        return reader_refuse(r, at, "search: \"%s\" needs trials, how many to try",
                             word);
    return 0;
}

/* Trials are counted over all that a configuration is trained with. */
static int check_trials(struct job_reader *r, const struct job_spec *spec)
{
    int64_t least = (int64_t)spec->task_count * spec->sweep.seed_count;

    if (!spec->sweep.trials || spec->sweep.trials >= least)
        return 0;
    return reader_refuse(r, place(r, "sweep.trials", "sweep"),
                         "trials: %d are fewer than the %lld of one configuration, %d "
                         "task%s × %d seed%s",
                         spec->sweep.trials, (long long)least, spec->task_count,
                         spec->task_count == 1 ? "" : "s", spec->sweep.seed_count,
                         spec->sweep.seed_count == 1 ? "" : "s");
}

static const struct job_axis *find_axis(const struct job_sweep *s, const char *name)
{
    for (int a = 0; a < s->axis_count; a++)
        if (!strcmp(s->axes[a].setting->name, name))
            return &s->axes[a];
    return NULL;
}

static int check_rungs(struct job_reader *r, const struct job_spec *spec)
{
    const struct job_sweep *s = &spec->sweep;
    int most = spec->base.epochs;
    int64_t first = s->min_epochs;

    if (find_axis(s, "epochs"))
        return reader_refuse(r, place(r, "sweep.space.epochs", "sweep.configs"),
                             "epochs: with a scheduler they are no axis; "
                             "training.epochs is the most that a trial gets");
    if (first > most)
        return reader_refuse(r, place(r, "sweep.min_epochs", "sweep.scheduler"),
                             "min_epochs: %d is above training.epochs, %d",
                             s->min_epochs, most);
    for (int b = 1; s->scheduler == SCHEDULER_ASHA && b < s->brackets; b++)
        if ((first *= s->eta) > most)
            return reader_refuse(r, place(r, "sweep.brackets", "sweep.scheduler"),
                                 "brackets: bracket %d of %d would first decide after "
                                 "%lld epochs, above training.epochs, %d",
                                 b + 1, s->brackets, (long long)first, most);
    return 0;
}

/* Whether a trial may end before its epochs for another reason than the scheduler. */
static const char *ends_by_itself(const struct job_spec *spec)
{
    static const char *const names[] = {"patience", "max_steps"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct setting *s = settings_table_find_trial(names[i]);

        if (setting_get(s, &spec->base).number > 0 || find_axis(&spec->sweep, names[i]))
            return names[i];
    }
    return NULL;
}

static bool can_explore(const struct job_sweep *s)
{
    for (int a = 0; a < s->axis_count; a++)
        if (setting_may_change(s->axes[a].setting))
            return true;
    return false;
}

/* A population's trials are replaced one by one and change their settings on the way.
 */
static int check_population(struct job_reader *r, const struct job_spec *spec)
{
    const node *at = place(r, "sweep.scheduler", "sweep");
    const char *by_itself = ends_by_itself(spec);

    if (spec->sweep.search == SEARCH_TPE)
        return reader_refuse(r, at,
                             "scheduler: \"pbt\" changes settings on the way, "
                             "which search = \"tpe\" would not know");
    if (spec->sweep.judge == JUDGE_MEAN)
        return reader_refuse(r, place(r, "sweep.judge", "sweep"),
                             "judge: \"mean\" does not go with scheduler = \"pbt\", "
                             "which replaces single trials");
    if (by_itself)
        return reader_refuse(r, at,
                             "scheduler: \"pbt\" does not go with %s: it is what "
                             "ends a trial",
                             by_itself);
    if (!can_explore(&spec->sweep))
        return reader_refuse(r, at,
                             "scheduler: \"pbt\" needs an axis that may change "
                             "within a trial, as learning_rate");
    return 0;
}

static int check_scheduler(struct job_reader *r, const struct job_spec *spec)
{
    int rc;

    if (spec->sweep.scheduler == SCHEDULER_NONE)
        return 0;
    if (spec->base.report_steps > 0 || find_axis(&spec->sweep, "report_steps"))
        return reader_refuse(r, place(r, "sweep.scheduler", "sweep"),
                             "scheduler: judges at the ends of epochs, so it does not "
                             "go with report_steps");
    if (spec->sweep.scheduler == SCHEDULER_PBT && (rc = check_population(r, spec)))
        return rc;
    return check_rungs(r, spec);
}

/* One part of the trials knows nothing of the others' scores. */
static int check_parts(struct job_reader *r, const struct job_spec *spec)
{
    const struct job_sweep *s = &spec->sweep;
    bool tpe = s->search == SEARCH_TPE;

    if (spec->cluster.shards == 1 || (!tpe && s->scheduler == SCHEDULER_NONE))
        return 0;
    return reader_refuse(r, place(r, "cluster.shards", "cluster"),
                         "shards: %s = \"%s\" compares all trials, so they cannot be "
                         "cut into parts",
                         tpe ? "search" : "scheduler",
                         tpe ? job_search_words[s->search]
                             : job_scheduler_words[s->scheduler]);
}

int reader_check_sweep(struct job_reader *r, const struct job_spec *spec)
{
    int rc;

    if ((rc = check_what_is_tried(r, &spec->sweep)) || (rc = check_trials(r, spec)) ||
        (rc = check_scheduler(r, spec)))
        return rc;
    return check_parts(r, spec);
}
