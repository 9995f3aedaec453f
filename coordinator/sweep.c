/* What the search proposes, gone through once; trials are computed, not kept, and of a
 * configuration the values of the axes only, since a job may have a million. */
#include "coordinator/sweep.h"

#include "coordinator/search.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS_MAX = 10000000 };

static int64_t trials_a_config(const struct job_spec *spec)
{
    return (int64_t)spec->task_count * spec->sweep.seed_count;
}

int sweep_most_configs(const struct job_spec *spec)
{
    return spec->sweep.trials ? (int)(spec->sweep.trials / trials_a_config(spec))
                              : INT_MAX;
}

static int refuse_many(const struct job_spec *spec, struct error *err)
{
    return error_set(err, ERR_INPUT, "%s: sweep: more than %d trials", spec->path,
                     TRIALS_MAX);
}

/* Each combination of axes without conditions is a point at least, so a grid that is
 * far too large is refused at once. */
static int check_size(const struct job_spec *spec, int64_t most, struct error *err)
{
    const struct job_sweep *sweep = &spec->sweep;
    int64_t points = 1;

    if (most < 1)
        return refuse_many(spec, err);
    if (sweep->trials || sweep->search != SEARCH_GRID)
        return 0;
    for (int a = 0; a < sweep->axis_count && points <= most; a++)
        if (!sweep->axes[a].condition_count)
            points *= sweep->axes[a].count; /* at most 4096 values each */
    return points > most ? refuse_many(spec, err) : 0;
}

static double number_of(const struct job_axis *axis, const struct settings *settings)
{
    struct setting_value value = setting_get(axis->setting, settings);

    if (axis->setting->type != SETTING_PATH)
        return value.number;
    for (int i = 0; i < axis->count; i++)
        if (setting_equal(axis->setting, value, axis->values[i]))
            return i;
    return -1; /* the base's */
}

static struct setting_value value_of(const struct job_axis *axis,
                                     const struct settings *base, double number)
{
    if (axis->setting->type != SETTING_PATH)
        return (struct setting_value){.number = number};
    return number < 0 ? setting_get(axis->setting, base) : axis->values[(int)number];
}

static int add_config(struct sweep *sweep, size_t *room,
                      const struct settings *settings)
{
    const struct job_sweep *job = &sweep->spec->sweep;
    size_t width = (size_t)job->axis_count;

    if ((size_t)sweep->config_count == *room) {
        size_t more = *room ? *room * 2 : 64;
        double *grown = realloc(sweep->values, (more * width + 1) * sizeof *grown);

        if (!grown)
            return ERR_MEMORY;
        sweep->values = grown;
        *room = more;
    }
    for (size_t a = 0; a < width; a++)
        sweep->values[(size_t)sweep->config_count * width + a] =
            number_of(&job->axes[a], settings);
    sweep->config_count++;
    return 0;
}

static int go_through(struct sweep *sweep, struct search *search, struct error *err)
{
    int64_t most = TRIALS_MAX / trials_a_config(sweep->spec);
    int wanted = sweep_most_configs(sweep->spec), rc;
    struct settings settings;
    size_t room = 0;

    if ((rc = check_size(sweep->spec, most, err)))
        return rc;
    while (sweep->config_count < wanted) {
        if ((rc = search_next(search, &settings, err)))
            return rc < 0 ? rc : 0;
        if (sweep->config_count == most)
            return refuse_many(sweep->spec, err);
        if (add_config(sweep, &room, &settings))
            return error_set(err, ERR_MEMORY, "out of memory");
    }
    return 0;
}

int sweep_init(struct sweep *out, const struct job_spec *spec, int layers,
               struct error *err)
{
    struct search *search;
    int rc;

    *out = (struct sweep){.spec = spec};
    if ((rc = search_new(&search, spec, layers, err)))
        return rc;
    if (!search_is_adaptive(search))
        rc = go_through(out, search, err);
    out->merged = search_merged(search);
    search_free(search);
    if (rc)
        sweep_clear(out);
    else
        out->trial_count = out->config_count * trials_a_config(spec);
    return rc;
}

void sweep_clear(struct sweep *sweep)
{
    free(sweep->values);
    *sweep = (struct sweep){0};
}

struct sweep_trial sweep_trial(const struct sweep *sweep, int64_t trial)
{
    const struct job_sweep *s = &sweep->spec->sweep;
    int64_t index = trial - 1, group = index / s->seed_count;

    return (struct sweep_trial){
        .task = (int)(group / sweep->config_count),
        .config = (int)(group % sweep->config_count) + 1,
        .seed = s->seeds[index % s->seed_count],
    };
}

void sweep_settings(const struct sweep *sweep, int config, uint32_t seed,
                    struct settings *out)
{
    const struct job_sweep *s = &sweep->spec->sweep;
    const double *values = &sweep->values[(int64_t)(config - 1) * s->axis_count];

    *out = sweep->spec->base;
    for (int a = 0; a < s->axis_count; a++)
        setting_set(s->axes[a].setting, out,
                    value_of(&s->axes[a], &sweep->spec->base, values[a]));
    out->seed = seed;
}
