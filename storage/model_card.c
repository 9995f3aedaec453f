/* README.md of an export: YAML for the Hugging Face hub, a table of facts, how to load
 * it. Task names, settings and paths are data: nothing in them becomes markup. */
#include "storage/model_card.h"

#include "storage/adapter_file.h"
#include "storage/file_replace.h"
#include "storage/text_clean.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FACTS_MAX = 32 };

__attribute__((format(printf, 3, 4))) static void add(struct facts *f, const char *key,
                                                      const char *fmt, ...)
{
    struct key_value *kv = &f->items[f->count];
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&kv->value, fmt, args) < 0)
        kv->value = NULL;
    va_end(args);
    kv->key = strdup(key);
    f->count++;
}

static void add_text(struct facts *f, const char *key, const char *text)
{
    if (text && *text)
        add(f, key, "%s", text);
}

static void add_number(struct facts *f, const char *key, int64_t number, int64_t least)
{
    if (number >= least)
        add(f, key, "%" PRId64, number);
}

static void add_shape(struct facts *f, const struct encoder *encoder,
                      const struct adapter_layout *layout)
{
    static const char *const trained[] = {"none", "output", "output+embeddings", "all"};
    const struct adapter_shape *s = &layout->shape;
    char hex[DIGEST_HEX];

    add(f, "encoder", "BERT, %d layers, hidden %d, ffn %d", s->layers, s->hidden,
        s->ffn);
    digest_hex(hex, encoder->digest);
    add(f, "encoder_digest", "%s", hex);
    add(f, "first_layer", "%d", s->first_layer);
    add(f, "share_alpha", "%s", s->share_alpha ? "true" : "false");
    add(f, "share_v", "%s", s->share_v ? "true" : "false");
    add(f, "train_layernorm", "%s", trained[s->train_layernorm]);
    add(f, "trained_numbers", "%" PRId64, layout->values);
}

static void add_labels(struct facts *f, const struct export_info *info, int labels)
{
    json_t *array = json_array();
    char *text;

    for (int i = 0; !info->regression && i < labels; i++) {
        char *clean = text_clean(info->label_names[i]);

        json_array_append_new(array, json_string(clean ? clean : ""));
        free(clean);
    }
    text = json_dumps(array, 0);
    if (text && !info->regression)
        add(f, "labels", "%s", text);
    free(text);
    json_decref(array);
}

int facts_init(struct facts *out, const struct encoder *encoder,
               const struct adapter_layout *layout, const struct export_info *info,
               struct error *err)
{
    *out = (struct facts){.items = calloc(FACTS_MAX, sizeof *out->items)};
    if (!out->items)
        return error_set(err, ERR_MEMORY, "out of memory");
    add_text(out, "base_model", info->base_model);
    add_text(out, "task", info->task);
    add_text(out, "problem", info->regression ? "regression" : "classification");
    add_labels(out, info, layout->shape.labels);
    add_text(out, "pooling", info->pooling);
    add_shape(out, encoder, layout);
    add_number(out, "max_length", info->max_length, 1);
    add_text(out, "settings", info->settings);
    add_number(out, "seed", info->seed, 0);
    add_number(out, "epoch", info->epoch, 1);
    if (isfinite(info->score))
        add(out, "score", "%.6g%s%s", info->score, info->score_name ? ", " : "",
            info->score_name ? info->score_name : "");
    add_text(out, "metrics", info->metrics);
    add_text(out, "selection", info->selection);
    add_number(out, "configurations", info->configurations, 1);
    add_number(out, "seeds", info->seeds, 1);
    add_number(out, "trial", info->trial, 1);
    add_text(out, "trial_digest", info->trial_digest);
    add_text(out, "dataset_digest", info->dataset_digest);
    add_text(out, "tokenizer_digest", info->tokenizer_digest);
    add_text(out, "numerics", info->numerics);
    add_text(out, "shiftwork_version", SHIFTWORK_VERSION);
    for (int i = 0; i < out->count; i++)
        if (!out->items[i].key || !out->items[i].value) {
            facts_clear(out);
            return error_set(err, ERR_MEMORY, "out of memory");
        }
    return 0;
}

void facts_clear(struct facts *facts)
{
    for (int i = 0; i < facts->count; i++) {
        free(facts->items[i].key);
        free(facts->items[i].value);
    }
    free(facts->items);
    *facts = (struct facts){0};
}

