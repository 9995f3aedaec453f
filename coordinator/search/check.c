/* What no single setting's range can say: it takes a whole configuration. */
#include "coordinator/search/check.h"

#include "common/adapter_layout.h"

#include <string.h>

int search_locate(const struct job_spec *spec, const char *name, int status,
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
    return rc ? search_locate(spec, "first_layer", rc, err) : 0;
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
    return search_locate(spec, "epochs", rc, err);
}

static int check_prefix(const struct job_spec *spec, const struct settings *s,
                        struct error *err)
{
    if (s->prefix != PREFIX_KEPT)
        return 0;
    for (const struct prefix_conflict *c = settings_prefix_conflicts; c->name; c++) {
        const struct setting *setting = settings_table_find_trial(c->name);
        int rc;

        if (setting_get(setting, s).number < c->from)
            continue;
        rc = error_set(err, ERR_INPUT, "prefix: \"kept\" does not go with %s, which %s",
                       c->name, c->why);
        return search_locate(spec, "prefix", rc, err);
    }
    return 0;
}

int search_check(const struct job_spec *spec, const struct settings *settings,
                 int layers, struct error *err)
{
    int rc;

    if ((rc = check_shape(spec, settings, layers, err)) ||
        (rc = check_horizon(spec, settings, err)))
        return rc;
    return check_prefix(spec, settings, err);
}
