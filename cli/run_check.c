#include "cli/run_check.h"

#include "storage/adapter_file.h"
#include "worker/batches.h"
#include "worker/evaluate.h"

#include <stdlib.h>
#include <string.h>

int run_check_data(const struct dataset *dataset, const struct task *task,
                   const struct encoder_config *encoder, struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < SPLIT_COUNT; i++) {
        const struct dataset_split *split = &dataset->splits[i];
        bool labelled = split->present && split->labelled && split->rows > 0;
        if (labelled)
            rc = evaluate_check(split, split_names[i], encoder, dataset->regression,
                                dataset->labels, err);
        else if (i == SPLIT_TRAIN || i == SPLIT_DEV)
            rc = error_set(err, ERR_INPUT, "no labelled %s set", split_names[i]);
    }
    return rc ? error_prefix(err, rc, "%s: task %s", task->data, task->name) : 0;
}

static int training_rows(const struct settings *settings, int64_t all)
{
    return settings->limit && settings->limit < all ? settings->limit : (int)all;
}

/* The configuration with the fewest rows stands for all: what is drawn from them later
 * leaves some. */
static int check_rows(const struct run_setup *setup, int task, struct error *err)
{
    const struct task *of = &setup->spec.tasks[task];
    const struct dataset *dataset = &setup->datasets[task];
    int64_t all = dataset->splits[SPLIT_TRAIN].rows;
    struct settings fewest;
    struct row_choice choice;
    fewest = setup->spec.base;
    if (setup->sweep.config_count > 0)
        sweep_settings(&setup->sweep, 1, 0, &fewest);
    for (int i = 2; i <= setup->sweep.config_count; i++) {
        struct settings settings;
        sweep_settings(&setup->sweep, i, 0, &settings);
        if (training_rows(&settings, all) < training_rows(&fewest, all))
            fewest = settings;
    }
    int rc = row_choice_init(&choice, dataset, of->selection_rows, &fewest, err);
    if (rc)
        return error_prefix(err, rc, "%s: task %s", setup->spec.path, of->name);
    row_choice_clear(&choice);
    return 0;
}

static int check_file(const char *path, const struct adapter_shape *shape,
                      struct error *err)
{
    struct adapter_layout layout;
    int rc = adapter_layout_init(&layout, shape, err);
    if (rc)
        return rc;
    float *values = malloc((size_t)layout.values * sizeof *values);
    rc = values ? adapter_file_read(values, path, &layout, err)
                : error_set(err, ERR_MEMORY, "%s: out of memory", path);
    free(values);
    adapter_layout_clear(&layout);
    return rc;
}

static struct adapter_shape shape_of(const struct run_setup *setup, int task,
                                     const struct settings *settings)
{
    return (struct adapter_shape){
        .layers = setup->encoder.layers,
        .hidden = setup->encoder.hidden,
        .ffn = setup->encoder.ffn,
        .labels = setup->tasks[task].labels,
        .share_alpha = settings->share_alpha,
        .share_v = settings->share_v,
        .first_layer = settings->first_layer,
        .train_layernorm = settings->train_layernorm,
    };
}

static bool same_shape(const struct settings *a, const struct settings *b)
{
    return a->share_alpha == b->share_alpha && a->share_v == b->share_v &&
           a->first_layer == b->first_layer && a->train_layernorm == b->train_layernorm;
}

/* A file fits one shape, so the last one seen is all that need be remembered: most
 * sweeps name none or one. */
static int check_init(const struct run_setup *setup, int task, struct error *err)
{
    struct settings last = {.init = ""}, settings;
    int rc = 0;
    for (int i = 1; !rc && i <= setup->sweep.config_count; i++) {
        sweep_settings(&setup->sweep, i, 0, &settings);
        if (!settings.init[0] ||
            (!strcmp(settings.init, last.init) && same_shape(&settings, &last)))
            continue;
        struct adapter_shape shape = shape_of(setup, task, &settings);
        rc = check_file(settings.init, &shape, err);
        last = settings;
    }
    return rc;
}

int run_check_trials(const struct run_setup *setup, struct error *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < setup->spec.task_count; i++) {
        rc = check_rows(setup, i, err);
        if (!rc)
            rc = check_init(setup, i, err);
    }
    return rc;
}
