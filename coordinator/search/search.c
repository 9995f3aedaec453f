/* What all kinds of search have in common: nothing is proposed twice, and nothing that
 * cannot be trained.
 *
 * Random and Sobol are fixed sequences of draws, of which the next new one is proposed;
 * where the first 64 · (1 + proposals) draws hold none, the space is nearly used up and
 * the first new point in the grid's order is. So a proposal depends on what was
 * proposed before and on nothing else, and a restored search goes on the same. */
#include "coordinator/search/check.h"
#include "coordinator/search/draw.h"
#include "coordinator/search/search_parts.h"
#include "coordinator/search/sobol.h"
#include "jobs/identity.h"

#include <math.h>
#include <stdlib.h>

enum {
    DRAWS_PER_PROPOSAL = 64,
    TPE_ROUNDS = 8,    /* of candidates that were all there before */
    TPE_CHECKED = 1000 /* points of a space that nobody goes through at the start */
};

bool search_is_adaptive(const struct search *search) { return search->tpe != NULL; }

int64_t search_proposed(const struct search *search) { return search->proposed; }

int64_t search_merged(const struct search *search) { return search->merged; }

void search_free(struct search *search)
{
    if (!search)
        return;
    tpe_free(search->tpe);
    digest_map_clear(&search->seen);
    space_clear(&search->space);
    free(search->epochs);
    free(search);
}

static double draw_axis(const struct search *search, int64_t position, int a)
{
    uint32_t seed = search->spec->sweep.search_seed, scramble[4];

    if (search->spec->sweep.search != SEARCH_SOBOL)
        return draw_uniform(seed, DRAW_RANDOM, (uint32_t)position, (uint32_t)a, 0);
    philox(scramble, seed, PHILOX_SEARCH, 0, (uint32_t)a, 0, DRAW_SCRAMBLE);
    return (sobol_scrambled((uint32_t)position, a, scramble[0]) + 0.5) * 0x1p-32;
}

static void draw_settings(const struct search *search, int64_t position,
                          struct settings *out)
{
    double point[SPACE_AXES];

    for (int a = 0; a < search->space.count; a++)
        point[a] = space_exists(&search->space, a, point)
                       ? space_code(&search->space, a, draw_axis(search, position, a))
                       : NAN;
    space_settings(&search->space, point, out);
}

/* A job that asks for what cannot be trained is refused at the start: searches that are
 * not adaptive are gone through then, of TPE's space this is tried. */
static int check_space(const struct search *search, struct error *err)
{
    struct settings settings;
    int rc = 0;

    for (int64_t i = 0; i < TPE_CHECKED && !rc; i++) {
        draw_settings(search, i, &settings);
        rc = search_check(search->spec, &settings, search->layers, err);
    }
    return rc;
}

int search_new(struct search **out, const struct job_spec *spec, int layers,
               struct error *err)
{
    struct search *search = calloc(1, sizeof *search);
    int rc;

    *out = NULL;
    if (!search)
        return error_set(err, ERR_MEMORY, "out of memory");
    search->spec = spec;
    search->layers = layers;
    rc = space_init(&search->space, spec, err);
    if (!rc && spec->sweep.search == SEARCH_TPE) {
        search->tpe = tpe_new(&search->space, spec->sweep.search_seed);
        rc = search->tpe ? check_space(search, err)
                         : error_set(err, ERR_MEMORY, "out of memory");
    }
    if (rc)
        search_free(search);
    else
        *out = search;
    return rc;
}

/* epochs are not part of a trial that does not know how long it lasts, so two such
 * configurations would be one trial. */
static int check_epochs(const struct job_spec *spec, int a, int b, struct error *err)
{
    int rc;

    if (a == b ||
        (spec->sweep.search != SEARCH_GRID && spec->sweep.search != SEARCH_LIST))
        return 0;
    rc =
        error_set(err, ERR_INPUT,
                  "epochs: with this schedule %d epochs are the beginning of %d; leave "
                  "one of them",
                  a < b ? a : b, a < b ? b : a);
    return search_locate(spec, "epochs", rc, err);
}

