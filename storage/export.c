/* Exports: the folder, and what every form carries. */
#include "storage/export.h"

#include "storage/adapter_file.h"
#include "storage/export_parts.h"
#include "storage/file_replace.h"
#include "storage/text_clean.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int export_form_by_name(const char *name)
{
    static const char *const names[] = {[EXPORT_ADAPTER] = "adapter",
                                        [EXPORT_MERGED] = "merged",
                                        [EXPORT_PEFT] = "peft"};

    for (int i = 0; i < 3; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

const float *export_values(const struct export_job *job, enum adapter_kind kind,
                           enum adapter_place place, int layer)
{
    int at = adapter_layout_find(job->layout, kind, place, layer);

    return at < 0 ? NULL : job->values + job->layout->tensors[at].offset;
}

static char *label_name(const struct export_info *info, int label)
{
    char text[32];

    if (!info->regression)
        return text_clean(info->label_names[label]);
    snprintf(text, sizeof text, "LABEL_%d", label);
    return strdup(text);
}

static int set_labels(json_t *root, const struct export_job *job, struct error *err)
{
    json_t *id2label = json_object(), *label2id = json_object();
    int labels = job->layout->shape.labels, rc = 0;

    for (int i = 0; i < labels; i++) {
        char *name = label_name(job->info, i), number[16];

        snprintf(number, sizeof number, "%d", i);
        rc |= !name || json_object_set_new(id2label, number, json_string(name)) ||
              json_object_set_new(label2id, name, json_integer(i));
        free(name);
    }
    if (!rc && (int)json_object_size(label2id) != labels)
        rc = error_set(err, ERR_INPUT, "%s: two labels have the same name", job->name);
    else if (rc)
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", job->name);
    json_object_set_new(root, "id2label", id2label);
    json_object_set_new(root, "label2id", label2id);
    return rc;
}

/* The base's config.json, with what the head and the values' type change.
 * _name_or_path is left out: it may be a path of the machine that made the base. */
static int change_config(json_t *root, const struct export_job *job, struct error *err)
{
    const char *problem =
        job->info->regression ? "regression" : "single_label_classification";
    int rc = set_labels(root, job, err);

    if (rc)
        return rc;
    json_object_del(root, "_name_or_path");
    json_object_del(root, "num_labels"); /* id2label says it; both would be checked */
    json_object_del(root, "dtype");
    rc = json_object_set_new(root, "architectures",
                             json_pack("[s]", "BertForSequenceClassification")) ||
         json_object_set_new(root, "problem_type", json_string(problem)) ||
         json_object_set_new(root, "torch_dtype", json_string("float32"));
    return rc ? error_set(err, ERR_MEMORY, "%s: out of memory", job->name) : 0;
}

/* Reals with 15 digits (0.1, not 0.10000000000000001) where that reads back the same.
 */
static char *print_json(const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_t *back = text ? json_loads(text, 0, NULL) : NULL;

    if (!json_equal(root, back)) {
        free(text);
        text = json_dumps(root, JSON_INDENT(2));
    }
    json_decref(back);
    return text;
}

int export_write_json(const struct export_job *job, const char *name,
                      const json_t *root, struct error *err)
{
    char *path = path_join(job->folder, name);
    char *text = root ? print_json(root) : NULL;
    size_t length = text ? strlen(text) : 0;
    int rc;

    if (path && text) {
        text[length] = '\n'; /* in place of the closing zero */
        rc = file_replace(path, text, length + 1, err);
    } else {
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", job->name);
    }
    free(text);
    free(path);
    return rc;
}

static int write_config(const struct export_job *job, struct error *err)
{
    char *path = path_join(job->dir, "config.json"), *text = NULL;
    json_error_t reason;
    json_t *root = NULL;
    size_t size = 0;
    int rc = path ? file_read(&text, &size, path, 1 << 20, err)
                  : error_set(err, ERR_MEMORY, "%s: out of memory", job->name);

    if (!rc && !(root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason)))
        rc = error_set(err, ERR_INPUT, "%s:%d: %s", path, reason.line, reason.text);
    if (!rc)
        rc = change_config(root, job, err);
    if (!rc)
        rc = export_write_json(job, "config.json", root, err);
    json_decref(root);
    free(text);
    free(path);
    return rc;
}

static int copy_file(const struct export_job *job, const char *name, struct error *err)
{
    char *from = path_join(job->dir, name), *to = path_join(job->folder, name);
    struct file_map map = {0};
    int rc = 0;

    if (!from || !to)
        rc = error_set(err, ERR_MEMORY, "%s: out of memory", job->name);
    else if (!access(from, F_OK))
        rc = file_map_open(&map, from, err);
    if (!rc && map.data)
        rc = file_replace(to, map.data, map.size, err);
    file_map_close(&map);
    free(to);
    free(from);
    return rc;
}

/* What transformers' tokenizers read. */
static int copy_tokenizer(const struct export_job *job, struct error *err)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json",
                                        "vocab.txt", "special_tokens_map.json",
                                        "added_tokens.json"};
    int rc = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !rc; i++)
        rc = copy_file(job, names[i], err);
    return rc;
}

static int write_adapter(const struct export_job *job, struct error *err)
{
    char *path = path_join(job->folder, ADAPTER_FILE_NAME);
    int rc = path ? adapter_file_write(path, job->layout, job->values,
                                       job->facts->items, job->facts->count, err)
                  : error_set(err, ERR_MEMORY, "%s: out of memory", job->name);

    free(path);
    return rc;
}

static int write_parts(enum export_form form, const struct export_job *job,
                       struct error *err)
{
    char *card = path_join(job->folder, "README.md");
    int rc = card ? write_config(job, err)
                  : error_set(err, ERR_MEMORY, "%s: out of memory", job->name);

    if (!rc)
        rc = copy_tokenizer(job, err);
    if (!rc)
        rc = model_card_write(card, form, job->facts, job->info, err);
    if (!rc && form == EXPORT_ADAPTER)
        rc = write_adapter(job, err);
    if (!rc && form == EXPORT_MERGED)
        rc = export_merged_write(job, err);
    if (!rc && form == EXPORT_PEFT)
        rc = export_peft_write(job, err);
    free(card);
    return rc;
}

static int check_form(enum export_form form, const struct export_job *job,
                      struct error *err)
{
    if (form == EXPORT_MERGED)
        return export_merged_check(job, err);
    return form == EXPORT_PEFT ? export_peft_check(job, err) : 0;
}

int export_write(enum export_form form, const char *out, const char *dir,
                 const struct encoder *encoder, const struct adapter_layout *layout,
                 const float *values, const struct export_info *info, struct error *err)
{
    struct export_job job = {.name = out,
                             .dir = dir,
                             .encoder = encoder,
                             .layout = layout,
                             .values = values,
                             .info = info};
    struct folder_create folder;
    struct facts facts;
    int rc = check_form(form, &job, err);

    if (rc)
        return rc;
    rc = facts_init(&facts, encoder, layout, info, err);
    if (rc)
        return rc;
    job.facts = &facts;
    rc = folder_create_begin(&folder, out, err);
    if (!rc) {
        job.folder = folder.temporary;
        rc = write_parts(form, &job, err);
        if (rc)
            folder_create_abandon(&folder);
        else
            rc = folder_create_commit(&folder, err);
    }
    facts_clear(&facts);
    return rc;
}