/* As a quoted text, which YAML takes as JSON. */
static void put_quoted(FILE *out, const char *text)
{
    char *clean = text_clean(text);
    json_t *value = clean ? json_string(clean) : NULL;
    char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

    fputs(quoted ? quoted : "\"\"", out);
    free(quoted);
    json_decref(value);
    free(clean);
}

/* In a Markdown table: characters with a meaning there are escaped. */
static void put_cell(FILE *out, const char *text)
{
    char *clean = text_clean(text);

    for (const char *c = clean ? clean : ""; *c; c++) {
        if ((unsigned char)*c < 0x20)
            fputc(' ', out);
        else if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '&')
            fputs("&amp;", out);
        else {
            if (strchr("\\`*_{}[]#|!>~$", *c))
                fputc('\\', out);
            fputc(*c, out);
        }
    }
    free(clean);
}

static void put_front(FILE *out, enum export_form form, const struct export_info *info)
{
    fputs("---\nbase_model: ", out);
    put_quoted(out, info->base_model);
    fprintf(out, "\nlibrary_name: %s\npipeline_tag: text-classification\ntags:\n",
            form == EXPORT_PEFT     ? "peft"
            : form == EXPORT_MERGED ? "transformers"
                                    : "shiftwork");
    fputs("- adapterbias\n- shiftwork\n", out);
    if (form == EXPORT_PEFT)
        fputs("- lora\n", out);
    fputs("---\n\n", out);
}

static void put_use(FILE *out, enum export_form form)
{
    fputs("\n## How to load it\n\n", out);
    if (form == EXPORT_MERGED)
        fputs("A plain checkpoint: the adapter is part of the weights (W2 + v wᵀ and\n"
              "b2 + β v, exact at evaluation).\n\n"
              "```python\n"
              "from transformers import AutoModelForSequenceClassification, "
              "AutoTokenizer\n"
              "model = AutoModelForSequenceClassification.from_pretrained(FOLDER)\n"
              "tokenizer = AutoTokenizer.from_pretrained(FOLDER)\n"
              "```\n",
              out);
    if (form == EXPORT_PEFT)
        fputs(
            "A PEFT adapter: LoRA of rank 1 on the adapted layers' `output.dense`.\n\n"
            "```python\n"
            "from peft import PeftModel\n"
            "from transformers import AutoConfig, "
            "AutoModelForSequenceClassification\n"
            "config = AutoConfig.from_pretrained(FOLDER)  # labels, problem type\n"
            "base = AutoModelForSequenceClassification.from_pretrained(BASE, "
            "config=config)\n"
            "model = PeftModel.from_pretrained(base, FOLDER)\n"
            "```\n",
            out);
    if (form == EXPORT_ADAPTER)
        fputs("`" ADAPTER_FILE_NAME
              "` holds the trained tensors; Shiftwork starts from it\n"
              "with `adapter.init`. For each adapted layer, with h the activation "
              "before\n"
              "the second feed-forward matrix, y = h·w + β (`alpha.weight`, "
              "`alpha.bias`)\n"
              "and y·v is added to that matrix' output before the LayerNorm.\n",
              out);
}

static void put_card(FILE *out, enum export_form form, const struct facts *facts,
                     const struct export_info *info)
{
    put_front(out, form, info);
    fputs("# AdapterBias for ", out);
    put_cell(out, info->task);
    fputs(
        "\n\nTrained with Shiftwork: AdapterBias (Fu et al., Findings of NAACL 2022,\n"
        "arXiv 2205.00305) on a frozen encoder.\n\n| | |\n|---|---|\n",
        out);
    for (int i = 0; i < facts->count; i++) {
        fputs("| ", out);
        put_cell(out, facts->items[i].key);
        fputs(" | ", out);
        put_cell(out, facts->items[i].value);
        fputs(" |\n", out);
    }
    put_use(out, form);
}

int model_card_write(const char *path, enum export_form form, const struct facts *facts,
                     const struct export_info *info, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int rc;

    if (!out)
        return error_set(err, ERR_MEMORY, "%s: out of memory", path);
    put_card(out, form, facts, info);
    rc = fclose(out) ? error_set(err, ERR_MEMORY, "%s: out of memory", path)
                     : file_replace(path, text, size, err);
    free(text);
    return rc;
}
