/* One directory after the other, so that only what is known of each trial is held of
 * all of them at once. */
#include "cli/merge_plan.h"

#include "cli/run_journal.h"
#include "storage/run_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct error *err)
{
    return error_set(err, ERR_MEMORY, "out of memory for the trials");
}

void merge_plan_clear(struct merge_plan *plan)
{
    if (plan->first.spec.path)
        run_setup_clear(&plan->first);
    trial_list_clear(&plan->list);
    for (int i = 0; i < plan->numerics_count; i++)
        free(plan->numerics[i]);
    free(plan->numerics);
    free(plan->keys);
    free(plan->picks);
    free(plan->ends);
    free(plan->shards);
    *plan = (struct merge_plan){0};
}

/* Room in list, keys and picks for what setup brings. */
static int make_room(struct merge_plan *plan, const struct run_setup *setup)
{
    const struct trial_list *more = &setup->enrolment.list;
    size_t configs = (size_t)plan->list.config_count + (size_t)more->config_count;
    size_t trials = (size_t)(plan->list.trial_count + more->trial_count);
    struct digest *keys = realloc(plan->keys, (configs + 1) * sizeof *keys);
    if (keys)
        plan->keys = keys;
    struct merge_pick *picks = realloc(plan->picks, (trials + 1) * sizeof *picks);
    if (picks)
        plan->picks = picks;
    return keys && picks ? 0 : ERR_MEMORY;
}

/* Adds a configuration or finds it. numbers (configurations of setup) gets its number.
 */
static int add_config(struct merge_plan *plan, const struct run_setup *setup,
                      int config, int *numbers, struct error *err)
{
    const struct trial_list *from = &setup->enrolment.list;
    struct settings settings;
    bool added;
    trial_list_config_settings(from, config, &settings);
    struct digest key = enrolment_key(&settings, setup->encoder.layers);
    int known = (int)digest_map_find(&plan->list.config_map, key);
    numbers[config - 1] = known;
    if (!known) {
        plan->keys[plan->list.config_count] = key;
        return trial_list_config(&plan->list, key, &settings, &numbers[config - 1],
                                 &added, err);
    }
    int epochs = trial_list_config_of(&plan->list, known)->epochs;
    if (epochs == settings.epochs)
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: asks for %d epochs where %s asks for %d: go on with the job "
                     "of more epochs there first",
                     setup->dir, settings.epochs, plan->first.dir, epochs);
}

/* Index of a task of setup among the first's, whose tasks they are too. */
static int task_of(const struct merge_plan *plan, const struct run_setup *setup,
                   int task)
{
    int at = 0;
    while (strcmp(plan->first.history.names[at], setup->history.names[task]) != 0)
        at++;
    return at;
}

static int add_trial(struct merge_plan *plan, const struct run_setup *setup,
                     int64_t trial, const int *configs, struct error *err)
{
    const struct trial_list *from = &setup->enrolment.list;
    struct trial_list_entry entry = {trial_list_identity(from, trial),
                                     trial_list_parts(from, trial), 0};
    int64_t number;
    bool added;
    entry.parts.config = configs[entry.parts.config - 1];
    entry.parts.task = task_of(plan, setup, entry.parts.task);
    int rc = trial_list_trial(&plan->list, &entry, &number, &added, err);
    if (!rc && added)
        plan->picks[number - 1] = (struct merge_pick){.source = -1};
    return rc;
}

static int add_list(struct merge_plan *plan, const struct run_setup *setup,
                    struct error *err)
{
    const struct trial_list *from = &setup->enrolment.list;
    int *configs = malloc(((size_t)from->config_count + 1) * sizeof *configs);
    int rc = configs && !make_room(plan, setup) ? 0 : no_memory(err);
    for (int i = 1; !rc && i <= from->config_count; i++)
        rc = add_config(plan, setup, i, configs, err);
    for (int64_t i = 1; !rc && i <= from->trial_count; i++)
        rc = add_trial(plan, setup, i, configs, err);
    free(configs);
    return rc;
}