static int keep_epochs(struct search *search, int epochs)
{
    if ((size_t)search->proposed == search->epochs_room) {
        size_t room = search->epochs_room ? search->epochs_room * 2 : 64;
        int *grown = realloc(search->epochs, room * sizeof *grown);

        if (!grown)
            return ERR_MEMORY;
        search->epochs = grown;
        search->epochs_room = room;
    }
    search->epochs[search->proposed] = epochs;
    return 0;
}

/* Remembers a proposal. 1: it was there before. */
static int take(struct search *search, const struct settings *settings,
                struct error *err)
{
    struct settings effective;
    struct digest key;
    int64_t known;
    double point[SPACE_AXES];

    identity_settings(&effective, settings, search->layers);
    key = identity_settings_key(&effective);
    if ((known = digest_map_find(&search->seen, key))) {
        search->merged++;
        int rc = check_epochs(search->spec, search->epochs[known - 1], settings->epochs,
                              err);
        return rc ? rc : 1;
    }
    if (search->tpe)
        space_point(&search->space, settings, point);
    if (keep_epochs(search, settings->epochs) ||
        digest_map_put(&search->seen, key, search->proposed + 1) ||
        (search->tpe && tpe_add(search->tpe, point)))
        return error_set(err, ERR_MEMORY, "out of memory for the configurations");
    search->proposed++;
    return 0;
}

static int try_settings(struct search *search, const struct settings *settings,
                        struct error *err)
{
    int rc = search_check(search->spec, settings, search->layers, err);

    return rc ? rc : take(search, settings, err);
}

static int next_of_grid(struct search *search, struct settings *out, struct error *err)
{
    double point[SPACE_AXES];
    int rc = 1;

    while (rc == 1 && grid_next(&search->grid, &search->space, point)) {
        space_settings(&search->space, point, out);
        rc = try_settings(search, out, err);
    }
    return rc;
}

static int next_of_list(struct search *search, struct settings *out, struct error *err)
{
    const struct job_sweep *sweep = &search->spec->sweep;
    int rc = 1;

    while (rc == 1 && search->position < sweep->config_count) {
        const int *row = &sweep->configs[search->position++ * sweep->axis_count];

        *out = search->spec->base;
        for (int a = 0; a < sweep->axis_count; a++)
            if (row[a] >= 0)
                setting_set(sweep->axes[a].setting, out, sweep->axes[a].values[row[a]]);
        rc = try_settings(search, out, err);
    }
    return rc;
}

static int next_of_draws(struct search *search, struct settings *out, struct error *err)
{
    int64_t limit = DRAWS_PER_PROPOSAL * (search->proposed + 1);
    int rc = 1;

    while (rc == 1 && search->position < limit) {
        draw_settings(search, search->position++, out);
        rc = try_settings(search, out, err);
    }
    return rc == 1 ? next_of_grid(search, out, err) : rc;
}

/* 1: all that were looked at were there before. */
static int next_of_tpe(struct search *search, struct settings *out, struct error *err)
{
    double points[TPE_CANDIDATES][SPACE_AXES];
    int rc = 1;

    for (int round = 0; rc == 1 && round < TPE_ROUNDS; round++) {
        int count = tpe_propose(search->tpe, round, points);

        if (count < 0)
            return error_set(err, ERR_MEMORY, "out of memory for a proposal");
        for (int i = 0; rc == 1 && i < count; i++) {
            space_settings(&search->space, points[i], out);
            rc = try_settings(search, out, err);
        }
    }
    return rc;
}

int search_next(struct search *search, struct settings *out, struct error *err)
{
    int rc = 1;

    if (search->spec->sweep.search == SEARCH_GRID)
        return next_of_grid(search, out, err);
    if (search->spec->sweep.search == SEARCH_LIST)
        return next_of_list(search, out, err);
    if (search->tpe && tpe_is_ready(search->tpe))
        rc = next_of_tpe(search, out, err);
    return rc == 1 ? next_of_draws(search, out, err) : rc;
}

int search_restore(struct search *search, const struct settings *settings,
                   struct error *err)
{
    return take(search, settings, err);
}

void search_tell(struct search *search, int64_t proposal, double score, int epochs)
{
    if (search->tpe)
        tpe_tell(search->tpe, proposal, score, epochs);
}
