/* The merged form: a plain BertForSequenceClassification.
 *
 * Since y v = v (wᵀh + β), W2' = W2 + v wᵀ and b2' = b2 + β v give the same encoder
 * (docs/design.md, "What is computed"). Trained LayerNorms take the place of the
 * base's. Values are float32: 16 bits would round v wᵀ away. */
#include "storage/export_parts.h"

#include "storage/file_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int export_merged_check(const struct export_job *job, struct error *err)
{
    if (strcmp(job->info->pooling, "pooler"))
        return error_set(err, ERR_INPUT,
                         "merged: BertForSequenceClassification reads the pooler; "
                         "pooling = %s cannot be expressed, use --format adapter",
                         job->info->pooling);
    if (!job->encoder->pooler_weight)
        return error_set(err, ERR_INPUT, "merged: the encoder has no pooler");
    return 0;
}

struct merged {
    struct float_tensor *tensors;
    char (*names)[96];
    int count;
};

static struct float_tensor *add(struct merged *m, const char *prefix, const char *name,
                                int64_t rows, int64_t cols, const float *values)
{
    struct float_tensor *t = &m->tensors[m->count];

    snprintf(m->names[m->count], sizeof *m->names, "%s%s", prefix, name);
    *t = (struct float_tensor){
        .name = m->names[m->count++], .rows = rows, .cols = cols, .values = values};
    return t;
}

/* v wᵀ on an adapted layer's second matrix, β v on its bias. */
static void merge_adapter(const struct export_job *job, struct float_tensor *t,
                          const char *name)
{
    enum adapter_kind kind;
    int layer, end = 0;

    if (sscanf(name, "encoder.layer.%d.output.dense.%n", &layer, &end) != 1 || !end)
        return;
    kind = t->cols ? ADAPTER_ALPHA_WEIGHT : ADAPTER_ALPHA_BIAS;
    if (layer < job->layout->shape.first_layer)
        return;
    t->v = export_values(job, ADAPTER_V, PLACE_NONE, layer);
    t->w = export_values(job, kind, PLACE_NONE, layer);
}

/* The trained tensor of this name, if there is one. */
static const float *trained(const struct export_job *job, const char *name)
{
    for (int i = 0; i < job->layout->count; i++)
        if (!strcmp(job->layout->tensors[i].name, name))
            return job->values + job->layout->tensors[i].offset;
    return NULL;
}

static void fill(struct merged *m, const struct export_job *job,
                 const struct encoder_tensor *base, int count)
{
    const struct adapter_shape *s = &job->layout->shape;

    for (int i = 0; i < count; i++) {
        const float *values = trained(job, base[i].name);
        struct float_tensor *t = add(m, "bert.", base[i].name, base[i].rows,
                                     base[i].cols, values ? values : base[i].values);

        merge_adapter(job, t, base[i].name);
    }
    add(m, "", "classifier.weight", s->labels, s->hidden,
        export_values(job, ADAPTER_HEAD_WEIGHT, PLACE_NONE, -1));
    add(m, "", "classifier.bias", s->labels, 0,
        export_values(job, ADAPTER_HEAD_BIAS, PLACE_NONE, -1));
}

int export_merged_write(const struct export_job *job, struct error *err)
{
    struct merged m = {0};
    struct encoder_tensor *base = NULL;
    char *path = path_join(job->folder, "model.safetensors");
    int count = 0, rc = encoder_tensors(&base, &count, job->encoder, err);

    m.tensors = calloc((size_t)count + 2, sizeof *m.tensors);
    m.names = calloc((size_t)count + 2, sizeof *m.names);
    if (!rc && (!path || !m.tensors || !m.names))
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", job->name);
    if (!rc) {
        fill(&m, job, base, count);
        rc = safetensors_write(path, m.tensors, (size_t)m.count, job->facts->items,
                               (size_t)job->facts->count, err);
    }
    free(m.names);
    free(m.tensors);
    free(base);
    free(path);
    return rc;
}