static int check_task(const struct run_setup *first, const struct run_setup *setup,
                      int task, struct error *err)
{
    const char *name = setup->history.names[task];
    int at = 0;
    while (at < first->history.tasks && strcmp(first->history.names[at], name) != 0)
        at++;
    if (at == first->history.tasks)
        return error_set(err, ERR_INPUT,
                         "%s: holds the run of another job than %s: one with task %s",
                         setup->dir, first->dir, name);
    if (digest_equal(first->history.digests[at], setup->history.digests[task]))
        return 0;
    return error_set(
        err, ERR_INPUT,
        "%s: holds the run of another job than %s: task %s had other data, "
        "labels, max_length or selection",
        setup->dir, first->dir, name);
}

static int check_parts(const struct run_setup *first, const struct run_setup *setup,
                       struct error *err)
{
    if (!digest_equal(first->encoder_digest, setup->encoder_digest))
        return error_set(err, ERR_INPUT,
                         "%s: holds the run of another job than %s: its encoder is "
                         "another, %s",
                         setup->dir, first->dir, setup->spec.encoder);
    int rc = 0;
    for (int i = 0; !rc && i < setup->history.tasks; i++)
        rc = check_task(first, setup, i, err);
    if (!rc && setup->history.tasks < first->history.tasks)
        rc = error_set(err, ERR_INPUT,
                       "%s: holds the run of another job than %s: one of %d tasks, not "
                       "%d",
                       setup->dir, first->dir, setup->history.tasks,
                       first->history.tasks);
    return rc;
}

/* The first's trials, all of them and no others. */
static int check_trials(const struct merge_plan *plan, const struct run_setup *setup,
                        struct error *err)
{
    const struct enrolment *ours = &plan->first.enrolment, *e = &setup->enrolment;
    int64_t common = 0;
    for (int64_t i = 1; i <= e->list.trial_count; i++) {
        int64_t at = trial_list_find(&plan->list, trial_list_identity(&e->list, i));
        common += e->wanted[i - 1] && at > 0 && at <= ours->list.trial_count &&
                  ours->wanted[at - 1];
    }
    if (common == e->wanted_count && common == ours->wanted_count)
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: holds the run of another job than %s: of its %lld trials, "
                     "%lld are among that one's %lld",
                     setup->dir, plan->first.dir, (long long)e->wanted_count,
                     (long long)common, (long long)ours->wanted_count);
}

/* Index of a text in the plan's; -1: no memory. */
static int numerics_of(struct merge_plan *plan, const char *text)
{
    for (int i = 0; i < plan->numerics_count; i++)
        if (!strcmp(plan->numerics[i], text))
            return i;
    size_t count = (size_t)plan->numerics_count + 1;
    char **grown = realloc(plan->numerics, count * sizeof *grown);
    if (!grown)
        return -1;
    plan->numerics = grown;
    grown[count - 1] = strdup(text);
    if (!grown[count - 1])
        return -1;
    return plan->numerics_count++;
}

static void add_reals(struct digest_stream *stream, const double *values, size_t count)
{
    digest_stream_add(stream, values, count * sizeof *values);
}

/* Of all that a trial's identity and numerics decide. epochs (count): its own. */
static int digest_numbers(struct digest *out, const struct results_trial *trial,
                          const struct results_epoch *epochs, int count)
{
    const int64_t best[] = {trial->epochs, trial->best_epoch, trial->tokens};
    struct digest_stream *stream = digest_stream_new();
    if (!stream)
        return ERR_MEMORY;
    digest_stream_add(stream, best, sizeof best);
    add_reals(stream, &trial->score, 1);
    add_reals(stream, trial->report, METRIC_COUNT);
    add_reals(stream, trial->test, METRIC_COUNT);
    for (const struct results_epoch *e = epochs; e < epochs + count; e++) {
        const int64_t whole[] = {e->epoch, e->step, e->tokens};
        const double reals[] = {e->train_loss, e->dev_loss, e->score, e->learning_rate};
        digest_stream_add(stream, whole, sizeof whole);
        add_reals(stream, reals, sizeof reals / sizeof *reals);
        add_reals(stream, e->metrics, METRIC_COUNT);
    }
    *out = digest_stream_value(stream);
    digest_stream_free(stream);
    return 0;
}

