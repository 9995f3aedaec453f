/* A trained adapter as one safetensors file (tensor names: common/adapter_layout.h). */
#ifndef STORAGE_ADAPTER_FILE_H
#define STORAGE_ADAPTER_FILE_H

#include "common/adapter_layout.h"
#include "storage/file_map.h"
#include "storage/safetensors.h"

/* The name of the file in a folder that export made. */
#define ADAPTER_FILE_NAME "adapterbias.safetensors"

/* Writes beside path, syncs, renames. metadata says what a reader may want to know. */
int adapter_file_write(const char *path, const struct adapter_layout *layout,
                       const float *values, const struct key_value *metadata,
                       int metadata_count, struct error *err);

/* Fills values (layout->values) from path, a file or a folder that holds one.
 *
 * ERR_INPUT names what does not fit: a tensor that is missing, misshapen, not F32, not
 * finite, or one that the layout has not. */
int adapter_file_read(float *values, const char *path,
                      const struct adapter_layout *layout, struct error *err);

/* The file as such, for those who have no layout yet: its tensors and metadata. */
struct adapter_file {
    char *path;
    struct file_map map;
    struct safetensors tensors;
};
int adapter_file_open(struct adapter_file *out, const char *path, struct error *err);
void adapter_file_close(struct adapter_file *file);

#endif
