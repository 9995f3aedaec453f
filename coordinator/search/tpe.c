/* What was proposed and told, in its order, and candidates weighed by two densities
 * (parzen.h): of the best ones and of all others.
 *
 * Pending proposals count among the others, so that workers that ask at the same time
 * are sent to different places. */
#include "coordinator/search/tpe.h"

#include "coordinator/search/draw.h"
#include "coordinator/search/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Measured against other choices in docs/search.md. */
enum {
    STARTUP = 10,  /* told before the first proposal of the densities */
    BEST_MOST = 25 /* however many are told */
};
static const double best_part = 0.1;

struct told {
    int64_t proposal;
    double score;
    int epochs;
};

struct tpe {
    const struct space *space;
    uint32_t seed;
    int64_t count, room;        /* proposals */
    double *places[SPACE_AXES]; /* (count) as parzen has them */
    int *epochs;                /* (count) of what was told last; 0: nothing yet */
    struct told *told;          /* best first */
    int64_t told_count, failed;
    struct parzen_scratch scratch;
};

struct tpe *tpe_new(const struct space *space, uint32_t seed)
{
    struct tpe *tpe = calloc(1, sizeof *tpe);

    if (!tpe)
        return NULL;
    tpe->space = space;
    tpe->seed = seed;
    return tpe;
}

void tpe_free(struct tpe *tpe)
{
    if (!tpe)
        return;
    for (int a = 0; a < tpe->space->count; a++)
        free(tpe->places[a]);
    free(tpe->epochs);
    free(tpe->told);
    parzen_scratch_clear(&tpe->scratch);
    free(tpe);
}

static int grow_to(void **array, int64_t room, size_t size)
{
    void *grown = realloc(*array, (size_t)room * size);

    if (!grown)
        return ERR_MEMORY;
    *array = grown;
    return 0;
}

static int grow(struct tpe *tpe)
{
    int64_t room = tpe->room ? tpe->room * 2 : 64;

    for (int a = 0; a < tpe->space->count; a++)
        if (grow_to((void **)&tpe->places[a], room, sizeof *tpe->places[a]))
            return ERR_MEMORY;
    if (grow_to((void **)&tpe->epochs, room, sizeof *tpe->epochs) ||
        grow_to((void **)&tpe->told, room, sizeof *tpe->told))
        return ERR_MEMORY;
    tpe->room = room;
    return 0;
}

int tpe_add(struct tpe *tpe, const double *point)
{
    if (tpe->count == tpe->room && grow(tpe))
        return ERR_MEMORY;
    for (int a = 0; a < tpe->space->count; a++)
        tpe->places[a][tpe->count] = parzen_place(tpe->space, a, point[a]);
    tpe->epochs[tpe->count++] = 0;
    return 0;
}

static bool ranks_before(const struct told *a, const struct told *b)
{
    if (isnan(a->score) || isnan(b->score))
        return !isnan(a->score) || (isnan(b->score) && a->proposal < b->proposal);
    if (a->epochs != b->epochs)
        return a->epochs > b->epochs;
    return a->score > b->score || (a->score == b->score && a->proposal < b->proposal);
}

static void forget(struct tpe *tpe, int64_t proposal)
{
    int64_t at = 0;

    while (tpe->told[at].proposal != proposal)
        at++;
    tpe->failed -= isnan(tpe->told[at].score);
    tpe->told_count--;
    memmove(&tpe->told[at], &tpe->told[at + 1],
            (size_t)(tpe->told_count - at) * sizeof *tpe->told);
}

static void insert(struct tpe *tpe, const struct told *new)
{
    int64_t low = 0, high = tpe->told_count;

    while (low < high) {
        int64_t middle = (low + high) / 2;

        if (ranks_before(&tpe->told[middle], new))
            low = middle + 1;
        else
            high = middle;
    }
    memmove(&tpe->told[low + 1], &tpe->told[low],
            (size_t)(tpe->told_count - low) * sizeof *tpe->told);
    tpe->told[low] = *new;
    tpe->told_count++;
    tpe->failed += isnan(new->score);
}

void tpe_tell(struct tpe *tpe, int64_t proposal, double score, int epochs)
{
    if (proposal < 0 || proposal >= tpe->count || epochs <= tpe->epochs[proposal])
        return;
    if (tpe->epochs[proposal])
        forget(tpe, proposal);
    insert(tpe, &(struct told){proposal, score, epochs});
    tpe->epochs[proposal] = epochs;
}

bool tpe_is_ready(const struct tpe *tpe)
{
    return tpe->told_count >= STARTUP && tpe->failed < tpe->told_count;
}

/* How many count as the best. */
static int64_t best_count(const struct tpe *tpe)
{
    int64_t good = tpe->told_count - tpe->failed;
    int64_t best = (int64_t)ceil(best_part * (double)tpe->told_count);

    if (best > BEST_MOST)
        best = BEST_MOST;
    return best < good ? best : good;
}

struct candidate {
    double gain; /* log density of the best over that of the others */
    double places[SPACE_AXES], point[SPACE_AXES];
};

static int by_gain(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return (x->gain < y->gain) - (x->gain > y->gain);
}

static int open_mixtures(struct tpe *tpe, struct parzen *best, struct parzen *others)
{
    int64_t count = best_count(tpe), members[BEST_MOST];
    struct parzen_data data = {tpe->space, tpe->count, tpe->places};

    for (int64_t i = 0; i < count; i++)
        members[i] = tpe->told[i].proposal;
    if (parzen_init(best, &data, members, count, false, NULL) ||
        parzen_init(others, &data, members, count, true, &tpe->scratch)) {
        parzen_clear(best);
        return ERR_MEMORY;
    }
    return 0;
}

int tpe_propose(struct tpe *tpe, int round, double points[][SPACE_AXES])
{
    struct candidate candidates[TPE_CANDIDATES];
    struct parzen best = {0}, others = {0};

    if (open_mixtures(tpe, &best, &others))
        return ERR_MEMORY;
    for (int i = 0; i < TPE_CANDIDATES; i++) {
        struct candidate *c = &candidates[i];
        struct parzen_draw draw = {tpe->seed, (uint32_t)tpe->count,
                                   (uint32_t)(round * TPE_CANDIDATES + i)};

        parzen_draw(&best, &draw, c->point);
        for (int a = 0; a < tpe->space->count; a++)
            c->places[a] = parzen_place(tpe->space, a, c->point[a]);
        c->gain = parzen_log_density(&best, c->places) -
                  parzen_log_density(&others, c->places);
    }
    parzen_clear(&best);
    parzen_clear(&others);
    qsort(candidates, TPE_CANDIDATES, sizeof *candidates, by_gain);
    for (int i = 0; i < TPE_CANDIDATES; i++)
        memcpy(points[i], candidates[i].point, sizeof candidates[i].point);
    return TPE_CANDIDATES;
}