static bool status_is(const struct results_trial *trial, enum trial_state state)
{
    return !strcmp(trial->status, trial_state_name(state));
}

static int judge(struct merge_plan *plan, int source, const struct results_trial *trial,
                 const struct results_epoch *epochs, int count, struct merge_pick *out,
                 struct error *err)
{
    *out = (struct merge_pick){
        .source = source,
        .done = status_is(trial, TRIAL_DONE),
        .ended = !status_is(trial, TRIAL_QUEUED),
        .step = count > 0 ? epochs[count - 1].step : 0,
        .numerics = numerics_of(plan, trial->numerics),
    };
    int rc = digest_numbers(&out->numbers, trial, epochs, count);
    return rc || out->numerics < 0 ? no_memory(err) : 0;
}

/* Trials of one directory that another has computed under other numerics. */
struct others {
    int64_t count, trial; /* the first of them */
    int source, numerics; /* of the one that is kept */
};

/* Done goes first, then who is further along, then who has ended; else the first. Of
 * two that are done, other numerics may have ended at another step: that is not
 * further. */
static bool better(const struct merge_pick *a, const struct merge_pick *b)
{
    if (a->done || b->done)
        return a->done && !b->done;
    if (a->step != b->step)
        return a->step > b->step;
    return a->ended && !b->ended;
}

static int take_pick(struct merge_plan *plan, int64_t number,
                     const struct merge_pick *pick, struct others *others,
                     struct error *err)
{
    struct merge_pick *kept = &plan->picks[number - 1];
    if (kept->source < 0) {
        *kept = *pick;
        return 0;
    }
    plan->duplicates++;
    bool both = kept->done && pick->done, equal = kept->numerics == pick->numerics;
    if (both && equal && !digest_equal(kept->numbers, pick->numbers))
        return error_set(err, ERR_INPUT,
                         "trial %lld has other numbers in %s than in %s, although both "
                         "were computed with %s",
                         (long long)number, plan->dirs[pick->source],
                         plan->dirs[kept->source], plan->numerics[pick->numerics]);
    if (both && !equal && others->count++ == 0)
        *others = (struct others){1, number, kept->source, kept->numerics};
    if (better(pick, kept))
        *kept = *pick;
    return 0;
}

static void say_others(const struct merge_plan *plan, int source, int numerics,
                       const struct others *others)
{
    if (others->count > 0)
        fprintf(stderr,
                "shiftwork: %s: %lld trial%s, trial %lld first, computed with %s there "
                "and with %s in %s, which is kept\n",
                plan->dirs[source], (long long)others->count,
                others->count == 1 ? "" : "s", (long long)others->trial,
                plan->numerics[numerics], plan->numerics[others->numerics],
                plan->dirs[others->source]);
}

/* Rows of trials and epochs are in the order of trials. */
static int take_picks(struct merge_plan *plan, int source,
                      const struct run_setup *setup, const struct results *results,
                      struct error *err)
{
    struct others others = {0};
    int rc = 0, at = 0, numerics = 0;
    for (int i = 0; !rc && i < results->trial_count; i++) {
        const struct results_trial *trial = &results->trials[i];
        struct merge_pick pick;
        int first = at;
        while (at < results->epoch_count && results->epochs[at].trial == trial->trial)
            at++;
        if (trial->attempts == 0)
            continue;
        int64_t number = trial_list_find(
            &plan->list, trial_list_identity(&setup->enrolment.list, trial->trial));
        rc =
            judge(plan, source, trial, results->epochs + first, at - first, &pick, err);
        int64_t before = others.count;
        if (!rc)
            rc = take_pick(plan, number, &pick, &others, err);
        if (!rc && before == 0 && others.count > 0)
            numerics = pick.numerics;
    }
    if (!rc)
        say_others(plan, source, numerics, &others);
    return rc;
}

/* What a damaged segment's message does not say. */
static int name_recover(int rc, struct error *err)
{
    struct error why = *err;
    if (rc != ERR_INPUT || strstr(why.text, "recover"))
        return rc;
    return error_set(err, rc, "%s; shiftwork recover goes on without it", why.text);
}

