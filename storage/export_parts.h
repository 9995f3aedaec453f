/* What the three forms of an export have in common; private to export*.c. */
#ifndef STORAGE_EXPORT_PARTS_H
#define STORAGE_EXPORT_PARTS_H

#include "storage/export.h"
#include "storage/model_card.h"

#include <jansson.h>

struct export_job {
    const char *folder; /* to write into */
    const char *name;   /* of the export, for messages */
    const char *dir;    /* the encoder's */
    const struct encoder *encoder;
    const struct adapter_layout *layout;
    const float *values;
    const struct export_info *info;
    const struct facts *facts;
};

/* export_merged.c and export_peft.c: whether the form can express the adapter, then its
 * own files. */
int export_merged_check(const struct export_job *job, struct error *err);
int export_merged_write(const struct export_job *job, struct error *err);
int export_peft_check(const struct export_job *job, struct error *err);
int export_peft_write(const struct export_job *job, struct error *err);

/* The tensor's values, or NULL where it is not trained. */
const float *export_values(const struct export_job *job, enum adapter_kind kind,
                           enum adapter_place place, int layer);

/* root NULL is out of memory. */
int export_write_json(const struct export_job *job, const char *name,
                      const json_t *root, struct error *err);

#endif
