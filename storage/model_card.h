/* What an export tells about itself: facts for its metadata, and README.md. */
#ifndef STORAGE_MODEL_CARD_H
#define STORAGE_MODEL_CARD_H

#include "storage/export.h"
#include "storage/safetensors.h"

struct facts {
    struct key_value *items;
    int count;
};

/* Key and value of everything that is known. Release with facts_clear(). */
int facts_init(struct facts *out, const struct encoder *encoder,
               const struct adapter_layout *layout, const struct export_info *info,
               struct error *err);
void facts_clear(struct facts *facts);

/* path: the README.md. Texts are escaped for YAML and Markdown. */
int model_card_write(const char *path, enum export_form form, const struct facts *facts,
                     const struct export_info *info, struct error *err);

#endif
