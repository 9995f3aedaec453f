/* Finding and mapping the files that hold an encoder's weights. */
#include "storage/weight_files.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHARDS_MAX = 1000 };

static int add_file(struct weight_files *files, char *path, struct error *err)
{
    struct weight_file *f = &files->files[files->count++];
    int rc;

    f->path = path;
    rc = file_map_open(&f->map, path, err);
    if (rc)
        return rc;
    return safetensors_parse(&f->tensors, f->map.data, f->map.size, path, err);
}

static int open_one(struct weight_files *files, char *path, struct error *err)
{
    files->files = calloc(1, sizeof *files->files);
    if (!files->files) {
        free(path);
        return error_set(err, ERR_MEMORY, "out of memory");
    }
    return add_file(files, path, err);
}

static int find_shard(const struct weight_files *files, const char *path)
{
    for (int i = 0; i < files->count; i++)
        if (!strcmp(files->files[i].path, path))
            return i;
    return -1;
}

/* One line of weight_map. A shard is a file of the same folder, so that an index cannot
 * make us read anything else. */
static int add_mapped(struct weight_files *files, const char *dir, const char *tensor,
                      const char *shard, const char *index, struct error *err)
{
    char *path;
    int at, rc = 0;

    if (!shard || !*shard || strchr(shard, '/') || shard[0] == '.')
        return error_set(err, ERR_INPUT, "%s: %.200s: not a file of this folder", index,
                         tensor);
    path = path_join(dir, shard);
    if (!path)
        return error_set(err, ERR_MEMORY, "out of memory");
    at = find_shard(files, path);
    if (at < 0 && files->count == SHARDS_MAX)
        rc = error_set(err, ERR_INPUT, "%s: more than %d shards", index, SHARDS_MAX);
    if (rc || at >= 0) {
        free(path);
    } else {
        at = files->count;
        rc = add_file(files, path, err);
    }
    if (!rc && !safetensors_find(&files->files[at].tensors, tensor))
        rc = error_set(err, ERR_INPUT, "%s: %.200s is not in %s, as %s says",
                       files->files[at].path, tensor, shard, index);
    return rc;
}

static int open_shards(struct weight_files *files, const char *dir, const char *index,
                       const json_t *root, struct error *err)
{
    json_t *map = json_object_get(root, "weight_map"), *value;
    const char *tensor;

    if (!json_is_object(map) || !json_object_size(map))
        return error_set(err, ERR_INPUT, "%s: weight_map: missing", index);
    files->files = calloc(SHARDS_MAX, sizeof *files->files);
    if (!files->files)
        return error_set(err, ERR_MEMORY, "out of memory");
    json_object_foreach(map, tensor, value)
    {
        int rc = add_mapped(files, dir, tensor, json_string_value(value), index, err);

        if (rc)
            return rc;
    }
    return 0;
}

static int open_index(struct weight_files *files, const char *dir, const char *index,
                      struct error *err)
{
    char *text = NULL;
    json_error_t reason;
    json_t *root = NULL;
    size_t size = 0;
    int rc = file_read(&text, &size, index, 64u << 20, err);

    if (!rc && !(root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason)))
        rc = error_set(err, ERR_INPUT, "%s:%d: %s", index, reason.line, reason.text);
    if (!rc)
        rc = open_shards(files, dir, index, root, err);
    json_decref(root);
    free(text);
    return rc;
}

int weight_files_open(struct weight_files *out, const char *dir, struct error *err)
{
    char *one = path_join(dir, "model.safetensors");
    char *index = path_join(dir, "model.safetensors.index.json");
    int rc;

    *out = (struct weight_files){0};
    if (!one || !index) {
        free(one);
        rc = error_set(err, ERR_MEMORY, "out of memory");
    } else if (access(one, F_OK) && !access(index, F_OK)) {
        free(one);
        out->indexed = true;
        rc = open_index(out, dir, index, err);
    } else {
        rc = open_one(out, one, err);
    }
    free(index);
    if (rc)
        weight_files_close(out);
    return rc;
}

void weight_files_close(struct weight_files *files)
{
    for (int i = 0; i < files->count; i++) {
        safetensors_clear(&files->files[i].tensors);
        file_map_close(&files->files[i].map);
        free(files->files[i].path);
    }
    free(files->files);
    *files = (struct weight_files){0};
}

const struct safetensors_tensor *weight_files_find(const struct weight_files *files,
                                                   const char *name, const char **path)
{
    for (int i = 0; i < files->count; i++) {
        const struct weight_file *f = &files->files[i];
        const struct safetensors_tensor *t = safetensors_find(&f->tensors, name);

        if (t && path)
            *path = f->path;
        if (t)
            return t;
    }
    return NULL;
}

static int copy_names(char **names, int *count, const struct weight_files *files,
                      struct error *err)
{
    names[(*count)++] = strdup("config.json");
    if (files->indexed)
        names[(*count)++] = strdup("model.safetensors.index.json");
    for (int i = 0; i < files->count; i++)
        names[(*count)++] = strdup(strrchr(files->files[i].path, '/') + 1);
    for (int i = 0; i < *count; i++)
        if (!names[i])
            return error_set(err, ERR_MEMORY, "out of memory");
    return 0;
}

int weight_files_names(char ***names, int *count, const char *dir, struct error *err)
{
    struct weight_files files;
    int rc = weight_files_open(&files, dir, err);

    *count = 0;
    *names = NULL;
    if (rc)
        return rc;
    *names = calloc((size_t)files.count + 2, sizeof **names);
    rc = *names ? copy_names(*names, count, &files, err)
                : error_set(err, ERR_MEMORY, "out of memory");
    weight_files_close(&files);
    return rc;
}
