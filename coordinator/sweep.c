/* The grid's points, checked and made distinct once; trials are computed, not kept. */
#include "coordinator/sweep.h"

#include "common/adapter_layout.h"
#include "common/digest.h"
#include "jobs/identity.h"

#include <stdlib.h>
#include <string.h>

enum { TRIALS_MAX = 10000000 };

/* Configurations so far, in an open hash table of digests of their settings. */
struct seen {
    struct digest *digests; /* by config index, and so are epochs */
    int *epochs;
    int *slots; /* config index + 1; 0: free */
    size_t slot_mask;
};

static void apply_point(const struct job_spec *spec, int64_t point,
                        struct settings *out)
{
    for (int a = spec->sweep.axis_count - 1; a >= 0; a--) {
        const struct job_axis *axis = &spec->sweep.axes[a];

        setting_set(axis->setting, out, axis->values[point % axis->count]);
        point /= axis->count;
    }
}

static void point_settings(const struct job_spec *spec, int64_t point,
                           struct settings *out)
{
    *out = spec->base;
    apply_point(spec, point, out);
}

/* Puts the place of the axis, or the file, before the reason. */
static int locate(const struct job_spec *spec, const char *name, int status,
                  struct error *err)
{
    for (int a = 0; a < spec->sweep.axis_count; a++)
        if (!strcmp(spec->sweep.axes[a].setting->name, name) &&
            spec->sweep.axes[a].line)
            return error_prefix(err, status, "%s:%d", spec->path,
                                spec->sweep.axes[a].line);
    return error_prefix(err, status, "%s", spec->path);
}

static int check_shape(const struct job_spec *spec, const struct settings *s,
                       int layers, struct error *err)
{
    struct adapter_layout layout;
    struct adapter_shape shape = {
        .layers = layers,
        .hidden = 1,
        .ffn = 1,
        .labels = 1,
        .share_alpha = s->share_alpha,
        .share_v = s->share_v,
        .first_layer = s->first_layer,
        .train_layernorm = s->train_layernorm,
    };
    int rc = adapter_layout_init(&layout, &shape, err);

    adapter_layout_clear(&layout);
    return rc ? locate(spec, "first_layer", rc, err) : 0;
}

static int check_horizon(const struct job_spec *spec, const struct settings *s,
                         struct error *err)
{
    bool matters = s->schedule != SCHEDULE_CONSTANT || s->warmup != 0;
    int rc;

    if (!matters || !s->horizon || s->epochs <= s->horizon)
        return 0;
    rc = error_set(err, ERR_INPUT,
                   "epochs: %d are more than the schedule's horizon of %d", s->epochs,
                   s->horizon);
    return locate(spec, "epochs", rc, err);
}

static int seen_init(struct seen *seen, int64_t points, struct error *err)
{
    size_t slots = 16;

    while (slots < (size_t)points * 2)
        slots *= 2;
    *seen = (struct seen){.slot_mask = slots - 1};
    seen->digests = malloc((size_t)points * sizeof *seen->digests);
    seen->epochs = malloc((size_t)points * sizeof *seen->epochs);
    seen->slots = calloc(slots, sizeof *seen->slots);
    if (!seen->digests || !seen->epochs || !seen->slots)
        return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}

static void seen_clear(struct seen *seen)
{
    free(seen->digests);
    free(seen->epochs);
    free(seen->slots);
}

/* The slot that holds digest, or the free one where it belongs. */
static int *seen_slot(const struct seen *seen, struct digest digest)
{
    size_t at = digest.low & seen->slot_mask;

    while (seen->slots[at] && !digest_equal(seen->digests[seen->slots[at] - 1], digest))
        at = (at + 1) & seen->slot_mask;
    return &seen->slots[at];
}

/* epochs are not part of a trial that does not know how long it lasts, so two such
 * configurations would be one trial. */
static int check_epochs(const struct job_spec *spec, int a, int b, struct error *err)
{
    int rc;

    if (a == b)
        return 0;
    rc =
        error_set(err, ERR_INPUT,
                  "epochs: with this schedule %d epochs are the beginning of %d; leave "
                  "one of them",
                  a < b ? a : b, a < b ? b : a);
    return locate(spec, "epochs", rc, err);
}

static int add_point(struct sweep *sweep, struct seen *seen, int64_t point, int layers,
                     struct error *err)
{
    struct settings settings, effective;
    struct digest digest;
    int *slot, rc;

    point_settings(sweep->spec, point, &settings);
    if ((rc = check_shape(sweep->spec, &settings, layers, err)) ||
        (rc = check_horizon(sweep->spec, &settings, err)))
        return rc;
    identity_settings(&effective, &settings, layers);
    digest = identity_settings_key(&effective);
    slot = seen_slot(seen, digest);
    if (*slot) {
        sweep->merged++;
        return check_epochs(sweep->spec, seen->epochs[*slot - 1], settings.epochs, err);
    }
    seen->digests[sweep->config_count] = digest;
    seen->epochs[sweep->config_count] = settings.epochs;
    sweep->points[sweep->config_count] = point;
    *slot = ++sweep->config_count;
    return 0;
}

/* Points of the grid, or an error where the trials would be too many. */
static int count_points(const struct job_spec *spec, int64_t *points, struct error *err)
{
    int64_t others = (int64_t)spec->task_count * spec->sweep.seed_count;

    *points = 1;
    for (int a = 0; a < spec->sweep.axis_count; a++) {
        *points *= spec->sweep.axes[a].count; /* at most 4096 values each */
        if (*points > TRIALS_MAX)
            break;
    }
    if (others > TRIALS_MAX || *points > TRIALS_MAX / others)
        return error_set(err, ERR_INPUT, "%s: sweep: more than %d trials", spec->path,
                         TRIALS_MAX);
    return 0;
}

int sweep_init(struct sweep *out, const struct job_spec *spec, int layers,
               struct error *err)
{
    struct seen seen = {0};
    int64_t points;
    int rc;

    *out = (struct sweep){.spec = spec};
    if ((rc = count_points(spec, &points, err)))
        return rc;
    out->points = malloc((size_t)points * sizeof *out->points);
    rc = out->points ? seen_init(&seen, points, err)
                     : error_set(err, ERR_MEMORY, "out of memory");
    for (int64_t p = 0; p < points && !rc; p++)
        rc = add_point(out, &seen, p, layers, err);
    seen_clear(&seen);
    if (rc)
        sweep_clear(out);
    else
        out->trial_count =
            (int64_t)spec->task_count * out->config_count * spec->sweep.seed_count;
    return rc;
}

void sweep_clear(struct sweep *sweep)
{
    free(sweep->points);
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
    point_settings(sweep->spec, sweep->points[config - 1], out);
    out->seed = seed;
}