static int take_journal(struct merge_plan *plan, int source,
                        const struct run_setup *setup, struct error *err)
{
    struct run_journal journal;
    int rc = name_recover(run_journal_read(&journal, setup, err), err);
    if (rc)
        return rc;
    plan->ends[source] = journal.end;
    rc = take_picks(plan, source, setup, &journal.results, err);
    run_journal_clear(&journal);
    return rc;
}

/* What was decided by comparing trials belongs to the run that compared them. */
static int check_steered(const struct run_setup *setup, struct error *err)
{
    const struct job_sweep *sweep = &setup->spec.sweep;
    bool search = sweep->search == SEARCH_TPE;

    if (!search && sweep->scheduler == SCHEDULER_NONE)
        return 0;
    return error_set(err, ERR_INPUT,
                     "%s: its %s = \"%s\" compares trials as they come, so it cannot "
                     "be merged with others; report reads several run directories",
                     setup->dir, search ? "search" : "scheduler",
                     search ? job_search_words[sweep->search]
                            : job_scheduler_words[sweep->scheduler]);
}

static int take_setup(struct merge_plan *plan, int source,
                      const struct run_setup *setup, struct error *err)
{
    int rc = check_steered(setup, err);
    if (!rc && source > 0)
        rc = check_parts(&plan->first, setup, err);
    if (!rc)
        rc = add_list(plan, setup, err);
    if (!rc && source > 0)
        rc = check_trials(plan, setup, err);
    return rc ? rc : take_journal(plan, source, setup, err);
}

static int check_there(const char *dir, struct error *err)
{
    enum run_dir_state state;
    char *job;
    int rc = run_dir_inspect(dir, &state, &job, err);
    free(job);
    if (!rc && state == RUN_DIR_NEW)
        rc = error_set(err, ERR_INPUT, "%s: there is no journal in it", dir);
    return rc ? rc : run_lock_look(dir, RUN_LOCK_LEASE_S, err);
}

static int take_first(struct merge_plan *plan, struct error *err)
{
    int rc = run_setup_reload_whole(&plan->first, plan->dirs[0], &plan->shards[0], err);
    return rc ? rc : take_setup(plan, 0, &plan->first, err);
}

static int take_other(struct merge_plan *plan, int source, struct error *err)
{
    struct run_setup setup;
    int rc =
        run_setup_reload_whole(&setup, plan->dirs[source], &plan->shards[source], err);
    if (rc)
        return rc;
    rc = take_setup(plan, source, &setup, err);
    run_setup_clear(&setup);
    return rc;
}

static int take_directory(struct merge_plan *plan, int source, struct error *err)
{
    int rc = check_there(plan->dirs[source], err);
    if (rc)
        return rc;
    return source == 0 ? take_first(plan, err) : take_other(plan, source, err);
}

int merge_plan_stopped(const struct merge_plan *plan, struct error *err)
{
    return *plan->stops ? error_set(err, ERR_IO, "merge was stopped; nothing was made")
                        : 0;
}

int merge_plan_init(struct merge_plan *plan, const char *const *dirs, int count,
                    const volatile sig_atomic_t *stops, struct error *err)
{
    *plan = (struct merge_plan){.dirs = dirs, .count = count, .stops = stops};
    plan->ends = calloc((size_t)count, sizeof *plan->ends);
    plan->shards = calloc((size_t)count, sizeof *plan->shards);
    int rc = plan->ends && plan->shards ? 0 : no_memory(err);
    for (int i = 0; !rc && i < count; i++) {
        rc = take_directory(plan, i, err);
        if (!rc)
            rc = merge_plan_stopped(plan, err);
    }
    if (rc)
        merge_plan_clear(plan);
    return rc;
}

int64_t *merge_plan_numbers(const struct merge_plan *plan, int source,
                            const struct run_setup *setup)
{
    const struct trial_list *list = &setup->enrolment.list;
    int64_t *numbers = calloc((size_t)list->trial_count + 1, sizeof *numbers);
    for (int64_t i = 1; numbers && i <= list->trial_count; i++) {
        int64_t at = trial_list_find(&plan->list, trial_list_identity(list, i));
        if (at > 0 && plan->picks[at - 1].source == source)
            numbers[i - 1] = at;
    }
    return numbers;
}
