#include "worker/shifts.h"

#include "worker/batch_runner.h"
#include "worker/evaluate.h"

#include <math.h>
#include <stdlib.h>

void shifts_clear(struct shifts *s)
{
    free(s->y);
    free(s->state);
    *s = (struct shifts){0};
}

static int shifts_init(struct shifts *s, int layers, int64_t tokens, struct error *err)
{
    size_t count = (size_t)layers * (size_t)tokens;

    *s = (struct shifts){.layers = layers, .tokens = tokens};
    s->y = malloc(count * sizeof *s->y + 1);
    s->state = malloc(count * sizeof *s->state + 1);
    if (!s->y || !s->state) {
        shifts_clear(s);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < count; i++)
        s->y[i] = s->state[i] = NAN;
    return 0;
}

int shifts_evaluate(struct shifts *out, float *logits, const struct model *model,
                    const float *values, const struct dataset_split *split,
                    const char *name, int microshard_tokens, int threads,
                    struct error *err)
{
    struct batch_sizes sizes = {.max_length = evaluate_longest(split),
                                .microshard_tokens = microshard_tokens,
                                .threads = threads};
    struct batch_runner *runner;
    int rc;

    *out = (struct shifts){0};
    if ((rc = evaluate_check(split, name, &model->encoder->config, model->regression,
                             model->layout->shape.labels, err)) ||
        (rc = shifts_init(out, model->encoder->config.layers,
                          split->rows ? split->offsets[split->rows] : 0, err)))
        return rc;
    if (split->rows == 0)
        return 0;
    if ((rc = batch_runner_new(&runner, model, &sizes, err))) {
        shifts_clear(out);
        return rc;
    }
    batch_runner_note_shifts(runner, out);
    batch_runner_evaluate(runner, values, split, NULL, 0, split->rows, logits);
    batch_runner_free(runner);
    return 0;
}

struct shift_layer shift_layer_of(const struct adapter_layout *layout,
                                  const float *values, int layer)
{
    int v = adapter_layout_find(layout, ADAPTER_V, PLACE_NONE, layer);
    int b = adapter_layout_find(layout, ADAPTER_ALPHA_BIAS, PLACE_NONE, layer);
    double sum = 0;

    if (v < 0 || layer < layout->shape.first_layer)
        return (struct shift_layer){NAN, NAN};
    for (int i = 0; i < layout->shape.hidden; i++) {
        double x = values[layout->tensors[v].offset + i];

        sum += x * x;
    }
    return (struct shift_layer){sqrt(sum), values[layout->tensors[b].offset]};
}
