#include "worker/trial_size.h"

#include "common/clock.h"
#include "worker/trial.h"

int trial_size_find(struct trial_size *out, const struct encoder *encoder,
                    const struct dataset *dataset, const struct task *task,
                    const struct settings *settings, int threads, struct error *err)
{
    struct settings plain = *settings;
    struct trial *trial;
    double start = clock_monotonic_s();

    plain.precision = PRECISION_FLOAT32;
    plain.init[0] = '\0';
    int rc = trial_new(&trial, encoder, NULL, dataset, task, &plain, threads, err);
    if (rc)
        return rc;
    const struct course *course = trial_course(trial);
    *out = (struct trial_size){.batches = course->batches,
                               .steps = trial_steps(trial),
                               .values = course->layout.values,
                               .bytes = trial_bytes(trial),
                               .token_rows = model_prefix_of_tokens(&course->model),
                               .setup_s = clock_monotonic_s() - start};
    trial_free(trial);
    return 0;
}
