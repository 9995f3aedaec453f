/* sweep = { … } and its seeds; what is tried is in job_space.c. */
#include "jobs/job_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS_MAX = 1000000 };

static int no_memory(struct job_reader *r)
{
    return error_set(r->err, ERR_MEMORY, "out of memory");
}

/* count seeds from the first on. */
static int count_seeds(struct job_reader *r, const node *at, double count,
                       uint32_t first, struct job_sweep *sweep)
{
    if (count < 1 || count > SEEDS_MAX)
        return reader_refuse(r, at, "seeds: %.10g is outside [1, %d]", count,
                             SEEDS_MAX);
    if (first + count - 1 > UINT32_MAX)
        return reader_refuse(r, at, "seeds: %.10g from seed %u on pass %u", count,
                             first, UINT32_MAX);
    sweep->seeds = malloc((size_t)count * sizeof *sweep->seeds);
    if (!sweep->seeds)
        return no_memory(r);
    for (sweep->seed_count = 0; sweep->seed_count < count; sweep->seed_count++)
        sweep->seeds[sweep->seed_count] = first + (uint32_t)sweep->seed_count;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int check_seeds(struct job_reader *r, const node *at,
                       const struct job_sweep *sweep)
{
    size_t size = (size_t)sweep->seed_count * sizeof *sweep->seeds;
    uint32_t *sorted = malloc(size);
    int rc = 0;

    if (!sorted)
        return no_memory(r);
    memcpy(sorted, sweep->seeds, size);
    qsort(sorted, (size_t)sweep->seed_count, sizeof *sorted, by_number);
    for (int i = 1; i < sweep->seed_count && !rc; i++)
        if (sorted[i - 1] == sorted[i])
            rc = reader_refuse(r, at, "seeds: %u is there twice", sorted[i]);
    free(sorted);
    return rc;
}

static int list_seeds(struct job_reader *r, const node *at, struct job_sweep *sweep)
{
    const struct setting *seed = settings_table_find(GROUP_TRAINING, "seed");
    int count = config_setting_length(at), rc = 0;

    if (count < 1 || count > SEEDS_MAX)
        return reader_refuse(r, at, "seeds: %d of them, outside [1, %d]", count,
                             SEEDS_MAX);
    if (!(sweep->seeds = malloc((size_t)count * sizeof *sweep->seeds)))
        return no_memory(r);
    for (int i = 0; i < count && !rc; i++) {
        struct setting_value value;

        rc = reader_value(r, config_setting_get_elem(at, (unsigned)i), seed, &value,
                          NULL);
        if (!rc)
            sweep->seeds[sweep->seed_count++] = (uint32_t)value.number;
    }
    return rc ? rc : check_seeds(r, at, sweep);
}

static int read_seeds(struct job_reader *r, const node *at, struct job_spec *spec)
{
    if (!at)
        return count_seeds(r, at, 1, spec->base.seed, &spec->sweep);
    if (reader_is_choice(at))
        return list_seeds(r, at, &spec->sweep);
    if (config_setting_type(at) != CONFIG_TYPE_INT &&
        config_setting_type(at) != CONFIG_TYPE_INT64)
        return reader_refuse(r, at, "seeds: write how many, or an array of seeds");
    return count_seeds(r, at, (double)config_setting_get_int64(at), spec->base.seed,
                       &spec->sweep);
}

int reader_sweep(struct job_reader *r, struct job_spec *spec)
{
    const node *sweep = config_lookup(&r->config, "sweep");
    int rc = reader_group(r, sweep, GROUP_SWEEP, &spec->sweep);

    if (rc)
        return rc;
    rc = read_seeds(r, sweep ? config_setting_get_member(sweep, "seeds") : NULL, spec);
    if (rc || !sweep)
        return rc;
    if ((rc = reader_space(r, config_setting_get_member(sweep, "space"),
                           &spec->sweep)) ||
        (rc = reader_configs(r, config_setting_get_member(sweep, "configs"),
                             &spec->sweep)))
        return rc;
    return reader_check_sweep(r, spec);
}
