/* config.json of a Hugging Face BERT: what the computation needs, checked. */
#ifndef STORAGE_ENCODER_CONFIG_H
#define STORAGE_ENCODER_CONFIG_H

#include "storage/encoder.h"

#include <stddef.h>

/* text: the file's bytes; name is for messages. ERR_INPUT names the key: another
 * model_type, relative positions, a decoder, an unknown activation, a size outside its
 * range. */
int encoder_config_parse(struct encoder_config *out, const char *text, size_t size,
                         const char *name, struct error *err);
int encoder_config_read(struct encoder_config *out, const char *dir, struct error *err);

#endif
