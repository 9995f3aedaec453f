/* The PEFT form: LoRA of rank 1 on the adapted layers' output.dense.
 *
 * lora_A = w, lora_B = v, lora_alpha = 1, so that lora_B lora_A = v wᵀ, and lora_bias
 * with lora_B.bias = β v. (`bias = "lora_only"` would overwrite the base's own bias.)
 * The head and trained LayerNorms are modules_to_save under their full names. Where
 * layers share w or v, each has its copy. */
#include "storage/export_parts.h"

#include "storage/file_map.h"
#include "storage/text_clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int export_peft_check(const struct export_job *job, struct error *err)
{
    const struct adapter_shape *s = &job->layout->shape;

    if (strcmp(job->info->pooling, "pooler"))
        return error_set(err, ERR_INPUT,
                         "peft: BertForSequenceClassification reads the pooler; "
                         "pooling = %s cannot be expressed, use --format adapter",
                         job->info->pooling);
    if (!job->encoder->pooler_weight)
        return error_set(err, ERR_INPUT, "peft: the encoder has no pooler");
    if (s->first_layer >= s->layers)
        return error_set(err, ERR_INPUT,
                         "peft: head only (first_layer = %d): there is no LoRA to "
                         "write, use --format merged or adapter",
                         s->first_layer);
    return 0;
}

struct peft {
    struct float_tensor *tensors;
    char (*names)[160];
    float *biases; /* β v, layer by layer */
    int count;
};

static void add(struct peft *p, int64_t rows, int64_t cols, const float *values,
                const char *middle, const char *name)
{
    snprintf(p->names[p->count], sizeof *p->names, "base_model.model.%s%s", middle,
             name);
    p->tensors[p->count] = (struct float_tensor){
        .name = p->names[p->count], .rows = rows, .cols = cols, .values = values};
    p->count++;
}

static void add_layer(struct peft *p, const struct export_job *job, int layer)
{
    const struct adapter_shape *s = &job->layout->shape;
    const float *v = export_values(job, ADAPTER_V, PLACE_NONE, layer);
    const float *w = export_values(job, ADAPTER_ALPHA_WEIGHT, PLACE_NONE, layer);
    const float *beta = export_values(job, ADAPTER_ALPHA_BIAS, PLACE_NONE, layer);
    float *bias = p->biases + (size_t)layer * (size_t)s->hidden;
    char dense[80];

    for (int i = 0; i < s->hidden; i++)
        bias[i] = (float)((double)*beta * (double)v[i]);
    snprintf(dense, sizeof dense, "bert.encoder.layer.%d.output.dense.", layer);
    add(p, 1, s->ffn, w, dense, "lora_A.weight");
    add(p, s->hidden, 1, v, dense, "lora_B.weight");
    add(p, s->hidden, 0, bias, dense, "lora_B.bias");
}

static bool is_layernorm(const struct adapter_tensor *t)
{
    return t->kind == ADAPTER_LN_WEIGHT || t->kind == ADAPTER_LN_BIAS;
}

static void fill(struct peft *p, const struct export_job *job)
{
    const struct adapter_layout *layout = job->layout;

    for (int l = layout->shape.first_layer; l < layout->shape.layers; l++)
        add_layer(p, job, l);
    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];
        const float *values = job->values + t->offset;

        if (is_layernorm(t))
            add(p, t->rows, t->cols, values, "bert.", t->name);
        else if (t->kind == ADAPTER_HEAD_WEIGHT || t->kind == ADAPTER_HEAD_BIAS)
            add(p, t->rows, t->cols, values, "", t->name);
    }
}

static int write_tensors(const struct export_job *job, struct error *err)
{
    const struct adapter_shape *s = &job->layout->shape;
    size_t room = 3 * (size_t)s->layers + (size_t)job->layout->count;
    char *path = path_join(job->folder, "adapter_model.safetensors");
    struct peft p = {
        .tensors = calloc(room, sizeof *p.tensors),
        .names = calloc(room, sizeof *p.names),
        .biases = calloc((size_t)s->layers * (size_t)s->hidden, sizeof *p.biases),
    };
    int rc = 0;

    if (!path || !p.tensors || !p.names || !p.biases) {
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", job->name);
    } else {
        fill(&p, job);
        rc = safetensors_write(path, p.tensors, (size_t)p.count, job->facts->items,
                               (size_t)job->facts->count, err);
    }
    free(p.biases);
    free(p.names);
    free(p.tensors);
    free(path);
    return rc;
}

/* ".*\.layer\.(0|1)\.output\.dense": PEFT matches it against whole module names, so
 * that attention.output.dense is not meant. */
static char *target_pattern(const struct adapter_shape *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fputs(".*\\.layer\\.(", out);
    for (int l = s->first_layer; l < s->layers; l++)
        fprintf(out, "%s%d", l == s->first_layer ? "" : "|", l);
    fputs(")\\.output\\.dense", out);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

/* The head, then each trained LayerNorm once, without .weight. */
static json_t *saved_modules(const struct adapter_layout *layout)
{
    json_t *array = json_pack("[s]", "classifier");

    for (int i = 0; i < layout->count; i++) {
        const struct adapter_tensor *t = &layout->tensors[i];
        size_t length = strlen(t->name) - strlen(".weight");

        if (t->kind == ADAPTER_LN_WEIGHT)
            json_array_append_new(array, json_stringn(t->name, length));
    }
    return array;
}

static int write_settings(const struct export_job *job, struct error *err)
{
    char *pattern = target_pattern(&job->layout->shape);
    char *base = text_clean(job->info->base_model);
    json_t *root = NULL;
    int rc;

    if (pattern && base)
        root = json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:f, s:b, s:s, s:b, s:b, s:b,"
                         " s:b, s:s, s:o}",
                         "peft_type", "LORA", "task_type", "SEQ_CLS",
                         "base_model_name_or_path", base, "inference_mode", 1, "r", 1,
                         "lora_alpha", 1, "lora_dropout", 0.0, "lora_bias", 1, "bias",
                         "none", "use_rslora", 0, "use_dora", 0, "fan_in_fan_out", 0,
                         "init_lora_weights", 1, "target_modules", pattern,
                         "modules_to_save", saved_modules(job->layout));
    rc = export_write_json(job, "adapter_config.json", root, err);
    json_decref(root);
    free(base);
    free(pattern);
    return rc;
}

int export_peft_write(const struct export_job *job, struct error *err)
{
    int rc = write_settings(job, err);

    return rc ? rc : write_tensors(job, err);
}
