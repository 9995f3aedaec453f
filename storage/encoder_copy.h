/* The widened copy of tensors that cannot be used where their file is mapped.
 *
 * 16-bit values and values that are not at a multiple of 4 bytes become float32 in a
 * file that all workers of the node map (storage/node_file.h). */
#ifndef STORAGE_ENCODER_COPY_H
#define STORAGE_ENCODER_COPY_H

#include "storage/node_file.h"
#include "storage/safetensors.h"

#include <stdbool.h>

/* Whether the tensor can be used in place. */
bool tensor_in_place(const struct safetensors_tensor *tensor);

/* floats[i] points to tensor i's values within the file. ERR_IO: no directory can hold
 * the copy. */
int encoder_copy_open(struct node_file *file, const float **floats,
                      const struct safetensors_tensor *const *tensors, int count,
                      struct error *err);

#endif
