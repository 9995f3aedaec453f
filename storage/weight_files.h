/* The safetensors files of a Hugging Face directory: one, or shards with an index. */
#ifndef STORAGE_WEIGHT_FILES_H
#define STORAGE_WEIGHT_FILES_H

#include "storage/file_map.h"
#include "storage/safetensors.h"

#include <stdbool.h>

struct weight_file {
    char *path;
    struct file_map map;
    struct safetensors tensors;
};

struct weight_files {
    struct weight_file *files;
    int count;
    bool indexed; /* shards */
};

/* Maps and checks dir/model.safetensors or, where there is none, the shards that
 * dir/model.safetensors.index.json names. ERR_INPUT also for a tensor that is not in
 * the shard that the index says. */
int weight_files_open(struct weight_files *out, const char *dir, struct error *err);
void weight_files_close(struct weight_files *files);

/* Names, in dir, of all files that an encoder is opened from: config.json, the index
 * where there is one, weights. Release each and *names with free(). As
 * weight_files_open(). */
int weight_files_names(char ***names, int *count, const char *dir, struct error *err);

/* The tensor and, where not NULL, the path of its file; NULL where there is none. */
const struct safetensors_tensor *weight_files_find(const struct weight_files *files,
                                                   const char *name, const char **path);

#endif
